"""Matrices of the standard gates, by the names that qiskit and OpenQASM 3 know them by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["GATES", "GateKind"]

Matrix: TypeAlias = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateKind:
    """What a gate's name stands for.

    Attributes:
        n_qubits: Number of qubits.
        n_parameters: Number of angles, in radians.
        matrix: From the angles to the matrix, shape ``(2**n_qubits, 2**n_qubits)``; the first qubit is the lowest bit
            of the index.
        diagonal: Whether the matrix is diagonal for all angles.
        clifford: Whether it maps Pauli operators to Pauli operators, for all angles.
    """

    n_qubits: int
    n_parameters: int
    matrix: Callable[..., Matrix]
    diagonal: bool = False
    clifford: bool = False


X = np.array([[0, 1], [1, 0]], dtype=np.complex128)
Y = np.array([[0, -1j], [1j, 0]], dtype=np.complex128)
Z = np.array([[1, 0], [0, -1]], dtype=np.complex128)
IDENTITY = np.eye(2, dtype=np.complex128)
H = np.array([[1, 1], [1, -1]], dtype=np.complex128) / np.sqrt(2)
SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]], dtype=np.complex128) / 2


def _rotation(*paulis: Matrix) -> Callable[[float], Matrix]:
    """``exp(-i angle/2 P)`` for a product of Pauli operators, the first on the lowest bit."""
    product: Matrix = np.eye(1, dtype=np.complex128)
    for pauli in paulis:
        product = np.kron(pauli, product).astype(np.complex128)

    def matrix(angle: float) -> Matrix:
        turned: Matrix = np.cos(angle / 2) * np.eye(len(product)) - 1j * np.sin(angle / 2) * product
        return turned

    return matrix


def _phase(angle: float) -> Matrix:
    return np.diag([1, np.exp(1j * angle)])


def _u(theta: float, phi: float, lam: float) -> Matrix:
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    return np.array(
        [[cos, -np.exp(1j * lam) * sin], [np.exp(1j * phi) * sin, np.exp(1j * (phi + lam)) * cos]], dtype=np.complex128
    )


def _r(theta: float, phi: float) -> Matrix:
    return _u(theta, phi - np.pi / 2, np.pi / 2 - phi)


def _controlled(inner: Callable[..., Matrix]) -> Callable[..., Matrix]:
    """The control is the first qubit, the lowest bit."""

    def matrix(*angles: float) -> Matrix:
        whole = np.eye(4, dtype=np.complex128)
        whole[1::2, 1::2] = inner(*angles)
        return whole

    return matrix


def _fixed(matrix: Matrix) -> Callable[[], Matrix]:
    return lambda: matrix


def _permutation(*images: int) -> Matrix:
    """The matrix that sends basis state ``k`` to ``images[k]``."""
    matrix = np.zeros((len(images), len(images)), dtype=np.complex128)
    matrix[list(images), range(len(images))] = 1
    return matrix


def _ecr() -> Matrix:
    # Echoed cross resonance as in qiskit: (X I - Y X)/sqrt(2), the second factor on the second qubit.
    matrix: Matrix = (np.kron(IDENTITY, X) - np.kron(X, Y)) / np.sqrt(2)
    return matrix


def _xx_plus_yy(theta: float, beta: float = 0.0) -> Matrix:
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    matrix = np.eye(4, dtype=np.complex128)
    matrix[1, 1] = matrix[2, 2] = cos
    matrix[1, 2] = -1j * sin * np.exp(-1j * beta)
    matrix[2, 1] = -1j * sin * np.exp(1j * beta)
    return matrix


def _gate(n_qubits: int, n_parameters: int, matrix: Callable[..., Matrix] | Matrix, *marks: str) -> GateKind:
    """A table row: a matrix that is always the same stands as itself."""
    return GateKind(
        n_qubits=n_qubits,
        n_parameters=n_parameters,
        matrix=_fixed(matrix) if isinstance(matrix, np.ndarray) else matrix,
        diagonal="diagonal" in marks,
        clifford="clifford" in marks,
    )


GATES: dict[str, GateKind] = {
    "id": _gate(1, 0, IDENTITY, "diagonal", "clifford"),
    "x": _gate(1, 0, X, "clifford"),
    "y": _gate(1, 0, Y, "clifford"),
    "z": _gate(1, 0, Z, "diagonal", "clifford"),
    "h": _gate(1, 0, H, "clifford"),
    "s": _gate(1, 0, _phase(np.pi / 2), "diagonal", "clifford"),
    "sdg": _gate(1, 0, _phase(-np.pi / 2), "diagonal", "clifford"),
    "t": _gate(1, 0, _phase(np.pi / 4), "diagonal"),
    "tdg": _gate(1, 0, _phase(-np.pi / 4), "diagonal"),
    "sx": _gate(1, 0, SX, "clifford"),
    "sxdg": _gate(1, 0, SX.conj().T, "clifford"),
    "rx": _gate(1, 1, _rotation(X)),
    "ry": _gate(1, 1, _rotation(Y)),
    "rz": _gate(1, 1, _rotation(Z), "diagonal"),
    "p": _gate(1, 1, _phase, "diagonal"),
    "r": _gate(1, 2, _r),
    "u": _gate(1, 3, _u),
    "cx": _gate(2, 0, _controlled(_fixed(X)), "clifford"),
    "cy": _gate(2, 0, _controlled(_fixed(Y)), "clifford"),
    "cz": _gate(2, 0, _controlled(_fixed(Z)), "diagonal", "clifford"),
    "ch": _gate(2, 0, _controlled(_fixed(H))),
    "swap": _gate(2, 0, _permutation(0, 2, 1, 3), "clifford"),
    "iswap": _gate(2, 0, _xx_plus_yy(-np.pi), "clifford"),
    "ecr": _gate(2, 0, _ecr(), "clifford"),
    "rxx": _gate(2, 1, _rotation(X, X)),
    "ryy": _gate(2, 1, _rotation(Y, Y)),
    "rzz": _gate(2, 1, _rotation(Z, Z), "diagonal"),
    "rzx": _gate(2, 1, _rotation(Z, X)),
    "cp": _gate(2, 1, _controlled(_phase), "diagonal"),
    "crx": _gate(2, 1, _controlled(_rotation(X))),
    "cry": _gate(2, 1, _controlled(_rotation(Y))),
    "crz": _gate(2, 1, _controlled(_rotation(Z)), "diagonal"),
    "xx_plus_yy": _gate(2, 2, _xx_plus_yy),
}
"""Every gate that circuits here may hold beside explicit matrices; wider gates are taken apart."""
