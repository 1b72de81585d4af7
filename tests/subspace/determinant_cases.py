"""Spaces of determinants that several tests use: few orbitals, spread over one word or two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, pack_strings
from kakehashi.problem.model import Hamiltonian
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace


def embed(small: Hamiltonian, n_orb: int, orbitals: list[int]) -> Hamiltonian:
    """The same integrals over some orbitals of many; zero elsewhere."""
    h, g = np.zeros((n_orb,) * 2), np.zeros((n_orb,) * 4)
    h[np.ix_(orbitals, orbitals)] = small.one_body
    g[np.ix_(*[orbitals] * 4)] = small.two_body
    return Hamiltonian(one_body=h, two_body=g)


def embed_strings(strings: Strings, n_orb: int, orbitals: list[int]) -> Strings:
    occupied = np.zeros((len(strings), n_orb), dtype=np.bool_)
    for i, p in enumerate(orbitals):
        occupied[:, p] = (strings[:, 0] >> np.uint64(i)) & np.uint64(1)
    return pack_strings(occupied)


def random_determinants(n: int, n_orb: int, n_elec: tuple[int, int], seed: int) -> tuple[Strings, Strings]:
    """Distinct pairs of strings, without any structure."""
    sets = [all_strings(n_orb=n_orb, n_electrons=count) for count in n_elec]
    size = len(sets[0]) * len(sets[1])
    chosen = np.random.default_rng(seed).permutation(size)[:n]
    return sets[0][chosen // len(sets[1])], sets[1][chosen % len(sets[1])]


def mirrored(alpha: Strings, beta: Strings, *, adjacent: bool) -> tuple[Strings, Strings]:
    """The determinants with their mirror images, each behind its own or all behind the others."""
    n = len(alpha)
    order = np.arange(2 * n).reshape(2, n).T.ravel() if adjacent else np.arange(2 * n)
    rows = np.concatenate([np.concatenate([alpha, beta]), np.concatenate([beta, alpha])], axis=1)[order]
    _, first = np.unique(rows, axis=0, return_index=True)
    rows = rows[np.sort(first)]
    return np.ascontiguousarray(rows[:, :2]), np.ascontiguousarray(rows[:, 2:])


def make_space(
    hamiltonian: Hamiltonian, determinants: tuple[Strings, Strings], *, penalty: float = 0.0, n_threads: int = 1
) -> DeterminantSpace:
    space = DeterminantSpace(hamiltonian, spin_penalty_hartree=penalty, n_threads=n_threads)
    assert space.append(*determinants) == len(determinants[0])
    return space


def columns(space: DeterminantSpace) -> NDArray[np.float64]:
    return np.stack([space.apply(unit) for unit in np.eye(len(space))], axis=1)


def normalized(n: int, seed: int = 0) -> NDArray[np.float64]:
    c = np.random.default_rng(seed).normal(size=n)
    return c / np.linalg.norm(c)


CASES = {
    "narrow": (6, list(range(6)), (3, 3)),
    "unequal": (6, list(range(6)), (4, 2)),
    "no-beta": (6, list(range(6)), (3, 0)),
    "no-alpha": (6, list(range(6)), (0, 2)),
    "one-word-full": (64, [0, 7, 31, 32, 62, 63], (3, 2)),
    "two-words": (66, [0, 5, 62, 63, 64, 65], (3, 3)),
    "last-orbital": (128, [1, 60, 63, 64, 100, 127], (2, 3)),
}


def case(
    name: str, hamiltonians: dict[str, Hamiltonian], n: int, seed: int = 3
) -> tuple[Hamiltonian, tuple[Strings, Strings]]:
    n_orb, orbitals, n_elec = CASES[name]
    alpha, beta = random_determinants(n, 6, n_elec, seed)
    moved = embed_strings(alpha, n_orb, orbitals), embed_strings(beta, n_orb, orbitals)
    return hamiltonians[name], moved
