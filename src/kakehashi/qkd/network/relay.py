r"""One hop of a relay: key travels padded with key of the hop, under a tag that takes key of the hop too.

The pad is as long as what travels and is used once, so the wire learns nothing. The tag is that of
:mod:`kakehashi.qkd.distill.authenticate`: a polynomial hash of the header and the padded bits at a point that is used
for this one message, added to a pad of its own. It takes 256 bits of a hop, whatever the length.

Every node on the way sees the key in clear: it must be trusted. Where it should not be trusted alone, the key is cut
into shares that travel over disjoint routes, and whoever lacks one share knows nothing, see :func:`split`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.authenticate import HASH_KEY_BITS, TagKey, Transcript

__all__ = ["FORGERY", "TAG_KEY_BITS", "canonical", "join", "open_sealed", "seal", "split"]

TAG_BITS = 128
TAG_KEY_BITS = HASH_KEY_BITS + TAG_BITS
"""Key of a hop that a tag takes: a point, and a pad."""

FORGERY = 1e-30
"""Bound of a forger's chance for one message of up to 2^24 bytes: 2^20 blocks in 2^128."""


def canonical(header: Mapping[str, Any]) -> bytes:
    """A header as it is hashed.

    Example:
        >>> canonical({"to": "c", "from": "a"})
        b'{"from":"a","to":"c"}'
    """
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def seal(header: Mapping[str, Any], key: bytes, *, pad: bytes, tag_key: bytes) -> tuple[bytes, bytes]:
    """What goes over a hop: the padded key and its tag.

    Args:
        header: What it is; hashed, not hidden.
        key: What travels.
        pad: As many bytes of the hop's key, for this once.
        tag_key: 32 further bytes.

    Raises:
        InputError: A length is wrong.

    Example:
        >>> padded, tag = seal({"block": "1"}, b"key", pad=b"pad", tag_key=bytes(range(32)))
        >>> open_sealed({"block": "1"}, padded, tag, pad=b"pad", tag_key=bytes(range(32)))
        b'key'
    """
    padded = _add(key, pad)
    return padded, _tag(header, padded, tag_key).to_bytes()


def open_sealed(header: Mapping[str, Any], padded: bytes, tag: bytes, *, pad: bytes, tag_key: bytes) -> bytes:
    """What came over a hop.

    Raises:
        DistillationError: The tag is wrong: something was changed on the way.
        InputError: A length is wrong.
    """
    transcript = _transcript(header, padded, tag_key)
    if len(tag) * 8 != TAG_BITS or not transcript[1].check(transcript[0], 0, Bits.from_bytes(tag)):
        raise DistillationError("The tag of a relayed key was wrong: what came is not what was sent.")
    return _add(padded, pad)


def split(key: bytes, n_shares: int) -> list[bytes]:
    """Shares whose sum is the key; any fewer say nothing of it.

    Raises:
        InputError: There is no share.

    Example:
        >>> shares = split(b"secret", 3)
        >>> len(shares), join(shares)
        (3, b'secret')
    """
    if n_shares < 1:
        raise InputError(f"A key is cut into one share or more, not {n_shares}.")
    shares = [secrets.token_bytes(len(key)) for _ in range(n_shares - 1)]
    return [*shares, reduce(_add, shares, key)]


def join(shares: Sequence[bytes]) -> bytes:
    """The key of shares, in any order.

    Raises:
        InputError: They differ in length, or there is none.
    """
    if not shares:
        raise InputError("A key needs at least one share.")
    return reduce(_add, shares)


def _add(one: bytes, other: bytes) -> bytes:
    return (Bits.from_bytes(one) ^ Bits.from_bytes(other)).to_bytes()


def _transcript(header: Mapping[str, Any], padded: bytes, tag_key: bytes) -> tuple[Transcript, TagKey]:
    if len(tag_key) * 8 != TAG_KEY_BITS:
        raise InputError(f"A tag takes {TAG_KEY_BITS} bits of key, but got {len(tag_key) * 8}.")
    half = HASH_KEY_BITS // 8
    point, pad = Bits.from_bytes(tag_key[:half]), Bits.from_bytes(tag_key[half:])
    key = TagKey(point, pad, n_bits=TAG_BITS, max_failure=1e-20)
    transcript = Transcript(key, canonical(header))
    transcript.update(padded)
    return transcript, key


def _tag(header: Mapping[str, Any], padded: bytes, tag_key: bytes) -> Bits:
    transcript, key = _transcript(header, padded, tag_key)
    return key.tag(transcript, 0)
