"""Steps of a noisy circuit as Kraus operators and as maps of density matrices."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.device.noise.channels import pauli_matrices
from kakehashi.device.noise.model import KrausChannel, PauliChannel, Step

__all__ = ["apply_matrix", "kraus_of", "superoperator"]

Complex: TypeAlias = NDArray[np.complex128]

RESET = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=np.complex128)


def kraus_of(step: Step) -> Complex:
    """Kraus operators of a gate, a reset or a channel, shape ``(n, 2**k, 2**k)``.

    Raises:
        InputError: It is a measurement.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> kraus_of(Operation(name="reset", qubits=(0,))).shape
        (2, 2, 2)
    """
    if isinstance(step, KrausChannel):
        return step.operators
    if isinstance(step, PauliChannel):
        present = step.probabilities > 0
        weights = np.sqrt(step.probabilities[present])
        made: Complex = weights[:, None, None] * pauli_matrices(len(step.qubits))[present]
        return made
    if step.name == "reset":
        operators = RESET
        for _ in step.qubits[1:]:
            size = 2 * operators.shape[1]
            operators = np.einsum("aij,bkl->abikjl", RESET, operators).reshape(-1, size, size)
        return operators
    if not step.is_unitary:
        raise InputError(f"The operation {step.name!r} has no Kraus operators.")
    return step.unitary()[None]


def superoperator(step: Step) -> Complex:
    """The map of density matrices, shape ``(4**k, 4**k)``; the index is ``row + 2**k * column`` of the matrix.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> superoperator(Operation(name="z", qubits=(0,))).diagonal().real
        array([ 1., -1., -1.,  1.])
    """
    kraus = kraus_of(step)
    size = kraus.shape[1] ** 2
    made: Complex = np.einsum("kjl,kim->jilm", kraus.conj(), kraus).reshape(size, size)
    return made


def apply_matrix(matrix: Complex, tensor: Complex, axes: list[int]) -> Complex:
    """Apply a matrix to some axes of length 2 of a tensor.

    Args:
        matrix: Shape ``(2**k, 2**k)``.
        tensor: Any shape with axes of length 2.
        axes: The axes that make up the matrix's index, lowest bit first.
    """
    k = len(axes)
    highest_first = axes[::-1]
    moved = np.tensordot(matrix.reshape((2,) * (2 * k)), tensor, axes=(range(k, 2 * k), highest_first))
    return np.moveaxis(moved, range(k), highest_first)
