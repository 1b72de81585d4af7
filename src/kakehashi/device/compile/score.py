"""How good a compiled circuit is on a twin: the estimated success probability of its schedule.

The schedule is as late as possible: a qubit in ``|0>`` loses nothing by waiting for its first gate. What is counted:
the average infidelity of each gate, the mean of both misreadings for each readout, and for each gap between a qubit's
first and last operation the average infidelity of relaxing and dephasing for so long,

    r(t) = 1/2 - exp(-t/T1)/6 - exp(-t/T2)/3 .
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from kakehashi.circuit.gates import GateCircuit
from kakehashi.device.twins.model import Twin

__all__ = ["Score", "Scorer", "score", "scorer_of"]

IMPOSSIBLE = -math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The estimate for one circuit.

    Attributes:
        log_esp: Natural logarithm of the estimated success probability; minus infinity where a gate runs on an edge
            that is dead or not there, or on an absent qubit.
        log_gates: The share of the gates in it.
        log_readout: The share of the readouts.
        log_idle: The share of the idle times.
        duration_ns: From the first gate to the end of the last readout.
        n_two_qubit_gates: Number of gates on two qubits.
        two_qubit_depth: Longest chain of them.
    """

    log_esp: float
    log_gates: float
    log_readout: float
    log_idle: float
    duration_ns: float
    n_two_qubit_gates: int
    two_qubit_depth: int

    @property
    def esp(self) -> float:
        """The estimated success probability."""
        return math.exp(self.log_esp)


@dataclass(frozen=True)
class Scorer:
    """Scores circuits on one twin; its tables are made once.

    Attributes:
        twin: The processor.
    """

    twin: Twin

    @cached_property
    def log_two(self) -> Mapping[tuple[int, int], tuple[float, float]]:
        """Logarithm of what the two-qubit gate leaves, and its nanoseconds, for each pair that has it."""
        twin = self.twin
        error = twin.edge_error
        length = twin.calibration.gate_ns.get(twin.two_qubit_gate, np.zeros(len(error)))
        table = {}
        for k in np.flatnonzero(twin.usable_edges):
            a, b = (int(q) for q in twin.edges[k])
            table[a, b] = (math.log1p(-float(error[k])), float(np.nan_to_num(length[k])))
            if not twin.directed:
                table.setdefault((b, a), table[a, b])
        return table

    @cached_property
    def log_one(self) -> Mapping[str, list[tuple[float, float]]]:
        """The same for each gate on one qubit, by its name; virtual gates are not in it."""
        given = self.twin.calibration
        names = (set(given.gate_error) | set(given.gate_ns)) - {self.twin.two_qubit_gate}
        nothing = np.zeros(self.twin.n_qubits)
        return {
            name: [
                (math.log1p(-min(float(e), 1 - 1e-12)), float(t))
                for e, t in zip(
                    _filled(given.gate_error.get(name, nothing)), _filled(given.gate_ns.get(name, nothing)), strict=True
                )
            ]
            for name in names
        }

    @cached_property
    def log_read(self) -> list[tuple[float, float]]:
        """The same for the readout of each qubit."""
        given = self.twin.calibration
        error = _filled((given.prob_meas0_prep1 + given.prob_meas1_prep0) / 2)
        return [
            (math.log1p(-min(float(e), 1 - 1e-12)), float(t))
            for e, t in zip(error, _filled(given.readout_ns), strict=True)
        ]

    @cached_property
    def decay(self) -> list[tuple[float, float]]:
        """``(1/T1, 1/T2)`` of each qubit, per nanosecond; a missing time counts as the median of the others."""
        t1, t2 = _filled(self.twin.calibration.t1_us), _filled(self.twin.calibration.t2_us)
        with np.errstate(divide="ignore"):
            return [
                (1e-3 / a if a else 0.0, 1e-3 / b if b else 0.0) for a, b in zip(t1.tolist(), t2.tolist(), strict=True)
            ]

    def __call__(self, operations: Iterable[tuple[str, tuple[int, ...], float]]) -> Score:
        """Score operations in their order.

        Args:
            operations: ``(name, physical qubits, nanoseconds)``; the last is read of delays alone.
        """
        n = self.twin.n_qubits
        ready, active, level = [0.0] * n, [-1.0] * n, [0] * n
        two, one, read, decay = self.log_two, self.log_one, self.log_read, self.decay
        two_name, present = self.twin.two_qubit_gate, self.twin.present
        gates = readout = idle = 0.0
        n_two = 0
        for name, on, length in reversed(list(operations)):
            start = max(ready[q] for q in on) if len(on) > 1 else ready[on[0]] if on else 0.0
            if name in ("barrier", "delay"):
                for q in on:
                    ready[q] = start + length
                continue
            if len(on) == 2:
                left, took = two.get(on, (IMPOSSIBLE, 0.0)) if name == two_name else (IMPOSSIBLE, 0.0)
                gates += left
                n_two += 1
                level[on[0]] = level[on[1]] = 1 + max(level[on[0]], level[on[1]])
            elif name == "measure":
                left, took = read[on[0]]
                readout += left
            elif name in one:
                left, took = one[name][on[0]]
                gates += left
            else:
                continue  # a virtual gate takes no time and does no harm
            for q in on:
                if not present[q]:
                    gates = IMPOSSIBLE
                if active[q] >= 0.0 and start > active[q]:
                    gap = start - active[q]
                    idle += math.log(0.5 + math.exp(-gap * decay[q][0]) / 6 + math.exp(-gap * decay[q][1]) / 3)
                ready[q] = active[q] = start + took
        return Score(
            log_esp=gates + readout + idle,
            log_gates=gates,
            log_readout=readout,
            log_idle=idle,
            duration_ns=max(active, default=0.0) if max(active, default=0.0) > 0 else 0.0,
            n_two_qubit_gates=n_two,
            two_qubit_depth=max(level, default=0),
        )


def _filled(values: np.ndarray) -> np.ndarray:
    """Values with the median in place of what is not known."""
    known = values[~np.isnan(values)]
    filled: np.ndarray = np.where(np.isnan(values), np.median(known) if len(known) else 0.0, values)
    return filled


@lru_cache(maxsize=4)
def scorer_of(twin: Twin) -> Scorer:
    """The scorer of a twin; its tables are kept."""
    return Scorer(twin)


def score(circuit: GateCircuit, twin: Twin) -> Score:
    """Score a circuit in native gates on physical qubits.

    Args:
        circuit: The circuit; ``initial`` and idle qubits cost nothing.
        twin: The processor.

    Returns:
        The estimate. Its probability is 0 where the circuit cannot run.
    """
    return scorer_of(twin)(
        (operation.name, operation.qubits, operation.parameters[0] if operation.name == "delay" else 0.0)
        for operation in circuit.operations
    )
