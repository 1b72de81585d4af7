"""Things that a user picks by name: problems, devices, solvers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Generic, TypeVar

from kakehashi.core.errors import InputError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and what they stand for, with an error that helps when a name is unknown.

    Args:
        kind: What is registered, in the singular, for messages.

    Example:
        >>> devices: Registry[int] = Registry("device")
        >>> devices.add("exact", 1)
        >>> devices["exakt"]
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: There is no device 'exakt'; did you mean 'exact'?
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> None:
        """Register ``entry`` under ``name``; a name can be taken once."""
        if name in self._entries:
            raise ValueError(f"The {self._kind} {name!r} is registered already.")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            close = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(self)}."
            raise InputError(f"There is no {self._kind} {name!r}; {hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries
