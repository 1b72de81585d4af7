"""Circuits of every kind that the compiler takes, as qiskit's."""

from __future__ import annotations

from typing import Any

from kakehashi.circuit.gates import DIRECTIVES, GateCircuit, to_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError

__all__ = ["read_circuit"]


def read_circuit(circuit: Any) -> Any:
    """A circuit as a ``qiskit.QuantumCircuit``.

    Gates of ffsim are merged and taken apart by ffsim's own passes first: adjacent orbital rotations become one, which
    halves the gates of a local cluster Jastrow circuit.

    Args:
        circuit: A ``GateCircuit``, a ``kakehashi.circuit.model.Circuit`` or a ``qiskit.QuantumCircuit``.

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
    return circuit


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
