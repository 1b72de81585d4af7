"""Occupation strings as bits: the one place where the project's bit order is turned into numbers.

The convention is stated in ``docs/formats/bits.md``: orbital 0 is the lowest bit, and the occupation of up
to 128 orbitals by electrons of one spin is two 64-bit words, low word first. An array of strings therefore
has shape ``(n, 2)`` and dtype ``uint64``. A shot over both spins is ``[beta | alpha]``: qubit ``p`` is
alpha orbital ``p`` and qubit ``n_orb + p`` is beta orbital ``p``.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = [
    "MAX_ORBITALS",
    "Strings",
    "count_electrons",
    "lowest_string",
    "pack_strings",
    "rank_strings",
    "unique_strings",
    "unpack_strings",
]

MAX_ORBITALS = 128
"""Number of spatial orbitals that one string can hold."""

Strings: TypeAlias = NDArray[np.uint64]
"""Occupation strings: shape ``(n, 2)``, dtype uint64, low word first."""


def pack_strings(occupations: NDArray[np.bool_]) -> Strings:
    """Pack occupations into strings.

    Args:
        occupations: Shape ``(n, n_orb)``, dtype bool; column ``p`` is orbital ``p``.

    Returns:
        Strings of shape ``(n, 2)``.

    Raises:
        InputError: There are more than 128 orbitals.

    Example:
        >>> pack_strings(np.array([[True, True, False]]))
        array([[3, 0]], dtype=uint64)
    """
    n, n_orb = occupations.shape
    if n_orb > MAX_ORBITALS:
        raise InputError(f"At most {MAX_ORBITALS} orbitals are supported, but there are {n_orb}.")
    padded = np.zeros((n, MAX_ORBITALS), dtype=np.uint8)
    padded[:, :n_orb] = occupations
    packed = np.packbits(padded, axis=1, bitorder="little")
    return packed.view("<u8").astype(np.uint64, copy=False).reshape(n, 2)


def unpack_strings(strings: Strings, n_orb: int) -> NDArray[np.bool_]:
    """Unpack strings into occupations: the inverse of :func:`pack_strings`.

    Args:
        strings: Shape ``(n, 2)``.
        n_orb: Number of spatial orbitals.

    Returns:
        Occupations of shape ``(n, n_orb)``, dtype bool.

    Example:
        >>> unpack_strings(np.array([[5, 0]], dtype=np.uint64), 4).astype(int)
        array([[1, 0, 1, 0]])
    """
    octets = np.ascontiguousarray(strings.astype("<u8", copy=False)).view(np.uint8)
    bits = np.unpackbits(octets.reshape(len(strings), 16), axis=1, bitorder="little", count=n_orb)
    return bits.astype(np.bool_)


def count_electrons(strings: Strings) -> NDArray[np.int64]:
    """Number of occupied orbitals of each string, shape ``(n,)``.

    Example:
        >>> count_electrons(np.array([[7, 1]], dtype=np.uint64))
        array([4])
    """
    counts: NDArray[np.int64] = np.bitwise_count(strings).sum(axis=1, dtype=np.int64)
    return counts


def rank_strings(strings: Strings) -> NDArray[np.intp]:
    """Order that sorts strings by their value as 128-bit integers.

    Example:
        >>> rank_strings(np.array([[1, 1], [9, 0]], dtype=np.uint64))
        array([1, 0])
    """
    order: NDArray[np.intp] = np.lexsort((strings[:, 0], strings[:, 1]))
    return order


def unique_strings(strings: Strings) -> Strings:
    """The distinct strings, ascending by their value as 128-bit integers.

    Example:
        >>> unique_strings(np.array([[5, 0], [3, 0], [5, 0]], dtype=np.uint64))
        array([[3, 0],
               [5, 0]], dtype=uint64)
    """
    if len(strings) == 0:
        return strings.reshape(0, 2)
    ordered = strings[rank_strings(strings)]
    keep = np.ones(len(ordered), dtype=np.bool_)
    keep[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.ascontiguousarray(ordered[keep])


def lowest_string(n_electrons: int) -> Strings:
    """The string with the ``n_electrons`` lowest orbitals occupied, shape ``(1, 2)``.

    Raises:
        InputError: The number is negative or above 128.

    Example:
        >>> lowest_string(3)
        array([[7, 0]], dtype=uint64)
    """
    if not 0 <= n_electrons <= MAX_ORBITALS:
        raise InputError(f"Argument `n_electrons` must be 0 to {MAX_ORBITALS}, but is {n_electrons}.")
    occupied = np.zeros((1, MAX_ORBITALS), dtype=np.bool_)
    occupied[0, :n_electrons] = True
    return pack_strings(occupied)
