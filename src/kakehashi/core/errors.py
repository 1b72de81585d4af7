"""Every error that kakehashi raises on purpose, in one tree.

.. code-block:: text

    KakehashiError                 exit code 1: the run failed
    ├── InputError (ValueError)    exit code 2: an argument or a file that the user gave is wrong
    │   ├── SpecError              a TOML spec: unknown key, wrong type, impossible combination
    │   └── FileFormatError        a data file: carries the path and, where there is one, the line
    ├── ResourceError              memory, disk or another resource does not suffice
    ├── MissingDependencyError     an optional package is not installed; says how to install it
    ├── DataError                  data could not be found, fetched or verified
    ├── ConvergenceError           exit code 3: an iteration ended without reaching its tolerance
    ├── DeviceError                a quantum device failed; ``transient`` says whether trying again can help
    └── DistillationError          two ends of a link could not make a key; ``fault`` says who broke the protocol

The message of each is one sentence that a user can act on. The command line prints that sentence and
nothing else; a traceback is a bug in kakehashi.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

__all__ = [
    "ConvergenceError",
    "DataError",
    "DeviceError",
    "DistillationError",
    "FileFormatError",
    "InputError",
    "KakehashiError",
    "MissingDependencyError",
    "ResourceError",
    "SpecError",
]


class KakehashiError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        exit_code: What the command line exits with when this error ends it.
    """

    exit_code: int = 1


class InputError(KakehashiError, ValueError):
    """An argument or a file that the user gave is wrong."""

    exit_code = 2


class SpecError(InputError):
    """A run's TOML spec is wrong."""


class FileFormatError(InputError):
    """A data file is wrong.

    Args:
        path: The file.
        problem: What is wrong and what was expected, as one sentence.
        line: 1-based number of the line at fault, where the format has lines.
    """

    def __init__(self, path: Path | str, problem: str, *, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        self._problem = problem
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[object, ...]:
        # What Exception does by itself, calling the class with the finished message, fails here; and an
        # error must come back whole from a worker process.
        return partial(type(self), line=self.line), (self.path, self._problem)


class ResourceError(KakehashiError):
    """Memory, disk or another resource does not suffice."""


class MissingDependencyError(KakehashiError):
    """An optional package is needed and not installed."""


class DataError(KakehashiError):
    """Data could not be found, fetched or verified."""


class ConvergenceError(KakehashiError):
    """An iteration ended without reaching its tolerance."""

    exit_code = 3


class DeviceError(KakehashiError):
    """A quantum device failed.

    Args:
        message: One sentence.
        transient: True where the same call may succeed later.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        self.transient = transient
        super().__init__(message)


class DistillationError(KakehashiError):
    """Two ends of a quantum link could not make a key.

    Args:
        message: One sentence; it never holds bits of a key.
        fault: ``"remote"`` where the other end or somebody on the wire broke the protocol, ``"local"`` where this end
            was asked for what it cannot do.
    """

    def __init__(self, message: str, *, fault: Literal["local", "remote"] = "remote") -> None:
        self.fault = fault
        super().__init__(message)
