"""What an end of a link tells whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.security.model import KeyLength

__all__ = ["Event", "GivenUp", "Made", "Restarted", "Retracted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A block of key.

    Attributes:
        block_id: 32 hexadecimal digits, the same at both ends.
        key: The bits that are for users.
        n_tag_bits: Bits of the secret that were set aside for tags, before ``key``.
        account: What became of the block's sifted bits; ``account.secret`` is ``key.n + n_tag_bits``.
        length: How the length was computed.
        qber: Error rate of the key basis, found by correction.
        failure: What the key carries.
    """

    block_id: str
    key: Bits
    n_tag_bits: int
    account: Distilled
    length: KeyLength
    qber: float
    failure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A block that gave no key.

    Attributes:
        reason: One sentence.
        account: What became of its sifted bits.
        qber: Error rate of the test basis, where this end knows it.
        is_alarm: Whether somebody should look at the link: errors as of an eavesdropper, a tag that was wrong.
    """

    reason: str
    account: Distilled
    qber: float | None = None
    is_alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retracted:
    """A block that only this end has made: it must not be used.

    Attributes:
        block_id: The block.
    """

    block_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """The two ends began anew; what was sifted and not yet key is lost.

    Attributes:
        reason: One sentence.
        is_alarm: As in :class:`GivenUp`.
    """

    reason: str
    is_alarm: bool


Event: TypeAlias = Made | GivenUp | Retracted | Restarted
