"""The standard's data formats as a stranger reads them: what is wrong is said in words, and never shown."""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

from kakehashi.qkd.conformance.client import Answer

__all__ = [
    "MESSAGES",
    "STATUS_FIELDS",
    "MisreadError",
    "ReadKey",
    "is_uuid",
    "printable",
    "read_container",
    "read_error",
    "read_object",
    "read_status",
    "without_keys",
]

MESSAGES = {
    "size": "size shall be a multiple of 8",
    "mandatory": "not all extension_mandatory parameters are supported",
    "optional": "not all extension_optional request options handled",
    "not found": "one or more keys specified are not found on KME",
}
"""Sentences that the standard fixes, to the letter."""

STATUS_FIELDS: dict[str, type] = {
    "source_KME_ID": str,
    "target_KME_ID": str,
    "master_SAE_ID": str,
    "slave_SAE_ID": str,
    "key_size": int,
    "stored_key_count": int,
    "max_key_count": int,
    "max_key_per_request": int,
    "max_key_size": int,
    "min_key_size": int,
    "max_SAE_ID_count": int,
}
"""All required."""
NAMES = {*STATUS_FIELDS, "additional_slave_SAE_IDs", "key_IDs_extension", "key_ID_extension"}

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
WORD = re.compile(r"[A-Za-z0-9+/=_-]{11,}")
"""The shortest key that is used, 64 bits, has eleven letters in base64."""
HARMLESS = re.compile(r"[A-Z]?[a-z]+(_[a-z]+)*")


class MisreadError(Exception):
    """An answer is not what the standard says; the sentence says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadKey:
    """A key as it came.

    Attributes:
        key_id: Its ID, as it was written.
        value: The key; never shown.
    """

    key_id: str
    value: bytes = field(repr=False)


def printable(text: str) -> str:
    r"""Text without characters that could steer a terminal or break a file.

    Example:
        >>> printable("no\x1b[31m")
        'no\ufffd[31m'
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def without_keys(text: str, *, longest: int = 160) -> str:
    """What a server said, without what could be a key, on one line.

    Example:
        >>> without_keys("the key 3q2+796tvu/erb7v3q2+796tvu/erb7v is wrong")
        'the key … is wrong'
    """
    told = WORD.sub(_told, printable(" ".join(text.split())))
    return told if len(told) <= longest else told[: longest - 1] + "…"


def _told(match: re.Match[str]) -> str:
    word = match[0]
    return word if HARMLESS.fullmatch(word) or _UUID.fullmatch(word) or word in NAMES else "…"


def read_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        MisreadError: There is none.
    """
    try:
        found = json.loads(answer.body.decode("utf-8"))
    except UnicodeDecodeError:
        raise MisreadError("the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise MisreadError("the body is not JSON") from None
    if not isinstance(found, dict):
        raise MisreadError("the body is no JSON object")
    return found


def read_status(answer: Answer) -> dict[str, Any]:
    """A Status object.

    Raises:
        MisreadError: It did not come with 200, or a field is missing or of another type.

    Example:
        >>> read_status(Answer(status=401, body=b'{"message": "no"}'))
        Traceback (most recent call last):
        kakehashi.qkd.conformance.reading.MisreadError: it came with 401
    """
    if answer.status != 200:
        raise MisreadError(f"it came with {answer.status or answer.fault}")
    found = read_object(answer)
    missing = [name for name in STATUS_FIELDS if name not in found]
    if missing:
        more = f" and {len(missing) - 3} more fields" if len(missing) > 3 else ""
        raise MisreadError(f"Status lacks {', '.join(missing[:3])}{more}")
    for name, kind in STATUS_FIELDS.items():
        if not isinstance(found[name], kind) or isinstance(found[name], bool):
            raise MisreadError(f"{name} is no {'string' if kind is str else 'integer'}")
    if not isinstance(found.get("status_extension", {}), dict):
        raise MisreadError("status_extension is no object")
    return found


def read_container(answer: Answer) -> list[ReadKey]:
    """The keys of a Key container.

    Raises:
        MisreadError: It is none: a key is not base64, a name is spelt otherwise. IDs may be any string here.
    """
    found = read_object(answer)
    items = found.get("keys")
    if not isinstance(items, list):
        raise MisreadError("the container has no array `keys`")
    if not isinstance(found.get("key_container_extension", {}), dict):
        raise MisreadError("key_container_extension is no object")
    return [_read_key(item) for item in items]


def _read_key(item: object) -> ReadKey:
    if not isinstance(item, dict):
        raise MisreadError("an element of `keys` is no object")
    key_id, text = item.get("key_ID"), item.get("key")
    if not isinstance(key_id, str) or not isinstance(text, str):
        raise MisreadError("an element of `keys` lacks the string key_ID or key")
    try:
        value = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise MisreadError("a key is not in base64") from None
    for name in ("key_ID_extension", "key_extension"):
        if not isinstance(item.get(name, {}), dict):
            raise MisreadError(f"{name} is no object")
    return ReadKey(key_id=key_id, value=value)


def is_uuid(text: str) -> bool:
    """Whether a key ID is written as a UUID.

    Example:
        >>> is_uuid("bc490419-7d60-487f-adc1-4ddcc177c139"), is_uuid("key-17")
        (True, False)
    """
    return _UUID.fullmatch(text) is not None


def read_error(answer: Answer) -> str:
    """The message of an Error object.

    Raises:
        MisreadError: The body is none.

    Example:
        >>> read_error(Answer(status=400, body=b'{"message": "no", "details": [{"a": 1}]}'))
        'no'
    """
    found = read_object(answer)
    message = found.get("message")
    if not isinstance(message, str):
        raise MisreadError("the Error has no string `message`")
    details = found.get("details", [])
    if not isinstance(details, list) or not all(isinstance(item, dict) for item in details):
        raise MisreadError("`details` is no array of objects")
    return message
