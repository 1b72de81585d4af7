"""From rows with repetitions to distinct configurations: every other file of this room ends here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.errors import InputError
from kakehashi.samples.model import Configurations

__all__ = ["check_sector", "merge_configurations"]


def check_sector(*, n_orb: int, n_elec: tuple[int, int]) -> None:
    """Refuse electron numbers that do not fit into the orbitals.

    Args:
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.

    Raises:
        InputError: One of the numbers is below 0 or above ``n_orb``.

    Example:
        >>> check_sector(n_orb=2, n_elec=(1, 3))
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: 3 beta electrons do not fit into 2 orbitals; there must be 0 to 2.
    """
    for spin, count in zip(("alpha", "beta"), n_elec, strict=True):
        if not 0 <= count <= n_orb:
            raise InputError(f"{count} {spin} electrons do not fit into {n_orb} orbitals; there must be 0 to {n_orb}.")


def merge_configurations(
    alpha: Strings,
    beta: Strings,
    weights: NDArray[np.float64],
    *,
    n_orb: int,
    n_elec: tuple[int, int],
) -> Configurations:
    """Merge equal rows, adding their weights, and scale the weights to sum to 1.

    Args:
        alpha: Alpha strings, shape ``(n, 2)``, dtype uint64; rows may repeat.
        beta: Beta strings, the same shape and dtype.
        weights: Shape ``(n,)``, positive, in any unit (counts, probabilities).
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons; every row must have them.

    Returns:
        Distinct configurations, ascending by the number that ``[beta | alpha]`` writes.

    Raises:
        InputError: A row has another number of electrons, or a weight is not positive.

    Example:
        >>> a = np.array([[2, 0], [1, 0], [2, 0]], dtype=np.uint64)
        >>> b = np.array([[1, 0], [1, 0], [1, 0]], dtype=np.uint64)
        >>> merged = merge_configurations(a, b, np.array([1.0, 2.0, 1.0]), n_orb=2, n_elec=(1, 1))
        >>> merged.alpha[:, 0], merged.weights
        (array([1, 2], dtype=uint64), array([0.5, 0.5]))
    """
    weights = np.asarray(weights, dtype=np.float64)
    if len(weights) == 0:
        nothing = np.zeros((0, 2), dtype=np.uint64)
        return Configurations(alpha=nothing, beta=nothing, weights=weights, n_orb=n_orb, n_elec=n_elec)
    order = _rank_rows(alpha, beta, n_orb)
    alpha, beta, weights = alpha[order], beta[order], weights[order]
    first = np.ones(len(weights), dtype=np.bool_)
    first[1:] = (alpha[1:] != alpha[:-1]).any(axis=1) | (beta[1:] != beta[:-1]).any(axis=1)
    totals = np.add.reduceat(weights, np.flatnonzero(first))
    return Configurations(
        alpha=np.ascontiguousarray(alpha[first]),
        beta=np.ascontiguousarray(beta[first]),
        weights=totals / totals.sum(),
        n_orb=n_orb,
        n_elec=n_elec,
    )


def _rank_rows(alpha: Strings, beta: Strings, n_orb: int) -> NDArray[np.intp]:
    """Order by ``[beta | alpha]``; one sort of one word where both spins fit into it."""
    if 2 * n_orb <= 64:
        return np.argsort(alpha[:, 0] | (beta[:, 0] << np.uint64(n_orb)))
    keys = [alpha[:, 0], beta[:, 0]] if n_orb <= 64 else [alpha[:, 0], alpha[:, 1], beta[:, 0], beta[:, 1]]
    return np.lexsort(keys)
