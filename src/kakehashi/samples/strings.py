"""The strings that a subspace is made of: drawn by weight among the samples, or carried over from a state.

A subspace is a product: every alpha string with every beta string. Where there are as many alpha as beta
electrons and no magnetic field, both spins should have the same strings, so that the subspace can hold states
of pure spin; :func:`combine_spins` makes them the same.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, rank_strings
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.samples.model import Configurations

__all__ = [
    "WeightedStrings",
    "carry_over",
    "combine_spins",
    "draw_strings",
    "strings_by_weight",
]

WeightedStrings: TypeAlias = tuple[Strings, NDArray[np.float64]]
"""Distinct strings of one spin, shape ``(n, 2)``, and their weights, shape ``(n,)``, heaviest first."""


def strings_by_weight(configurations: Configurations) -> tuple[WeightedStrings, WeightedStrings]:
    """The distinct strings of each spin and their marginal weights, heaviest first.

    Args:
        configurations: Configurations and their weights.

    Returns:
        Alpha strings with weights, beta strings with weights. The weights of each spin sum to 1; among equal
        weights, the lower string comes first.

    Example:
        >>> from kakehashi.samples.merge import merge_configurations
        >>> a = np.array([[1, 0], [2, 0], [2, 0]], dtype=np.uint64)
        >>> b = np.array([[1, 0], [1, 0], [2, 0]], dtype=np.uint64)
        >>> some = merge_configurations(a, b, np.array([2.0, 1.0, 3.0]), n_orb=2, n_elec=(1, 1))
        >>> (alpha, weights), _ = strings_by_weight(some)
        >>> alpha[:, 0], weights.round(3)
        (array([2, 1], dtype=uint64), array([0.667, 0.333]))
    """
    return (
        _sum_by_string(configurations.alpha, configurations.weights),
        _sum_by_string(configurations.beta, configurations.weights),
    )


def _sum_by_string(strings: Strings, weights: NDArray[np.float64]) -> WeightedStrings:
    if len(strings) == 0:
        return strings, weights
    order = rank_strings(strings)
    strings, weights = strings[order], weights[order]
    first = np.ones(len(strings), dtype=np.bool_)
    first[1:] = (strings[1:] != strings[:-1]).any(axis=1)
    totals = np.add.reduceat(weights, np.flatnonzero(first))
    heaviest = np.argsort(-totals, kind="stable")
    return np.ascontiguousarray(strings[first][heaviest]), totals[heaviest]


def combine_spins(alpha: WeightedStrings, beta: WeightedStrings) -> WeightedStrings:
    """Merge the strings of both spins into one set: the mean of their weights, heaviest first.

    Args:
        alpha: Alpha strings with weights.
        beta: Beta strings with weights; as many electrons as alpha.

    Returns:
        The strings that either spin has, with weights that sum to 1 if those of each spin do.

    Example:
        >>> one = np.array([[1, 0]], dtype=np.uint64), np.array([1.0])
        >>> two = np.array([[2, 0], [1, 0]], dtype=np.uint64), np.array([0.8, 0.2])
        >>> strings, weights = combine_spins(one, two)
        >>> strings[:, 0], weights
        (array([1, 2], dtype=uint64), array([0.6, 0.4]))
    """
    return _sum_by_string(np.concatenate([alpha[0], beta[0]]), np.concatenate([alpha[1], beta[1]]) / 2)


def draw_strings(pool: WeightedStrings, n: int, *, include: Strings | None = None, rng: RngLike = None) -> Strings:
    """Draw distinct strings by weight, without replacement, beside some that must be there.

    Args:
        pool: Strings to draw from and their weights.
        n: Most strings wanted.
        include: Strings that come first, in this order; repeated ones count once.
        rng: Generator or seed.

    Returns:
        At most ``n`` distinct strings, the included ones first.

    Raises:
        InputError: ``n`` is not positive.

    Example:
        >>> pool = np.array([[3, 0], [5, 0], [6, 0]], dtype=np.uint64), np.array([0.2, 0.7, 0.1])
        >>> draw_strings(pool, 2, include=np.array([[6, 0]], dtype=np.uint64), rng=7)[:, 0]
        array([6, 5], dtype=uint64)
    """
    if n < 1:
        raise InputError(f"Argument `n` must be positive, but is {n}.")
    strings, weights = pool
    order = np.argsort(as_generator(rng).standard_exponential(len(strings)) / weights, kind="stable")
    candidates = strings[order] if include is None else np.concatenate([include, strings[order]])
    ranked = rank_strings(candidates)  # stable: of equal strings, the one that comes first is ranked first
    first = np.ones(len(ranked), dtype=np.bool_)
    first[1:] = (candidates[ranked][1:] != candidates[ranked][:-1]).any(axis=1)
    return np.ascontiguousarray(candidates[np.sort(ranked[first])[:n]])


def carry_over(
    strings: Strings, weights: NDArray[np.float64], *, keep: int | None = None, threshold: float = 0.0
) -> Strings:
    """The strings that matter most in a state, for the subspace of the next turn.

    Args:
        strings: Strings of one spin, shape ``(n, 2)``.
        weights: Their weight in the state, the sum of ``|c|^2`` over the other spin's strings, shape ``(n,)``.
        keep: Most strings to keep; all where it is None.
        threshold: Least weight to keep.

    Returns:
        The strings kept, heaviest first.

    Raises:
        InputError: There are not as many weights as strings, or ``keep`` is negative.

    Example:
        >>> strings = np.array([[3, 0], [5, 0], [6, 0]], dtype=np.uint64)
        >>> carry_over(strings, np.array([0.1, 0.7, 0.2]), keep=2)[:, 0]
        array([5, 6], dtype=uint64)
        >>> carry_over(strings, np.array([0.1, 0.7, 0.2]), threshold=0.5)[:, 0]
        array([5], dtype=uint64)
    """
    if len(weights) != len(strings):
        raise InputError(f"Argument `weights` must have shape ({len(strings)},), but has {np.shape(weights)}.")
    if keep is not None and keep < 0:
        raise InputError(f"Argument `keep` must not be negative, but is {keep}.")
    heaviest = np.argsort(-weights, kind="stable")
    heaviest = heaviest[weights[heaviest] >= threshold][:keep]
    return np.ascontiguousarray(strings[heaviest])
