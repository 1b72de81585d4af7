"""Circuits of gates, as compilers and simulators see them: one flat list of operations on numbered qubits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError

__all__ = ["GateCircuit", "Operation", "from_qiskit", "to_qiskit"]

Matrix: TypeAlias = NDArray[np.complex128]

DIRECTIVES = ("measure", "reset", "barrier", "delay", "unitary")
"""Names of operations that are no standard gate."""

NS_PER = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """One gate, measurement, reset, barrier or delay.

    Attributes:
        name: A name of :data:`~kakehashi.circuit.unitaries.GATES`, or ``"unitary"``, ``"measure"``, ``"reset"``,
            ``"barrier"``, ``"delay"``.
        qubits: Numbers of the qubits; of a controlled gate the control first.
        parameters: Angles in radians, as qiskit's gate of that name takes them; of a delay its nanoseconds.
        bits: Classical bits that a measurement writes, one per qubit.
        condition: ``(bit, value)`` of a classical bit that must have this value, or None: always.
        matrix: Of ``"unitary"`` alone: shape ``(2**k, 2**k)``, complex128, where ``qubits[0]`` is the lowest bit of
            the index.
    """

    name: str
    qubits: tuple[int, ...]
    parameters: tuple[float, ...] = ()
    bits: tuple[int, ...] = ()
    condition: tuple[int, int] | None = None
    matrix: Matrix | None = None

    @property
    def is_unitary(self) -> bool:
        """Whether it is a gate."""
        return self.name == "unitary" or self.name in GATES

    def unitary(self) -> Matrix:
        """The gate's matrix; ``qubits[0]`` is the lowest bit of the index.

        Raises:
            InputError: It is no gate.

        Example:
            >>> Operation(name="cx", qubits=(0, 1)).unitary().real.astype(int)
            array([[1, 0, 0, 0],
                   [0, 0, 0, 1],
                   [0, 0, 1, 0],
                   [0, 1, 0, 0]])
        """
        if self.matrix is not None:
            return self.matrix
        if self.name not in GATES:
            raise InputError(f"The operation {self.name!r} has no matrix.")
        return GATES[self.name].matrix(*self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateCircuit:
    """A list of operations, in order.

    Attributes:
        n_qubits: Number of qubits.
        n_bits: Number of classical bits.
        operations: What happens.
        name: For people.
        metadata: Plain JSON values that travel with it.
    """

    n_qubits: int
    n_bits: int = 0
    operations: tuple[Operation, ...] = ()
    name: str = "circuit"
    metadata: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for operation in self.operations:
            if any(not 0 <= q < self.n_qubits for q in operation.qubits):
                raise InputError(
                    f"The operation {operation.name!r} acts on qubits {list(operation.qubits)}, "
                    f"but there are {self.n_qubits}."
                )
            if any(not 0 <= b < self.n_bits for b in operation.bits):
                raise InputError(
                    f"A measurement writes bit {max(operation.bits)}, but there are {self.n_bits} classical bits."
                )

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def __len__(self) -> int:
        return len(self.operations)

    @property
    def used_qubits(self) -> tuple[int, ...]:
        """Qubits that any operation but a barrier or a delay acts on, ascending."""
        idle = ("barrier", "delay")
        return tuple(
            sorted({q for operation in self.operations if operation.name not in idle for q in operation.qubits})
        )

    def count(self) -> dict[str, int]:
        """How often each operation comes.

        Example:
            >>> bell = GateCircuit(n_qubits=2, operations=(
            ...     Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1))))
            >>> bell.count(), bell.n_two_qubit_gates
            ({'h': 1, 'cx': 1}, 1)
        """
        counts: dict[str, int] = {}
        for operation in self.operations:
            counts[operation.name] = counts.get(operation.name, 0) + 1
        return counts

    @property
    def n_two_qubit_gates(self) -> int:
        """Number of gates on two qubits or more."""
        return sum(operation.is_unitary and len(operation.qubits) > 1 for operation in self.operations)

    def two_qubit_depth(self) -> int:
        """Longest chain of gates on two qubits or more."""
        level = [0] * self.n_qubits
        for operation in self.operations:
            if operation.is_unitary and len(operation.qubits) > 1:
                deepest = 1 + max(level[q] for q in operation.qubits)
                for q in operation.qubits:
                    level[q] = deepest
        return max(level, default=0)

    @property
    def measured(self) -> tuple[tuple[int, int], ...]:
        """``(qubit, bit)`` of every measurement, in order."""
        return tuple(
            pair
            for operation in self.operations
            if operation.name == "measure"
            for pair in zip(operation.qubits, operation.bits, strict=True)
        )

    def relabel(self, qubits: Sequence[int], *, n_qubits: int | None = None) -> GateCircuit:
        """The same circuit with qubit ``q`` renamed ``qubits[q]``.

        Args:
            qubits: New number of each qubit.
            n_qubits: Number of qubits of the result; as many as here where not given.
        """
        moved = tuple(
            Operation(
                name=operation.name,
                qubits=tuple(int(qubits[q]) for q in operation.qubits),
                parameters=operation.parameters,
                bits=operation.bits,
                condition=operation.condition,
                matrix=operation.matrix,
            )
            for operation in self.operations
        )
        return GateCircuit(
            n_qubits=self.n_qubits if n_qubits is None else n_qubits,
            n_bits=self.n_bits,
            operations=moved,
            name=self.name,
            metadata=self.metadata,
        )


def from_qiskit(circuit: Any, *, clock_ns: float | None = None) -> GateCircuit:
    """A qiskit circuit as a list of operations; gates without a name here are taken apart by their definitions.

    Args:
        circuit: A ``qiskit.QuantumCircuit`` without free parameters. Of classical control, ``if_test`` on one bit
            without an ``else`` is understood.
        clock_ns: The device's step of time, in which qiskit's transpiler writes delays (its unit ``dt``).

    Raises:
        InputError: It has free parameters, or an operation that is not understood.

    Example:
        >>> import qiskit
        >>> bell = qiskit.QuantumCircuit(2)
        >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
        >>> from_qiskit(bell).count()
        {'h': 1, 'cx': 1, 'barrier': 1, 'measure': 2}
    """
    if circuit.parameters:
        names = ", ".join(sorted(parameter.name for parameter in circuit.parameters)[:5])
        raise InputError(f"The circuit has free parameters ({names}); assign values to them first.")
    operations: list[Operation] = []
    _flatten(circuit, tuple(range(circuit.num_qubits)), tuple(range(circuit.num_clbits)), None, operations, clock_ns)
    return GateCircuit(
        n_qubits=circuit.num_qubits,
        n_bits=circuit.num_clbits,
        operations=tuple(operations),
        name=str(circuit.name or "circuit"),
    )


def _flatten(
    circuit: Any,
    qubits: tuple[int, ...],
    bits: tuple[int, ...],
    condition: tuple[int, int] | None,
    operations: list[Operation],
    clock_ns: float | None,
) -> None:
    """Append a circuit's operations, its qubits and bits being those of the whole."""
    qubit_number = {bit: qubits[k] for k, bit in enumerate(circuit.qubits)}
    bit_number = {bit: bits[k] for k, bit in enumerate(circuit.clbits)}
    for instruction in circuit.data:
        what = instruction.operation
        on = tuple(qubit_number[q] for q in instruction.qubits)
        to = tuple(bit_number[b] for b in instruction.clbits)
        name = what.name
        if (
            name in GATES
            and len(what.params) == GATES[name].n_parameters
            and getattr(what, "ctrl_state", -1)
            in (
                -1,
                (1 << getattr(what, "num_ctrl_qubits", 0)) - 1,
            )
        ):
            angles = tuple(float(angle) for angle in what.params)
            operations.append(Operation(name=name, qubits=on, parameters=angles, condition=condition))
        elif name in ("measure", "reset", "barrier"):
            operations.append(Operation(name=name, qubits=on, bits=to, condition=condition))
        elif name == "delay":
            duration = _nanoseconds(what, clock_ns)
            operations.append(Operation(name=name, qubits=on, parameters=(duration,), condition=condition))
        elif name == "unitary":
            matrix = np.ascontiguousarray(what.to_matrix(), dtype=np.complex128)
            operations.append(Operation(name=name, qubits=on, matrix=matrix, condition=condition))
        elif name == "if_else":
            _flatten(_body(what, condition), on, to, _bit_condition(what, bit_number), operations, clock_ns)
        elif getattr(what, "definition", None) is not None:
            _flatten(what.definition, on, to, condition, operations, clock_ns)
        else:
            raise InputError(f"The operation {name!r} on qubits {list(on)} is not understood.")


