"""ETSI GS QKD 014 V1.1.1 without input or output: requests that are read, rules, and answers that are written.

Sentences in :data:`MESSAGES` are the standard's own, to the letter: clients tell errors apart by them.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from kakehashi.core.errors import KakehashiError
from kakehashi.qkd.keys.grant import ID_BYTES, key_id_bytes
from kakehashi.qkd.security.bounds import is_composable

__all__ = [
    "EXTENSION_BOUND",
    "EXTENSION_COMPOSABLE",
    "EXTENSION_FAILURE",
    "EXTENSION_MAX_FAILURE",
    "MESSAGES",
    "KeyIds",
    "KeyRequest",
    "RefusalError",
    "Sizes",
    "Status",
    "check_request",
    "read_key_ids",
    "read_key_ids_query",
    "read_key_request",
    "read_key_request_query",
    "write_container",
    "write_error",
    "write_status",
]

MESSAGES = MappingProxyType(
    {
        "size": "size shall be a multiple of 8",
        "mandatory unknown": "not all extension_mandatory parameters are supported",
        "mandatory unmet": "not all extension_mandatory request options could be met",
        "optional": "not all extension_optional request options handled",
        "not found": "one or more keys specified are not found on KME",
    }
)

EXTENSION_FAILURE = "kakehashi_failure"
"""Extension, true or false: say in the container with what probability its keys may fail, and by what proof."""
EXTENSION_BOUND = "kakehashi_bound"
"""Said beside it in a container: the proof's name."""
EXTENSION_COMPOSABLE = "kakehashi_composable"
"""Extension, true or false: the keys must be composable. Said in a container too."""
EXTENSION_MAX_FAILURE = "kakehashi_max_failure"
"""Extension, a number: the keys of the answer together must not fail with a higher probability."""

SUPPORTED = frozenset({EXTENSION_FAILURE, EXTENSION_MAX_FAILURE, EXTENSION_COMPOSABLE})


class RefusalError(KakehashiError):
    """A request that is answered with an error.

    Args:
        status: 400, 401 or 503; the standard knows no other.
        message: One sentence.
        details: Names and values that help the caller.
    """

    def __init__(self, status: int, message: str, **details: object) -> None:
        self.status = status
        self.message = message
        self.details = details
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Limits of a KME, in the standard's names."""

    key_size: int = 256
    min_key_size: int = 64
    max_key_size: int = 4096
    max_key_per_request: int = 128
    max_key_count: int = 100_000
    max_sae_id_count: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """A Key request.

    Attributes:
        number: Keys; None where the caller did not say.
        size: Bits of each, likewise.
        additional: SAEs that get the same keys.
        mandatory: Extensions that must be handled.
        optional: Extensions that may be.
    """

    number: int | None = None
    size: int | None = None
    additional: tuple[str, ...] = ()
    mandatory: Mapping[str, object] = field(default_factory=dict)
    optional: Mapping[str, object] = field(default_factory=dict)

    @property
    def wants_failure(self) -> bool:
        """Whether the caller asked for the failure probability."""
        return {**self.optional, **self.mandatory}.get(EXTENSION_FAILURE) is True

    @property
    def max_failure(self) -> float | None:
        """What the keys may fail with at most, where that is a condition; 1 and more is none."""
        value = self.mandatory.get(EXTENSION_MAX_FAILURE)
        return float(value) if isinstance(value, int | float) and value < 1 else None

    @property
    def must_be_composable(self) -> bool:
        """Whether keys that hold against some attacks alone must not come."""
        return self.mandatory.get(EXTENSION_COMPOSABLE) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIds:
    """Key IDs; an ID that is no UUID is None, for such a key is not found."""

    key_ids: tuple[bytes | None, ...]
    wants_failure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Status."""

    source_kme: str
    target_kme: str
    master: str
    slave: str
    stored: int
    sizes: Sizes


def _bad(message: str, **details: object) -> RefusalError:
    return RefusalError(400, message, **details)


class _NoJSONError(ValueError):
    """What Python's reader lets pass."""


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NoJSONError("a name stands twice in one object")
    return found


def _constant(name: str) -> float:
    raise _NoJSONError(f"{name} is no JSON")


