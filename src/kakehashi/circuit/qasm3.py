"""OpenQASM 3 in and out, for circuits of gates on declared or physical qubits."""

from __future__ import annotations

from pathlib import Path

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.qasm3_gates import DEFINITIONS, STANDARD, take_apart
from kakehashi.circuit.qasm3_program import Program

__all__ = ["read_qasm3", "write_qasm3"]


def read_qasm3(
    text: str, *, path: Path | str = "program", n_qubits: int | None = None, clock_ns: float | None = None
) -> GateCircuit:
    r"""A circuit from an OpenQASM 3 program.

    Understood are declared and physical qubits (``$0``), gates of ``stdgates.inc``, definitions of gates, modifiers,
    registers as operands, constants, ``measure``, ``reset``, ``barrier``, ``delay``, and ``if`` on one bit. Classical
    bits are numbered in the order of their declaration; ``metadata["bits"]`` holds first bit and size of each register.

    Args:
        text: The program.
        path: The name that errors call it by.
        n_qubits: Number of qubits of the device, for programs on physical qubits, whose highest number says nothing
            about it; without it, as many as the program needs.
        clock_ns: The device's step of time, which programs write as ``dt``.

    Raises:
        FileFormatError: The program is wrong, or uses what is not understood here; with line and column.

    Example:
        >>> bell = read_qasm3('''OPENQASM 3.0;
        ... include "stdgates.inc";
        ... bit[2] c;
        ... h $0; cx $0, $1;
        ... c[0] = measure $0;
        ... if (c[0]) x $1;
        ... ''', n_qubits=5)
        >>> bell.n_qubits, bell.count(), bell.operations[-1].condition
        (5, {'h': 1, 'cx': 1, 'measure': 1, 'x': 1}, (0, 1))
        >>> read_qasm3("qubit[2] q;\nU(0, pi, 1) q[2];", path="mine.qasm")
        Traceback (most recent call last):
        kakehashi.core.errors.FileFormatError: mine.qasm:2: Column 15: index 2 is outside 'q', which has 2 elements.
    """
    return Program(text, path=path, n_qubits=n_qubits, clock_ns=clock_ns).read()


def write_qasm3(circuit: GateCircuit, *, physical: bool = False) -> str:
    """A circuit as an OpenQASM 3 program that :func:`read_qasm3` and others read.

    Gates that ``stdgates.inc`` lacks are defined in the program; explicit matrices are taken apart.

    Args:
        circuit: The circuit.
        physical: Write qubit ``n`` as the physical qubit ``$n`` of a device.

    Example:
        >>> bell = GateCircuit(n_qubits=2, n_bits=1, operations=(
        ...     Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1)),
        ...     Operation(name="measure", qubits=(1,), bits=(0,))))
        >>> print(write_qasm3(bell, physical=True))
        OPENQASM 3.0;
        include "stdgates.inc";
        bit[1] c;
        h $0;
        cx $0, $1;
        c[0] = measure $1;
        <BLANKLINE>
    """
    operations = [part for operation in circuit for part in _without_matrix(operation)]
    used = {operation.name for operation in operations} - set(STANDARD)
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    lines += [definition for name, definition in DEFINITIONS.items() if name in used]
    if circuit.n_qubits and not physical:
        lines.append(f"qubit[{circuit.n_qubits}] q;")
    if circuit.n_bits:
        lines.append(f"bit[{circuit.n_bits}] c;")
    lines += [_statement(operation, "${}" if physical else "q[{}]") for operation in operations]
    return "\n".join(lines) + "\n"


def _statement(operation: Operation, form: str) -> str:
    qubits = ", ".join(form.format(q) for q in operation.qubits)
    # repr of a float is the shortest text that reads back as the same number.
    angles = ", ".join(repr(float(value)) for value in operation.parameters)
    if operation.name == "measure":
        pairs = zip(operation.qubits, operation.bits, strict=True)
        text = " ".join(f"c[{bit}] = measure {form.format(qubit)};" for qubit, bit in pairs)
    elif operation.name == "delay":
        text = f"delay[{angles}ns] {qubits};"
    elif operation.name == "reset":
        text = " ".join(f"reset {form.format(q)};" for q in operation.qubits)
    else:
        name = {"u": "U"}.get(operation.name, operation.name)
        text = f"{name}({angles}) {qubits};" if angles else f"{name} {qubits};"
    if operation.condition is not None:
        bit, value = operation.condition
        text = f"if (c[{bit}] == {'true' if value else 'false'}) {{ {text} }}"
    return text


def _without_matrix(operation: Operation) -> list[Operation]:
    if operation.matrix is None:
        return [operation]
    return [
        Operation(name=part.name, qubits=part.qubits, parameters=part.parameters, condition=operation.condition)
        for part in take_apart(operation.matrix, operation.qubits)
    ]
