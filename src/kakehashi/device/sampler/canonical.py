"""Gates on two qubits as gates on one qubit and diagonal ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["Part", "decompose_two_qubits"]

Matrix = NDArray[np.complex128]

Part = tuple[tuple[int, ...], Matrix]
"""Which of the gate's qubits (0, 1 or both), and a matrix on them; diagonal where it acts on both."""

ROUNDING = 1e-12

MAGIC = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]], dtype=np.complex128) / np.sqrt(2)
"""Columns are Bell states, in which gates on one qubit each are real and XX, YY and ZZ diagonal."""

PAULI = {
    "X": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "Z": np.array([[1, 0], [0, -1]], dtype=np.complex128),
}

TO_Z = {
    "X": np.array([[1, 1], [1, -1]], dtype=np.complex128) / np.sqrt(2),
    "Y": np.array([[1, -1j], [1, 1j]], dtype=np.complex128) / np.sqrt(2),
    "Z": np.eye(2, dtype=np.complex128),
}
"""``V`` with ``V P V^H = Z``."""


def decompose_two_qubits(matrix: Matrix) -> list[Part]:
    """Parts that follow each other in time and give the gate up to a phase.

    Args:
        matrix: Unitary, shape ``(4, 4)``; the first qubit is the lowest bit of the index.

    Raises:
        InputError: The matrix is not unitary.

    Example:
        >>> from kakehashi.circuit.unitaries import GATES
        >>> [qubits for qubits, _ in decompose_two_qubits(GATES["cx"].matrix())]
        [(1,), (0, 1), (1,)]
    """
    if np.abs(matrix.conj().T @ matrix - np.eye(4)).max() > 1e-8:
        raise InputError("The matrix of a gate must be unitary.")
    controlled = _controlled(matrix)
    return controlled if controlled is not None else _canonical(matrix)


def _controlled(matrix: Matrix) -> list[Part] | None:
    """A gate on one qubit that another controls: what makes it diagonal, a diagonal gate, and back."""
    for control, order in ((0, [0, 2, 1, 3]), (1, [0, 1, 2, 3])):
        blocks = matrix[np.ix_(order, order)]
        if max(np.abs(blocks[:2, :2] - np.eye(2)).max(), np.abs(blocks[:2, 2:]).max()) > ROUNDING:
            continue
        phases, vectors = _diagonalise_unitary(blocks[2:, 2:])
        diagonal = np.array([1, 1, *phases], dtype=np.complex128)[np.argsort(order)]
        target = (1 - control,)
        return [(target, vectors.conj().T), ((0, 1), np.diag(diagonal)), (target, vectors)]
    return None


def _diagonalise_unitary(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Eigenvalues and orthonormal eigenvectors of a unitary matrix on one qubit, by its axis on the sphere."""
    phase = np.sqrt(np.linalg.det(matrix))
    special = matrix / phase
    axis = [float(((1j / 2) * np.trace(special @ PAULI[name])).real) for name in "XYZ"]
    if np.linalg.norm(axis) < ROUNDING:
        return np.diag(matrix).copy(), np.eye(2, dtype=np.complex128)
    generator = sum(component * PAULI[name] for component, name in zip(axis, "XYZ", strict=True))
    _, vectors = np.linalg.eigh(generator)
    return np.diag(vectors.conj().T @ matrix @ vectors).copy(), vectors


def _canonical(matrix: Matrix) -> list[Part]:
    """Gates on one qubit, ``exp(i (x XX + y YY + z ZZ))``, gates on one qubit (Cartan's decomposition)."""
    special = matrix / np.linalg.det(matrix) ** 0.25
    in_bell = MAGIC.conj().T @ special @ MAGIC
    right, squares = _diagonalise_symmetric(in_bell.T @ in_bell)
    if np.linalg.det(right) < 0:
        right[:, 0] = -right[:, 0]
    phases = np.angle(squares) / 2
    left = in_bell @ right @ np.diag(np.exp(-1j * phases))
    if np.linalg.det(left).real < 0:
        phases[0] += np.pi
        left[:, 0] = -left[:, 0]
    before = _tensor_factors(MAGIC @ right.T @ MAGIC.conj().T)
    after = _tensor_factors(MAGIC @ left @ MAGIC.conj().T)
    parts: list[Part] = [((0,), before[0]), ((1,), before[1])]
    for name in "XYZ":
        both = np.kron(PAULI[name], PAULI[name])
        eigenvalues = np.diag(MAGIC.conj().T @ both @ MAGIC).real
        strength = float(eigenvalues @ phases) / 4
        if abs(np.sin(strength)) < ROUNDING:
            continue
        turn = TO_Z[name]
        inside = np.diag(np.exp(1j * strength * np.array([1, -1, -1, 1])))
        parts += [((0,), turn), ((1,), turn), ((0, 1), inside), ((0,), turn.conj().T), ((1,), turn.conj().T)]
    return [*parts, ((0,), after[0]), ((1,), after[1])]


def _diagonalise_symmetric(matrix: Matrix) -> tuple[NDArray[np.float64], Matrix]:
    """Real eigenvectors of a unitary, symmetric matrix, whose real and imaginary parts commute."""
    rng = np.random.default_rng(0)
    best, best_error = np.eye(4), np.inf
    for _ in range(16):
        # A random mixture of the two parts is degenerate only where both are.
        weight = rng.normal(size=2)
        _, vectors = np.linalg.eigh(weight[0] * matrix.real + weight[1] * matrix.imag)
        diagonal = vectors.T @ matrix @ vectors
        error = float(np.abs(diagonal - np.diag(np.diag(diagonal))).max())
        if error < best_error:
            best, best_error = vectors, error
        if error < ROUNDING:
            break
    return best, np.diag(best.T @ matrix @ best).copy()


def _tensor_factors(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Gates on the low and the high qubit whose product the matrix is."""
    blocks = matrix.reshape(2, 2, 2, 2)  # high row, low row, high column, low column
    i, k = np.unravel_index(int(np.abs(matrix).argmax()), (4, 4))
    low = blocks[i // 2, :, k // 2, :]
    low = low / np.sqrt(np.linalg.det(low))
    high = np.einsum("abcd,bd->ac", blocks, low.conj()) / 2
    return low, high
