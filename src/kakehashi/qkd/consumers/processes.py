"""Programs that run while a block lasts, each ended by its own id, and ended too where we are killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.packages import find_program

__all__ = ["pipe_with", "running", "wait_for"]

END_S = 5.0


@contextlib.contextmanager
def running(words: Sequence[str], log: Path, *, pass_fds: Sequence[int] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A program, from its start to the end of the block; then it is asked to end, and after 5 s made to.

    Where this process is killed, the kernel ends the program (``setpriv --pdeathsig``); and so it does where the
    *thread* that started it ends, which therefore has to outlive the block. The program's standard input is a pipe.

    Args:
        words: The command; anybody on the machine can read it, so no key may be in it.
        log: Gets what it writes, for its owner's eyes alone.
        pass_fds: Open files that it inherits.

    Raises:
        DeviceError: It cannot be started.

    Example:
        >>> import tempfile
        >>> log = Path(tempfile.mkdtemp(), "log")
        >>> with running(["cat"], log) as cat:
        ...     written = cat.stdin.write(b"hello")
        ...     cat.stdin.close()
        ...     wait_for(lambda: "hello" in log.read_text(), "cat says nothing")
        >>> cat.returncode
        0
    """
    program = find_program(words[0])
    if program is None:
        raise DeviceError(f"{words[0]} cannot be started: there is no such program.")
    prefix = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [*prefix, program, *words[1:]], stdin=subprocess.PIPE, stdout=handle, stderr=handle, pass_fds=pass_fds
        )
    except OSError as error:
        raise DeviceError(f"{words[0]} cannot be started: {error.strerror}.") from None
    finally:
        os.close(handle)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program of ours, and wait until it has ended."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(is_so: Callable[[], bool], complaint: str, *, timeout_s: float = 20.0) -> None:
    """Wait until something is so.

    Args:
        is_so: Says whether it is.
        complaint: One clause that says what is wrong where it never is.
        timeout_s: How long to wait.

    Raises:
        DeviceError: It is not so in time.

    Example:
        >>> wait_for(lambda: True, "nothing is true")
    """
    limit = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > limit:
            raise DeviceError(f"{complaint} within {timeout_s:g} s.", transient=True)
        time.sleep(0.02)


@contextlib.contextmanager
def pipe_with(content: bytes) -> Iterator[int]:
    """The reading end of a pipe that holds something secret: a program can read it once, as ``/dev/fd/N``.

    So it is neither on a disk nor in a list of processes.

    Args:
        content: At most 4096 bytes, which every pipe holds.

    Example:
        >>> with pipe_with(b"secret") as fd:
        ...     os.read(fd, 100)
        b'secret'
    """
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def last_words(log: Path, pattern: str) -> str:
    """The last line of a log in which a pattern is found, without what stands before it; empty where there is none."""
    found = re.findall(pattern, log.read_text(errors="replace")) if log.exists() else []
    return str(found[-1]).strip() if found else ""
