"""Slow twins of the kernels over GF(2), on Python's integers: the oracles of the tests.

Bit ``i`` of a string is bit ``i`` of its integer, that is, the coefficient of :math:`x^i`.
"""

from __future__ import annotations

from kakehashi.qkd.bits import Bits

__all__ = ["amplify_slow", "multiply_slow", "pick_slow", "polynomial_hash_slow"]

POLYVAL_MODULUS = 1 << 128 | 1 << 127 | 1 << 126 | 1 << 121 | 1


def multiply_slow(a: int, b: int) -> int:
    """Product of two polynomials over GF(2).

    Example:
        >>> bin(multiply_slow(0b11, 0b11))
        '0b101'
    """
    product = 0
    while b:
        lowest = b & -b
        product ^= a * lowest
        b ^= lowest
    return product


def amplify_slow(key: Bits, seed: Bits, n_out: int) -> Bits:
    """As :func:`~kakehashi.qkd.distill.amplify.amplify`, as coefficients of one product of polynomials.

    Example:
        >>> amplify_slow(Bits.from_bytes(b"ab"), Bits.from_bytes(b"cd").slice(0, 15), 3)
        Bits(n=3)
    """
    x, s = int.from_bytes(key.to_bytes(), "little"), int.from_bytes(seed.to_bytes(), "little")
    first = max(key.n - n_out - 1, 0)
    y = (x ^ multiply_slow(s, x >> n_out) >> first) & ((1 << n_out) - 1)
    return Bits.from_bytes(y.to_bytes((n_out + 7) // 8, "little")).slice(0, n_out)


def polynomial_hash_slow(hash_key: bytes, blocks: bytes) -> bytes:
    """POLYVAL of RFC 8452: block ``j`` of ``s``, counted from 0, times the key to the power ``s - j``, summed.

    Args:
        hash_key: 16 bytes.
        blocks: A multiple of 16 bytes.

    Example:
        >>> polynomial_hash_slow(bytes(16), bytes(32)) == bytes(16)
        True
    """
    h, total = int.from_bytes(hash_key, "little"), 0
    for first in range(0, len(blocks), 16):
        total = multiply_slow(total ^ int.from_bytes(blocks[first : first + 16], "little"), h)
        for _ in range(128):  # times x^-128, one place at a time
            total = (total ^ POLYVAL_MODULUS if total & 1 else total) >> 1
    return total.to_bytes(16, "little")


def pick_slow(bits: Bits, mask: Bits) -> Bits:
    """As :func:`~kakehashi.qkd.distill.planes.pick`.

    Example:
        >>> pick_slow(Bits.from_bytes(b"a"), Bits.from_bytes(bytes([3])))
        Bits(n=2)
    """
    return Bits.pack(bits.unpack()[mask.unpack().astype(bool)])
