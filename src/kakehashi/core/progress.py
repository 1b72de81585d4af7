"""Progress of long work, as events that anyone may listen to.

The library never prints. Whoever starts long work may pass a ``Progress``: a callable that receives one
:class:`Event` after each step. The command line draws them, a service stores them, a test collects them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from kakehashi.core.resources import peak_memory_bytes

__all__ = ["Event", "Progress", "Reporter", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of long work.

    Attributes:
        stage: Which part of the work, such as ``"sample"`` or ``"diagonalise"``.
        message: A few words for a person.
        step: Steps done in this stage.
        total: Steps that there will be, or None where that is not known.
        values: Numbers worth watching, such as ``{"energy_hartree": -109.04, "n_determinants": 90000}``.
        elapsed_s: Seconds since the work began.
        memory_bytes: Peak resident memory of the process so far.
    """

    stage: str
    message: str = ""
    step: int = 0
    total: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    elapsed_s: float = 0.0
    memory_bytes: int = 0


Progress: TypeAlias = Callable[[Event], None]
"""Receives the events of long work."""


def silent(event: Event) -> None:
    """The progress of work that nobody watches."""


class Reporter:
    """Fills in time and memory, and passes events on.

    Example:
        >>> events = []
        >>> Reporter(events.append).step("sample", "drawing shots", step=1, total=2)
        >>> events[0].stage, events[0].step
        ('sample', 1)
    """

    def __init__(self, progress: Progress = silent) -> None:
        self._progress = progress
        self._start = time.monotonic()

    def step(self, stage: str, message: str = "", *, step: int = 0, total: int | None = None, **values: float) -> None:
        """Report one step; keyword arguments become the event's values."""
        self._progress(
            Event(
                stage=stage,
                message=message,
                step=step,
                total=total,
                values=values,
                elapsed_s=time.monotonic() - self._start,
                memory_bytes=peak_memory_bytes(),
            )
        )

    def forward(self, event: Event) -> None:
        """Pass on what a part of the work has reported, on this clock: a :data:`Progress` for that part.

        Example:
            >>> events = []
            >>> Reporter(Reporter(events.append).forward).step("sample", step=1)
            >>> events[0].stage, events[0].step
            ('sample', 1)
        """
        self.step(event.stage, event.message, step=event.step, total=event.total, **event.values)
