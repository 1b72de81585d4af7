"""Circuits of every kind that the compiler takes, as qiskit's."""

from __future__ import annotations

from typing import Any

from kakehashi.circuit.gates import DIRECTIVES, GateCircuit, to_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError

__all__ = ["read_circuit"]


def read_circuit(circuit: Any, *, clock_ns: float | None = None) -> Any:
    """A circuit as a ``qiskit.QuantumCircuit``.

    Gates of ffsim are merged and taken apart by ffsim's own passes first: adjacent orbital rotations become one, which
    halves the gates of a local cluster Jastrow circuit.

    Args:
        circuit: A ``GateCircuit``, a ``kakehashi.circuit.model.Circuit`` or a ``qiskit.QuantumCircuit``.
        clock_ns: The processor's step of time; delays that are counted in it (qiskit's unit ``dt``) become nanoseconds.

    Raises:
        InputError: It is none of these, has free parameters, or a gate that is not known.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> read_circuit(GateCircuit(n_qubits=1, operations=(Operation(name="h", qubits=(0,)),))).num_qubits
        1
    """
    import qiskit

    if isinstance(circuit, GateCircuit):
        unknown = sorted({o.name for o in circuit.operations} - set(GATES) - set(DIRECTIVES))
        if unknown:
            raise InputError(f"The circuit has a gate that is not known: {unknown[0]!r}.")
        return to_qiskit(circuit)
    if isinstance(circuit, Circuit):
        circuit = circuit.to_qiskit()
    if not isinstance(circuit, qiskit.QuantumCircuit):
        raise InputError(
            "Argument `circuit` must be a GateCircuit, a Circuit or a qiskit.QuantumCircuit, "
            f"not {type(circuit).__name__}."
        )
    if circuit.parameters:
        names = ", ".join(sorted(parameter.name for parameter in circuit.parameters)[:5])
        raise InputError(f"The circuit has free parameters ({names}); assign values to them first.")
    if any(name.endswith("_jw") for name in circuit.count_ops()):
        import ffsim.qiskit

        circuit = ffsim.qiskit.PRE_INIT.run(circuit)
    _require_known(circuit)
    return circuit if clock_ns is None else _in_nanoseconds(circuit, clock_ns)


def _in_nanoseconds(circuit: Any, clock_ns: float) -> Any:
    """The circuit without delays in steps of a clock, which mean nothing without the clock."""
    if "delay" not in circuit.count_ops() and not circuit.has_control_flow_op():
        return circuit
    made = circuit.copy_empty_like()
    for instruction in circuit.data:
        if instruction.name == "delay" and instruction.operation.unit == "dt":
            made.delay(clock_ns * float(instruction.operation.duration), instruction.qubits, unit="ns")
        elif instruction.is_control_flow():
            blocks = [_in_nanoseconds(block, clock_ns) for block in instruction.operation.blocks]
            made.append(instruction.replace(operation=instruction.operation.replace_blocks(blocks)))
        else:
            made.append(instruction)
    return made


def _require_known(circuit: Any) -> None:
    from qiskit.circuit import Instruction

    odd = set(circuit.count_ops()) - set(GATES) - set(DIRECTIVES)
    for instruction in circuit.data if odd else ():
        if instruction.name not in odd or instruction.is_standard_gate():
            continue
        what = instruction.operation
        opaque = isinstance(what, Instruction) and what.definition is None and not hasattr(what, "__array__")
        if opaque and not hasattr(what, "blocks"):
            raise InputError(f"The circuit has a gate that is not known: {instruction.name!r}.")
