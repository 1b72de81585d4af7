"""Privacy amplification: a short key of which nothing is known from a long one of which something is."""

from __future__ import annotations

import secrets

import numpy as np

from kakehashi import _native
from kakehashi.core.errors import InputError
from kakehashi.core.resources import n_processors, require_memory
from kakehashi.qkd.bits import Bits

__all__ = ["amplify", "draw_seed", "n_seed_bits", "require_block_memory"]

MOST_OUT = 1 << 37
"""Bits of the longest transform."""


def n_seed_bits(n: int) -> int:
    """Bits of the seed that hashes a key of ``n`` bits, whatever the length of the result.

    Example:
        >>> n_seed_bits(100_000_000)
        99999999
    """
    return max(n - 1, 0)


def draw_seed(n: int) -> Bits:
    """A fresh seed for a key of ``n`` bits, from the operating system's source of randomness.

    It is drawn when both ends hold their corrected keys, sent in the open under the tag of the exchange, and used for
    one block only: whoever knows the seed of a block before its photons are measured may choose an attack that suits
    it.

    Raises:
        InputError: ``n`` is negative.

    Example:
        >>> draw_seed(9)
        Bits(n=8)
    """
    if n < 0:
        raise InputError(f"A key cannot have {n} bits.")
    n_bits = n_seed_bits(n)
    data = np.frombuffer(bytearray(secrets.token_bytes((n_bits + 7) // 8)), dtype=np.uint8)
    if n_bits % 8:
        data[-1] &= (1 << n_bits % 8) - 1
    return Bits(data, n_bits)


def require_block_memory(n: int, n_out: int, *, n_threads: int | None = None) -> None:
    """Refuse a block that could not be amplified here, before a link starts to gather it.

    Args:
        n: Bits of corrected key.
        n_out: Bits wanted of it.
        n_threads: As for :func:`amplify`.

    Raises:
        InputError: More than 2^37 bits are wanted, for which no transform is made.
        ResourceError: Memory does not suffice. A block takes three to four times the next power of two of its bits.

    Example:
        >>> require_block_memory(1_000_000, 250_000)
    """
    if n_out > MOST_OUT:
        raise InputError(f"A block can be amplified to {MOST_OUT} bits at most, not to {n_out}.")
    threads = n_processors() if n_threads is None else n_threads
    require_memory(
        _native.toeplitz_bytes(n, n_out, _native.plan_toeplitz(n, n_out), threads),
        f"Amplifying a block of {n} bits",
        remedy="distil smaller blocks",
    )


def amplify(key: Bits, seed: Bits, n_out: int, *, n_threads: int | None = None) -> Bits:
    r"""Hash a key to ``n_out`` bits with the modified Toeplitz hash that ``seed`` names.

    With ``n`` bits of key :math:`x`, :math:`n - 1` of seed :math:`s` and :math:`m` of result :math:`y`,

    .. math:: y_i = x_i + \sum_{j=0}^{n-m-1} s_{\,i - j + n - m - 1}\; x_{m + j} \pmod 2, \qquad 0 \le i < m .

    That is :math:`y = [\,I \mid T\,]\, x`, where the Toeplitz matrix :math:`T` has :math:`m` rows and :math:`n - m`
    columns, its upper right corner is :math:`s_0`, its upper left corner :math:`s_{n-m-1}` and its lower left corner
    :math:`s_{n-2}`. All seed bits are used, whatever ``n_out``.

    The family is two-universal: two keys collide with probability at most :math:`2^{-m}`, as
    docs/explanations/amplification.md proves. So the leftover hash lemma holds as it stands, and the hash adds no
    failure to what the bound on the key's length has charged.

    Time grows as :math:`n \log n`; below some ten thousand bits, products are taken word by word. The time does not
    depend on the bits.

    Args:
        key: Corrected and verified bits.
        seed: As from :func:`draw_seed`: public, uniform, and independent of the key.
        n_out: Bits wanted, at most as many as the key has; a :class:`~kakehashi.qkd.security.model.KeyLength` says
            how many are safe.
        n_threads: Threads to use; all processors by default.

    Returns:
        ``n_out`` bits.

    Raises:
        InputError: The seed does not have ``n - 1`` bits, or the result would be longer than the key.
        ResourceError: Memory does not suffice, see :func:`require_block_memory`.

    Source:
        Hayashi and Tsurumaru, arXiv:1311.5322 (the family); Li et al., arXiv:1803.11301 (the transform, which is used
        here transposed).

    Example:
        >>> import numpy as np
        >>> key, seed = Bits.pack(np.array([1, 0, 1, 1])), Bits.pack(np.array([1, 1, 0]))
        >>> [int(bit) for bit in amplify(key, seed, 2).unpack()]  # T = [[s1, s0], [s2, s1]]
        [1, 1]
    """
    if not 0 <= n_out <= key.n:
        raise InputError(f"A key of {key.n} bits cannot be amplified to {n_out}: that must be 0 to {key.n}.")
    if seed.n != n_seed_bits(key.n):
        raise InputError(f"A key of {key.n} bits takes a seed of {n_seed_bits(key.n)}, but `seed` has {seed.n}.")
    if n_threads is not None and n_threads < 1:
        raise InputError(f"`n_threads` must be positive, but is {n_threads}.")
    out = np.zeros((n_out + 7) // 8, dtype=np.uint8)
    if n_out == 0:
        return Bits(out, 0)
    threads = n_processors() if n_threads is None else n_threads
    require_block_memory(key.n, n_out, n_threads=threads)
    plan = _native.plan_toeplitz(key.n, n_out)
    _native.toeplitz_into_buffer(
        np.ascontiguousarray(key.data), np.ascontiguousarray(seed.data), key.n, out, n_out, plan, threads
    )
    return Bits(out, n_out)
