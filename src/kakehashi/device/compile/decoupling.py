"""Dynamical decoupling: pulses in the gaps of a compiled circuit that undo, to first order, what a gap does coherently.

A sequence multiplies to the identity up to a global phase, so the ideal action of the circuit is unchanged; its pulses
are spread over the gap so that an equal time is spent in each frame.

Source: Viola, Knill, Lloyd, Phys. Rev. Lett. 82, 2417 (1999), doi:10.1103/PhysRevLett.82.2417.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.twins.model import Twin

__all__ = ["SEQUENCES", "SequenceName", "TimedOperation", "add_decoupling", "schedule_late"]

SequenceName: TypeAlias = Literal["XX", "XY4"]

SEQUENCES: dict[str, tuple[str, ...]] = {"XX": ("x", "x"), "XY4": ("x", "y", "x", "y")}
"""Pulses of each sequence, in order. ``y`` is ``x`` between virtual rotations about z."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOperation:
    """An operation with its time.

    Attributes:
        operation: What happens.
        start_ns: When it begins, nanoseconds after the circuit's begin.
        duration_ns: How long it takes.
    """

    operation: Operation
    start_ns: float
    duration_ns: float


def duration_of(operation: Operation, twin: Twin) -> float:
    """Nanoseconds of a native operation that is no gate on two qubits."""
    given = twin.calibration
    if operation.name == "delay":
        return operation.parameters[0]
    if operation.name == "barrier" or not operation.qubits:
        return 0.0
    if operation.name == "measure":
        return float(max(np.nan_to_num(given.readout_ns[q]) for q in operation.qubits))
    if operation.name not in given.gate_ns:
        return 0.0
    return float(np.nan_to_num(given.gate_ns[operation.name][operation.qubits[0]]))


def schedule_late(circuit: GateCircuit, twin: Twin) -> tuple[TimedOperation, ...]:
    """Times of all operations when each is as late as possible and everything ends together.

    Args:
        circuit: Native gates on physical qubits.
        twin: The processor.

    Example:
        >>> from kakehashi.device.compile.example import example_twin
        >>> pair = GateCircuit(n_qubits=4, operations=(
        ...     Operation(name="x", qubits=(0,)), Operation(name="cz", qubits=(0, 1))))
        >>> [(timed.start_ns, timed.duration_ns) for timed in schedule_late(pair, example_twin(2))]
        [(0.0, 24.0), (24.0, 68.0)]
    """
    lengths = _Lengths(twin)
    ready = [0.0] * circuit.n_qubits
    bits = [0.0] * circuit.n_bits
    from_end: list[tuple[Operation, float, float]] = []
    for operation in reversed(circuit.operations):
        took = lengths(operation)
        read = [*operation.bits] if operation.condition is None else [*operation.bits, operation.condition[0]]
        start = max([ready[q] for q in operation.qubits] + [bits[b] for b in read], default=0.0)
        for q in operation.qubits:
            ready[q] = start + took
        for b in read:
            bits[b] = start + took
        from_end.append((operation, start + took, took))
    whole = max((end for _, end, _ in from_end), default=0.0)
    return tuple(
        TimedOperation(operation=operation, start_ns=whole - end, duration_ns=took)
        for operation, end, took in reversed(from_end)
    )


class _Lengths:
    """Durations with the edges looked up once."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.edge = {frozenset((int(a), int(b))): k for k, (a, b) in enumerate(twin.edges)}

    def __call__(self, operation: Operation) -> float:
        if len(operation.qubits) == 2 and operation.is_unitary:
            lengths = self.twin.calibration.gate_ns.get(operation.name)
            k = self.edge.get(frozenset(operation.qubits))
            if k is None:
                raise InputError(f"The twin {self.twin.name!r} does not join the qubits {list(operation.qubits)}.")
            return 0.0 if lengths is None else float(np.nan_to_num(lengths[k]))
        return duration_of(operation, self.twin)


def add_decoupling(
    circuit: GateCircuit, twin: Twin, *, sequence: SequenceName = "XX", shortest_ns: float | None = None
) -> GateCircuit:
    """Fill the gaps of a compiled circuit with a decoupling sequence and delays.

    A gap lies between two operations of one qubit; before the first, the qubit is in ``|0>`` and is left alone. Delays
    round down to the twin's clock; a remainder stays as idle time.

    Args:
        circuit: Native gates on physical qubits.
        twin: The processor.
        sequence: ``"XX"``, or ``"XY4"``, which also undoes errors about x and of the pulses themselves.
        shortest_ns: Gaps below this stay as they are; by default twice the time of the pulses.

    Returns:
        The same circuit, with pulses and delays in the gaps.

    Raises:
        InputError: The sequence is not known, or the twin has no ``x`` gate.

    Example:
        >>> from kakehashi.device.compile.example import example_twin
        >>> cx = [Operation(name="cz", qubits=pair) for pair in [(0, 1), (1, 3), (3, 2), (2, 3), (3, 1), (0, 1)]]
        >>> add_decoupling(GateCircuit(n_qubits=4, operations=tuple(cx)), example_twin(2)).count()
        {'cz': 6, 'delay': 6, 'x': 4}
    """
    if sequence not in SEQUENCES:
        raise InputError(f"There is no decoupling sequence {sequence!r}; there are {', '.join(SEQUENCES)}.")
    if "x" not in twin.one_qubit_gates:
        raise InputError(f"The twin {twin.name!r} has no gate `x` to decouple with.")
    pulses = SEQUENCES[sequence]
    used = [-1.0] * circuit.n_qubits
    operations: list[Operation] = []
    for timed in schedule_late(circuit, twin):
        on = timed.operation.qubits
        if timed.operation.name not in ("barrier", "delay"):
            for q in on:
                if used[q] >= 0:
                    operations += _filling(q, timed.start_ns - used[q], pulses, twin, shortest_ns)
                used[q] = timed.start_ns + timed.duration_ns
        elif timed.operation.name == "delay":
            used[on[0]] = -1.0  # a wait that the user asked for stays free of pulses
        operations.append(timed.operation)
    return replace(circuit, operations=tuple(operations))


def _filling(q: int, gap_ns: float, pulses: Sequence[str], twin: Twin, shortest_ns: float | None) -> list[Operation]:
    """Delays and pulses for one gap: half a step, pulse, step, pulse, ..., half a step."""
    one = duration_of(Operation(name="x", qubits=(q,)), twin)
    busy = one * len(pulses)
    if gap_ns < max(busy, 2 * busy if shortest_ns is None else shortest_ns) or gap_ns <= busy:
        return []
    clock = twin.clock_ns or 1.0
    half = math.floor((gap_ns - busy) / (2 * len(pulses)) / clock) * clock
    if half <= 0:
        return []
    filling: list[Operation] = []
    for k, pulse in enumerate(pulses):
        filling.append(Operation(name="delay", qubits=(q,), parameters=(half if k == 0 else 2 * half,)))
        # Y = i X Z, so a virtual rotation about z, which takes no time, makes X into Y up to a phase.
        filling += [Operation(name="rz", qubits=(q,), parameters=(math.pi,))] if pulse == "y" else []
        filling.append(Operation(name="x", qubits=(q,)))
    filling.append(Operation(name="delay", qubits=(q,), parameters=(half,)))
    return filling
