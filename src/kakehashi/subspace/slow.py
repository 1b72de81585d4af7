"""Slow twins of the native kernels, in plain numpy and Python: the oracles of the tests.

Every function here follows the textbook: second-quantised operators act on lists of occupied spin orbitals, with
the sign counted one operator at a time. Nothing is shared with the kernels but the order of strings.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, unpack_strings
from kakehashi.problem.model import Hamiltonian

__all__ = [
    "apply_hamiltonian_slow",
    "build_hamiltonian_slow",
    "build_spin_squared_slow",
    "densities_slow",
]

Determinant = tuple[int, ...]
Operators = tuple[tuple[int, bool], ...]


def _apply(operators: Operators, determinant: Determinant) -> tuple[int, Determinant]:
    """Apply creation (True) and annihilation operators, rightmost first, to sorted occupied spin orbitals."""
    sign, occupied = 1, list(determinant)
    for orbital, creates in reversed(operators):
        if creates == (orbital in occupied):
            return 0, ()
        position = sum(o < orbital for o in occupied)
        sign *= -1 if position % 2 else 1
        if creates:
            occupied.insert(position, orbital)
        else:
            occupied.pop(position)
    return sign, tuple(occupied)


def _determinants(alpha: Strings, beta: Strings, n_orb: int) -> list[Determinant]:
    """Occupied spin orbitals of each pair of strings; orbital ``p`` is alpha ``p``, ``n_orb + p`` beta ``p``."""
    lists = [
        [tuple(int(p) for p in np.flatnonzero(row)) for row in unpack_strings(strings, n_orb)]
        for strings in (alpha, beta)
    ]
    return [a + tuple(n_orb + p for p in b) for a, b in itertools.product(*lists)]


def _matrix(terms: list[tuple[float, Operators]], determinants: list[Determinant]) -> NDArray[np.float64]:
    position = {determinant: i for i, determinant in enumerate(determinants)}
    matrix = np.zeros((len(determinants),) * 2)
    for column, ket in enumerate(determinants):
        for value, operators in terms:
            sign, bra = _apply(operators, ket)
            if sign and bra in position:
                matrix[position[bra], column] += sign * value
    return matrix


def build_hamiltonian_slow(hamiltonian: Hamiltonian, alpha: Strings, beta: Strings) -> NDArray[np.float64]:
    """The Hamiltonian without its constant as a dense matrix over all pairs of strings.

    Args:
        hamiltonian: The integrals.
        alpha: Alpha strings, shape ``(n_alpha, 2)``.
        beta: Beta strings, shape ``(n_beta, 2)``.

    Returns:
        Shape ``(n_alpha * n_beta,) * 2``, hartree; row ``a * n_beta + b`` is the pair ``(a, b)``.
    """
    n = hamiltonian.n_orb
    terms: list[tuple[float, Operators]] = []
    for p, q in itertools.product(range(n), repeat=2):
        if hamiltonian.one_body[p, q]:
            for spin in (0, n):
                terms.append((float(hamiltonian.one_body[p, q]), ((p + spin, True), (q + spin, False))))
    for p, q, r, s in itertools.product(range(n), repeat=4):
        value = float(hamiltonian.two_body[p, q, r, s]) / 2
        if not value:
            continue
        for one, two in itertools.product((0, n), repeat=2):
            terms.append((value, ((p + one, True), (r + two, True), (s + two, False), (q + one, False))))
    return _matrix(terms, _determinants(alpha, beta, n))


def apply_hamiltonian_slow(
    hamiltonian: Hamiltonian, alpha: Strings, beta: Strings, coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``sigma = H c`` without the constant, shape ``(n_alpha, n_beta)``."""
    matrix = build_hamiltonian_slow(hamiltonian, alpha, beta)
    sigma: NDArray[np.float64] = (matrix @ coefficients.reshape(-1)).reshape(coefficients.shape)
    return sigma


def build_spin_squared_slow(alpha: Strings, beta: Strings, n_orb: int) -> NDArray[np.float64]:
    """``S^2 = S_- S_+ + S_z (S_z + 1)`` as a dense matrix over all pairs of strings."""
    determinants = _determinants(alpha, beta, n_orb)
    terms: list[tuple[float, Operators]] = [
        (1.0, ((n_orb + q, True), (q, False), (p, True), (n_orb + p, False)))
        for p, q in itertools.product(range(n_orb), repeat=2)
    ]
    matrix = _matrix(terms, determinants)
    n_alpha = sum(o < n_orb for o in determinants[0])
    s_z = (2 * n_alpha - len(determinants[0])) / 2
    return matrix + s_z * (s_z + 1) * np.eye(len(determinants))


def densities_slow(
    alpha: Strings, beta: Strings, n_orb: int, coefficients: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spin-resolved one- and two-body densities.

    Returns:
        ``<a+_p,s a_q,s>`` at ``[s, p, q]``, shape ``(2, n_orb, n_orb)``, and
        ``<a+_p,s a+_r,t a_u,t a_q,s>`` at ``[s, t, p, q, r, u]``, shape ``(2, 2) + (n_orb,) * 4``.
    """
    determinants = _determinants(alpha, beta, n_orb)
    c = coefficients.reshape(-1)

    def expectation(operators: Operators) -> float:
        return float(c @ _matrix([(1.0, operators)], determinants) @ c)

    one = np.zeros((2, n_orb, n_orb))
    two = np.zeros((2, 2, *(n_orb,) * 4))
    for s in (0, 1):
        for p, q in itertools.product(range(n_orb), repeat=2):
            one[s, p, q] = expectation(((p + s * n_orb, True), (q + s * n_orb, False)))
        for t in (0, 1):
            for p, q, r, u in itertools.product(range(n_orb), repeat=4):
                two[s, t, p, q, r, u] = expectation(
                    (
                        (p + s * n_orb, True),
                        (r + t * n_orb, True),
                        (u + t * n_orb, False),
                        (q + s * n_orb, False),
                    )
                )
    return one, two
