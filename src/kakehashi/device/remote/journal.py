"""Jobs at remote machines as files on disk: a process that dies leaves behind what the next one needs to go on.

Each request has a file of JSON lines, to which every step is appended *before* and *after* it happens::

    {"event": "asked", "about": {...}, "n_shots": [100000, 20000], "nonce": "5d…"}
    {"event": "sending", "part": 0}
    {"event": "sent", "part": 0, "job": "0b1f…", "utc": "2026-11-22T01:00:00Z"}
    {"event": "ended", "outcome": "done"}

Whoever works on a request holds a lock on its file, which ends with the process however it ends. A request that was
ended is moved to the folder ``ended``, as a record. No credential is ever in these files.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import platformdirs

from kakehashi.core.errors import InputError

__all__ = ["Entry", "Part", "jobs_folder", "open_entry"]

FOLDER_VARIABLE = "KAKEHASHI_JOBS"

MOST_AT_ONCE = 1000
"""Equal requests of processes that run at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One job of a request.

    Attributes:
        n_shots: Its shots.
        tag: Word that the service keeps with it, if it can.
        tried: Whether submitting it was begun.
        job_id: The id that the service gave; None where that is not known.
        sent_utc: When that was.
    """

    n_shots: int
    tag: str
    tried: bool = False
    job_id: str | None = None
    sent_utc: str | None = None


def jobs_folder() -> Path:
    """Where requests are kept: ``$KAKEHASHI_JOBS``, or ``kakehashi/jobs`` in the user's folder for states.

    Example:
        >>> jobs_folder().name
        'jobs'
    """
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given).expanduser() if given else platformdirs.user_state_path("kakehashi") / "jobs"


def open_entry(key: str, folder: Path | None = None) -> Entry:
    """The file of a request: the one that a process which died has left, or a new one.

    Args:
        key: What is the same for equal requests.
        folder: Where to look; :func:`jobs_folder` where not given.

    Raises:
        InputError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with open_entry("abc", Path(folder)) as entry:
        ...         entry.begin({"device": "x"}, [10])
        ...         entry.sent(0, "job-1")
        ...     with open_entry("abc", Path(folder)) as again:
        ...         [part.job_id for part in again.parts]
        ['job-1']
    """
    folder = jobs_folder() if folder is None else folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(1, MOST_AT_ONCE):
            path = folder / (f"{key}.jsonl" if number == 1 else f"{key}.{number}.jsonl")
            stream = _locked(path)
            if stream is not None:
                return Entry(path, stream)
    except OSError as error:
        raise InputError(
            f"Jobs cannot be kept in {folder}: {error.strerror}; name another folder in {FOLDER_VARIABLE}."
        ) from error
    raise InputError(f"{MOST_AT_ONCE} equal requests are under way already; see {folder}.")


def _locked(path: Path) -> BinaryIO | None:
    """The file, locked; None where another process works on it."""
    while True:
        stream = path.open("a+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            return None
        try:
            if os.fstat(stream.fileno()).st_ino == path.stat().st_ino:
                return stream
        except FileNotFoundError:
            pass
        stream.close()  # it was ended and moved away in the meantime


class Entry:
    """The file of one request, locked; a context that gives the lock back and leaves the file.

    Attributes:
        path: The file.
        about: What :meth:`begin` was told; empty for a new request.
        parts: The jobs; none for a new request.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.about: dict[str, Any] = {}
        self.parts: list[Part] = []
        self._stream = stream
        stream.seek(0)
        text = stream.read()
        if text and not text.endswith(b"\n"):
            self._write(b"\n")  # the last line was cut by a kill
        for line in text.splitlines():
            self._replay(line)

    @property
    def is_new(self) -> bool:
        """Whether nothing was asked yet."""
        return not self.parts

    def begin(self, about: Mapping[str, Any], n_shots: Sequence[int]) -> None:
        """Write down a new request.

        Args:
            about: What is worth keeping with it, as plain JSON values.
            n_shots: Shots of each job.
        """
        self._add({"event": "asked", "about": dict(about), "n_shots": list(n_shots), "nonce": uuid.uuid4().hex[:16]})

    def sending(self, part: int) -> None:
        """Write down that a job is about to be submitted."""
        self._add({"event": "sending", "part": part})

    def sent(self, part: int, job_id: str) -> None:
        """Write down a job's id."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._add({"event": "sent", "part": part, "job": job_id, "utc": now})

    def end(self, outcome: str) -> None:
        """Write down how the request ended, and move its file to ``ended``: an equal request is a new one."""
        if not self.path.exists():
            return
        self._add({"event": "ended", "outcome": outcome})
        ended = self.path.parent / "ended"
        ended.mkdir(exist_ok=True, mode=0o700)
        self.path.replace(ended / f"{self.path.stem}-{uuid.uuid4().hex[:8]}.jsonl")

    def close(self) -> None:
        """Give the lock back; a file in which nothing was asked goes."""
        if self._stream.closed:
            return
        if self.is_new and self.path.exists():
            self.path.unlink()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(event, allow_nan=False).encode() + b"\n"
        self._write(line)
        self._replay(line)

    def _write(self, line: bytes) -> None:
        self._stream.write(line)
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def _replay(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind = event["event"]
            if kind == "asked":
                self.about = event["about"]
                self.parts = [
                    Part(n_shots=n_shots, tag=f"kakehashi-{event['nonce']}-{k}")
                    for k, n_shots in enumerate(event["n_shots"])
                ]
            elif kind in ("sending", "sent"):
                k = event["part"]
                earlier = self.parts[k]
                self.parts[k] = Part(
                    n_shots=earlier.n_shots,
                    tag=earlier.tag,
                    tried=True,
                    job_id=event.get("job", earlier.job_id),
                    sent_utc=event.get("utc", earlier.sent_utc),
                )
        except (ValueError, KeyError, IndexError, TypeError):
            return  # a line that a kill has cut
