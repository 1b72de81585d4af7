"""What one request took from the store: keys of one size, cut from blocks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from kakehashi.core.errors import InputError
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account

__all__ = ["ID_BYTES", "Grant", "Part", "cut_out", "draw_key_ids", "key_id_bytes", "key_id_text", "without"]

UUID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

ID_BYTES = 16
"""A key ID is a UUID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A range of bits of one block.

    Attributes:
        block_id: The block, 32 hexadecimal digits.
        first: First bit, a multiple of 8.
        n_bits: Number of bits, likewise.
    """

    block_id: str
    first: int
    n_bits: int

    def __post_init__(self) -> None:
        if self.first < 0 or self.n_bits <= 0 or self.first % 8 or self.n_bits % 8:
            raise InputError(f"A range of a block must be whole bytes, but is {self.n_bits} bits from {self.first}.")


@dataclass(slots=True, kw_only=True, eq=False)
class Grant:
    """What one request took: its keys stand one after the other along its parts.

    Attributes:
        grant_id: 32 hexadecimal digits; the same at every node that knows of it.
        peer: Node at the other end of the blocks.
        is_ours: Whether the blocks are this node's to hand out.
        sequence: The owner's count of its grants to this peer, from 1. A holder that destroyed bits without the owner's
            word counts them down from -1.
        account: Where the bits go: delivered, relayed (a pad for keys that travel on), authentication, or expired.
        key_bits: Size of each key.
        master: SAE that asked.
        readers: SAEs of this node that may fetch the keys, once each.
        parts: Where the bits are.
        key_ids: 16 bytes for each key; empty where nobody can ask for them here any more.
        mask: What the bits of the parts are added to, to give the keys; empty where they are the keys.
        waiting: One byte for each key and reader, key by key: 1 until the reader has fetched it.
        failure: Of all keys together, see :class:`~kakehashi.qkd.keys.model.KeyBlock`.
        bound: Name of the proof by which that holds, the weakest of those of the blocks.
        state: See :mod:`~kakehashi.qkd.keys.lifecycle`.
        is_told: Whether the other end is known to know of the state.
        expires_utc: When keys that nobody fetched are destroyed, by this node's clock; where there are none, when it
            was made.
        number: Row in the store.
    """

    grant_id: str
    peer: str
    is_ours: bool
    sequence: int
    account: Account
    key_bits: int
    parts: tuple[Part, ...]
    master: str = ""
    readers: tuple[str, ...] = ()
    key_ids: bytes = b""
    mask: bytes = b""
    waiting: bytearray = field(default_factory=bytearray)
    failure: float = 0.0
    bound: str = ""
    state: GrantState = GrantState.NEW
    is_told: bool = False
    expires_utc: float = 0.0
    number: int = 0

    def __post_init__(self) -> None:
        if self.key_bits <= 0 or self.key_bits % 8 or self.n_bits % self.key_bits:
            raise InputError(f"{self.n_bits} bits are no whole number of keys of {self.key_bits} bits.")
        if len(self.key_ids) not in (0, ID_BYTES * self.n_keys) or len(self.mask) not in (0, self.n_bits // 8):
            raise InputError(f"A grant of {self.n_keys} keys has key IDs or a mask of another number.")

    @property
    def n_bits(self) -> int:
        """Bits of all keys."""
        return sum(part.n_bits for part in self.parts)

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return self.n_bits // self.key_bits

    @property
    def is_booked(self) -> bool:
        """Whether the ledger has all its bits in its account: at a holder, they may have expired one by one."""
        return self.state is GrantState.SPENT or (self.is_ours and self.state is not GrantState.EXPIRED)

    def key_id(self, index: int) -> bytes:
        """ID of one key."""
        return self.key_ids[ID_BYTES * index : ID_BYTES * (index + 1)]

    def parts_of(self, index: int, n_keys: int = 1) -> list[Part]:
        """Where the bits of a key, or of some that follow each other, are; more than one range at a block's end."""
        first, last = index * self.key_bits, (index + n_keys) * self.key_bits
        found, at = [], 0
        for part in self.parts:
            low, high = max(first, at), min(last, at + part.n_bits)
            if low < high:
                found.append(Part(block_id=part.block_id, first=part.first + low - at, n_bits=high - low))
            at += part.n_bits
        return found

    def is_waiting(self, index: int) -> bool:
        """Whether anybody here has still to fetch the key."""
        n = len(self.readers)
        return any(self.waiting[n * index : n * (index + 1)])


def without(parts: Iterable[Part], taken: Iterable[Part]) -> tuple[Part, ...]:
    """What is left of ranges when others are taken out of them.

    Example:
        >>> block, hole = (Part(block_id="0" * 32, first=first, n_bits=n) for first, n in ((0, 64), (16, 8)))
        >>> [(part.first, part.n_bits) for part in without([block], [hole])]
        [(0, 16), (24, 40)]
    """
    left = tuple(parts)
    for hole in taken:
        left = tuple(rest for part in left for rest in _around(part, hole))
    return left


def _around(part: Part, hole: Part) -> Iterable[Part]:
    if part.block_id != hole.block_id:
        return (part,)
    left = cut_out(part.first, part.first + part.n_bits, hole)
    return [Part(block_id=part.block_id, first=low, n_bits=high - low) for low, high in left]


def cut_out(low: int, high: int, hole: Part) -> list[list[int]]:
    """What is left of bits ``low`` to ``high - 1`` of a block without those of a part of it.

    Example:
        >>> cut_out(0, 64, Part(block_id="0" * 32, first=16, n_bits=8))
        [[0, 16], [24, 64]]
    """
    sides = [low, min(high, hole.first)], [max(low, hole.first + hole.n_bits), high]
    return [[begin, end] for begin, end in sides if begin < end]


def draw_key_ids(n: int) -> bytes:
    """Random UUIDs (version 4) that nobody can guess, 16 bytes each, one after the other.

    Example:
        >>> import uuid
        >>> uuid.UUID(bytes=draw_key_ids(1)).version
        4
    """
    ids = bytearray(secrets.token_bytes(ID_BYTES * n))
    ids[6::ID_BYTES] = bytes(0x40 | octet & 0x0F for octet in ids[6::ID_BYTES])
    ids[8::ID_BYTES] = bytes(0x80 | octet & 0x3F for octet in ids[8::ID_BYTES])
    return bytes(ids)


def key_id_text(key_id: bytes) -> str:
    """A key ID as a UUID is written.

    Example:
        >>> key_id_text(bytes(range(16)))
        '00010203-0405-0607-0809-0a0b0c0d0e0f'
    """
    text = key_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def key_id_bytes(text: str) -> bytes | None:
    """A key ID from text; None where it is no UUID.

    Example:
        >>> key_id_bytes("00010203-0405-0607-0809-0A0B0C0D0E0F") == bytes(range(16))
        True
        >>> key_id_bytes("key 1") is None
        True
    """
    return bytes.fromhex(text.replace("-", "")) if UUID.fullmatch(text) else None
