"""Where a circuit's errors come from, and how likely it is to go through without one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.channels import probability_of_decay
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout, Step
from kakehashi.device.noise.options import ORIGINS

__all__ = ["error_budget", "success_probability"]


def error_budget(circuit: NoisyCircuit) -> dict[str, float]:
    """Probability of at least one error in a shot, by what causes it.

    A channel that is not of Pauli operators, or a turn, counts with the probability that its Pauli twirl has an error:
    one less its process fidelity. A bit is misread with the mean of its two probabilities, and with half the crosstalk
    of its line for every other measured bit there.

    Returns:
        By origin, in the order of :data:`~kakehashi.device.noise.options.ORIGINS` and then of appearance; origins
        without an error are left out.

    Example:
        >>> flip = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0.0, 0.0]), origin="idling")
        >>> budget = error_budget(NoisyCircuit(n_qubits=1, n_bits=0, steps=(flip, flip)))
        >>> {origin: round(probability, 3) for origin, probability in budget.items()}
        {'idling': 0.19}
    """
    return {origin: -math.expm1(log) for origin, log in _log_successes(circuit).items() if log < 0}


def success_probability(circuit: NoisyCircuit) -> float:
    """Probability of a shot without any error, readout included: the product over all sources.

    Errors that a circuit undoes or does not notice count all the same, so the distribution that is measured is nearer
    to the ideal one than this number says.

    Example:
        >>> flip = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0.0, 0.0]), origin="idling")
        >>> round(success_probability(NoisyCircuit(n_qubits=1, n_bits=0, steps=(flip, flip))), 3)
        0.81
    """
    return math.exp(sum(_log_successes(circuit).values()))


def _log_successes(circuit: NoisyCircuit) -> dict[str, float]:
    logs = dict.fromkeys(ORIGINS, 0.0)
    known: dict[int, float] = {}
    for k, step in enumerate(circuit.steps):
        if isinstance(step, Operation):
            if k not in circuit.coherent:
                continue
            origin = circuit.coherent[k]
        else:
            origin = step.origin
        if id(step) not in known:
            known[id(step)] = _log(1 - _error(step))
        logs[origin] = logs.get(origin, 0.0) + known[id(step)]
    for channel in circuit.folded.values():
        logs["idling"] += _log(1 - _error(channel))
    if circuit.readout is not None:
        measured = {
            bit for step in circuit.steps if isinstance(step, Operation) and step.name == "measure" for bit in step.bits
        }
        logs["readout"] += _log_readout(_unfold(circuit.readout, circuit), sorted(measured))
    return logs


def _error(step: Step) -> float:
    """Probability that the step's Pauli twirl is not the identity."""
    if isinstance(step, PauliChannel):
        return step.error_probability
    operators = step.operators if isinstance(step, KrausChannel) else step.unitary()[None]
    traces = np.trace(operators, axis1=1, axis2=2)
    return 1.0 - float((np.abs(traces) ** 2).sum()) / float(len(operators[0]) ** 2)


def _log(probability: float) -> float:
    return math.log(min(probability, 1.0)) if probability > 0 else -math.inf


def _unfold(readout: Readout, circuit: NoisyCircuit) -> Readout:
    """The readout without the decay that was folded into it, which counts as idling."""
    reads_zero = readout.prob_meas0_prep1.copy()
    for bit, channel in circuit.folded.items():
        decayed = probability_of_decay(channel)
        undecayed = reads_zero[bit] - decayed * (1 - readout.prob_meas1_prep0[bit])
        reads_zero[bit] = undecayed / (1 - decayed) if decayed < 1 else 0.0
    return replace(readout, prob_meas0_prep1=np.clip(reads_zero, 0.0, 1.0))


def _log_readout(readout: Readout, measured: list[int]) -> float:
    error = (readout.prob_meas1_prep0[measured] + readout.prob_meas0_prep1[measured]) / 2
    if readout.line is not None and readout.line_crosstalk:
        line = readout.line[measured]
        others = np.array([(line == own).sum() - 1 if own >= 0 else 0 for own in line.tolist()])
        error = np.minimum(error + readout.line_crosstalk * others / 2, 1.0)
    return float(sum(_log(probability) for probability in (1 - error).tolist()))
