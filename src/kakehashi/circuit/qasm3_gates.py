"""What a gate's name stands for in an OpenQASM 3 program: the standard's gates, defined ones, and their modifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.qasm3_syntax import Expression
from kakehashi.circuit.unitaries import GATES

__all__ = [
    "ALIASES",
    "DEFINITIONS",
    "STANDARD",
    "Call",
    "Definition",
    "apply",
    "expand",
    "matches_known",
    "matrix_of",
    "same_up_to_phase",
    "take_apart",
]

Matrix: TypeAlias = NDArray[np.complex128]

ALIASES = {"U": "u", "CX": "cx", "phase": "p", "cphase": "cp", "u1": "p", "u3": "u"}
"""Names of the standard for gates that have another one here."""

STANDARD = (
    *("p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry"),
    *("crz", "ch", "swap", "ccx", "cswap", "cu", "CX", "phase", "cphase", "id", "u1", "u2", "u3"),
)
"""What ``include "stdgates.inc";`` brings."""

PHASE_UNCLEAR = ("U", "u2", "u3")
"""Versions of the standard differ in the global phase of these, which a control makes visible."""

DEFINITIONS = {
    "u2": "gate u2(phi, lambda) a { U(pi/2, phi, lambda) a; }",
    "cu": "gate cu(theta, phi, lambda, gamma) a, b { p(gamma + (lambda + phi)/2) a; p((lambda - phi)/2) b; cx a, b; "
    "U(-theta/2, 0, -(phi + lambda)/2) b; cx a, b; U(theta/2, phi, 0) b; }",
    "ccx": "gate ccx a, b, c { h c; cx b, c; tdg c; cx a, c; t c; cx b, c; tdg c; cx a, c; t b; t c; h c; "
    "cx a, b; t a; tdg b; cx a, b; }",
    "cswap": "gate cswap a, b, c { cx c, b; ccx a, b, c; cx c, b; }",
    "sxdg": "gate sxdg a { s a; h a; s a; }",
    "r": "gate r(theta, phi) a { U(theta, phi - pi/2, pi/2 - phi) a; }",
    "rzz": "gate rzz(theta) a, b { cx a, b; rz(theta) b; cx a, b; }",
    "rxx": "gate rxx(theta) a, b { h a; h b; cx a, b; rz(theta) b; cx a, b; h a; h b; }",
    "ryy": "gate ryy(theta) a, b { rx(pi/2) a; rx(pi/2) b; cx a, b; rz(theta) b; cx a, b; rx(-pi/2) a; rx(-pi/2) b; }",
    "rzx": "gate rzx(theta) a, b { h b; cx a, b; rz(theta) b; cx a, b; h b; }",
    "iswap": "gate iswap a, b { s a; s b; h a; cx a, b; cx b, a; h b; }",
    "ecr": "gate ecr a, b { h b; cx a, b; rz(pi/4) b; cx a, b; h b; x a; h b; cx a, b; rz(-pi/4) b; cx a, b; h b; }",
    "xx_plus_yy": "gate xx_plus_yy(theta, beta) a, b { rz(beta) a; h a; h b; cx a, b; rz(theta/2) b; cx a, b; h a; "
    "h b; rx(pi/2) a; rx(pi/2) b; cx a, b; rz(theta/2) b; cx a, b; rx(-pi/2) a; rx(-pi/2) b; rz(-beta) a; }",
}
"""Gates of ours, or of the standard, in terms of simpler ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A gate within a definition.

    Attributes:
        name: Its name here; ``"gphase"`` for a global phase.
        angles: Its angles, from the definition's parameters.
        qubits: On which of the definition's qubits.
        modifiers: ``("inv", 0)``, ``("pow", exponent)``, ``("ctrl", n)``, ``("negctrl", n)``, outermost first.
    """

    name: str
    angles: tuple[Expression, ...]
    qubits: tuple[int, ...]
    modifiers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A gate that a program defines.

    Attributes:
        name: Its name.
        parameters: Names of its angles, in order.
        n_qubits: Number of its qubits.
        calls: What it consists of.
    """

    name: str
    parameters: tuple[str, ...]
    n_qubits: int
    calls: tuple[Call, ...]


def expand(
    name: str,
    angles: Sequence[float],
    qubits: Sequence[int],
    modifiers: Sequence[tuple[str, float]],
    definitions: Mapping[str, Definition],
) -> list[Operation]:
    """A call as operations of this project, up to a global phase.

    Args:
        name: Name of a known gate or of a definition.
        angles: In radians.
        qubits: Controls of the modifiers first, outermost first.
        modifiers: Outermost first.
        definitions: By name.

    Example:
        >>> [operation.name for operation in expand("x", (), (2, 0), (("ctrl", 1),), {})]
        ['cx']
    """
    if modifiers:
        return _named(apply(modifiers, matrix_of(name, angles, definitions)), tuple(qubits))
    if name == "gphase":
        return []
    if name not in definitions:
        return [Operation(name=name, qubits=tuple(qubits), parameters=tuple(angles))]
    definition = definitions[name]
    values = dict(zip(definition.parameters, angles, strict=True))
    made = []
    for call in definition.calls:
        inner = [angle(values) for angle in call.angles]
        made += expand(call.name, inner, [qubits[q] for q in call.qubits], call.modifiers, definitions)
    return made


