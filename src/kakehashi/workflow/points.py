"""The points of a scan: which values a key of the run's file takes, and in which chains."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, TypeAlias

from pydantic import Field, model_validator

from kakehashi.core.errors import InputError
from kakehashi.core.spec import Spec

__all__ = ["ScanSpec", "Value", "cut_chains", "describe_value", "place_value"]

Value: TypeAlias = bool | int | float | str
"""What a key may take in a scan."""

HOLE = "{}"
"""Where the value goes in a key that holds a text, such as a geometry."""

DIGITS = 12
"""Significant digits of evenly spaced values: 0.9 is wanted, not 0.8999999999999999."""

UNITS = ("angstrom", "bohr", "hartree")

# TOML has lists only: a strict model would otherwise refuse them for tuples.
Values = Annotated[tuple[Value, ...], Field(strict=False)]


class ScanSpec(Spec):
    """The table ``[scan]``: one key of the file, and the values that it takes.

    Attributes:
        key: The key with its tables, such as ``problem.bond_angstrom``. Where the file gives it a text with ``{}``
            in it, the value is put there.
        values: The values, in the order in which a chain goes through them.
        start: First of evenly spaced values, in place of ``values``.
        stop: Last of them.
        n_points: Their number.
        n_chains: Pieces that the points are cut into. Along a chain, each point begins also with what the one before
            ended with; chains run beside each other.
        label: What the figure calls the key.

    Example:
        >>> ScanSpec(key="problem.bond_angstrom", start=0.8, stop=1.2, n_points=5).points
        (0.8, 0.9, 1.0, 1.1, 1.2)
        >>> ScanSpec(key="energy.two_s", values=(0, 2)).name
        'two_s'
    """

    key: str
    values: Values | None = None
    start: float | int | None = None
    stop: float | int | None = None
    n_points: Annotated[int, Field(ge=2)] | None = None
    n_chains: Annotated[int, Field(ge=1)] = 2
    label: str | None = None

    @model_validator(mode="after")
    def _check(self) -> ScanSpec:
        if not all(part.strip() for part in self.key.split(".")) or self.key.split(".")[0] == "scan":
            raise ValueError(f"key must be another key of the file, such as 'problem.bond_angstrom', not {self.key!r}")
        even = (self.start, self.stop, self.n_points)
        if self.values is None and None in even:
            raise ValueError("give either values, or start, stop and n_points")
        if self.values is not None and even != (None, None, None):
            raise ValueError("give values, or start, stop and n_points, but not both")
        if self.values is not None and not self.values:
            raise ValueError("values is empty")
        if len(set(map(repr, self.points))) < len(self.points):
            raise ValueError("each value may be there only once")
        return self

    @property
    def points(self) -> tuple[Value, ...]:
        """The values, whichever way they were given."""
        if self.values is not None:
            return self.values
        assert self.start is not None
        assert self.stop is not None
        assert self.n_points is not None
        step = (self.stop - self.start) / (self.n_points - 1)
        values = [float(f"{self.start + k * step:.{DIGITS}g}") for k in range(self.n_points)]
        # Keys that count something take no 2.0 for 2.
        whole = isinstance(self.start, int) and isinstance(self.stop, int) and all(v.is_integer() for v in values)
        return tuple(int(value) for value in values) if whole else tuple(values)

    @property
    def name(self) -> str:
        """The key in few words: its label, or else its last part, with the unit in parentheses."""
        if self.label is not None:
            return self.label
        last = self.key.rpartition(".")[2]
        for unit in UNITS:
            if last.endswith(f"_{unit}"):
                return f"{last.removesuffix(f'_{unit}').replace('_', ' ')} ({unit})"
        return last


def describe_value(value: Value) -> str:
    """A value as a person writes it.

    Example:
        >>> [describe_value(value) for value in (0.9, 2, True, "natural")]
        ['0.9', '2', 'true', 'natural']
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def place_value(table: Mapping[str, Any], key: str, value: Value) -> dict[str, Any]:
    """A copy of a table in which a key has a value, or a text with it.

    Raises:
        InputError: The key goes through something that is not a table, or it is a table.

    Example:
        >>> place_value({"problem": {"name": "n2-6-31g"}}, "problem.bond_angstrom", 1.2)
        {'problem': {'name': 'n2-6-31g', 'bond_angstrom': 1.2}}
        >>> place_value({"geometry": "H 0 0 0; H 0 0 {}"}, "geometry", 0.74)
        {'geometry': 'H 0 0 0; H 0 0 0.74'}
    """
    copied: dict[str, Any] = deepcopy(dict(table))
    inner, parts = copied, [part.strip() for part in key.split(".")]
    for part in parts[:-1]:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InputError(f"scan.key is {key!r}, but {part!r} is a value, not a table.")
    old = inner.get(parts[-1])
    if isinstance(old, dict):
        raise InputError(f"scan.key is {key!r}, which is a table: name a key in it.")
    if isinstance(old, str) and HOLE in old:
        inner[parts[-1]] = old.replace(HOLE, describe_value(value))
    else:
        inner[parts[-1]] = value
    return copied


def cut_chains(n_points: int, n_chains: int) -> tuple[range, ...]:
    """Cut points into contiguous chains whose lengths differ by one at most; none is empty.

    Example:
        >>> [list(chain) for chain in cut_chains(5, 2)]
        [[0, 1, 2], [3, 4]]
    """
    n_chains = min(n_chains, n_points)
    length, longer = divmod(n_points, n_chains)
    ends = [0]
    for index in range(n_chains):
        ends.append(ends[-1] + length + (index < longer))
    return tuple(range(first, last) for first, last in itertools.pairwise(ends))
