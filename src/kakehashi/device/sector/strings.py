"""Strings of one spin: which orbitals each occupies, and their amplitudes in a determinant of other orbitals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["occupations", "slater_amplitudes"]


def occupations(n_orb: int, n: int) -> NDArray[np.float64]:
    """Whether each orbital is occupied in each string of ``n`` electrons.

    Args:
        n_orb: Number of orbitals.
        n: Number of electrons.

    Returns:
        Shape ``(n_strings, n_orb)``, 0.0 or 1.0; strings in ascending order.

    Example:
        >>> occupations(3, 2).astype(int).tolist()
        [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    from pyscf.fci import cistring

    filled = np.zeros((math.comb(n_orb, n), n_orb))
    if n:
        np.put_along_axis(filled, np.asarray(cistring.gen_occslst(range(n_orb), n)), 1.0, axis=1)
    return filled


def slater_amplitudes(rotation: NDArray[np.complex128], n: int) -> NDArray[np.complex128]:
    """Amplitudes of all strings in the determinant of the lowest ``n`` orbitals after a rotation.

    Args:
        rotation: Column ``j`` is what orbital ``j`` becomes, shape ``(n_orb, n_orb)``.
        n: Number of electrons.

    Returns:
        Minors of the rotation, shape ``(n_strings,)``; strings in ascending order.

    Example:
        >>> slater_amplitudes(np.eye(3, dtype=np.complex128), 2).real
        array([1., 0., 0.])
    """
    from pyscf.fci import cistring

    if n == 0:
        return np.ones(1, dtype=np.complex128)
    occupied = np.asarray(cistring.gen_occslst(range(len(rotation)), n))
    minors: NDArray[np.complex128] = np.linalg.det(rotation[occupied][:, :, :n])
    return minors
