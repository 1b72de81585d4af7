"""Trimming: what weighs least leaves a space, so that better determinants have room.

A space that grew in stages holds determinants that mattered to an early state and no longer do. Dropping them and
growing again to the same size lowers the energy; TrimCI is a method built on it (arXiv:2511.14734).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.subspace.determinants import DeterminantSpace

__all__ = ["trim_space"]

Vector: TypeAlias = NDArray[np.float64]

EQUAL = 1e-6
"""Relative difference up to which weights count as the same: those of mirror images leave together or not at all."""


def trim_space(
    space: DeterminantSpace, coefficients: Vector, *, n_determinants: int
) -> tuple[DeterminantSpace, Vector]:
    """The determinants of largest weight in any of some states, as a space of their own.

    Args:
        space: The space; it stays as it is.
        coefficients: States in it, one a row, shape ``(n_roots, n)``.
        n_determinants: How many to keep; determinants as heavy as the last of these are kept as well.

    Returns:
        The new space, and the states in it, each with norm 1: a start for
        :func:`~kakehashi.subspace.select.grow`.

    Raises:
        InputError: The states are not those of the space, or nothing would be left.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> from kakehashi.subspace.select import grow
        >>> ring = hubbard(6, u=2.0, n_elec=(3, 3), basis="standing_wave")
        >>> space = DeterminantSpace(ring.hamiltonian)
        >>> space.append(lowest_string(3), lowest_string(3))
        1
        >>> *_, stage = grow(space, n_determinants=60, two_s=0)
        >>> smaller, start = trim_space(space, stage.coefficients, n_determinants=30)
        >>> *_, again = grow(smaller, n_determinants=60, two_s=0, start=start)
        >>> again.energies_hartree[0] < stage.energies_hartree[0] + 1e-6
        True
    """
    states = np.asarray(coefficients, dtype=np.float64)
    if states.ndim != 2 or states.shape[1] != len(space) or not len(states):
        raise InputError(f"Argument `coefficients` must have shape (n_roots, {len(space)}), but has {states.shape}.")
    if n_determinants < 1:
        raise InputError(f"Argument `n_determinants` must be positive, but is {n_determinants}.")
    weights = np.square(states).max(axis=0)
    least = 0.0
    if n_determinants < len(space):
        least = np.partition(weights, len(space) - n_determinants)[len(space) - n_determinants]
    kept = np.flatnonzero(weights >= (1 - EQUAL) * least)
    alpha, beta = space.strings()
    smaller = space.another()
    smaller.append(alpha[kept], beta[kept])
    left = states[:, kept]
    norms = np.linalg.norm(left, axis=1, keepdims=True)
    if (norms == 0).any():
        raise InputError("A state has no weight in the determinants that would be kept: keep more of them.")
    return smaller, left / norms
