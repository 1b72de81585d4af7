"""Open shells among local orbitals: which orbitals hold parallel spins, and which of their spins are up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.problem.model import Hamiltonian, check_electrons

__all__ = ["Shells", "find_centres", "spin_patterns"]

Array = NDArray[np.float64]

EXCHANGE_RATIO = 0.02
"""Exchange over self-repulsion from which two orbitals belong to one centre: 0.03-0.06 within the d or p shell of an
atom of an iron-sulfur cluster, at most 0.014 between atoms."""

EQUAL_REPULSION = 0.9
"""Ratio of self-repulsions from which two groups of orbitals count as equivalent."""

MOST_PATTERNS = 1 << 16

TURN = 0.3
"""How far orbitals are turned where a pattern is tried again."""


def find_centres(hamiltonian: Hamiltonian, n_elec: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
    """Groups of local orbitals whose electrons have parallel spins: the open shells of single atoms.

    Orbitals with a strong exchange integral form a group. Electrons are alone in an orbital where they repel each
    other most: the groups with the strongest self-repulsion are open, as many as have room for all orbitals that
    cannot be doubly occupied (or for all electrons, where they are fewer than the orbitals).

    Args:
        hamiltonian: Integrals over local orbitals; of delocalised ones all end up in one group.
        n_elec: Numbers of alpha and beta electrons.

    Returns:
        The open groups, each as ascending orbital numbers from 0, in the order of their first orbitals.

    Raises:
        InputError: The electrons do not fit.

    Example:
        >>> from kakehashi.problem import hubbard
        >>> find_centres(hubbard(3, u=4.0, n_elec=(2, 1)).hamiltonian, (2, 1))
        ((0,), (1,), (2,))
    """
    from scipy.sparse.csgraph import connected_components

    n = hamiltonian.n_orb
    n_electrons = sum(check_electrons(n_elec, n))
    repulsion = np.einsum("pppp->p", hamiltonian.two_body)
    size = np.sqrt(np.maximum(repulsion, 0.0))
    bound = np.einsum("pqpq->pq", hamiltonian.two_body) > EXCHANGE_RATIO * np.outer(size, size)
    count, member = connected_components(bound, directed=False)
    groups = [np.flatnonzero(member == group) for group in range(count)]
    strength = [float(repulsion[group].mean()) for group in groups]
    n_single = 2 * n - n_electrons if n_electrons >= n else n_electrons
    room, weakest = 0, np.inf
    for group in sorted(range(count), key=lambda g: -strength[g]):
        # Equivalent atoms are open together, also where fewer would have room enough.
        if room >= n_single and strength[group] < EQUAL_REPULSION * weakest:
            break
        room, weakest = room + len(groups[group]), strength[group]
    return tuple(
        tuple(int(p) for p in group) for group, power in zip(groups, strength, strict=True) if power >= weakest
    )


def spin_patterns(
    hamiltonian: Hamiltonian,
    n_elec: tuple[int, int],
    centres: Sequence[Sequence[int]],
    *,
    n_patterns: int = 64,
    rng: RngLike = None,
) -> tuple[tuple[bool, ...], ...]:
    """Which centres have their spin up, in the ways that suit the electron numbers best.

    All patterns are looked at, or for more than 16 centres random ones and those in which the centres that exchange
    most electrons alternate. Of two patterns that differ by turning every spin one is kept, where as many
    electrons are up as down.

    Args:
        hamiltonian: Integrals over local orbitals.
        n_elec: Numbers of alpha and beta electrons.
        centres: Groups of orbitals that hold parallel spins, such as :func:`find_centres` finds.
        n_patterns: Most patterns to return.
        rng: For the random ones.

    Returns:
        Patterns of one entry per centre, True for up. The first have opposite spins where electrons hop most: there
        superexchange ``4 t^2 / U`` gains most (P. W. Anderson, Phys. Rev. 115, 2 (1959),
        doi:10.1103/PhysRev.115.2).

    Raises:
        InputError: The electrons do not fit, the centres are no disjoint groups of orbitals, or no pattern is asked
            for.

    Example:
        >>> from kakehashi.problem import hubbard
        >>> problem = hubbard(4, u=4.0, n_elec=(2, 2))
        >>> spin_patterns(problem.hamiltonian, (2, 2), [[0], [1], [2], [3]], n_patterns=1)
        ((True, False, True, False),)
    """
    shells = Shells(hamiltonian, n_elec, centres)
    if n_patterns < 1:
        raise InputError(f"Argument `n_patterns` must be at least 1, but is {n_patterns}.")
    k = len(shells.centres)
    if k == 0:
        return ()
    coupling = _coupling(hamiltonian, shells)
    if 1 << k <= MOST_PATTERNS:
        candidates = np.array(list(product((True, False), repeat=k)))
    else:
        generator = as_generator(rng)
        # Alternating patterns are eigenvectors of the coupling; each order fills up with alpha until it is used up.
        orders = [
            *np.argsort(np.linalg.eigh(coupling)[1].T, axis=1),
            *(generator.permutation(k) for _ in range(n_patterns)),
        ]
        candidates = np.unique([shells.fill(order) for order in orders], axis=0)
    if n_elec[0] == n_elec[1]:
        candidates = np.unique(np.where(candidates[:, :1], candidates, ~candidates), axis=0)
    misfit = np.array([np.abs(shells.surplus(pattern)).sum() for pattern in candidates])
    candidates = candidates[misfit == misfit.min()]
    sign = np.where(candidates, 1.0, -1.0)
    gain = np.einsum("ia,ab,ib->i", sign, coupling, sign).round(9)
    order = np.lexsort((*(~candidates).T[::-1], gain))
    return tuple(tuple(bool(up) for up in candidates[i]) for i in order[:n_patterns])


def _coupling(hamiltonian: Hamiltonian, shells: Shells) -> Array:
    """Squared hopping between centres, summed over their orbitals, in the field of evenly spread electrons."""
    filling = float(shells.n_open.sum() + 2 * len(shells.closed)) / shells.n_orb
    coulomb = np.einsum("pqrr->pq", hamiltonian.two_body)
    exchange = np.einsum("prrq->pq", hamiltonian.two_body)
    hopping = (hamiltonian.one_body + filling * (coulomb - exchange / 2)) ** 2
    coupling = np.array([[hopping[np.ix_(a, b)].sum() for b in shells.centres] for a in shells.centres])
    np.fill_diagonal(coupling, 0.0)
    return coupling


class Shells:
    """Open centres among closed orbitals, and how many electrons are where.

    Args:
        hamiltonian: Integrals over local orbitals; only their number matters.
        n_elec: Numbers of alpha and beta electrons.
        centres: Groups of orbitals that hold parallel spins.

    Raises:
        InputError: The electrons do not fit, or the centres are no disjoint groups of orbitals.
    """

    def __init__(self, hamiltonian: Hamiltonian, n_elec: tuple[int, int], centres: Sequence[Sequence[int]]) -> None:
        n = hamiltonian.n_orb
        counts = np.array(check_electrons(n_elec, n))
        members = [p for centre in centres for p in centre]
        if len(set(members)) < len(members) or not set(members) <= set(range(n)) or not all(map(len, centres)):
            raise InputError(
                f"Argument `centres` must be groups of different orbitals from 0 to {n - 1}, but is "
                f"{[list(centre) for centre in centres]}."
            )
        self.centres = [np.array(centre, dtype=np.intp) for centre in centres]
        self.sizes = np.array([len(centre) for centre in centres], dtype=np.int64)
        # What is not open is full, or where electrons are fewer than orbitals, empty.
        self.closed = np.setdiff1d(np.arange(n), members) if counts.sum() >= n else np.array([], dtype=np.intp)
        self.n_open = counts - len(self.closed)
        self.n_orb = n

    def surplus(self, pattern: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Alpha and beta electrons beyond one in each orbital of a centre of that spin; negative where some lack."""
        beyond: NDArray[np.int64] = self.n_open - np.array([self.sizes[pattern].sum(), self.sizes[~pattern].sum()])
        return beyond

    def fill(self, order: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The pattern whose first centres in this order are up, as many as suit the number of alpha electrons."""
        filled = np.cumsum(self.sizes[order])
        n_up = int(np.argmin(np.abs(np.append(0, filled) - self.n_open[0])))
        pattern = np.zeros(len(order), dtype=np.bool_)
        pattern[order[:n_up]] = True
        return pattern

    def densities(self, pattern: NDArray[np.bool_], rng: np.random.Generator | None) -> Array:
        """Where to start: spread evenly, or with a generator, at random."""
        density = np.zeros((2, self.n_orb, self.n_orb))
        density[:, self.closed, self.closed] = 1.0
        surplus = self.surplus(pattern)
        for spin, up in enumerate((pattern, ~pattern)):
            own = [centre for centre, mine in zip(self.centres, up, strict=True) if mine]
            other = [centre for centre, mine in zip(self.centres, up, strict=True) if not mine]
            for centre in own:
                density[spin, centre, centre] = 1.0
            adding = bool(surplus[spin] > 0)
            places = other if adding else own
            room = sum(map(len, places))
            number = min(abs(int(surplus[spin])), room)
            if rng is None and room:
                for centre in places:
                    density[spin, centre, centre] += np.sign(surplus[spin]) * number / room
            elif rng is not None:
                for _ in range(number):
                    _move_one(density[spin], places, adding, rng)
        if rng is not None and not surplus.any():
            density = _turned(density, rng)
        return density


def _move_one(density: Array, places: Sequence[NDArray[np.intp]], adding: bool, rng: np.random.Generator) -> None:
    """Add or take away one electron in a random orbital of a random centre that has room for that."""
    room = [len(c) - density[c, c].sum() if adding else density[c, c].sum() for c in places]
    centre = places[int(rng.choice(np.flatnonzero(np.array(room) > 0.5)))]
    block = np.ix_(centre, centre)
    vector = rng.standard_normal(len(centre))
    vector = vector - density[block] @ vector if adding else density[block] @ vector
    vector /= np.linalg.norm(vector)
    density[block] += np.outer(vector, vector) if adding else -np.outer(vector, vector)


def _turned(densities: Array, rng: np.random.Generator) -> Array:
    """Densities of each spin in orbitals that are turned at random by some tenths."""
    from scipy.linalg import expm

    n = densities.shape[1]
    turned = np.empty_like(densities)
    for spin in range(2):
        kappa = rng.standard_normal((n, n)) * TURN / np.sqrt(n)
        rotation = expm(kappa - kappa.T)
        turned[spin] = rotation @ densities[spin] @ rotation.T
    return turned
