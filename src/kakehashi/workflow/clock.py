"""Seconds per stage of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Clock"]


class Clock:
    """Adds up the seconds that each stage took.

    Example:
        >>> clock = Clock()
        >>> with clock.stage("sample"):
        ...     pass
        >>> clock.stage_s["sample"] < 1.0
        True
    """

    def __init__(self) -> None:
        self.stage_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the seconds of the block for the stage ``name``."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.stage_s[name] = self.stage_s.get(name, 0.0) + time.monotonic() - start
