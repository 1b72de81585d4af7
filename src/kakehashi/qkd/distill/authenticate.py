r"""Tags of Wegman and Carter: what makes a public channel one between two ends that know each other.

A message of :math:`L` blocks of 128 bits is hashed to the value of a polynomial whose coefficients are the blocks, at
the secret point :math:`H` of GF(2^128); the first :math:`t` bits of the value, added to :math:`t` bits of a one-time
pad, are the tag.

**One tag.** Take two different messages, the longer of :math:`L` blocks, and put blocks of 0 before the shorter. The
last block holds the length, so the difference of the two polynomials is not 0; its degree is at most :math:`L` and
its constant term is 0. Hence for every :math:`\delta` at most :math:`L` of the :math:`2^{128}` points make the two
values differ by just :math:`\delta`. Cut to :math:`t` bits, a difference has :math:`2^{128-t}` preimages, for the cut
is linear: the two cut values differ by a given one with probability at most

.. math:: 2^{128-t} \cdot L\, 2^{-128} = L\, 2^{-t} .

The pad makes a tag uniform and independent of :math:`H`, so seeing one tells nothing about the point, and whoever
changes a message and its tag must guess such a difference: :math:`L\,2^{-t}` bounds a forger's chance.

**Many tags.** The point is kept and every tag takes a new pad. As no tag tells of the point, a forger's attempts are
fixed in advance by what he is told otherwise, and he is told "no" until the first success: the chances add. An answer
"no" does tell that a point is not among :math:`L\,2^{128-t}`, which is why a point does not last for ever; that keys
can be kept like this, composably, with one :math:`L\,2^{-t}` charged for each tag, is shown in Portmann,
arXiv:1202.1229.

**Pads that are keys themselves** are perfect but for the failure probability of the block that they came from. What
is learned of a pad is learned of the point (Abidin and Larsson, arXiv:1109.5168): so that probability is charged too,
when the pad is added, and the point must be replaced when the sum has reached a limit.
"""

from __future__ import annotations

import hmac
import math
import struct

import numpy as np

from kakehashi import _native
from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits

__all__ = ["HASH_KEY_BITS", "TagKey", "Transcript", "forgery_bound", "tag_bits"]

HASH_KEY_BITS = 128
"""Bits of the secret point of a polynomial hash."""

BLOCK = 16
LENGTH_BYTES = 8

GATHERED = 4096
"""Bytes that are hashed together: error correction has hundreds of messages of some bytes."""


def n_blocks(n_bytes: int) -> int:
    """Blocks that ``n_bytes`` are hashed as, that of the length included."""
    return (n_bytes + BLOCK - 1) // BLOCK + 1


def forgery_bound(n_bytes: int, n_bits: int) -> float:
    """Probability bound of a forgery for a transcript of ``n_bytes`` and a tag of ``n_bits``.

    Example:
        >>> f"{forgery_bound(125_000, 53):.2e}"
        '8.68e-13'
    """
    return math.ldexp(n_blocks(n_bytes), -n_bits)


def tag_bits(n_bytes: int, failure: float) -> int:
    """Bits that a tag needs so that a transcript of ``n_bytes`` is forged with probability ``failure`` at most.

    Raises:
        InputError: No tag of 128 bits or less does that.

    Example:
        >>> tag_bits(125_000, 1e-12)  # a message of a million bits
        53
    """
    if n_bytes < 0 or not 0 < failure < 1:
        raise InputError(f"A tag for {n_bytes} bytes with failure probability {failure} makes no sense.")
    for n_bits in range(1, HASH_KEY_BITS + 1):
        if forgery_bound(n_bytes, n_bits) <= failure:
            return n_bits
    raise InputError(f"No tag of {HASH_KEY_BITS} bits keeps forgeries of {n_bytes} bytes below {failure}.")


