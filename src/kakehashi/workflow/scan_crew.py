"""The processes beside each other in which the chains of a scan are done.

Each is a Python of its own, told what to do line by line (:mod:`kakehashi.workflow.scan_worker`), so that one that
is killed loses its point and no other, and threads of one do not disturb those of another.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from kakehashi.core.progress import Event

__all__ = ["Chain", "Crew", "Ended", "Task", "describe_task"]

BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LAST_WORDS = 2000
"""Bytes of a dead process's standard error in which its last line is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run for a worker.

    Attributes:
        index: Of the point.
        spec: Its spec as plain JSON values.
        folder: Where it is kept.
        earlier: Folder of the finished run that it goes on from, if any.
        there: Whether it is finished there already.
    """

    index: int
    spec: Mapping[str, Any]
    folder: Path
    earlier: Path | None
    there: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A task that has ended.

    Attributes:
        task: The task.
        error: Why it failed, in one sentence; None where it is done.
    """

    task: Task
    error: str | None


Chain: TypeAlias = Callable[[Ended | None], Task | None]
"""Gives the next task of a chain, knowing how the one before ended; None at its end."""

News: TypeAlias = "Ended | tuple[int, Event] | BaseException | None"


def describe_task(task: Task, *, base: Path, source: str, fresh: bool) -> str:
    """A task as the line that a worker reads.

    Example:
        >>> task = Task(index=0, spec={"seed": 1}, folder=Path("scan/00"), earlier=None)
        >>> line = describe_task(task, base=Path("."), source="scan.toml", fresh=False)
        >>> sorted(json.loads(line))
        ['base', 'earlier', 'folder', 'fresh', 'source', 'spec']
    """
    earlier = None if task.earlier is None else str(task.earlier)
    about = {"base": str(base), "folder": str(task.folder), "earlier": earlier, "fresh": fresh, "source": source}
    return json.dumps({"spec": dict(task.spec), **about}) + "\n"


class Crew:
    """Processes that do chains of tasks, each chain in order.

    Args:
        n_workers: How many at once.
        n_threads: Threads of each.
        line: Turns a task into the line that a worker reads.
    """

    def __init__(self, n_workers: int, *, n_threads: int, line: Callable[[Task], str]) -> None:
        self._n_workers = n_workers
        self._line = line
        # The user's own choice stands, but for more than each one's share.
        self._environment = {**os.environ}
        for name in BLAS_THREADS:
            given = os.environ.get(name, "")
            self._environment[name] = str(min(n_threads, int(given)) if given.isdigit() else n_threads)
        self._news: queue.Queue[News] = queue.Queue()
        self._chains: queue.Queue[Chain] = queue.Queue()
        self._processes: list[_Process] = []
        self._stopping = threading.Event()

    def follow(self, chains: Sequence[Chain]) -> Generator[Ended | tuple[int, Event]]:
        """Do all chains; yields events with the index of their point, and tasks as they end.

        Where the caller leaves in between, the workers stop at their next event; a second interrupt ends them at once.
        """
        for chain in chains:
            self._chains.put(chain)
        threads = [threading.Thread(target=self._lead, daemon=True) for _ in range(min(self._n_workers, len(chains)))]
        for thread in threads:
            thread.start()
        try:
            left = len(threads)
            while left:
                news = self._news.get()
                if isinstance(news, BaseException):
                    raise news
                if news is None:
                    left -= 1
                else:
                    yield news
        except KeyboardInterrupt:
            self._kill()
            raise
        finally:
            self._stop(threads)

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        self._stopping.set()
        try:
            for process in self._processes:
                process.interrupt()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self._kill()
            raise
        for process in self._processes:
            process.close()

    def _kill(self) -> None:
        """End all workers at once; every file that they wrote is whole or not there."""
        for process in self._processes:
            process.kill()

    def _lead(self) -> None:
        """One thread: takes chain after chain, with a process of its own."""
        process: _Process | None = None
        try:
            while not self._stopping.is_set() and (chain := self._take_chain()) is not None:
                process = self._go_along(chain, process)
        except Exception as error:  # noqa: BLE001 - raised in the caller's thread
            self._news.put(error)
        finally:
            if process is not None:
                process.close()
            self._news.put(None)

    def _take_chain(self) -> Chain | None:
        try:
            return self._chains.get_nowait()
        except queue.Empty:
            return None

    def _go_along(self, chain: Chain, process: _Process | None) -> _Process | None:
        """Have the tasks of a chain done; returns the process for the next one."""
        ended: Ended | None = None
        while (task := chain(ended)) is not None and not self._stopping.is_set():
            error: str | None = None
            if not task.there:
                if process is not None and not process.alive:
                    process.close()
                    process = None
                if process is None:
                    process = _Process(self._environment)
                    self._processes.append(process)
                    if self._stopping.is_set():  # it was not there yet to be told
                        break
                error = process.do(self._line(task), partial(self._hear, task.index))
            if error is not None and self._stopping.is_set():
                break  # it did not fail: it was told to stop
            ended = Ended(task=task, error=error)
            self._news.put(ended)
        return process

    def _hear(self, index: int, event: Event) -> None:
        self._news.put((index, event))


class _Process:
    """A worker, seen from outside."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kakehashi.workflow.scan_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env=dict(environment),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the one who leads
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def do(self, line: str, tell: Callable[[Event], None]) -> str | None:
        """Have one task done; returns why it failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            return self._end()
        for answer in self._process.stdout:
            ((kind, what),) = json.loads(answer).items()
            if kind == "event":
                tell(Event(**what))
            elif kind == "done":
                return None
            else:
                return "It was stopped." if kind == "stopped" else str(what)
        return self._end()

    def _end(self) -> str:
        """Why the process ended by itself."""
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            return f"Its process was ended from outside ({name}); where that was for want of memory, use fewer --jobs."
        self._words.seek(max(self._words.seek(0, os.SEEK_END) - LAST_WORDS, 0))
        last = self._words.read().decode("utf-8", errors="replace").strip().splitlines()[-1:]
        return f"Its process ended with code {code}: {''.join(last) or 'it said nothing'}."

    def interrupt(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """Let it end, which it does where it has no task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._words.close()
