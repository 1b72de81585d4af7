"""Uniformly random strings with the right number of electrons: the control of every run.

A run's energy says something about its sampler only beside the energy of a subspace of the same size whose
strings nobody sampled.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, count_electrons, pack_strings, rank_strings, unique_strings
from kakehashi.core.errors import InputError
from kakehashi.core.resources import require_memory
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.samples.merge import check_sector

__all__ = ["all_strings", "random_configurations", "random_strings"]

CHUNK = 65_536
"""Strings drawn at once: bounds the memory for random keys to 64 MiB at 128 orbitals."""


def all_strings(*, n_orb: int, n_electrons: int) -> Strings:
    """Every string of ``n_electrons`` electrons in ``n_orb`` orbitals, ascending.

    Args:
        n_orb: Number of spatial orbitals.
        n_electrons: Number of electrons of one spin.

    Returns:
        Shape ``(binomial(n_orb, n_electrons), 2)``.

    Raises:
        InputError: The electrons do not fit into the orbitals.
        ResourceError: There are more strings than memory holds.

    Example:
        >>> all_strings(n_orb=4, n_electrons=2)[:, 0]
        array([ 3,  5,  6,  9, 10, 12], dtype=uint64)
    """
    check_sector(n_orb=n_orb, n_elec=(n_electrons, n_electrons))
    require_memory(
        48 * math.comb(n_orb, n_electrons),
        f"The list of all strings of {n_electrons} electrons in {n_orb} orbitals",
        remedy="ask for fewer strings",
    )
    # Strings of k electrons in p + 1 orbitals: those in p orbitals, then those of k - 1 with orbital p filled.
    by_count = [np.zeros((0, 2), dtype=np.uint64) for _ in range(n_electrons + 1)]
    by_count[0] = np.zeros((1, 2), dtype=np.uint64)
    for orbital in range(n_orb):
        bit = np.zeros(2, dtype=np.uint64)
        bit[orbital // 64] = np.uint64(1) << np.uint64(orbital % 64)
        # With too few orbitals left, a short string can no longer reach n_electrons.
        least = max(1, n_electrons - (n_orb - orbital - 1))
        for k in range(n_electrons, least - 1, -1):
            by_count[k] = np.concatenate([by_count[k], by_count[k - 1] | bit])
    return by_count[n_electrons]


def random_strings(
    n: int, *, n_orb: int, n_electrons: int, rng: RngLike = None, include: Strings | None = None
) -> Strings:
    """Draw distinct strings, uniformly among all with ``n_electrons`` electrons.

    Args:
        n: Number of strings wanted.
        n_orb: Number of spatial orbitals.
        n_electrons: Number of electrons of one spin.
        rng: Generator or seed.
        include: Strings that must be among them, such as the Hartree-Fock string; they count towards ``n``.

    Returns:
        ``n`` strings, or all there are if there are fewer: the included ones first, then the drawn ones in
        random order, so that a shorter head of the array is a random draw as well.

    Raises:
        InputError: ``n`` is negative or smaller than the number of included strings; an included string has
            another number of electrons or orbitals, or comes twice; the electrons do not fit.

    Example:
        >>> strings = random_strings(3, n_orb=36, n_electrons=27, rng=7)
        >>> len(unique_strings(strings)), count_electrons(strings)
        (3, array([27, 27, 27]))
    """
    check_sector(n_orb=n_orb, n_elec=(n_electrons, n_electrons))
    included = _checked_include(include, n_orb=n_orb, n_electrons=n_electrons)
    if n < len(included):
        raise InputError(f"Argument `n` must be at least {len(included)} (`include` has so many), but is {n}.")
    generator = as_generator(rng)
    n_all = math.comb(n_orb, n_electrons)
    if 2 * n > n_all:
        # Draws with repetition would hardly ever find the last ones; the full list is at most twice the answer.
        others = _without(all_strings(n_orb=n_orb, n_electrons=n_electrons), included)
    else:
        others = np.zeros((0, 2), dtype=np.uint64)
        while len(others) < n - len(included):
            # Enough for what is missing even when a share of the draws repeats known strings.
            n_draws = min(CHUNK, (n - len(included) - len(others)) * 5 // 4 + 16)
            drawn = _draw_strings(n_draws, n_orb=n_orb, n_electrons=n_electrons, rng=generator)
            others = _without(unique_strings(np.concatenate([others, drawn])), included)
    # Any subset of a set of distinct uniform draws is uniform too, if it is picked without looking.
    picked = generator.permutation(len(others))[: n - len(included)]
    return np.concatenate([included, others[picked]])


def random_configurations(
    n: int, *, n_orb: int, n_elec: tuple[int, int], rng: RngLike = None
) -> tuple[Strings, Strings]:
    """Draw distinct pairs of strings, uniformly among all with the right numbers of electrons.

    Args:
        n: Number of pairs wanted.
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.
        rng: Generator or seed.

    Returns:
        Alpha strings and beta strings, each of shape ``(n, 2)``, or of all there are if there are fewer; in random
        order.

    Raises:
        InputError: ``n`` is negative; the electrons do not fit into the orbitals.
        ResourceError: There are more strings than memory holds.

    Example:
        >>> alpha, beta = random_configurations(100, n_orb=36, n_elec=(27, 27), rng=7)
        >>> len(alpha), len(random_configurations(100, n_orb=3, n_elec=(1, 1), rng=7)[0])
        (100, 9)
    """
    check_sector(n_orb=n_orb, n_elec=n_elec)
    if n < 0:
        raise InputError(f"Argument `n` must not be negative, but is {n}.")
    generator = as_generator(rng)
    n_alpha, n_beta = (math.comb(n_orb, count) for count in n_elec)
    if 2 * n > n_alpha * n_beta:
        # As with strings: the last ones would hardly ever be drawn.
        alpha, beta = (all_strings(n_orb=n_orb, n_electrons=count) for count in n_elec)
        chosen = generator.permutation(n_alpha * n_beta)[:n]
        return alpha[chosen // n_beta], beta[chosen % n_beta]
    pairs = np.zeros((0, 4), dtype=np.uint64)
    while len(pairs) < n:
        n_draws = min(CHUNK, (n - len(pairs)) * 5 // 4 + 16)
        drawn = [_draw_strings(n_draws, n_orb=n_orb, n_electrons=count, rng=generator) for count in n_elec]
        pairs = np.unique(np.concatenate([pairs, np.concatenate(drawn, axis=1)]), axis=0)
    picked = pairs[generator.permutation(len(pairs))[:n]]
    return np.ascontiguousarray(picked[:, :2]), np.ascontiguousarray(picked[:, 2:])


def _checked_include(include: Strings | None, *, n_orb: int, n_electrons: int) -> Strings:
    if include is None:
        return np.zeros((0, 2), dtype=np.uint64)
    inside = pack_strings(np.ones((1, n_orb), dtype=np.bool_))
    if (count_electrons(include) != n_electrons).any() or (include & ~inside).any():
        raise InputError(f"Argument `include` must hold strings of {n_electrons} electrons in {n_orb} orbitals.")
    if len(unique_strings(include)) != len(include):
        raise InputError("Argument `include` must hold each string once.")
    return include


def _draw_strings(n: int, *, n_orb: int, n_electrons: int, rng: np.random.Generator) -> Strings:
    """Independent uniform strings: the orbitals with the lowest of random keys are filled."""
    occupations = np.zeros((n, n_orb), dtype=np.bool_)
    if n_electrons:
        keys = rng.random((n, n_orb))
        filled = np.argpartition(keys, n_electrons - 1, axis=1)[:, :n_electrons]
        np.put_along_axis(occupations, filled, values=True, axis=1)
    return pack_strings(occupations)


def _without(strings: Strings, excluded: Strings) -> Strings:
    """The rows of ``strings`` (distinct) that are not among ``excluded`` (distinct), ascending."""
    if len(excluded) == 0:
        return strings
    both = np.concatenate([strings, excluded])
    order = rank_strings(both)
    ordered = both[order]
    twice = np.zeros(len(both), dtype=np.bool_)
    same: NDArray[np.bool_] = (ordered[1:] == ordered[:-1]).all(axis=1)
    twice[1:] |= same
    twice[:-1] |= same
    return np.ascontiguousarray(ordered[~twice & (order < len(strings))])
