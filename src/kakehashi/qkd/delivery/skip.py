"""Cisco's Secure Key Integration Protocol (SKIP) without input or output.

Routes and names of queries are those that public client code uses (draft-cisco-skip, now draft-singh-skip); the fields
of the answers are second-hand. Routers fetch keys for RFC 8784 in this way. Users are those of ETSI 014: the router's
certificate gives its SAE ID, and ``remoteSystemID`` is the SAE ID of the other router.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from urllib.parse import parse_qsl

from kakehashi.qkd.delivery.etsi014 import KeyRequest, RefusalError

__all__ = ["read_entropy", "read_key_id", "read_key_query", "write_capabilities", "write_entropy", "write_key"]

MAX_ENTROPY_BITS = 4096


def _fields(query: str, known: set[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=8, errors="strict")
    except ValueError:
        raise RefusalError(400, "the query is malformed") from None
    found = dict(pairs)
    if len(found) < len(pairs) or set(found) - known:
        raise RefusalError(400, f"the query may hold {', '.join(sorted(known))}, each once")
    return found


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise RefusalError(400, f"{name} must be a positive integer")
    return int(text)


def read_key_query(query: str) -> tuple[str, KeyRequest]:
    """The remote system and what is asked of it: ``remoteSystemID`` and, for a new key, ``size`` in bits.

    Raises:
        RefusalError: It is malformed.

    Example:
        >>> read_key_query("remoteSystemID=bob&size=256")[1].size
        256
    """
    found = _fields(query, {"remoteSystemID", "size"})
    if not found.get("remoteSystemID"):
        raise RefusalError(400, "remoteSystemID is missing")
    size = _number(found["size"], "size") if "size" in found else None
    return found["remoteSystemID"], KeyRequest(size=size)


def read_key_id(text: str) -> bytes | None:
    """A key ID as SKIP writes it, 32 hexadecimal digits; None where it is none.

    Example:
        >>> read_key_id("00" * 16) == bytes(16)
        True
    """
    digits = set("0123456789abcdefABCDEF")
    return bytes.fromhex(text) if len(text) == 32 and set(text) <= digits else None


def read_entropy(query: str) -> int:
    """Bits of randomness that are asked for: ``minentropy``, 256 where it is left out.

    Raises:
        RefusalError: It is malformed or too many.
    """
    n_bits = _number(_fields(query, {"minentropy"}).get("minentropy", "256"), "minentropy")
    if not 1 <= n_bits <= MAX_ENTROPY_BITS:
        raise RefusalError(400, f"minentropy must lie between 1 and {MAX_ENTROPY_BITS}")
    return n_bits


def write_key(key_id: bytes, key: memoryview) -> bytes:
    """A key.

    Example:
        >>> write_key(bytes(16), memoryview(b"key"))
        b'{"keyId":"00000000000000000000000000000000","key":"6b6579"}'
    """
    return f'{{"keyId":"{key_id.hex()}","key":"{key.hex()}"}}'.encode()


def write_entropy(n_bits: int) -> bytes:
    """Random bits from the operating system, in whole bytes."""
    return json.dumps({"randomStr": secrets.token_hex((n_bits + 7) // 8), "minentropy": n_bits}).encode()


def write_capabilities(system: str, remotes: Sequence[str]) -> bytes:
    """What this key provider can do, and for whom."""
    return json.dumps(
        {
            "entropy": True,
            "key": True,
            "algorithm": "QKD",
            "localSystemID": system,
            "remoteSystemID": list(remotes),
        }
    ).encode()
