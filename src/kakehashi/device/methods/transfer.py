"""What a step of a noisy circuit does to Pauli operators, seen backwards in time (the Heisenberg picture).

Letters are numbered I, X, Y, Z = 0, 1, 2, 3; the number of a product is ``sum(letter_j * 4**j)`` over the step's
qubits, as in :class:`~kakehashi.device.noise.model.PauliChannel`.
"""

from __future__ import annotations

import functools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, PauliChannel

__all__ = ["MOST_QUBITS", "channel_factors", "heisenberg_matrix", "pauli_products"]

Floats: TypeAlias = NDArray[np.float64]

MOST_QUBITS = 4
"""Steps on more qubits have a matrix too large to write down for each of them (256 x 256 at four)."""

LETTERS = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]],
    dtype=np.complex128,
)
COMMUTE = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=np.float64)
"""1 where two letters commute, -1 where they do not."""


@functools.cache
def pauli_products(n_qubits: int) -> NDArray[np.complex128]:
    """All products of Pauli letters as matrices, shape ``(4**n, 2**n, 2**n)``; the first qubit is the lowest bit.

    Example:
        >>> pauli_products(2)[1].real.astype(int)
        array([[0, 1, 0, 0],
               [1, 0, 0, 0],
               [0, 0, 0, 1],
               [0, 0, 1, 0]])
    """
    products = np.ones((1, 1, 1), dtype=np.complex128)
    for _ in range(n_qubits):
        size = 2 * products.shape[1]
        products = np.einsum("aij,bkl->abikjl", LETTERS, products).reshape(-1, size, size)
    return products


@functools.cache
def _signs(n_qubits: int) -> Floats:
    signs: Floats = np.ones((1, 1))
    for _ in range(n_qubits):
        signs = np.kron(COMMUTE, signs).astype(np.float64)
    return signs


def channel_factors(channel: PauliChannel) -> Floats:
    """By what a Pauli channel multiplies each product of letters, shape ``(4**k,)``.

    Example:
        >>> channel_factors(PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))).round(3).tolist()
        [1.0, 1.0, 0.8, 0.8]
    """
    factors: Floats = _signs(len(channel.qubits)) @ channel.probabilities
    return factors


def _from_kraus(operators: NDArray[np.complex128], n_qubits: int) -> Floats:
    products = pauli_products(n_qubits)
    # The image of product c is sum_k K_k^H P_c K_k; its component along product d is a trace.
    images = np.einsum("kji,cjl,klm->cim", operators.conj(), products, operators, optimize=True)
    matrix: Floats = np.einsum("dmi,cim->dc", products, images, optimize=True).real / 2**n_qubits
    whole = np.round(matrix)
    near: Floats = np.where(np.abs(matrix - whole) < 1e-14, whole, matrix)  # so that Clifford gates stay exact
    return near


@functools.lru_cache(maxsize=4096)
def _of_gate(name: str, parameters: tuple[float, ...]) -> Floats:
    operation = Operation(name=name, qubits=(0,), parameters=parameters)
    matrix = operation.unitary()
    return _from_kraus(matrix[None], int(matrix.shape[0]).bit_length() - 1)


def heisenberg_matrix(step: Operation | PauliChannel | KrausChannel) -> Floats:
    """Column ``c`` holds what product ``c`` after the step was before it: ``E^+(P_c) = sum_d A[d, c] P_d``.

    Args:
        step: A gate, a reset or a channel on at most :data:`MOST_QUBITS` qubits; a condition is not looked at.

    Returns:
        Shape ``(4**k, 4**k)``, float64.

    Raises:
        InputError: The step is a measurement, or on too many qubits.

    Example:
        >>> heisenberg_matrix(Operation(name="h", qubits=(0,))).round(3).astype(int)
        array([[ 1,  0,  0,  0],
               [ 0,  0,  0,  1],
               [ 0,  0, -1,  0],
               [ 0,  1,  0,  0]])
    """
    n_qubits = len(step.qubits)
    if n_qubits > MOST_QUBITS:
        raise InputError(f"A step on {n_qubits} qubits is too wide; at most {MOST_QUBITS} are supported.")
    if isinstance(step, PauliChannel):
        return np.diag(channel_factors(step))
    if isinstance(step, KrausChannel):
        return _from_kraus(step.operators, n_qubits)
    if step.name == "unitary":
        return _from_kraus(step.unitary()[None], n_qubits)
    if step.name == "reset":
        cleared = np.zeros((4, 4))
        cleared[0, 0] = cleared[0, 3] = 1.0
        whole: Floats = np.ones((1, 1))
        for _ in range(n_qubits):
            whole = np.kron(cleared, whole).astype(np.float64)
        return whole
    return _of_gate(step.name, step.parameters)
