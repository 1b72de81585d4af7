"""When each operation of a circuit runs on a twin, and when its qubits wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.fit import number_edges, require_fit
from kakehashi.device.noise.options import Policy
from kakehashi.device.noise.unknown import fill_unknown
from kakehashi.device.twins.model import Calibration, Twin

__all__ = ["Schedule", "schedule_circuit"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """Start and duration of every operation, and the windows in which a used qubit waits.

    A window reaches from the end of one operation on a qubit to the start of the next. There is none before the first
    operation and around a reset, where the qubit is in its ground state; none after a measurement that nothing follows;
    and delays, barriers and virtual gates do not end one.

    Attributes:
        start_ns: Shape ``(n_operations,)``.
        length_ns: Likewise; whole steps of the twin's clock.
        total_ns: From the first operation to the end of the last.
        idle_qubit: Who waits, shape ``(n_windows,)``.
        idle_start_ns: From when, likewise.
        idle_ns: For how long, likewise.
        idle_before: Number of the operation that ends the wait, or the number of operations where none does.
    """

    start_ns: Floats
    length_ns: Floats
    total_ns: float
    idle_qubit: Integers
    idle_start_ns: Floats
    idle_ns: Floats
    idle_before: Integers

    @property
    def order(self) -> Integers:
        """Numbers of the operations by the middle of their time; those of one qubit keep their order."""
        return np.argsort(np.round(self.start_ns + self.length_ns / 2, 6), kind="stable")


def schedule_circuit(
    circuit: GateCircuit, twin: Twin, *, policy: Policy = "alap", calibration: Calibration | None = None
) -> Schedule:
    """Schedule a circuit that is compiled to the twin.

    Gates take what the calibration says, rounded up to the twin's clock; measurements and resets take the readout's
    time; gates without a duration are virtual. A barrier waits for all its qubits. A gate with a condition waits for
    the measurement that writes its bit.

    Args:
        circuit: Its qubits are numbered as the twin's.
        twin: The twin.
        policy: Everything as late as possible, which keeps qubits in their ground state longest, or as soon as
            possible.
        calibration: The twin's where not given; without not-a-numbers.

    Raises:
        InputError: The twin cannot run the circuit.

    Example:
        >>> from kakehashi.device.noise.example import line_twin
        >>> circuit = GateCircuit(n_qubits=3, operations=(
        ...     Operation(name="sx", qubits=(0,)), Operation(name="cz", qubits=(0, 1)),
        ...     Operation(name="cz", qubits=(1, 2))))
        >>> plan = schedule_circuit(circuit, line_twin(3), policy="asap")
        >>> plan.start_ns, plan.total_ns, plan.idle_qubit, plan.idle_ns
        (array([  0.,  24., 108.]), 192.0, array([0]), array([84.]))
    """
    if calibration is None:
        require_fit(circuit, twin)
        calibration, _ = fill_unknown(twin, circuit.used_qubits)
    operations = circuit.operations
    lengths = _lengths(operations, twin, calibration)
    if policy == "asap":
        starts, total = _starts(operations, lengths, circuit.n_qubits, circuit.n_bits, backwards=False)
    else:
        ends, total = _starts(operations[::-1], lengths[::-1], circuit.n_qubits, circuit.n_bits, backwards=True)
        starts = [total - end - length for end, length in zip(ends[::-1], lengths, strict=True)]
    windows = _windows(operations, starts, lengths, circuit.n_qubits, total)
    return Schedule(
        start_ns=np.array(starts, dtype=np.float64),
        length_ns=np.array(lengths, dtype=np.float64),
        total_ns=total,
        idle_qubit=np.array([window[0] for window in windows], dtype=np.int64),
        idle_start_ns=np.array([window[1] for window in windows], dtype=np.float64),
        idle_ns=np.array([window[2] for window in windows], dtype=np.float64),
        idle_before=np.array([window[3] for window in windows], dtype=np.int64),
    )


def _round_up(values: Floats, step: float) -> Floats:
    # A duration that is a whole number of steps must stay one although neither is exact in binary.
    rounded: Floats = np.ceil(values / step - 1e-9) * step
    return rounded


def _lengths(operations: Sequence[Operation], twin: Twin, calibration: Calibration) -> list[float]:
    """Duration of every operation in nanoseconds."""
    by_gate = {gate: _round_up(values, twin.clock_ns).tolist() for gate, values in calibration.gate_ns.items()}
    readout = _round_up(calibration.readout_ns, twin.clock_ns).tolist()
    on_edges = by_gate.pop(twin.two_qubit_gate, None)
    edges = number_edges(twin)
    lengths = []
    for operation in operations:
        name, qubits = operation.name, operation.qubits
        if name in by_gate:
            length = by_gate[name][qubits[0]]
        elif name == twin.two_qubit_gate:
            length = 0.0 if on_edges is None else on_edges[edges[qubits[0], qubits[1]]]
        elif name in ("measure", "reset"):
            length = max(readout[q] for q in qubits)
        elif name == "delay":
            length = float(_round_up(np.array(operation.parameters[0]), twin.clock_ns))
        else:
            length = 0.0
        lengths.append(length)
    return lengths


def _starts(
    operations: Iterable[Operation], lengths: Iterable[float], n_qubits: int, n_bits: int, *, backwards: bool
) -> tuple[list[float], float]:
    """Earliest start of each operation, and the end of all.

    Backwards, time runs the other way: there a gate with a condition comes before the measurement of its bit.
    """
    ready = [0.0] * n_qubits
    bit_ready = [0.0] * n_bits
    starts = []
    for operation, length in zip(operations, lengths, strict=True):
        qubits = operation.qubits
        start = ready[qubits[0]] if len(qubits) == 1 else max((ready[q] for q in qubits), default=0.0)
        reads = () if operation.condition is None else operation.condition[:1]
        for bit in operation.bits if backwards else reads:
            start = max(start, bit_ready[bit])
        end = start + length
        for q in qubits:
            ready[q] = end
        for bit in reads if backwards else operation.bits:
            bit_ready[bit] = max(bit_ready[bit], end)
        starts.append(start)
    return starts, max(ready, default=0.0)


def _windows(
    operations: Sequence[Operation], starts: list[float], lengths: list[float], n_qubits: int, total: float
) -> list[tuple[int, float, float, int]]:
    """``(qubit, start, duration, operation that ends it)`` of every wait."""
    since: list[float | None] = [None] * n_qubits
    measured = [False] * n_qubits
    virtual = frozenset(name for name, gate in GATES.items() if gate.diagonal and gate.n_qubits == 1)
    windows = []
    for k, (operation, start, length) in enumerate(zip(operations, starts, lengths, strict=True)):
        name = operation.name
        # Relaxation commutes with turns about z, so one window may lie across virtual ones.
        if name in ("barrier", "delay") or (length == 0.0 and name in virtual):
            continue
        for q in operation.qubits:
            before = since[q]
            if before is not None and start - before > 1e-9 and name != "reset":
                windows.append((q, before, start - before, k))
            since[q] = None if name == "reset" else start + length
            measured[q] = name == "measure"
    for q, before in enumerate(since):
        if before is not None and total - before > 1e-9 and not measured[q]:
            windows.append((q, before, total - before, len(operations)))
    return windows
