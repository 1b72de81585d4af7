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
    "build_determinant_hamiltonian_slow",
    "build_determinant_spin_squared_slow",
    "build_hamiltonian_slow",
    "build_spin_squared_slow",
    "densities_slow",
    "determinant_densities_slow",
    "list_determinants_slow",
    "look_outside_slow",
    "matrix_element_slow",
    "spin_squared_element_slow",
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


def list_determinants_slow(alpha: Strings, beta: Strings, n_orb: int) -> list[Determinant]:
    """Occupied spin orbitals of each alpha string with the beta string beside it; ``n_orb + p`` is beta ``p``."""
    occupied = (unpack_strings(alpha, n_orb), unpack_strings(beta, n_orb))
    return [
        (*(int(p) for p in np.flatnonzero(a)), *(n_orb + int(p) for p in np.flatnonzero(b)))
        for a, b in zip(*occupied, strict=True)
    ]


def matrix_element_slow(
    hamiltonian: Hamiltonian, bra: Determinant, ket: Determinant, *, spin_penalty_hartree: float = 0.0
) -> float:
    """Element of the Hamiltonian without its constant, by the Slater-Condon rules; up to 128 orbitals.

    The rules are those of T. Helgaker, P. Jorgensen and J. Olsen, Molecular Electronic-Structure Theory, 2000,
    section 1.4. The spin penalty adds its multiple of ``S^2``.

    Args:
        hamiltonian: The integrals.
        bra: Occupied spin orbitals, as :func:`list_determinants_slow` gives them.
        ket: The same.
        spin_penalty_hartree: Weight of ``S^2``.
    """
    n, h, g = hamiltonian.n_orb, hamiltonian.one_body, hamiltonian.two_body
    created = [o for o in bra if o not in ket]
    annihilated = [o for o in ket if o not in bra]
    penalty = spin_penalty_hartree * spin_squared_element_slow(bra, ket, n) if spin_penalty_hartree else 0.0
    if len(created) > 2 or sum(o < n for o in created) != sum(o < n for o in annihilated):
        return penalty

    def repulsion(p: int, q: int, r: int, s: int) -> float:
        return float(g[p % n, q % n, r % n, s % n]) if p // n == q // n and r // n == s // n else 0.0

    operators: list[tuple[int, bool]] = []
    for p, q in zip(created, annihilated, strict=True):
        operators += [(p, True), (q, False)]
    sign, _ = _apply(tuple(operators), ket)
    if not created:
        one = sum(float(h[o % n, o % n]) for o in ket)
        pairs = itertools.combinations(ket, 2)
        return penalty + one + sum(repulsion(o, o, k, k) - repulsion(o, k, k, o) for o, k in pairs)
    if len(created) == 1:
        p, q = created[0], annihilated[0]
        field = sum(repulsion(p, q, k, k) - repulsion(p, k, k, q) for k in ket if k != q)
        return penalty + sign * (float(h[p % n, q % n]) + field)
    (p, r), (q, s) = created, annihilated
    return penalty + sign * (repulsion(p, q, r, s) - repulsion(p, s, r, q))


def spin_squared_element_slow(bra: Determinant, ket: Determinant, n_orb: int) -> float:
    """Element of ``S^2 = S_- S_+ + S_z (S_z + 1)``: what ``S_+`` makes of one against what it makes of the other."""

    def raised(determinant: Determinant) -> dict[Determinant, int]:
        images = (_apply(((o - n_orb, True), (o, False)), determinant) for o in determinant if o >= n_orb)
        return {image: sign for sign, image in images if sign}

    left, right = raised(bra), raised(ket)
    s_z = sum(0.5 if o < n_orb else -0.5 for o in ket)
    return sum(sign * right.get(image, 0) for image, sign in left.items()) + (s_z * (s_z + 1) if bra == ket else 0.0)


def build_determinant_hamiltonian_slow(
    hamiltonian: Hamiltonian, alpha: Strings, beta: Strings, *, spin_penalty_hartree: float = 0.0
) -> NDArray[np.float64]:
    """The Hamiltonian without its constant over a list of determinants, shape ``(n, n)``, hartree."""
    determinants = list_determinants_slow(alpha, beta, hamiltonian.n_orb)
    return np.array(
        [
            [
                matrix_element_slow(hamiltonian, bra, ket, spin_penalty_hartree=spin_penalty_hartree)
                for ket in determinants
            ]
            for bra in determinants
        ]
    )


