"""The stock of key that tags are made with: one string for each direction, of which no bit is used twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits

__all__ = ["PadState", "Pads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PadState:
    """All that a stock must keep through a restart.

    Attributes:
        own: Bits for this end's tags that are left, and where the first of them lies since the link was set up.
        own_position: As said.
        other: Bits for the other end's tags, likewise.
        other_position: Likewise.
        held: By block, bits that wait for the other end to say that it has made the block too: own, other.
    """

    own: Bits
    own_position: int
    other: Bits
    other_position: int
    held: Mapping[str, tuple[Bits, Bits]] = field(default_factory=dict)


class Pads:
    """Pads of one end.

    Bits that a block adds are *held* until both ends are known to have made the block; the two ends' stocks would
    differ otherwise, and no tag would ever be right again.

    Args:
        state: What there is.

    Example:
        >>> key = Bits.from_bytes(bytes(range(16)))
        >>> here = Pads(PadState(own=key, own_position=0, other=key, other_position=0))
        >>> position, pad = here.take(20)
        >>> position, pad, here.n_own
        (0, Bits(n=20), 108)
    """

    def __init__(self, state: PadState) -> None:
        self._own, self._own_position = state.own, state.own_position
        self._other, self._other_position = state.other, state.other_position
        self._held = dict(state.held)

    @classmethod
    def from_secret(cls, secret: Bits, *, is_sender: bool) -> Pads:
        """Stock from a secret that both ends were given: the first half is for the sender's tags.

        Raises:
            InputError: The secret has fewer than 512 bits.
        """
        if secret.n < 512:
            raise InputError(f"A link needs at least 512 bits of secret to begin with, but got {secret.n}.")
        half = secret.n // 2
        first, second = secret.slice(0, half), secret.slice(half, half)
        own, other = (first, second) if is_sender else (second, first)
        return cls(PadState(own=own, own_position=0, other=other, other_position=0))

    @property
    def state(self) -> PadState:
        """What must be kept before a tag made from it leaves this end."""
        return PadState(
            own=self._own,
            own_position=self._own_position,
            other=self._other,
            other_position=self._other_position,
            held=dict(self._held),
        )

    @property
    def n_own(self) -> int:
        """Bits left for this end's tags."""
        return self._own.n

    @property
    def n_other(self) -> int:
        """Bits left for the other end's tags."""
        return self._other.n

    def take(self, n: int) -> tuple[int, Bits]:
        """Take the next ``n`` bits for a tag of this end, and say where they lay.

        Raises:
            DistillationError: There are not so many: the link stops and must be given a new secret.
        """
        if n > self._own.n:
            raise DistillationError(
                f"The stock of key for tags is used up: {self._own.n} bits are left and a tag takes {n}. "
                "Give both ends a new secret.",
                fault="local",
            )
        position, pad = self._own_position, self._own.slice(0, n)
        self._own, self._own_position = self._own.slice(n, self._own.n - n), position + n
        return position, pad

    def take_other(self, position: int, n: int) -> Bits:
        """Take the pad of a tag of the other end.

        Bits before ``position`` are thrown away with it: the other end used them for tags that were lost.

        Raises:
            DistillationError: The pad was used before, or is not in stock.
        """
        skipped = position - self._other_position
        if skipped < 0:
            raise DistillationError("The other end sent a tag made with a pad that was used before.")
        if skipped + n > self._other.n:
            raise DistillationError("The other end sent a tag made with a pad that is not in stock.")
        pad = self._other.slice(skipped, n)
        self._other = self._other.slice(skipped + n, self._other.n - skipped - n)
        self._other_position = position + n
        return pad

    def hold(self, block_id: str, own: Bits, other: Bits) -> None:
        """Put bits of a block aside."""
        self._held[block_id] = (own, other)

    def release(self, block_id: str) -> None:
        """Add what was held for a block to the stock: both ends have made it."""
        own, other = self._held.pop(block_id)
        self._own = Bits.concatenate([self._own, own])
        self._other = Bits.concatenate([self._other, other])

    def forget(self, block_id: str) -> None:
        """Throw away what was held for a block that only this end has made."""
        self._held.pop(block_id, None)

    @property
    def held(self) -> frozenset[str]:
        """Blocks for which bits are held."""
        return frozenset(self._held)
