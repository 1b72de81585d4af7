"""The stock of key that tags are made with: one for each direction, filled up from the blocks that are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.authenticate import HASH_KEY_BITS, TagKey, Transcript, tag_bits

__all__ = ["MAX_TRANSCRIPT_BYTES", "Direction", "Stock", "StockState"]

MAX_TRANSCRIPT_BYTES = 1 << 32
"""Most that one tag covers: what is said in one direction for the largest block, several times over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What must be kept of one direction through a restart.

    Attributes:
        point: 128 secret bits at which transcripts are hashed.
        pads: Pads that are left.
        first_left: Number of the first of them.
        failure: Sum of the failure probabilities so far.
    """

    point: Bits
    pads: Bits
    first_left: int
    failure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StockState:
    """All that a stock must keep through a restart.

    Attributes:
        own: This end's direction.
        other: The other end's.
        held: By block, bits that wait until both ends are known to have made the block: own, other, failure.
    """

    own: Direction
    other: Direction
    held: Mapping[str, tuple[Bits, Bits, float]] = field(default_factory=dict)


class Stock:
    """Points and pads of one end.

    Bits that a block adds are *held* until both ends are known to have made the block; the two ends' stocks would
    differ otherwise, and no tag would ever be right again.

    Args:
        state: What there is.
        forgery: Probability with which a changed transcript may pass.
        max_failure: Sum of all failures at which the link must be given a new secret.

    Example:
        >>> secret = Bits.from_bytes(bytes(range(256)))
        >>> here, there = (Stock.from_secret(secret, is_sender=is_sender, forgery=1e-12) for is_sender in (True, False))
        >>> said, heard = here.listen_to_own(b"hello"), there.listen_to_other(b"hello")
        >>> index, tag = here.sign(said)
        >>> there.check(heard, index, tag), here.n_own, there.n_other
        (True, 12, 12)
    """

    def __init__(self, state: StockState, *, forgery: float, max_failure: float = 1e-6) -> None:
        self.n_bits = tag_bits(MAX_TRANSCRIPT_BYTES, forgery)
        self._own, self._other = (
            TagKey.resume(
                kept.point,
                kept.pads,
                first_left=kept.first_left,
                n_bits=self.n_bits,
                max_failure=max_failure,
                failure=kept.failure,
            )
            for kept in (state.own, state.other)
        )
        self._held = dict(state.held)

    @classmethod
    def from_secret(cls, secret: Bits, *, is_sender: bool, forgery: float, max_failure: float = 1e-6) -> Stock:
        """A stock from a secret that both ends were given.

        Raises:
            InputError: The secret is too short for two points and four tags each way.
        """
        n_bits = tag_bits(MAX_TRANSCRIPT_BYTES, forgery)
        least = 2 * (HASH_KEY_BITS + 4 * n_bits)
        if secret.n < least:
            raise InputError(f"A link needs a secret of at least {least} bits to begin with, but got {secret.n}.")
        half = secret.n // 2
        n_pad_bits = (half - HASH_KEY_BITS) // n_bits * n_bits
        first, second = (
            Direction(
                point=secret.slice(at, HASH_KEY_BITS),
                pads=secret.slice(at + HASH_KEY_BITS, n_pad_bits),
                first_left=0,
                failure=0.0,
            )
            for at in (0, half)
        )
        own, other = (first, second) if is_sender else (second, first)
        return cls(StockState(own=own, other=other), forgery=forgery, max_failure=max_failure)

    @property
    def state(self) -> StockState:
        """What must be kept before a tag leaves that was made from it."""
        own, other = (
            Direction(point=key.point, pads=key.pads_left(), first_left=key.first_left, failure=key.failure)
            for key in (self._own, self._other)
        )
        return StockState(own=own, other=other, held=dict(self._held))

    @property
    def n_own(self) -> int:
        """Tags that this end can still make."""
        return self._own.n_left

    @property
    def n_other(self) -> int:
        """Tags of the other end that can still be checked."""
        return self._other.n_left

    @property
    def failure(self) -> float:
        """Probability that any tag so far was forged, or that a pad was known."""
        return self._own.failure + self._other.failure

    def listen_to_own(self, context: bytes) -> Transcript:
        """A transcript of what this end says."""
        return Transcript(self._own, context)

    def listen_to_other(self, context: bytes) -> Transcript:
        """A transcript of what the other end says."""
        return Transcript(self._other, context)

    def sign(self, transcript: Transcript) -> tuple[int, Bits]:
        """A tag of this end, and the number of its pad.

        Raises:
            DistillationError: There is no pad left: the link stops and must be given a new secret.
        """
        if self._own.n_left == 0:
            raise DistillationError("The stock of key for tags is used up. Give both ends a new secret.", fault="local")
        index = self._own.first_left
        return index, self._own.tag(transcript, index)

    def check(self, transcript: Transcript, index: int, tag: Bits) -> bool:
        """Whether a tag of the other end is right. If it is, its pad is spent, and earlier ones are gone with it.

        A wrong one takes no pad: it names its pad itself, so that one message from anybody on the wire could empty the
        stock.

        Raises:
            DistillationError: The pad was used before or is not in stock.
        """
        if not self._other.has(index):
            raise DistillationError(f"The other end sent a tag with pad {index}, which was used or is not there.")
        if not self._other.check(transcript, index, tag):
            return False
        self._other.drop_before(index)
        return True

    def hold(self, block_id: str, own: Bits, other: Bits, failure: float) -> None:
        """Put bits of a block aside, whole pads for each direction.

        Args:
            block_id: The block.
            own: Pads for this end's tags.
            other: Pads for the other end's.
            failure: Of the block alone: what came before it is in :attr:`failure` already.
        """
        self._held[block_id] = (own, other, failure)

    def release(self, block_id: str) -> None:
        """Add what was held for a block: both ends have made it."""
        own, other, failure = self._held.pop(block_id)
        for key, pads in ((self._own, own), (self._other, other)):
            if pads.n:
                key.add_pads(pads, failure=failure)

    def forget(self, block_id: str) -> None:
        """Throw away what was held for a block that only this end has made."""
        self._held.pop(block_id, None)

    @property
    def held(self) -> frozenset[str]:
        """Blocks for which bits are held."""
        return frozenset(self._held)
