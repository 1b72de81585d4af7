"""What two key servers say to each other, so that a key is known at both ends before anybody has it.

Messages are JSON over mutual TLS; no key is in them. Three questions, each of which may be asked twice with the same
effect:

``announce``
    These ranges of your copy of my blocks are keys with these IDs, for these users of yours; keep them.
``void``
    These ranges are given up; destroy them.
``reconcile``
    After a break: which of my grants do you know, and which after my last one? Which of my blocks have you? And, now
    and then without a break: up to this one, I have nothing more to ask about my grants.

A grant that the other end refuses is named in the answer with the reason. Until two servers have reconciled, nothing is
handed out from what they share.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.qkd.keys.grant import Grant, Part
from kakehashi.qkd.keys.model import Account

__all__ = ["MAX_BATCH", "PATH", "grant_from_json", "grant_to_json", "number", "text"]

PATH = "/kakehashi/kme/v1/"
MAX_BATCH = 256
"""Grants in one message."""


def grant_to_json(grant: Grant, readers: Sequence[str] = ()) -> dict[str, Any]:
    """What the other end has to know of a grant: all but the key.

    Args:
        grant: The grant.
        readers: Users at the other end.
    """
    return {
        "grant_id": grant.grant_id,
        "sequence": grant.sequence,
        "account": str(grant.account),
        "key_bits": grant.key_bits,
        "parts": [[part.block_id, part.first, part.n_bits] for part in grant.parts],
        "master": grant.master,
        "readers": list(readers),
        "key_ids": base64.b64encode(grant.key_ids).decode(),
        "mask": base64.b64encode(grant.mask).decode(),
    }


def grant_from_json(table: Mapping[str, Any], *, peer: str, expires_utc: float = 0.0) -> Grant:
    """A grant of a peer as it told of it.

    Raises:
        InputError: It is malformed.
    """
    try:
        return Grant(
            grant_id=text(table["grant_id"], 32),
            peer=peer,
            is_ours=False,
            sequence=number(table["sequence"]),
            account=Account(table["account"]),
            key_bits=number(table["key_bits"]),
            parts=tuple(Part(block_id=text(b, 32), first=number(f), n_bits=number(n)) for b, f, n in table["parts"]),
            master=text(table["master"], 255),
            readers=tuple(text(name, 255) for name in table["readers"]),
            key_ids=base64.b64decode(table["key_ids"], validate=True),
            mask=base64.b64decode(table["mask"], validate=True),
            expires_utc=expires_utc,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"'{peer}' told of a grant that makes no sense: {error}.") from None


def text(value: object, at_most: int) -> str:
    """A text of a message.

    Raises:
        InputError: It is none, longer than that, or has half a character, which no file can hold.
    """
    if not isinstance(value, str) or len(value) > at_most or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(f"a name of at most {at_most} characters was expected")
    return value


def number(value: object) -> int:
    """A whole number of a message.

    Raises:
        InputError: It is none, or larger than a store can hold.
    """
    if not isinstance(value, int) or abs(value) > 2**62:
        raise InputError("a whole number was expected")
    return value
