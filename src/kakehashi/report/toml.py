"""A run's spec as TOML again, so that a report holds what repeats it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kakehashi.core.errors import InputError

__all__ = ["write_toml_text"]

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
MAX_LINE = 96
"""Arrays longer than this are broken into one line per item."""


def _string(text: str) -> str:
    # JSON's escapes are TOML's too; DEL alone may stand in JSON and not in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _string(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        if any(item is None for item in value):
            raise InputError("TOML has no null, so that an array cannot hold one.")
        items = [_value(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= MAX_LINE else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    raise InputError(f"TOML cannot hold {value!r}, a {type(value).__name__}.")


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [
        f"{_key(key)} = {_value(value)}" for key, value in table.items() if key not in tables and value is not None
    ]
    if path and (lines or not tables):
        lines.insert(0, f"[{'.'.join(map(_key, path))}]")
    if lines:
        lines.append("")
    for key, value in tables.items():
        lines += _lines(value, (*path, key))
    return lines


def write_toml_text(table: Mapping[str, Any]) -> str:
    """The TOML text of plain JSON values; keys whose value is null are left out, because TOML has no null.

    Raises:
        InputError: An array holds null, or a value is none of JSON's.

    Example:
        >>> print(write_toml_text({"seed": 7, "device": {"name": "exact", "n_shots": 1000}}))
        seed = 7
        <BLANKLINE>
        [device]
        name = "exact"
        n_shots = 1000
        <BLANKLINE>
    """
    return "\n".join(_lines(table, ()))
