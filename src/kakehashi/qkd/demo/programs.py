"""The programs of a demonstration: started, watched, and all of them ended, each by its own number."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from kakehashi.core.errors import DeviceError

__all__ = ["Program", "Programs"]

START_S = 300.0
END_S = 30.0
LOOK_S = 0.25
"""How soon it is noticed that a program has ended."""
MAX_WORDS = 300
"""How much of a program's last line is repeated."""
DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux."""

T = TypeVar("T")


def _end_with_parent() -> None:
    """Have the kernel end this program when the one that started it is killed and cannot do so itself."""
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGTERM)


class Program:
    """One program.

    Attributes:
        name: For people.
        process: The process.
        sign: Part of the sentence by which it says that it is up; any sentence where empty.
        may_end: Whether it may end by itself now.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, sign: str = "") -> None:
        self.name = name
        self.process = process
        self.sign = sign
        self.may_end = False
        self.says: dict[str, dict[str, Any]] = {}
        """The newest line of each kind that it wrote on standard output, where it writes JSON."""
        self.counts: dict[str, int] = {}
        self.last_words = ""
        self._is_ready = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    def watch(self, log: Path) -> None:
        """Read what it says; words go to a log."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read_words(self.process.stderr, log)),
            asyncio.create_task(self._read_lines(self.process.stdout)),
        ]

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it is up."""
        return self._is_ready.is_set()

    async def wait_ready(self) -> None:
        """Wait until it says that it is up.

        Raises:
            DeviceError: It ended, or said nothing for too long.
        """
        ready = asyncio.create_task(self._is_ready.wait())
        ended = asyncio.create_task(self.process.wait())
        await asyncio.wait({ready, ended}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (ready, ended):
            task.cancel()
        if self.process.returncode is not None:
            raise DeviceError(await self.end_of())
        if not self.is_ready:
            raise DeviceError(f"{self.name} was not up after {START_S:g} s: this machine is too busy.")

    async def end_of(self) -> str:
        """How it has ended, and the last that it said; one sentence."""
        await asyncio.wait(self._readers, timeout=1.0)
        code = self.process.returncode or 0
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        words = f"; its last words: {self.last_words.rstrip('.')}" if self.last_words else ""
        return f"{self.name} has ended by itself ({how}){words}."

    async def end(self) -> None:
        """Ask it to end, and make it."""
        self.may_end = True
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                async with asyncio.timeout(END_S):
                    await self.process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _read_words(self, stream: asyncio.StreamReader, log: Path) -> None:
        with log.open("wb") as file:
            while line := await stream.readline():
                file.write(line)
                file.flush()
                words = line.decode(errors="replace").strip()
                self.last_words = words[:MAX_WORDS] or self.last_words
                if self.sign in words:
                    self._is_ready.set()

    async def _read_lines(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            with contextlib.suppress(ValueError, KeyError):
                said = json.loads(line)
                self.says[said["event"]] = said
                self.counts[said["event"]] = self.counts.get(said["event"], 0) + 1
                self._is_ready.set()


class Programs:
    """All programs of a demonstration, ended together when the block ends, however it ends.

    Args:
        logs: Folder of what they say on standard error.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self.running: list[Program] = []

    async def start(
        self, name: str, arguments: Sequence[str], *, table: dict[str, Any] | None = None, sign: str = ""
    ) -> Program:
        """Start a module of Python, in a session of its own so that Ctrl-C reaches this program alone.

        Args:
            name: For people, and for its log.
            arguments: The module and its arguments.
            table: Given on standard input as JSON.
            sign: As :class:`Program`.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            limit=2**20,
        )
        program = Program(name, process, sign)
        self.running.append(program)
        program.watch(self._logs / f"{name}.log")
        if table is not None:
            assert process.stdin is not None
            process.stdin.write(json.dumps(table).encode() + b"\n")
            await process.stdin.drain()
        return program

    def fallen(self) -> list[Program]:
        """Those that have ended by themselves and should not have."""
        return [program for program in self.running if program.process.returncode is not None and not program.may_end]

    async def watch(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something for as long as all programs run.

        Raises:
            DeviceError: One has ended; the message says which, and the last that it said.
        """
        task = asyncio.ensure_future(work)
        try:
            while True:
                await asyncio.wait({task}, timeout=LOOK_S)
                is_over = task.done() and task.exception() is None
                if not is_over and (fallen := self.fallen()):
                    raise DeviceError(await fallen[0].end_of())
                if task.done():
                    return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(asyncio.gather(*(program.end() for program in self.running), return_exceptions=True))
