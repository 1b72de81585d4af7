"""Blocks of key, and the accounts to which every bit belongs."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kakehashi.qkd.bits import Bits

__all__ = ["NO_PROOF", "Account", "KeyBlock", "Origin"]

Origin: TypeAlias = Literal["distilled", "relayed"]

NO_PROOF = "trial"
"""In place of the name of a proof, for bits that no link has made."""


class Account(enum.StrEnum):
    """Where a bit can have gone. A sifted bit is in exactly one of them at any time."""

    ESTIMATION = "estimation"
    """Disclosed to count errors."""
    CORRECTION = "correction"
    """Paid for what error correction disclosed."""
    VERIFICATION = "verification"
    """Paid for the hash that compares the two ends."""
    AMPLIFICATION = "amplification"
    """Given up, so that nothing is known of the rest."""
    ABORTED = "aborted"
    """Thrown away with its block: too many errors, a failed verification, a tag that was wrong."""
    AUTHENTICATION = "authentication"
    """Secret key spent on tags."""
    DELIVERED = "delivered"
    """Handed to an application."""
    RELAYED = "relayed"
    """Used as a pad for a key that passed over this link."""
    EXPIRED = "expired"
    """Destroyed: too old, reserved and never fetched, or lost to a crash between two ends."""
    STORED = "stored"
    """Still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBlock:
    """Secret bits that two nodes share, in the same order.

    Attributes:
        block_id: 32 hexadecimal digits, the same at both ends.
        peer: Name of the node at the other end.
        is_ours: Whether this node hands out the block's bits. The other end hands out those of the others, so the two
            never give one bit to two users, whatever is lost between them.
        bits: The key.
        failure: Probability with which the block may fail, see :class:`~kakehashi.qkd.security.model.Failure`.
        bound: Name of the proof by which that holds, see :data:`~kakehashi.qkd.security.bounds.BOUNDS`; the weakest
            where the block was made of keys by several.
        origin: Whether it was distilled on a link to the peer or relayed over other nodes.
        made_utc: Seconds since 1970.
    """

    block_id: str
    peer: str
    is_ours: bool
    bits: Bits
    failure: float
    bound: str
    origin: Origin
    made_utc: float