class Transcript:
    """What went one way, hashed as it goes.

    Each message is preceded by its length in 8 bytes, so that the limits between messages are part of what is hashed.

    Args:
        key: The key whose point is used.
        context: What the transcript is of, such as the two names, the direction and the number of the block; it is
            hashed as the first message.

    Example:
        >>> key = TagKey(Bits.from_bytes(bytes(range(16))), Bits.from_bytes(bytes(16)), n_bits=64, max_failure=1e-9)
        >>> transcript = Transcript(key, b"alice to bob, block 1")
        >>> transcript.update(b"bases")
        >>> transcript.n_bytes
        42
    """

    __slots__ = ("_hash", "_key", "_rest", "n_bytes")

    n_bytes: int
    """Bytes hashed so far, lengths of messages included."""

    def __init__(self, key: TagKey, context: bytes) -> None:
        self._key = key
        self._hash: _native.Polynomial | None = key.start()
        self._rest = bytearray()
        self.n_bytes = 0
        self.update(context)

    def update(self, message: bytes) -> None:
        """One more message.

        Raises:
            DistillationError: The transcript has its tag already.
        """
        if self._hash is None:
            raise DistillationError("A transcript that has its tag takes no more messages.", fault="local")
        self._rest += struct.pack("<Q", len(message))
        self.n_bytes += LENGTH_BYTES + len(message)
        if len(message) >= GATHERED:  # a long message is hashed where it lies
            at = -len(self._rest) % BLOCK
            whole = (len(message) - at) // BLOCK * BLOCK
            self._rest += message[:at]
            self._hash.extend(np.frombuffer(self._rest, np.uint8))
            self._hash.extend(np.frombuffer(message, np.uint8, whole, at))
            self._rest = bytearray(message[at + whole :])
            return
        self._rest += message
        if len(self._rest) >= GATHERED:
            whole = len(self._rest) // BLOCK * BLOCK
            self._hash.extend(np.frombuffer(self._rest, np.uint8, whole))
            del self._rest[:whole]

    def finish(self, key: TagKey) -> Bits:
        """The value of the polynomial, for the key that asks for it; nothing can be added afterwards.

        Raises:
            DistillationError: It was asked for before, or belongs to another key.
        """
        if key is not self._key:
            raise DistillationError("A transcript belongs to the key that it was started with.", fault="local")
        if self._hash is None:
            raise DistillationError("A transcript gets one tag only.", fault="local")
        polynomial, self._hash = self._hash, None
        last = bytes(self._rest) + bytes(-len(self._rest) % BLOCK) + struct.pack("<QQ", 8 * self.n_bytes, 0)
        polynomial.extend(np.frombuffer(last, dtype=np.uint8))
        self._rest = bytearray()
        return Bits.from_bytes(polynomial.value())

    def __repr__(self) -> str:
        return f"Transcript(n_bytes={self.n_bytes})"


