"""The finished parts of a long stage, kept in one small file, so that a stopped stage goes on behind its last part.

A part is a named piece of work whose outcome is plain numbers, text and arrays. It is kept with what it depends on: a
part of another problem, space or spec is never taken, and neither is a damaged one. The file is described in
``docs/formats/parts.md``.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.core.errors import InputError
from kakehashi.core.files import read_text, write_text
from kakehashi.core.identity import identify
from kakehashi.core.ranks import Ranks

__all__ = ["Part", "Parts", "parts_path"]

SCHEMA = "kakehashi.parts/1"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A finished part.

    Attributes:
        values: What was found: plain JSON values and arrays.
        wall_s: Wall time that it took, in whichever call.
        cpu_s: Processor time of all threads, likewise.
        kept: Whether an earlier call computed it.
    """

    values: Mapping[str, Any]
    wall_s: float
    cpu_s: float
    kept: bool


def parts_path(path: Path | str) -> Path:
    """Where the parts of the stages behind a file are kept: beside it.

    Example:
        >>> parts_path("run/selected.h5").name
        'selected.parts.json'
    """
    return Path(path).with_suffix(".parts.json")


class Parts:
    """The parts of one stage.

    The file may hold other stages, too. It is read when the first part is asked for and written after each; two stages
    with one file come one after the other.

    Args:
        path: The file; nothing is kept where none is given.
        stage: Name of the stage.
        key: All that its parts depend on, as plain JSON values. Where it differs from that of the parts that are there,
            they are not used, and the first new one takes their place.
        ranks: The processes that compute the parts together; all call every method alike, the first alone reads and
            writes the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f"{folder}/a.parts.json"
        ...     first = Parts(path, stage="sums", key={"n": 3}).finish("one", lambda: {"sum": 0.1 + 0.2})
        ...     again = Parts(path, stage="sums", key={"n": 3}).finish("one", lambda: {"sum": 7.0})
        ...     other = Parts(path, stage="sums", key={"n": 4}).finish("one", lambda: {"sum": 8.0})
        >>> first.values, again.values == first.values, again.kept, other.values
        ({'sum': 0.30000000000000004}, True, True, {'sum': 8.0})
    """

    def __init__(
        self, path: Path | str | None = None, *, stage: str = "", key: Any = None, ranks: Ranks | None = None
    ) -> None:
        self._path = None if path is None else Path(path)
        self._stage = stage
        self._key = identify(key)
        self._ranks = Ranks() if ranks is None else ranks
        self._entries: list[dict[str, Any]] | None = None
        self._wall_s = self._cpu_s = 0.0

    @property
    def earlier_wall_s(self) -> float:
        """Wall time of the parts that earlier calls computed and this one took."""
        return self._wall_s

    @property
    def earlier_cpu_s(self) -> float:
        """Processor time of the first process for the same."""
        return self._cpu_s

    def has(self, name: str) -> bool:
        """Whether there is a part of that name to take."""
        return self._find(name) is not None

    def finish(self, name: str, compute: Callable[[], Mapping[str, Any]]) -> Part:
        """Take a part that is there, or compute it and keep it.

        Args:
            name: Its name.
            compute: Gives its values: plain JSON values and arrays of 8-byte numbers, all of them finite.

        Raises:
            ResourceError: On all ranks: the disk is full; what was kept before still is.
            InputError: On all ranks: the folder cannot be written, or a value is no finite number.
        """
        found = self._find(name)
        if found is not None:
            self._wall_s += found.wall_s
            self._cpu_s += found.cpu_s
            return found
        wall, cpu = time.perf_counter(), time.process_time()
        values = compute()
        part = Part(values=values, wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu, kept=False)
        if self._path is not None:
            self._ranks.attempt(lambda: self._keep(name, part) if self._ranks.rank == 0 else None)
        return part

    def _find(self, name: str) -> Part | None:
        if self._path is None:
            return None
        return self._ranks.share(self._look_up(name) if self._ranks.rank == 0 else None)

    def _look_up(self, name: str) -> Part | None:
        for entry in self._read():
            if (entry["stage"], entry["key"], entry["name"]) == (self._stage, self._key, name):
                values = {each: _unpack(value) for each, value in entry["values"].items()}
                return Part(values=values, wall_s=entry["wall_s"], cpu_s=entry["cpu_s"], kept=True)
        return None

    def _read(self) -> list[dict[str, Any]]:
        if self._entries is None:
            self._entries = [] if self._path is None or not self._path.exists() else _read_whole(self._path)
        return self._entries

    def _keep(self, name: str, part: Part) -> None:
        if self._path is None:
            return
        entry = {
            "stage": self._stage,
            "key": self._key,
            "name": name,
            "wall_s": part.wall_s,
            "cpu_s": part.cpu_s,
            "values": {each: _pack(value) for each, value in part.values.items()},
        }
        try:
            entry["sha256"] = identify(entry)
        except ValueError as error:
            raise InputError(f"The part {name!r} of {self._path} holds a number that is not finite.") from error
        others = [
            other
            for other in self._read()
            if other["stage"] != self._stage or (other["key"] == self._key and other["name"] != name)
        ]
        self._entries = [*others, entry]
        write_text(self._path, json.dumps({"schema": SCHEMA, "parts": self._entries}, allow_nan=False) + "\n")


def _read_whole(path: Path) -> list[dict[str, Any]]:
    """The parts of a file that are as they were written; what is damaged is worth no more than the time it took."""
    try:
        table = json.loads(read_text(path))
        schema, entries = table["schema"], list(table["parts"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        _LOG.warning("%s is damaged or cut off (%s): its parts are computed again.", path, error)
        return []
    if schema != SCHEMA:
        _LOG.warning("%s has the schema %s, not %s: its parts are computed again.", path, schema, SCHEMA)
        return []
    whole = []
    for number, entry in enumerate(entries, start=1):
        if _is_whole(entry):
            whole.append(entry)
        else:
            _LOG.warning(
                "%s: part %d of %d is damaged, its checksum is not the one that was written: it is computed again.",
                path,
                number,
                len(entries),
            )
    return whole


def _is_whole(entry: Any) -> bool:
    try:
        return bool(entry["sha256"] == identify({name: entry[name] for name in entry if name != "sha256"}))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _pack(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "numbers": value.ravel().tolist()}
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"dtype", "shape", "numbers"}:
        return np.array(value["numbers"], dtype=value["dtype"]).reshape(value["shape"])
    return value
