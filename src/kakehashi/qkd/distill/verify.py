r"""Error verification: do two ends hold the same bits? A short hash under a fresh public key says so.

The hash is that of :mod:`~kakehashi.qkd.distill.authenticate`, at a point that is drawn when both strings are fixed,
and sent with the hash. Two different strings of :math:`n` bits then have the same first :math:`t` bits with probability
at most :math:`L\,2^{-t}`, :math:`L = \lceil n / 128 \rceil + 1`. Here the point is no secret, and there is no pad: what
is sent discloses :math:`t` bits about the string, and whether it fits, which the other end answers in the open, is one
more. :class:`~kakehashi.qkd.distill.session.Session` charges them, with what is said beside the hash.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from dataclasses import dataclass

import numpy as np

from kakehashi import _native
from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.authenticate import BLOCK, HASH_KEY_BITS, tag_bits

__all__ = ["Fingerprint", "fingerprint", "matches", "verification_bits"]


def verification_bits(n: int, failure: float) -> int:
    """Bits of a hash that finds two strings of ``n`` bits different, if they are, but with probability ``failure``.

    Raises:
        InputError: No hash of 128 bits or less does that.

    Example:
        >>> verification_bits(100_000_000, 1e-15)
        70
    """
    return tag_bits((n + 7) // 8, failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What one end sends and the other compares; nothing of it is secret.

    Attributes:
        n: Bits of the string.
        point: 16 random bytes, at which the polynomial was taken.
        value: First bits of its value there.
    """

    n: int
    point: bytes
    value: Bits

    def __post_init__(self) -> None:
        if self.n < 0 or len(self.point) * 8 != HASH_KEY_BITS or not 1 <= self.value.n <= HASH_KEY_BITS:
            raise InputError(f"A fingerprint has a point of {HASH_KEY_BITS} bits and a value of no more.")


def _hash(bits: Bits, point: bytes) -> Bits:
    polynomial = _native.Polynomial(np.frombuffer(point, dtype=np.uint8))
    data = np.ascontiguousarray(bits.data)
    whole = len(data) // BLOCK * BLOCK
    polynomial.extend(data[:whole])
    rest = data[whole:].tobytes()
    last = rest + bytes(-len(rest) % BLOCK) + struct.pack("<QQ", bits.n, 0)
    polynomial.extend(np.frombuffer(last, dtype=np.uint8))
    return Bits.from_bytes(polynomial.value())


def fingerprint(bits: Bits, *, failure: float) -> Fingerprint:
    """Hash a string at a fresh random point.

    Args:
        bits: The string after correction, which must not change any more.
        failure: Probability with which another string of the same length may go unnoticed.

    Raises:
        InputError: No hash of 128 bits or less does that.

    Example:
        >>> one = fingerprint(Bits.from_bytes(b"corrected"), failure=1e-15)
        >>> matches(Bits.from_bytes(b"corrected"), one, failure=1e-15)
        True
    """
    n_bits = verification_bits(bits.n, failure)
    point = secrets.token_bytes(HASH_KEY_BITS // 8)
    return Fingerprint(n=bits.n, point=point, value=_hash(bits, point).slice(0, n_bits))


def matches(bits: Bits, other: Fingerprint, *, failure: float) -> bool:
    """Whether a string is the one that was hashed, but for probability ``failure``.

    Raises:
        DistillationError: The other end hashed another number of bits, or sent fewer bits of hash than agreed.

    Example:
        >>> other = fingerprint(Bits.from_bytes(b"corrected"), failure=1e-15)
        >>> matches(Bits.from_bytes(b"cornected"), other, failure=1e-15)
        False
    """
    if other.n != bits.n:
        raise DistillationError(f"The other end verifies a string of {other.n} bits, and this one has {bits.n}.")
    n_bits = verification_bits(bits.n, failure)
    if other.value.n != n_bits:
        raise DistillationError(f"Verification takes a hash of {n_bits} bits, but the other end sent {other.value.n}.")
    return hmac.compare_digest(_hash(bits, other.point).slice(0, n_bits).to_bytes(), other.value.to_bytes())