def _nanoseconds(delay: Any, clock_ns: float | None) -> float:
    if delay.unit == "dt" and clock_ns is not None:
        return float(delay.duration) * clock_ns
    if delay.unit not in NS_PER:
        raise InputError(f"A delay must have a duration in s, ms, us, ns or ps, but has the unit {delay.unit!r}.")
    return float(delay.duration) * NS_PER[delay.unit]


def _body(what: Any, condition: tuple[int, int] | None) -> Any:
    if condition is not None or len(what.blocks) > 1:
        raise InputError("Of classical control only `if` on one bit, without `else` and not nested, is understood.")
    return what.blocks[0]


def _bit_condition(what: Any, bit_number: dict[Any, int]) -> tuple[int, int]:
    target, value = what.condition if isinstance(what.condition, tuple) else (None, 0)
    if target in bit_number:
        return bit_number[target], int(value)
    if target is not None and hasattr(target, "size") and target.size == 1:
        return bit_number[target[0]], int(value)
    raise InputError("Of classical control only `if` on one bit, without `else` and not nested, is understood.")


def to_qiskit(circuit: GateCircuit) -> Any:
    """The circuit as a ``qiskit.QuantumCircuit``; the inverse of :func:`from_qiskit`.

    Example:
        >>> bell = GateCircuit(n_qubits=2, operations=(
        ...     Operation(name="h", qubits=(0,)), Operation(name="rzz", qubits=(0, 1), parameters=(0.5,))))
        >>> dict(to_qiskit(bell).count_ops())
        {'h': 1, 'rzz': 1}
    """
    import qiskit
    from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping

    classes = get_standard_gate_name_mapping()
    made = qiskit.QuantumCircuit(circuit.n_qubits, circuit.n_bits, name=circuit.name)
    for operation in circuit.operations:
        target = made
        if operation.condition is not None:
            bit, value = operation.condition
            target = qiskit.QuantumCircuit(list(made.qubits), list(made.clbits))
        on = [made.qubits[q] for q in operation.qubits]
        if operation.name == "unitary":
            target.append(UnitaryGate(operation.matrix), on)
        elif operation.name == "measure":
            target.measure(on, [made.clbits[b] for b in operation.bits])
        elif operation.name == "barrier":
            target.barrier(on)
        elif operation.name == "reset":
            target.reset(on)
        elif operation.name == "delay":
            target.delay(operation.parameters[0], on, unit="ns")
        else:
            target.append(type(classes[operation.name])(*operation.parameters), on)
        if operation.condition is not None:
            made.if_test((made.clbits[bit], value), target, made.qubits, made.clbits)
    return made
