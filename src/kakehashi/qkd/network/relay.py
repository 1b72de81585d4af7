r"""One hop of a relay: key travels padded with key of the hop, under a tag that takes key of the hop too.

The pad is as long as what travels and is used once, so the wire learns nothing. The tag is that of
:mod:`kakehashi.qkd.distill.authenticate`: a polynomial hash of the header and the padded bits at a point that is used
for this one message, added to a pad of its own. It takes 256 bits of a hop, whatever the length.

Every node on the way sees the key in clear: it must be trusted. Where it should not be trusted alone, the key is cut
into shares that travel over disjoint routes, and whoever lacks one share knows nothing, see :func:`split`.

A hop's tag does not bind the node at its end, which could change what it sends on. So a second tag goes from end to
end, :func:`tag_of_whole`; its 256 bits of key travel behind the key, in the same shares. A node that lacks a share can
add something to the key, to the point and to the pad, but knows none of them. If it leaves the point alone, the values
of the two polynomials differ by a given sum for at most as many points as there are blocks, as for any tag. If it
changes the point, the difference is linear in each block of the key, with a factor that is 0 for fewer points than
there are blocks; a key of 256 bits has a block that is as good as random to the node, so that any sum is as likely as
another. Either way its chance is :data:`FORGERY` at most. A node that has all shares can make what tag it likes.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.authenticate import HASH_KEY_BITS, TagKey, Transcript

__all__ = [
    "FORGERY",
    "HOP_BITS",
    "MAX_NODES",
    "MAX_SHARES",
    "PROOF",
    "TAG_KEY_BITS",
    "Claim",
    "Header",
    "canonical",
    "join",
    "open_sealed",
    "open_whole",
    "read_header",
    "seal",
    "split",
    "tag_of_whole",
]

TAG_BITS = 128
TAG_KEY_BITS = HASH_KEY_BITS + TAG_BITS
"""Key of a hop that a tag takes: a point, and a pad."""

HOP_BITS = 2 * TAG_KEY_BITS
"""What a hop spends beside the pad of the key itself: a pad for the key of its tag, and the key of the hop's tag."""

FORGERY = 1e-30
"""Bound of a forger's chance for one message of up to 2^24 bytes: 2^20 blocks in 2^128."""

PROOF = "[a-z0-9-]{0,64}"
"""What names of proofs look like, those of later versions too; none where nothing was spent yet."""

MAX_NODES = 64
"""Nodes of a route."""

MAX_SHARES = 8
"""Shares of a key."""

Claim: TypeAlias = tuple[float, str]
"""With what probability a share may fail, and the name of the proof by which that holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a relayed share says of itself on one hop; hashed under the hop's tag.

    Attributes:
        block_id: The key that it belongs to.
        route: All nodes.
        hop: Index of the node that sends it now.
        share: Number of the share.
        n_shares: How many there are.
        failure: Failure probability so far, this hop included.
        bound: Name of the proof by which that holds, the weakest of those of the hops; empty before the first.
    """

    block_id: str
    route: tuple[str, ...]
    hop: int
    share: int
    n_shares: int
    failure: float
    bound: str

    def to_json(self) -> dict[str, Any]:
        """For the wire."""
        return {
            "block_id": self.block_id,
            "route": list(self.route),
            "hop": self.hop,
            "share": self.share,
            "n_shares": self.n_shares,
            "failure": repr(self.failure),
            "bound": self.bound,
        }


def read_header(table: Mapping[str, Any], *, caller: str, here: str) -> Header:
    """A header that came from a node.

    Raises:
        InputError: It makes no sense, or comes from another node than its route says.

    Example:
        >>> sent = Header(block_id="0" * 32, route=("a", "b", "c"), hop=1, share=0, n_shares=1, failure=1e-10,
        ...               bound="lim")
        >>> read_header(sent.to_json(), caller="b", here="c") == sent
        True
    """
    try:
        header = Header(
            block_id=str(table["block_id"]),
            route=tuple(str(name) for name in table["route"]),
            hop=int(table["hop"]),
            share=int(table["share"]),
            n_shares=int(table["n_shares"]),
            failure=float(table["failure"]),
            bound=str(table["bound"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"'{caller}' sent a relayed key that makes no sense: {type(error).__name__}.") from None
    is_sane = (
        len(header.block_id) == 32
        and set(header.block_id) <= set("0123456789abcdef")
        and len(set(header.route)) == len(header.route) <= MAX_NODES
        and 0 <= header.hop < len(header.route) - 1
        and 0 <= header.share < header.n_shares <= MAX_SHARES
        and 0 <= header.failure < 1
        and re.fullmatch(PROOF, header.bound)
    )
    if not is_sane or header.route[header.hop : header.hop + 2] != (caller, here):
        raise InputError(f"'{caller}' sent a relayed key whose route does not lead from it to '{here}'.")
    return header


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
    _check(header, padded, tag, tag_key)
    return _add(padded, pad)


def tag_of_whole(block_id: str, routes: Sequence[tuple[str, ...]], key: bytes, *, tag_key: bytes) -> bytes:
    """The tag of a key from end to end.

    Args:
        block_id: The key's name.
        routes: Of its shares, in their order.
        key: All of it.
        tag_key: 32 further bytes, which came the same way and serve once.

    Raises:
        InputError: A length is wrong.

    Example:
        >>> routes, tag_key = [("a", "b", "c")], bytes(range(32))
        >>> tag = tag_of_whole("1", routes, b"key", tag_key=tag_key)
        >>> open_whole("1", routes, b"key" + tag_key, tag)
        b'key'
    """
    return _tag(_whole(block_id, routes), key, tag_key).to_bytes()


def open_whole(block_id: str, routes: Sequence[tuple[str, ...]], secret: bytes, tag: bytes) -> bytes:
    """The key of what came over routes: the key, and behind it the key of its tag.

    Raises:
        DistillationError: The tag is wrong: somebody on the way changed something.
        InputError: There is no key.
    """
    at = len(secret) - TAG_KEY_BITS // 8
    if at <= 0:
        raise InputError("What came over the routes is no key with that of its tag.")
    _check(_whole(block_id, routes), secret[:at], tag, secret[at:])
    return secret[:at]


def _whole(block_id: str, routes: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    return {"whole": block_id, "routes": [list(route) for route in routes]}


def _check(header: Mapping[str, Any], message: bytes, tag: bytes, tag_key: bytes) -> None:
    transcript, key = _transcript(header, message, tag_key)
    if len(tag) * 8 != TAG_BITS or not key.check(transcript, 0, Bits.from_bytes(tag)):
        raise DistillationError("The tag of a relayed key was wrong: what came is not what was sent.")


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