def build_determinant_spin_squared_slow(alpha: Strings, beta: Strings, n_orb: int) -> NDArray[np.float64]:
    """``S^2`` over a list of determinants, shape ``(n, n)``."""
    determinants = list_determinants_slow(alpha, beta, n_orb)
    return np.array([[spin_squared_element_slow(bra, ket, n_orb) for ket in determinants] for bra in determinants])


def determinant_densities_slow(
    alpha: Strings, beta: Strings, n_orb: int, coefficients: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Densities of a state over a list of determinants.

    Every density is the overlap of what annihilators leave of the state.

    Returns:
        ``<a+_p,s a_q,s>`` at ``[s, p, q]``, shape ``(2, n_orb, n_orb)``, and the spin sum of
        ``<a+_p,s a+_r,t a_u,t a_q,s>`` at ``[p, q, r, u]``, shape ``(n_orb,) * 4``.
    """
    remains: dict[Determinant, list[tuple[tuple[int, ...], float]]] = {}
    for determinant, c in zip(list_determinants_slow(alpha, beta, n_orb), coefficients, strict=True):
        chosen = [(o,) for o in determinant] + list(itertools.permutations(determinant, 2))
        for orbitals in chosen:
            sign, rest = _apply(tuple((o, False) for o in reversed(orbitals)), determinant)
            remains.setdefault(rest, []).append((orbitals, sign * float(c)))
    one = np.zeros((2, n_orb, n_orb))
    two = np.zeros((n_orb,) * 4)
    for parts in remains.values():
        for (left, x), (right, y) in itertools.product(parts, repeat=2):
            spins = [o // n_orb for o in left]
            if spins != [o // n_orb for o in right]:
                continue
            indices = [o % n_orb for pair in zip(left, right, strict=True) for o in pair]
            if len(left) == 1:
                one[spins[0], indices[0], indices[1]] += x * y
            else:
                two[tuple(indices)] += x * y
    return one, two


def look_outside_slow(
    hamiltonian: Hamiltonian,
    alpha: Strings,
    beta: Strings,
    coefficients: NDArray[np.float64],
    energy_hartree: float,
    *,
    threshold_hartree: float = 0.0,
    spin_penalty_hartree: float = 0.0,
) -> dict[Determinant, tuple[float, float]]:
    """Epstein-Nesbet perturbation theory over all determinants outside a list of them.

    An energy never exceeds the coupling in size: two levels do not shift by more, however close they lie. Levels that
    are equal but for rounding lower the state.

    Args:
        hamiltonian: The integrals.
        alpha: Alpha strings of the list.
        beta: Beta strings of the list.
        coefficients: The state over the list.
        energy_hartree: Its energy without the constant, penalty included.
        threshold_hartree: Contributions ``|H_ai c_i|`` below are left out.
        spin_penalty_hartree: Weight of ``S^2``.

    Returns:
        Of each determinant that has a contribution: its Epstein-Nesbet energy ``(sum_i H_ai c_i)^2 / (E - E_a)``, and
        its heat-bath importance, the largest ``|H_ai c_i|``; hartree.
    """
    determinants = list_determinants_slow(alpha, beta, hamiltonian.n_orb)
    inside = set(determinants)
    terms: dict[Determinant, list[float]] = {}
    for ket, c in zip(determinants, coefficients, strict=True):
        for bra in _excitations(ket, hamiltonian.n_orb):
            if bra in inside:
                continue
            term = float(c) * matrix_element_slow(hamiltonian, bra, ket, spin_penalty_hartree=spin_penalty_hartree)
            if term and abs(term) >= threshold_hartree:
                terms.setdefault(bra, []).append(term)
    found = {}
    for bra, parts in terms.items():
        own = matrix_element_slow(hamiltonian, bra, bra, spin_penalty_hartree=spin_penalty_hartree)
        gap, coupling = energy_hartree - own, abs(sum(parts))
        if abs(gap) >= coupling and abs(gap) > 1e-9:
            shift = coupling**2 / gap
        else:
            shift = coupling if gap > 1e-9 else -coupling
        found[bra] = (float(shift), max(abs(part) for part in parts))
    return found


def _excitations(determinant: Determinant, n_orb: int) -> set[Determinant]:
    """All single and double excitations that keep the number of electrons of each spin."""
    empty = [o for o in range(2 * n_orb) if o not in determinant]
    found = set()
    for n in (1, 2):
        for removed, added in itertools.product(
            itertools.combinations(determinant, n), itertools.combinations(empty, n)
        ):
            if sum(o < n_orb for o in removed) == sum(o < n_orb for o in added):
                found.add(tuple(sorted({*determinant, *added} - {*removed})))
    return found
