"""The ZZ coupling of neighbours that is always on: how far it turns which pair, and before which operation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.fit import number_edges
from kakehashi.device.noise.schedule import Schedule
from kakehashi.device.twins.model import Twin

__all__ = ["Turn", "crosstalk_turns"]

Turn: TypeAlias = tuple[int, int, int, float]
"""``(operation that it comes before in the order of the schedule, qubit, qubit, angle in radians)``."""


def crosstalk_turns(circuit: GateCircuit, twin: Twin, schedule: Schedule) -> list[Turn]:
    r"""Turns ``rzz(angle)`` by which coupled neighbours disturb each other.

    :math:`H = 2\pi\,(\zeta/4)\,ZZ` for a time :math:`t` is ``rzz`` by :math:`\pi\zeta t`. It commutes with all that is
    diagonal, so turns are collected until an operation that is not: before that operation comes what was collected to
    the middle of its pulse. A pair is not disturbed during its own gate, whose calibration holds the coupling, nor
    before both have left their ground state, where the coupling is a shift of frequency that calibration removes, nor
    from a final measurement on.

    Args:
        circuit: Compiled to the twin.
        twin: The twin, with ``zz_khz``.
        schedule: Of the circuit.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> from kakehashi.device.noise.example import line_twin
        >>> from kakehashi.device.noise.schedule import schedule_circuit
        >>> twin = line_twin(2, zz_khz=50.0)
        >>> sx = [Operation(name="sx", qubits=(q,)) for q in (0, 1)]
        >>> wait = Operation(name="delay", qubits=(0,), parameters=(976.0,))
        >>> circuit = GateCircuit(n_qubits=2, operations=(*sx, wait, *sx))
        >>> [(k, round(angle, 3)) for k, _, _, angle in
        ...  crosstalk_turns(circuit, twin, schedule_circuit(circuit, twin, policy="asap"))]
        [(4, 0.004), (3, 0.153), (5, 0.002)]
    """
    if twin.calibration.zz_khz is None:
        return []
    return _Collector(circuit, twin, twin.calibration.zz_khz).run(circuit, schedule)


class _Collector:
    """Time for which each pair has been disturbed since its last turn was written down."""

    def __init__(self, circuit: GateCircuit, twin: Twin, zz_khz: NDArray[np.float64]) -> None:
        self.edges = [(int(a), int(b)) for a, b in twin.edges.tolist()]
        rates = 1e-6 * np.pi * np.nan_to_num(zz_khz)  # kHz times ns
        self.rates: list[float] = rates.tolist()
        self.number = number_edges(twin)
        self.gate = twin.two_qubit_gate
        used = set(circuit.used_qubits)
        self.around: list[list[tuple[int, int]]] = [[] for _ in range(circuit.n_qubits)]
        for edge, (a, b) in enumerate(self.edges):
            # Of two rows for the same pair only the first counts: the coupling is one.
            if self.rates[edge] and a in used and b in used and self.number[a, b] == edge:
                if self.number[b, a] != edge and self.number[b, a] < edge:
                    continue
                self.around[a].append((edge, b))
                self.around[b].append((edge, a))
        self.since = [0.0] * len(self.edges)
        self.live_from: list[float | None] = [None] * circuit.n_qubits
        self.turns: list[Turn] = []

    def run(self, circuit: GateCircuit, schedule: Schedule) -> list[Turn]:
        diagonal = frozenset(name for name, gate in GATES.items() if gate.diagonal)
        finals: dict[int, int] = {}
        for k, operation in enumerate(circuit.operations):
            if operation.name not in ("barrier", "delay"):
                finals.update(dict.fromkeys(operation.qubits, k))
        starts, lengths = schedule.start_ns.tolist(), schedule.length_ns.tolist()
        for k in schedule.order.tolist():
            operation, start, length = circuit.operations[k], starts[k], lengths[k]
            name, qubits = operation.name, operation.qubits
            if name in ("barrier", "delay") or (name in diagonal and len(qubits) == 1):
                continue
            at = start if name in ("measure", "reset") else start + length / 2
            if len(qubits) == 2 and name == self.gate:
                self._own_gate(k, qubits, start, length, flush=name not in diagonal)
            if name not in diagonal:
                for q in qubits:
                    self._write_around(k, q, at)
            for q in qubits:
                if name == "reset" or (name == "measure" and finals[q] == k):
                    self.live_from[q] = None
                elif self.live_from[q] is None:
                    self._wake(q, at if len(qubits) == 1 and name != "measure" else start + length)
        for q in range(circuit.n_qubits):
            self._write_around(len(circuit), q, schedule.total_ns)
        return self.turns

    def _wake(self, q: int, at: float) -> None:
        self.live_from[q] = at
        for edge, _ in self.around[q]:
            self.since[edge] = max(self.since[edge], at)

    def _own_gate(self, k: int, qubits: tuple[int, ...], start: float, length: float, *, flush: bool) -> None:
        a, b = qubits
        for edge, other in self.around[a]:
            if other != b:
                continue
            if flush:
                self._write(k, edge, start)
                self.since[edge] = start + length
            else:
                self.since[edge] += length

    def _write_around(self, k: int, q: int, at: float) -> None:
        if self.live_from[q] is not None:
            for edge, _ in self.around[q]:
                self._write(k, edge, at)

    def _write(self, k: int, edge: int, at: float) -> None:
        a, b = self.edges[edge]
        if self.live_from[a] is None or self.live_from[b] is None or at <= self.since[edge]:
            return
        angle = self.rates[edge] * (at - self.since[edge])
        self.since[edge] = at
        if angle > 1e-12:
            self.turns.append((k, a, b, angle))
