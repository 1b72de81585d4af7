"""Orbitals that are combinations of given ones: natural orbitals, and the most local ones of a subspace.

Integrals over new orbitals come from :meth:`kakehashi.problem.Hamiltonian.rotate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.core.errors import InputError
from kakehashi.problem.model import SYMMETRY_TOLERANCE

__all__ = ["NaturalOrbitals", "local_basis", "natural_orbitals", "with_fixed_signs"]

Array = NDArray[np.float64]

SYMMETRY_MIXING = 1e-6
"""A density element that symmetry forbids and that is larger than this is no rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NaturalOrbitals:
    """Eigenvectors of a one-body density.

    Attributes:
        occupations: Eigenvalues, descending, shape ``(n_orb,)``.
        rotation: Orthogonal matrix, shape ``(n_orb, n_orb)``; column ``j`` is natural orbital ``j``.
        orbital_symmetry: Irreducible representation of each natural orbital, or empty where none was given.
    """

    occupations: Array
    rotation: Array
    orbital_symmetry: tuple[int, ...] = ()


def natural_orbitals(one_density: ArrayLike, *, orbital_symmetry: Sequence[int] = ()) -> NaturalOrbitals:
    """Natural orbitals of a density (P.-O. Lowdin, Phys. Rev. 97, 1474 (1955), doi:10.1103/PhysRev.97.1474).

    Args:
        one_density: ``<a+_p a_q>``, spin-summed or of one spin, shape ``(n_orb, n_orb)``, symmetric.
        orbital_symmetry: Irreducible representation of each orbital, such as :class:`~kakehashi.problem.Problem`
            holds; orbitals of different ones are not mixed, also where their occupations are equal.

    Returns:
        The orbitals, the most occupied first, with the largest component of each positive.

    Raises:
        InputError: The density is no real symmetric matrix, has no such symmetry, or the labels are not one each.

    Example:
        >>> natural = natural_orbitals([[1.0, 0.8], [0.8, 1.0]])
        >>> natural.occupations.round(6).tolist(), natural.rotation.round(4).tolist()
        ([1.8, 0.2], [[0.7071, 0.7071], [0.7071, -0.7071]])
    """
    density = np.asarray(one_density)
    n = density.shape[0] if density.ndim else 0
    if density.shape != (n, n) or n == 0 or np.iscomplexobj(density):
        raise InputError(
            f"Argument `one_density` must be a real matrix of shape (n_orb, n_orb), but has {density.shape} "
            f"and dtype {density.dtype}."
        )
    density = density.astype(np.float64, copy=False)
    if not np.isfinite(density).all() or np.abs(density - density.T).max() > SYMMETRY_TOLERANCE:
        raise InputError("Argument `one_density` must be symmetric and hold finite numbers only.")
    labels = np.array(orbital_symmetry if len(orbital_symmetry) else (1,) * n)
    if labels.shape != (n,):
        raise InputError(f"Argument `orbital_symmetry` must have {n} entries, but has {len(orbital_symmetry)}.")
    mixing = np.abs(np.where(labels[:, None] == labels, 0.0, density))
    if mixing.max() > SYMMETRY_MIXING:
        p, q = np.unravel_index(int(mixing.argmax()), mixing.shape)
        raise InputError(
            f"Argument `one_density` mixes orbitals {p + 1} and {q + 1} (counted from 1) of different "
            f"`orbital_symmetry` by {mixing.max():.1e}; leave the symmetry out."
        )
    occupations, rotation, numbers = np.empty(n), np.zeros((n, n)), np.empty(n, dtype=np.int64)
    start = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        block = slice(start, start + len(members))
        occupations[block], rotation[members, block] = np.linalg.eigh(density[np.ix_(members, members)])
        numbers[block] = label
        start += len(members)
    # Rounded: rounding must not decide which of two equally occupied orbitals is the first.
    order = np.argsort(-occupations.round(10), kind="stable")
    return NaturalOrbitals(
        occupations=occupations[order],
        rotation=with_fixed_signs(rotation[:, order]),
        orbital_symmetry=tuple(numbers[order].tolist()) if len(orbital_symmetry) else (),
    )


def with_fixed_signs(orbitals: Array) -> Array:
    """Make the largest component of each orbital positive.

    Of components that symmetry makes equally large the first counts: otherwise rounding would choose.

    Args:
        orbitals: Columns are orbitals, shape ``(n, n_orb)``.

    Example:
        >>> with_fixed_signs(np.array([[-0.8, 0.6], [0.6, 0.8]]))
        array([[ 0.8,  0.6],
               [-0.6,  0.8]])
    """
    size = np.abs(orbitals)
    first = np.argmax(size > 0.99 * size.max(axis=0), axis=0)
    signs: Array = np.sign(orbitals[first, np.arange(orbitals.shape[1])])
    return orbitals * signs


def local_basis(orbitals: Array) -> Array:
    """Orthonormal orbitals of the same subspace that are as local as the functions they are combinations of.

    Pivoted Cholesky decomposition of the projector onto the subspace: each new orbital holds all that is left of
    one function. No iteration, and no dependence on which orbitals were given. Source: F. Aquilante and others,
    J. Chem. Phys. 125, 174101 (2006), doi:10.1063/1.2360264.

    Args:
        orbitals: Orthonormal columns, shape ``(n, n_orb)``.

    Returns:
        Shape ``(n, n_orb)``, in the order of the functions.

    Example:
        >>> np.abs(local_basis(np.array([[0.6, 0.8], [0.8, -0.6], [0.0, 0.0]]))).round(6)
        array([[1., 0.],
               [0., 1.],
               [0., 0.]])
    """
    projector = orbitals @ orbitals.T
    local = np.zeros_like(orbitals)
    pivots = []
    for k in range(orbitals.shape[1]):
        left = projector.diagonal()
        pivots.append(int(np.argmax(left > (1 - 1e-6) * left.max())))  # the first of equal ones
        local[:, k] = projector[:, pivots[-1]] / np.sqrt(left[pivots[-1]])
        projector = projector - np.outer(local[:, k], local[:, k])
    # Each step loses some digits; the nearest orthonormal set has them all.
    left_vectors, _, right_vectors = np.linalg.svd(local, full_matrices=False)
    nearest: Array = left_vectors @ right_vectors
    return nearest[:, np.argsort(pivots)]