def _object(body: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else _without_content(error)
        raise _bad(f"the body is not a {what} in JSON: {reason}") from None
    if not isinstance(found, dict):
        raise _bad(f"the body must be a JSON object, a {what}")
    # A client that fills in null for what it does not ask means what is not there.
    return {name: value for name, value in found.items() if value is not None}


def _without_content(error: Exception) -> str:
    """What is wrong, without what the caller sent: an answer or a log must not repeat it."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error) if isinstance(error, _NoJSONError) else "a number is too long"


def _whole(value: object, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _bad(f"{name} must be an integer")
    return value


def _extensions(value: object, name: str) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _bad(f"{name} must be an array of objects")
    return {key: content for item in value for key, content in item.items()}


def read_key_request(body: bytes) -> KeyRequest:
    """The body of a POST to enc_keys; an empty one asks for nothing in particular.

    Raises:
        RefusalError: It is no Key request.

    Example:
        >>> read_key_request(b'{"number": 3, "size": 256}').number
        3
        >>> read_key_request(b'{"number": "3"}')
        Traceback (most recent call last):
        kakehashi.qkd.delivery.etsi014.RefusalError: number must be an integer
    """
    table = _object(body, "Key request") if body.strip() else {}
    additional = table.get("additional_slave_SAE_IDs", [])
    if not isinstance(additional, list) or not all(isinstance(name, str) and name for name in additional):
        raise _bad("additional_slave_SAE_IDs must be an array of strings")
    return KeyRequest(
        number=_whole(table.get("number"), "number"),
        size=_whole(table.get("size"), "size"),
        additional=tuple(additional),
        mandatory=_extensions(table.get("extension_mandatory"), "extension_mandatory"),
        optional=_extensions(table.get("extension_optional"), "extension_optional"),
    )


def _query(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=16, errors="strict")
    except ValueError:
        raise _bad("the query is malformed") from None


def read_key_request_query(query: str) -> KeyRequest:
    """The query of a GET of enc_keys, which may hold ``number`` and ``size`` alone.

    Raises:
        RefusalError: It holds something else.

    Example:
        >>> read_key_request_query("number=2&size=128")
        KeyRequest(number=2, size=128, additional=(), mandatory={}, optional={})
    """
    numbers: dict[str, int] = {}
    for name, value in _query(query):
        if name not in ("number", "size"):
            raise _bad("a GET may ask for number and size alone; use POST for the rest")
        if name in numbers or not (value.isascii() and value.isdigit()) or len(value) > 9:
            raise _bad(f"{name} must be one positive integer")
        numbers[name] = int(value)
    return KeyRequest(number=numbers.get("number"), size=numbers.get("size"))


def check_request(request: KeyRequest, sizes: Sizes) -> tuple[int, int]:
    """Number and size of the keys, if the request may be answered at all.

    Raises:
        RefusalError: It may not.

    Example:
        >>> check_request(KeyRequest(), Sizes())
        (1, 256)
        >>> check_request(KeyRequest(size=129), Sizes())
        Traceback (most recent call last):
        kakehashi.qkd.delivery.etsi014.RefusalError: size shall be a multiple of 8
    """
    number = 1 if request.number is None else request.number
    size = sizes.key_size if request.size is None else request.size
    if set(request.mandatory) - SUPPORTED:
        raise _bad(MESSAGES["mandatory unknown"])
    if size % 8:
        raise _bad(MESSAGES["size"])
    if not 1 <= number <= sizes.max_key_per_request:
        raise _bad(f"number must lie between 1 and {sizes.max_key_per_request}")
    if not sizes.min_key_size <= size <= sizes.max_key_size:
        raise _bad(f"size must lie between {sizes.min_key_size} and {sizes.max_key_size}")
    if len(request.additional) > sizes.max_sae_id_count:
        raise _bad(f"there may be at most {sizes.max_sae_id_count} additional_slave_SAE_IDs")
    limit = request.mandatory.get(EXTENSION_MAX_FAILURE, 1.0)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit <= 0:
        raise _bad(MESSAGES["mandatory unmet"])
    flags = (request.mandatory.get(name, True) for name in (EXTENSION_FAILURE, EXTENSION_COMPOSABLE))
    if not all(isinstance(flag, bool) for flag in flags):
        raise _bad(MESSAGES["mandatory unmet"])
    return number, size


def read_key_ids(body: bytes, *, at_most: int) -> KeyIds:
    """The body of a POST to dec_keys.

    Raises:
        RefusalError: It holds no Key IDs, or more than ``at_most``.

    Example:
        >>> len(read_key_ids(b'{"key_IDs": [{"key_ID": "bc490419-7d60-487f-adc1-4ddcc177c139"}]}', at_most=9).key_ids)
        1
    """
    table = _object(body, "Key IDs object")
    items = table.get("key_IDs")
    if not isinstance(items, list) or not items:
        raise _bad("key_IDs must be an array of at least one object")
    if len(items) > at_most:
        raise _bad(f"there may be at most {at_most} key_IDs")
    ids = []
    for item in items:
        name = item.get("key_ID") if isinstance(item, dict) else None
        if not isinstance(name, str) or not isinstance(item.get("key_ID_extension") or {}, dict):
            raise _bad("every one of key_IDs must be an object with a string key_ID")
        ids.append(key_id_bytes(name))
    extension = table.get("key_IDs_extension", {})
    if not isinstance(extension, dict):
        raise _bad("key_IDs_extension must be an object")
    return KeyIds(key_ids=tuple(ids), wants_failure=extension.get(EXTENSION_FAILURE) is True)


def read_key_ids_query(query: str) -> KeyIds:
    """The query of a GET of dec_keys: exactly one ``key_ID``.

    Raises:
        RefusalError: It holds something else.
    """
    found = _query(query)
    if len(found) != 1 or found[0][0] != "key_ID":
        raise _bad("a GET may ask for exactly one key_ID; use POST for more")
    return KeyIds(key_ids=(key_id_bytes(found[0][1]),))


def write_status(status: Status) -> bytes:
    """A Status object."""
    sizes = status.sizes
    table = {
        "source_KME_ID": status.source_kme,
        "target_KME_ID": status.target_kme,
        "master_SAE_ID": status.master,
        "slave_SAE_ID": status.slave,
        "key_size": sizes.key_size,
        "stored_key_count": min(status.stored, sizes.max_key_count),
        "max_key_count": sizes.max_key_count,
        "max_key_per_request": sizes.max_key_per_request,
        "max_key_size": sizes.max_key_size,
        "min_key_size": sizes.min_key_size,
        "max_SAE_ID_count": sizes.max_sae_id_count,
    }
    return json.dumps(table).encode()


def write_container(
    key_ids: bytes, keys: Sequence[memoryview], *, failure: float | None = None, bound: str = ""
) -> bytes:
    """A Key container.

    Args:
        key_ids: 16 bytes for each key.
        keys: The keys.
        failure: Said in an extension of the container where it is given, with the bound.
        bound: Name of the proof by which that holds.

    Example:
        >>> write_container(bytes(16), [memoryview(b"key")])
        b'{"keys":[{"key_ID":"00000000-0000-0000-0000-000000000000","key":"a2V5"}]}'
    """
    # Neither a UUID nor base64 holds anything that JSON would escape.
    digits = key_ids.hex()
    items = [
        f'{{"key_ID":"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-{digits[i + 12 : i + 16]}-{digits[i + 16 : i + 20]}'
        f'-{digits[i + 20 : i + 32]}","key":"{b2a_base64(key, newline=False).decode()}"}}'
        for i, key in zip(range(0, 2 * len(key_ids), 2 * ID_BYTES), keys, strict=True)
    ]
    extension = ""
    if failure is not None:
        claim = {EXTENSION_BOUND: bound, EXTENSION_COMPOSABLE: is_composable(bound)}
        extension = f',"key_container_extension":{{"{EXTENSION_FAILURE}":{failure:.3e},{json.dumps(claim)[1:]}'
    return f'{{"keys":[{",".join(items)}]{extension}}}'.encode()


def write_error(refusal: RefusalError) -> bytes:
    """An Error object; sent with all three statuses, since clients read it with all three."""
    table: dict[str, object] = {"message": refusal.message}
    if refusal.details:
        table["details"] = [{name: str(value)} for name, value in refusal.details.items()]
    return json.dumps(table).encode()
