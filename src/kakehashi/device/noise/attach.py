"""A compiled circuit on a twin with its errors written out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.noise.approximations import list_approximations
from kakehashi.device.noise.channels import probability_of_decay, relaxation_kraus, relaxation_twirl
from kakehashi.device.noise.compact import final_measurements
from kakehashi.device.noise.crosstalk import crosstalk_turns
from kakehashi.device.noise.fit import require_fit
from kakehashi.device.noise.gates import GateErrors
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout, Step
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.schedule import Schedule, schedule_circuit
from kakehashi.device.noise.unknown import fill_unknown
from kakehashi.device.twins.model import Calibration, Twin

__all__ = ["attach_noise"]

Floats: TypeAlias = NDArray[np.float64]
Part: TypeAlias = tuple[Step, str]
"""A step, and what it stands for where it is an operation that is an error."""

FULL = NoiseOptions()

ZZ = 15
"""Number of Z Z among the sixteen operators of a two-qubit channel."""


def attach_noise(circuit: GateCircuit, twin: Twin, *, options: NoiseOptions = FULL) -> NoisyCircuit:
    """Write a twin's errors into a circuit that is compiled to it.

    The steps come in the order of time. Barriers and delays are gone: what they mean lies in the channels.

    Args:
        circuit: Its qubits are numbered as the twin's, its gates are the twin's, on coupled qubits.
        twin: The processor.
        options: Which errors, and in which form.

    Returns:
        The noisy circuit. ``approximations`` says what is simplified, with numbers, and ``coherent`` which operations
        are errors.

    Raises:
        InputError: The twin cannot run the circuit; see :func:`~kakehashi.device.noise.fit.require_fit`.

    Example:
        >>> from kakehashi.device.noise.example import line_twin
        >>> bell = GateCircuit(n_qubits=2, n_bits=2, operations=(
        ...     Operation(name="sx", qubits=(0,)), Operation(name="cz", qubits=(0, 1)),
        ...     Operation(name="measure", qubits=(0, 1), bits=(0, 1))))
        >>> noisy = attach_noise(bell, line_twin(2))
        >>> [type(step).__name__ for step in noisy.steps]
        ['Operation', 'PauliChannel', 'Operation', 'PauliChannel', 'Operation']
        >>> noisy.duration_ns
        1668.0
    """
    require_fit(circuit, twin)
    calibration, unknown = fill_unknown(twin, circuit.used_qubits)
    schedule = schedule_circuit(circuit, twin, policy=options.policy, calibration=calibration)
    errors = GateErrors.of(twin, calibration, options)
    folded = _last_waits(circuit, schedule, options)
    before = _waiting(schedule, calibration, options, set(folded))
    for k, step, origin in _crosstalk(circuit, twin, schedule, options):
        before.setdefault(k, []).append((step, origin))
    steps, coherent = _in_order(circuit, schedule, errors, before)
    decays = _decays(folded, schedule, calibration)
    leaked = _leaked(circuit, twin, calibration, options)
    return NoisyCircuit(
        n_qubits=circuit.n_qubits,
        n_bits=circuit.n_bits,
        steps=steps,
        readout=_readout(circuit, twin, calibration, leaked, decays) if options.readout else None,
        duration_ns=schedule.total_ns,
        approximations=(*unknown, *list_approximations(circuit, twin, calibration, errors, options)),
        coherent=coherent,
        folded=decays,
    )


def _in_order(
    circuit: GateCircuit, schedule: Schedule, errors: GateErrors, before: dict[int, list[Part]]
) -> tuple[tuple[Step, ...], dict[int, str]]:
    """Operations and errors in the order of time, and which of the operations are errors."""
    parts: list[Part] = []
    for k in schedule.order.tolist():
        operation = circuit.operations[k]
        parts += before.get(k, ())
        if operation.name not in ("barrier", "delay"):
            parts.append((operation, ""))
            if errors.options.gates:
                parts += errors.after(operation)
    parts += before.get(len(circuit), ())
    return tuple(step for step, _ in parts), {k: origin for k, (_, origin) in enumerate(parts) if origin}


def _leaked(circuit: GateCircuit, twin: Twin, calibration: Calibration, options: NoiseOptions) -> Floats:
    """Probability that each qubit has left its two levels at the end."""
    stays = np.ones(twin.n_qubits)
    if options.leakage and options.gates:
        for operation in circuit.operations:
            if operation.name in calibration.leakage:
                stays[list(operation.qubits)] *= 1 - calibration.leakage[operation.name]
            elif operation.name == "reset":
                stays[list(operation.qubits)] = 1.0
    return 1 - stays


def _last_waits(circuit: GateCircuit, schedule: Schedule, options: NoiseOptions) -> dict[int, int]:
    """Numbers of the windows that final measurements end, and the bit that each is written to.

    Before a measurement of Z only the decay from 1 to 0 matters, and that is misreading.
    """
    if not (options.fold and options.twirl and options.idle and options.readout):
        return {}
    finals = final_measurements(
        NoisyCircuit(n_qubits=circuit.n_qubits, n_bits=circuit.n_bits, steps=circuit.operations)
    )
    ends = zip(schedule.idle_qubit.tolist(), schedule.idle_before.tolist(), strict=True)
    found = {}
    for number, (q, k) in enumerate(ends):
        if k in finals:
            measure = circuit.operations[k]
            found[number] = measure.bits[measure.qubits.index(q)]
    return found


def _waiting(
    schedule: Schedule, calibration: Calibration, options: NoiseOptions, folded: set[int]
) -> dict[int, list[Part]]:
    """Relaxation in every idle window that is not folded, by the operation that it comes before."""
    before: dict[int, list[Part]] = {}
    if not options.idle:
        return before
    qubits = schedule.idle_qubit
    t1_us, t2_us = calibration.t1_us[qubits], calibration.t2_us[qubits]
    twirled = relaxation_twirl(t1_us, t2_us, schedule.idle_ns)
    rows = zip(qubits.tolist(), schedule.idle_ns.tolist(), schedule.idle_before.tolist(), strict=True)
    for number, (q, length, k) in enumerate(rows):
        if number in folded:
            continue
        step: Step
        if options.twirl:
            step = PauliChannel(qubits=(q,), probabilities=twirled[number], origin="idling")
        else:
            operators = relaxation_kraus(float(t1_us[number]), float(t2_us[number]), length)
            step = KrausChannel(qubits=(q,), operators=operators, origin="idling")
        before.setdefault(k, []).append((step, ""))
    return before


def _crosstalk(
    circuit: GateCircuit, twin: Twin, schedule: Schedule, options: NoiseOptions
) -> Iterable[tuple[int, Step, str]]:
    """Turns of coupled neighbours, or Z Z by chance with the same fidelity."""
    if options.crosstalk == "off":
        return
    for k, a, b, angle in crosstalk_turns(circuit, twin, schedule):
        if options.crosstalk == "coherent":
            yield k, Operation(name="rzz", qubits=(a, b), parameters=(angle,)), "crosstalk"
            continue
        probabilities = np.zeros(16)
        probabilities[ZZ] = np.sin(angle / 2) ** 2
        probabilities[0] = 1 - probabilities[ZZ]
        yield k, PauliChannel(qubits=(a, b), probabilities=probabilities, origin="crosstalk"), ""


def _decays(folded: dict[int, int], schedule: Schedule, calibration: Calibration) -> dict[int, KrausChannel]:
    """Relaxation in the folded windows, by bit."""
    made = {}
    for number, bit in folded.items():
        q = int(schedule.idle_qubit[number])
        operators = relaxation_kraus(
            float(calibration.t1_us[q]), float(calibration.t2_us[q]), float(schedule.idle_ns[number])
        )
        made[bit] = KrausChannel(qubits=(q,), operators=operators, origin="idling")
    return made


def _readout(
    circuit: GateCircuit, twin: Twin, calibration: Calibration, leaked: Floats, decays: dict[int, KrausChannel]
) -> Readout | None:
    """Misreading of each bit from the qubit that it was last read of; a leaked qubit reads as 1."""
    last = {bit: qubit for qubit, bit in circuit.measured}
    if not last:
        return None
    bits, qubits = list(last), list(last.values())
    gone = leaked[qubits]
    false_one = np.zeros(circuit.n_bits)
    false_zero = np.zeros(circuit.n_bits)
    reads_one = calibration.prob_meas1_prep0[qubits]
    false_one[bits] = reads_one + gone * (1 - reads_one)
    decayed = np.zeros(circuit.n_bits)
    for bit, channel in decays.items():
        decayed[bit] = probability_of_decay(channel)
    reads_zero = calibration.prob_meas0_prep1[qubits] * (1 - decayed[bits]) + decayed[bits] * (1 - reads_one)
    false_zero[bits] = (1 - gone) * reads_zero
    line = None
    if twin.readout_line is not None:
        line = np.full(circuit.n_bits, -1, dtype=np.int64)
        line[bits] = twin.readout_line[qubits]
    return Readout(
        prob_meas1_prep0=false_one,
        prob_meas0_prep1=false_zero,
        line=line,
        line_crosstalk=calibration.line_crosstalk,
    )