def matrix_of(name: str, angles: Sequence[float], definitions: Mapping[str, Definition]) -> Matrix:
    """The matrix of a gate, its global phase kept; the first qubit is the lowest bit."""
    if name == "gphase":
        return np.array([[np.exp(1j * angles[0])]])
    if name not in definitions:
        return GATES[name].matrix(*angles)
    definition = definitions[name]
    values = dict(zip(definition.parameters, angles, strict=True))
    whole: Matrix = np.eye(2**definition.n_qubits, dtype=np.complex128)
    for call in definition.calls:
        inner = matrix_of(call.name, [angle(values) for angle in call.angles], definitions)
        whole = _on(apply(call.modifiers, inner), call.qubits, whole)
    return whole


def apply(modifiers: Sequence[tuple[str, float]], matrix: Matrix) -> Matrix:
    """The matrix of a modified gate; the controls are its lowest bits.

    Example:
        >>> apply([("ctrl", 1)], GATES["x"].matrix()).real.astype(int)
        array([[1, 0, 0, 0],
               [0, 0, 0, 1],
               [0, 0, 1, 0],
               [0, 1, 0, 0]])
    """
    for kind, value in reversed(modifiers):
        if kind == "inv":
            matrix = matrix.conj().T
        elif kind == "pow":
            matrix = _power(matrix, value)
        else:
            for _ in range(int(value)):
                whole: Matrix = np.eye(2 * len(matrix), dtype=np.complex128)
                on = 1 if kind == "ctrl" else 0
                whole[on::2, on::2] = matrix
                matrix = whole
    return matrix


def _power(matrix: Matrix, exponent: float) -> Matrix:
    if exponent == int(exponent):
        whole: Matrix = np.linalg.matrix_power(matrix, int(exponent))
        return whole
    import scipy.linalg

    # Schur's form of a normal matrix is diagonal, and its vectors are orthonormal even where eigenvalues coincide.
    triangle, vectors = scipy.linalg.schur(matrix, output="complex")
    phases = np.angle(np.diag(triangle))
    # The principal power: an angle of -pi that rounding made counts as pi.
    phases = np.where(phases < -np.pi + 1e-12, np.pi, phases)
    power: Matrix = (vectors * np.exp(1j * phases * exponent)) @ vectors.conj().T
    return power


def _on(matrix: Matrix, qubits: Sequence[int], whole: Matrix) -> Matrix:
    """``matrix`` on some qubits, after ``whole``."""
    n, k = int(np.log2(len(whole))), len(qubits)
    axes = [n - 1 - q for q in reversed(qubits)]
    tensor = whole.reshape((2,) * n + (len(whole),))
    moved = np.tensordot(matrix.reshape((2,) * (2 * k)), tensor, axes=(list(range(k, 2 * k)), axes))
    done: Matrix = np.moveaxis(moved, range(k), axes).reshape(whole.shape)
    return done


def _named(matrix: Matrix, qubits: tuple[int, ...]) -> list[Operation]:
    """A matrix as the gate without angles that it is, or as a matrix of at most two qubits."""
    if not qubits:
        return []
    for name, kind in GATES.items():
        if kind.n_qubits == len(qubits) and not kind.n_parameters and same_up_to_phase(kind.matrix(), matrix):
            return [Operation(name=name, qubits=qubits)]
    if len(qubits) <= 2:
        return [Operation(name="unitary", qubits=qubits, matrix=np.ascontiguousarray(matrix))]
    return take_apart(matrix, qubits)


def take_apart(matrix: Matrix, qubits: tuple[int, ...]) -> list[Operation]:
    """A matrix as gates ``u`` and ``cx``, up to a global phase.

    Example:
        >>> {operation.name for operation in take_apart(GATES["rzz"].matrix(0.3), (4, 2))} <= {"u", "cx"}
        True
    """
    from qiskit import QuantumCircuit, transpile
    from qiskit.circuit.library import UnitaryGate

    from kakehashi.circuit.gates import from_qiskit

    circuit = QuantumCircuit(len(qubits))
    circuit.append(UnitaryGate(matrix), range(len(qubits)))
    parts = from_qiskit(transpile(circuit, basis_gates=["u", "cx"], optimization_level=1, seed_transpiler=0))
    return list(parts.relabel(qubits, n_qubits=max(qubits) + 1))


def same_up_to_phase(one: Matrix, other: Matrix) -> bool:
    """Whether two unitary matrices differ by a global phase alone."""
    return bool(abs(abs(np.vdot(one, other)) - len(one)) < 1e-9 * len(one))


def matches_known(definition: Definition, definitions: Mapping[str, Definition]) -> bool:
    """Whether a defined gate is, up to a global phase, the gate that has this name here.

    Programs define gates that they could name, since the standard's file lacks them; but a name alone proves nothing.
    """
    kind = GATES.get(definition.name)
    if kind is None or (kind.n_qubits, kind.n_parameters) != (definition.n_qubits, len(definition.parameters)):
        return False
    known = {**definitions, definition.name: definition}
    for angles in ((0.3, 1.1, -0.7), (2.9, -1.7, 0.45)):
        given = angles[: kind.n_parameters]
        if not same_up_to_phase(kind.matrix(*given), matrix_of(definition.name, given, known)):
            return False
    return True
