"""What a user writes: the base of every spec, and its errors in words."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import pydantic

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.files import read_text

__all__ = ["Spec", "as_spec", "matching", "parse_spec", "read_toml", "set_value"]


class Spec(pydantic.BaseModel):
    """Base of every spec: immutable, no unknown keys, no silent conversion of types, no ``nan`` or ``inf``."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


S = TypeVar("S", bound=Spec)

MAX_SHOWN = 60
"""Characters of a value that a message shows."""
MAX_FAULTS = 5
"""Faults of one table that are told."""


def read_toml(path: Path | str) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: The file is missing.
        SpecError: The file is not TOML; the message says where.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, a thousand brackets
        raise SpecError(f"{path}: this is not valid TOML: {error}.") from None


def set_value(table: dict[str, Any], assignment: str) -> None:
    """Carry out ``a.b=1`` on a table, in place; the value is TOML, or a plain word.

    Example:
        >>> table = {"device": {"name": "exact"}}
        >>> set_value(table, "device.name=noisy")
        >>> set_value(table, "device.n_shots=1000")
        >>> table
        {'device': {'name': 'noisy', 'n_shots': 1000}}

    Raises:
        InputError: The assignment has no ``=``, or its key goes through something that is not a table.
    """
    key, equals, text = assignment.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise InputError(f"--set takes KEY=VALUE, such as device.n_shots=1000, but got {assignment!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise InputError(f"--set {assignment}: {part!r} is a value, not a table.")
    table[parts[-1]] = value


def _models(annotation: object) -> list[type[pydantic.BaseModel]]:
    """The specs that an annotation mentions: of ``A | B``, ``list[A]`` or ``Annotated[A, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _known_keys(model: type[pydantic.BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Keys that the table at ``location`` may have, as far as the model tells.

    Where a table may be one of several specs, pydantic names the one it tried by its tag or class.
    """
    candidates = [model]
    for part in location:
        tried = [m for m in candidates if part == m.__name__ or part in _tags(m)]
        fields = [m.model_fields[str(part)] for m in candidates if str(part) in m.model_fields]
        if tried:
            candidates = tried
        elif fields:
            candidates = [m for field in fields for m in _models(field.annotation)]
    return sorted({key for m in candidates for key in m.model_fields})


def _tags(model: type[pydantic.BaseModel]) -> list[object]:
    """Words that a spec allows in fields that take only given words."""
    return [
        word
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for word in get_args(field.annotation)
    ]


def _subject(location: tuple[str | int, ...], table: Any) -> str:
    """What a fault is about, as the user wrote it: ``'a.b'``, ``'x' of node 'koganei'``, ``entry 2 of 'n_elec'``.

    Entries of a list count from 1, and go by their name or ID where they have one. The names that pydantic puts in for
    alternatives are left out.
    """
    keys: list[str] = []
    entry = ""
    for part in location[:-1]:
        if isinstance(table, list | tuple) and part in range(len(table)):
            table = table[int(part)]
            entry, keys = _entry(keys, int(part), table, entry), []
        elif isinstance(table, Mapping) and part in table:
            table = table[part]
            keys.append(str(part))
    last = location[-1] if location else None
    if isinstance(table, list | tuple) and isinstance(last, int):
        return _entry(keys, last, table[last] if last < len(table) else None, entry)
    if isinstance(table, Mapping) and last is not None:
        keys.append(str(last))
    if not keys:
        return entry or "the spec"
    return f"'{'.'.join(keys)}'" + (f" of {entry}" if entry else "")


def _entry(keys: list[str], index: int, value: Any, outer: str) -> str:
    """An entry of the list at ``keys`` of another one: ``node 'koganei'``, or ``entry 2 of 'n_elec'``."""
    name = next((value[key] for key in ("name", "id") if value.get(key)), None) if isinstance(value, Mapping) else None
    if keys and isinstance(name, str) and len(name) <= MAX_SHOWN:
        entry = f"{'.'.join(keys)} '{name}'"
    else:
        entry = f"entry {index + 1}" + (f" of '{'.'.join(keys)}'" if keys else "")
    return entry + (f" of {outer}" if outer else "")


def _shown(value: Any) -> str:
    """A value as a message shows it: no longer than a line can hold."""
    if isinstance(value, Mapping):
        return "a table"
    if len(repr(value)) <= MAX_SHOWN:
        return repr(value)
    if isinstance(value, str):
        return f"a text of {len(value):,} characters"
    return f"a list of {len(value):,} entries" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def _explain(error: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    location = tuple(error["loc"])
    where = _subject(location, table)
    kind, context, given = error["type"], error.get("ctx", {}), _shown(error["input"])
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{where} must be a table, but is {given}."
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        key = _subject((*location, context["discriminator"].strip("'")), table)
        if kind == "union_tag_not_found":
            return f"{key} is missing."
        return f"{key} must be one of {context['expected_tags']}, but is '{context['tag']}'."
    if kind == "string_pattern_mismatch":  # a regular expression tells people nothing; see `matching`
        return f"{where} has another form than it should: {given}."
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if kind == "value_error":
        end = "" if message.endswith("?") else "."  # a hint of a registry asks
        return f"{where}: {message}{end}" if location else f"{message}{end}"
    return f"{where}: {message[0].lower()}{message[1:]}, but got {given}."


def _unknown_keys(locations: Sequence[tuple[str | int, ...]], model: type[Spec], table: Mapping[str, Any]) -> list[str]:
    """Clauses about keys of one table that its spec does not have."""
    known = _known_keys(model, locations[0][:-1])
    told, strange = [], []
    for location in locations:
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        if close:
            told.append(f"unknown key {_subject(location, table)}; did you mean {close[0]!r}?")
        else:
            strange.append(_subject(location, table))
    if strange:
        told.append(f"unknown key{'s' * (len(strange) > 1)} {', '.join(strange)}; known here: {', '.join(known)}.")
    return told


def _explain_all(faults: Sequence[Mapping[str, Any]], model: type[Spec], table: Mapping[str, Any]) -> str:
    """One clause for each fault; what several have in common is said once."""
    locations = [tuple(fault["loc"]) for fault in faults]
    missing: list[str] = []
    others: list[str] = []
    unknown: dict[tuple[str | int, ...], list[tuple[str | int, ...]]] = {}
    for fault, at in zip(faults, locations, strict=True):
        if fault["type"] == "extra_forbidden":
            unknown.setdefault(at[:-1], []).append(at)
        elif fault["type"] == "missing":
            missing.append(_subject(at, table))
        # A list whose entries are wrong counts as too short as well: only the entries are worth a word.
        elif not any(len(other) > len(at) and other[: len(at)] == at for other in locations):
            others.append(_explain(fault, table))
    told = [clause for group in unknown.values() for clause in _unknown_keys(group, model, table)]
    if missing:
        told.append(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    told += others
    more = f" There are {len(told) - MAX_FAULTS} more faults." if len(told) > MAX_FAULTS else ""
    return " ".join(told[:MAX_FAULTS]) + more


def matching(pattern: str, form: str) -> pydantic.AfterValidator:
    """That a text has a form, which messages tell in words.

    Args:
        pattern: Regular expression of the whole text.
        form: What it stands for.

    Example:
        >>> matching("[0-9]+", "the number of a port").func("https")
        Traceback (most recent call last):
        ValueError: this should be the number of a port, but got 'https'
    """
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"this should be {form}, but got {_shown(text)}")
        return text

    return pydantic.AfterValidator(check)


def parse_spec(model: type[S], table: Mapping[str, Any], *, source: str = "spec") -> S:
    """Check a table against a spec.

    Args:
        model: The spec's type.
        table: What the user wrote.
        source: Name of the file, for messages.

    Raises:
        SpecError: With one clause per fault.
    """
    try:
        # As JSON, because there an array may become a tuple and a string a path or an enum. A check of the
        # Python values would refuse every TOML array where the spec says tuple.
        return model.model_validate_json(json.dumps(dict(table), default=str))
    except pydantic.ValidationError as error:
        faults = [dict(item) for item in error.errors()]
        raise SpecError(f"{source}: {_explain_all(faults, model, table)}") from None


def as_spec(model: type[S], value: S | Mapping[str, Any] | None, name: str) -> S:
    """An argument that may be a spec, its options as a dict, or None for the defaults.

    Args:
        model: The spec's type.
        value: What the caller gave.
        name: Name of the argument, for messages.

    Raises:
        InputError: It is something else.
        SpecError: With one clause per fault.

    Example:
        >>> class Limits(Spec):
        ...     most: int = 3
        >>> as_spec(Limits, {"most": 5}, "limits"), as_spec(Limits, None, "limits")
        (Limits(most=5), Limits(most=3))
    """
    if isinstance(value, model):
        return value
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"Argument `{name}` must be a {model.__name__} or a dict, but is {value!r}.")
    return parse_spec(model, value or {}, source=f"argument `{name}`")
