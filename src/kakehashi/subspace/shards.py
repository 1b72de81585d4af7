"""Which rank holds a determinant, and one rank's determinants as a single block of bytes on the way to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, count_electrons
from kakehashi.subspace.determinants import DeterminantSpace

__all__ = ["Shard", "owners_of", "pack_pairs", "pack_shard", "shard_strings", "unpack_pairs", "unpack_shard"]

Shard: TypeAlias = tuple[Strings, Strings, NDArray[np.int32], NDArray[np.int32]]
"""Distinct alpha strings, distinct beta strings, and of each determinant the numbers of its two among them. Where it
stands for pairs of mirror images, both lists of strings are the same one, and determinants are one of each two."""


def owners_of(alpha: Strings, beta: Strings, n_ranks: int, *, n_parts: int = 1) -> NDArray[np.int64]:
    """The rank that holds each determinant.

    A hash of its alpha string names it. With as many alpha as beta electrons, it is a hash of the higher of the two
    strings, so that mirror images (spins exchanged) lie on the same rank. The higher string of a determinant is mostly
    one with few determinants, so that those of the Hartree-Fock string, the lowest, lie on all ranks.

    Args:
        alpha: Alpha strings, shape ``(n, 2)``, uint64.
        beta: Beta strings.
        n_ranks: Number of ranks.
        n_parts: On how many ranks the determinants with one such string may lie.

    Example:
        >>> strings = np.array([[3, 0], [5, 0], [6, 0]], dtype=np.uint64)
        >>> owners_of(strings, strings, 2).tolist()
        [0, 0, 0]
    """
    below = (alpha[:, 1] < beta[:, 1]) | ((alpha[:, 1] == beta[:, 1]) & (alpha[:, 0] < beta[:, 0]))
    exchanged = (below & (count_electrons(alpha) == count_electrons(beta)))[:, None]
    mixed = _hash(np.where(exchanged, beta, alpha))
    if n_parts > 1:
        mixed = mixed + _hash(np.where(exchanged, alpha, beta)) % np.uint64(n_parts)
    owners: NDArray[np.int64] = (mixed % np.uint64(n_ranks)).astype(np.int64)
    return owners


def _hash(strings: Strings) -> NDArray[np.uint64]:
    mixed = strings[:, 1] * np.uint64(0x9E3779B97F4A7C15) ^ strings[:, 0]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    hashed: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return hashed


def pack_shard(space: DeterminantSpace) -> NDArray[np.uint8]:
    """A space's determinants: 8 bytes each and 16 for each distinct string.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> space = DeterminantSpace(hubbard(2, u=4.0, n_elec=(1, 1)).hamiltonian)
        >>> space.append(lowest_string(1), lowest_string(1))
        1
        >>> shard = unpack_shard(pack_shard(space), np.array([1, 1, 1]))
        >>> [part.tolist() for part in shard]
        [[[1, 0]], [[1, 0]], [0], [0]]
    """
    blocks = space.native.blocks
    sizes = np.array([len(space), blocks.n_alphas, blocks.n_betas])
    buffer = np.empty(16 * int(sizes[1] + sizes[2]) + 8 * int(sizes[0]), dtype=np.uint8)
    blocks.copy_shard(*unpack_shard(buffer, sizes))
    return buffer


def unpack_shard(buffer: NDArray[np.uint8], sizes: Sequence[int] | NDArray[np.int64]) -> Shard:
    """The parts of a packed shard, in place.

    Args:
        buffer: As :func:`pack_shard` gives it.
        sizes: Numbers of determinants, alpha strings and beta strings.
    """
    n, n_alphas, n_betas = (int(size) for size in sizes)
    middle, end = 16 * n_alphas, 16 * (n_alphas + n_betas)
    numbers = buffer[end:].view(np.int32)
    return (
        buffer[:middle].view(np.uint64).reshape(-1, 2),
        buffer[middle:end].view(np.uint64).reshape(-1, 2),
        numbers[:n],
        numbers[n:],
    )


def pack_pairs(space: DeterminantSpace) -> NDArray[np.uint8]:
    """One of each two mirror images of a space that has all of them: 8 bytes each and 16 for each distinct string.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> space = DeterminantSpace(hubbard(2, u=4.0, n_elec=(1, 1)).hamiltonian)
        >>> ends = lowest_string(1) * np.array([[1], [2]], dtype=np.uint64)
        >>> space.append(ends, ends[::-1])
        2
        >>> [part.tolist() for part in unpack_pairs(pack_pairs(space), 1, 2)]
        [[[1, 0], [2, 0]], [[1, 0], [2, 0]], [1], [0]]
    """
    n_pairs, n_strings = space.native.n_pairs, space.native.blocks.n_alphas
    buffer = np.empty(16 * n_strings + 8 * n_pairs, dtype=np.uint8)
    strings, _, alpha, beta = unpack_pairs(buffer, n_pairs, n_strings)
    space.native.blocks.copy_pairs(strings, alpha, beta)
    return buffer


def unpack_pairs(buffer: NDArray[np.uint8], n_pairs: int, n_strings: int) -> Shard:
    """The parts of packed pairs, in place."""
    strings, _, alpha, beta = unpack_shard(buffer, (n_pairs, n_strings, 0))
    return strings, strings, alpha, beta


def shard_strings(shard: Shard) -> tuple[Strings, Strings]:
    """Alpha and beta strings of all determinants of a shard, each of shape ``(n, 2)``."""
    alphas, betas, alpha, beta = shard
    return alphas[alpha], betas[beta]
