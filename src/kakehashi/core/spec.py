"""What a user writes: the base of every spec, and its errors in words."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import pydantic

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.files import read_text

__all__ = ["Spec", "as_spec", "parse_spec", "read_toml", "set_value"]


class Spec(pydantic.BaseModel):
    """Base of every spec: immutable, no unknown keys, no silent conversion of types, no ``nan`` or ``inf``."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


S = TypeVar("S", bound=Spec)


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


def _as_written(location: tuple[str | int, ...], table: Any) -> str:
    """Dotted key of a fault as the user wrote it, without the names that pydantic puts in for alternatives."""
    parts = []
    for part in location[:-1]:
        if part in (range(len(table)) if isinstance(table, list) else table):
            table = table[part]
            parts.append(str(part))
    if isinstance(table, Mapping | list):
        parts.extend(str(part) for part in location[-1:])
    return ".".join(parts) or "the spec"


def _explain(error: Mapping[str, Any], model: type[Spec], table: Mapping[str, Any]) -> str:
    location = tuple(error["loc"])
    where = _as_written(location, table)
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    if kind == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}."
        return f"unknown key '{where}'; {hint}"
    if kind == "missing":
        return f"'{where}' is missing."
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"'{where}' must be a table, but is {given!r}."
    if kind == "union_tag_not_found":
        return f"'{where}.{context['discriminator'].strip(chr(39))}' is missing."
    if kind == "union_tag_invalid":
        key = context["discriminator"].strip("'")
        return f"'{where}.{key}' must be one of {context['expected_tags']}, but is '{context['tag']}'."
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if kind == "value_error":
        end = "" if message.endswith("?") else "."  # a hint of a registry asks
        return f"'{where}': {message}{end}" if location else f"{message}{end}"
    return f"'{where}': {message[0].lower()}{message[1:]}, but got {given!r}."


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
        faults = " ".join(_explain(dict(item), model, table) for item in error.errors())
        raise SpecError(f"{source}: {faults}") from None


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