class TagKey:
    """A secret point and a supply of pads, for tags in one direction.

    Both ends hold the same. Tag ``i`` takes bits ``i n_bits`` to ``(i + 1) n_bits`` of the pads; the two ends name it
    by its number, so that a tag which is lost on the way takes no other out of step. A pad is erased when it is used.

    Args:
        point: 128 secret bits.
        pads: Secret bits, a multiple of ``n_bits``; may be empty.
        n_bits: Bits of each tag, see :func:`tag_bits`.
        max_failure: What the failures of all tags and pads may sum to before the point must be replaced.
        failure: Failure probability of the secret bits given here.

    Raises:
        InputError: A length or a probability is wrong.

    Example:
        >>> point, pads = Bits.from_bytes(bytes(range(16))), Bits.from_bytes(bytes(16))
        >>> alice, bob = (TagKey(point, pads, n_bits=64, max_failure=1e-9) for _ in range(2))
        >>> sent, received = (Transcript(key, b"alice to bob") for key in (alice, bob))
        >>> sent.update(b"bases")
        >>> received.update(b"bases")
        >>> bob.check(received, 0, alice.tag(sent, 0))
        True
        >>> alice.n_used_bits, f"{alice.failure:.1e}"
        (64, '2.2e-19')
    """

    __slots__ = ("_n_pads", "_pads", "_point", "_used", "failure", "max_failure", "n_bits")

    failure: float
    """Sum of the failure probabilities so far: of each tag, and of the secret bits that were put in."""

    def __init__(self, point: Bits, pads: Bits, *, n_bits: int, max_failure: float, failure: float = 0.0) -> None:
        if point.n != HASH_KEY_BITS:
            raise InputError(f"The point of a polynomial hash has {HASH_KEY_BITS} bits, but {point.n} were given.")
        if not 1 <= n_bits <= HASH_KEY_BITS:
            raise InputError(f"A tag has 1 to {HASH_KEY_BITS} bits, but `n_bits` is {n_bits}.")
        if not 0 < max_failure < 1:
            raise InputError(f"`max_failure` must lie between 0 and 1, but is {max_failure}.")
        self._point = point
        self._pads: dict[int, Bits] = {}
        self._n_pads = 0
        self._used = 0
        self.n_bits = n_bits
        self.max_failure = max_failure
        self.failure = 0.0
        self.add_pads(pads, failure=failure)

    @property
    def n_left(self) -> int:
        """Tags for which there are pads."""
        return len(self._pads)

    @property
    def n_used_bits(self) -> int:
        """Bits of pad that were used: what :attr:`kakehashi.qkd.keys.model.Account.AUTHENTICATION` is charged."""
        return self._used * self.n_bits

    def tags_of_life(self, n_bytes: int) -> int:
        """How many more transcripts of ``n_bytes`` the point may serve, with perfect pads, however many there are.

        Example:
            >>> key = TagKey(Bits.from_bytes(bytes(16)), Bits.from_bytes(b""), n_bits=64, max_failure=1e-12)
            >>> key.tags_of_life(1_000_000)
            295
        """
        left = (self.max_failure - self.failure) / forgery_bound(n_bytes, self.n_bits)
        return max(int(left * (1 - 1e-12)), 0)

    def add_pads(self, pads: Bits, *, failure: float = 0.0) -> None:
        """Put in more pads; they follow those there are.

        Args:
            pads: Secret bits, a multiple of :attr:`n_bits`.
            failure: Failure probability of the block of key that they came from.

        Raises:
            InputError: Their number or the probability is wrong.
        """
        if pads.n % self.n_bits or not 0 <= failure < 1:
            raise InputError(f"Pads come in multiples of {self.n_bits} bits with a failure probability from 0 to 1.")
        for first in range(0, pads.n, self.n_bits):
            self._pads[self._n_pads] = pads.slice(first, self.n_bits)
            self._n_pads += 1
        self.failure += failure

    def tag(self, transcript: Transcript, index: int) -> Bits:
        """The tag of a transcript, with pad number ``index``.

        Raises:
            DistillationError: The pad was used or is not there, or the point has served its time.
        """
        tag = self._expect(transcript, index)
        self._erase(index)
        return tag

    def check(self, transcript: Transcript, index: int, tag: Bits) -> bool:
        """Whether ``tag`` is that of the transcript. Either way the chance of a forgery is charged.

        The pad is used up if the tag is right. After a wrong one it stays: whoever guesses again has a chance like the
        first one, whichever pad he names.

        The time does not depend on where two tags differ.

        Raises:
            DistillationError: As for :meth:`tag`.
        """
        expected = self._expect(transcript, index)
        is_right = tag.n == expected.n and hmac.compare_digest(tag.to_bytes(), expected.to_bytes())
        if is_right:
            self._erase(index)
        return is_right

    def has(self, index: int) -> bool:
        """Whether pad ``index`` is there."""
        return index in self._pads

    def drop_before(self, index: int) -> None:
        """Throw away the pads before ``index``: their tags were lost on the way."""
        for earlier in [i for i in self._pads if i < index]:
            del self._pads[earlier]

    @property
    def first_left(self) -> int:
        """Number of the first pad that is left, or of the next one that will be put in."""
        return min(self._pads, default=self._n_pads)

    def pads_left(self) -> Bits:
        """The pads from :attr:`first_left` on, in order: what must be kept through a restart, as secret as any key.

        Example:
            >>> key = TagKey(Bits.from_bytes(bytes(16)), Bits.from_bytes(bytes(24)), n_bits=64, max_failure=1e-9)
            >>> _ = key.tag(Transcript(key, b""), 0)
            >>> key.first_left, key.pads_left()
            (1, Bits(n=128))
        """
        return Bits.concatenate(self._pads[i] for i in sorted(self._pads))

    @property
    def point(self) -> Bits:
        """The secret point."""
        return self._point

    @classmethod
    def resume(
        cls, point: Bits, pads: Bits, *, first_left: int, n_bits: int, max_failure: float, failure: float
    ) -> TagKey:
        """A key as it was: ``pads`` begin with pad ``first_left``, and ``failure`` is the sum so far."""
        key = cls(point, Bits.from_bytes(b""), n_bits=n_bits, max_failure=max_failure)
        key._n_pads = first_left
        key._used = first_left
        key.add_pads(pads, failure=failure)
        return key

    def start(self) -> _native.Polynomial:
        """A polynomial without blocks at the secret point, for a transcript."""
        return _native.Polynomial(np.ascontiguousarray(self._point.data))

    def _expect(self, transcript: Transcript, index: int) -> Bits:
        """The right tag; it is charged, and its pad stays."""
        if index not in self._pads:
            gone = 0 <= index < self._n_pads
            why = "has been used, and must not be used twice" if gone else "is not there; put in more key"
            raise DistillationError(f"Pad {index} {why}.", fault="local")
        bound = forgery_bound(transcript.n_bytes, self.n_bits)
        if self.failure + bound > self.max_failure:
            raise DistillationError(
                f"The failures of this key's tags would exceed {self.max_failure:.3g}; replace its point.",
                fault="local",
            )
        value = transcript.finish(self).slice(0, self.n_bits)
        self.failure += bound
        return value ^ self._pads[index]

    def _erase(self, index: int) -> None:
        pad = self._pads.pop(index)
        self._used += 1
        if pad.data.flags.writeable:
            pad.data[:] = 0

    def __repr__(self) -> str:
        return f"TagKey(n_bits={self.n_bits}, n_left={self.n_left}, failure={self.failure:.3g})"
