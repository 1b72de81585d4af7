"""What a router must know of gates: how many native gates they need, beside a swap too, and what they commute with."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["commuting_axes", "native_counts", "weyl_coordinates"]

Matrices = NDArray[np.complex128]

MAGIC = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / math.sqrt(2)
"""The basis in which gates on single qubits are real."""

PAULIS = (
    np.array([[0, 1], [1, 0]], dtype=np.complex128),
    np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    np.array([[1, 0], [0, -1]], dtype=np.complex128),
)

INFIDELITY = 1e-9
"""Up to so much a cheaper gate counts as equal: qiskit's synthesis does the same."""


def weyl_coordinates(gates: Matrices) -> NDArray[np.float64]:
    """The three angles of gates on two qubits that no gates on single qubits change.

    Args:
        gates: Shape ``(n, 4, 4)``, unitary.

    Returns:
        Shape ``(n, 3)``: each between 0 and pi/4, descending; of the last the size alone.

    Source: Zhang, Vala, Sastry, Whaley, Phys. Rev. A 67, 042313 (2003), doi:10.1103/PhysRevA.67.042313.

    Example:
        >>> (weyl_coordinates(np.diag([1, 1, 1, -1])[None]) / np.pi).round(6).tolist()
        [[0.25, 0.0, 0.0]]
    """
    gates = np.asarray(gates, dtype=np.complex128)
    special = gates / np.linalg.det(gates)[:, None, None] ** 0.25
    magic = MAGIC.conj().T @ special @ MAGIC
    phases = -np.angle(np.linalg.eigvals(np.swapaxes(magic, 1, 2) @ magic)) / 2
    phases[:, 3] = -phases[:, :3].sum(axis=1)
    angles = np.mod((phases[:, :3] + phases[:, 3:]) / 2, math.pi / 2)
    angles = np.minimum(angles, math.pi / 2 - angles)
    ordered: NDArray[np.float64] = -np.sort(-angles, axis=1)
    return ordered


def native_counts(gates: Matrices) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """How many CZ gates, or their like, gates on two qubits need: alone, and together with a swap.

    Args:
        gates: Shape ``(n, 4, 4)``, unitary.

    Source: Vidal, Dawson, Phys. Rev. A 69, 010301 (2004), doi:10.1103/PhysRevA.69.010301.

    Example:
        >>> alone, swapped = native_counts(np.array([np.eye(4), np.diag([1, 1, 1, -1]), np.diag([1, 1, 1, 1j])]))
        >>> alone.tolist(), swapped.tolist()
        ([0, 1, 2], [3, 2, 3])
    """
    angles = weyl_coordinates(gates)
    return _counts(angles), _counts(math.pi / 4 - angles[:, ::-1])


def _counts(angles: NDArray[np.float64]) -> NDArray[np.int8]:
    a, b, c = angles.T

    def overlap(turned: NDArray[np.float64]) -> NDArray[np.float64]:
        cosines = np.cos(turned) * np.cos(b) * np.cos(c)
        sines = np.sin(turned) * np.sin(b) * np.sin(c)
        both: NDArray[np.float64] = cosines**2 + sines**2
        return both

    counts = np.full(len(angles), 3, dtype=np.int8)
    for n, fits in ((2, np.cos(c) ** 2), (1, overlap(math.pi / 4 - a)), (0, overlap(a))):
        counts[0.8 * (1 - fits) < INFIDELITY] = n
    return counts


def commuting_axes(gates: Matrices) -> NDArray[np.int8]:
    """With which Pauli operator on each of its qubits a gate commutes.

    Gates that commute with the same Pauli operator on every qubit that they share commute with each other.

    Args:
        gates: Shape ``(n, 2, 2)`` or ``(n, 4, 4)``; the first qubit is the lowest bit.

    Returns:
        Shape ``(n, qubits)``: 1, 2 or 3 for X, Y or Z, 0 for none. Of several the last.

    Example:
        >>> cx = np.eye(4)[:, [0, 3, 2, 1]]
        >>> commuting_axes(cx[None]).tolist()
        [[3, 1]]
    """
    n_qubits = 1 if gates.shape[1] == 2 else 2
    axes = np.zeros((len(gates), n_qubits), dtype=np.int8)
    for qubit in range(n_qubits):
        for number, pauli in enumerate(PAULIS, start=1):
            whole = pauli if n_qubits == 1 else _placed(pauli, qubit)
            axes[np.abs(gates @ whole - whole @ gates).max(axis=(1, 2)) < 1e-9, qubit] = number
    return axes


def _placed(pauli: Matrices, qubit: int) -> Matrices:
    one = np.eye(2, dtype=np.complex128)
    placed: Matrices = np.kron(*((pauli, one) if qubit else (one, pauli))).astype(np.complex128)
    return placed
