"""The time by which keys grow old."""

from __future__ import annotations

import time

__all__ = ["SteadyClock"]


class SteadyClock:
    """Seconds since 1970 that go on from where they were when it was made.

    A machine's clock may be set while a program runs, by hand or by a time server that is wrong; a store that followed
    it a week ahead would destroy all its key at once. Time that the machine sleeps counts.

    Example:
        >>> clock = SteadyClock()
        >>> 0 <= clock() - time.time() + 1 <= 2
        True
    """

    def __init__(self) -> None:
        self._offset = time.time() - _elapsed()

    def __call__(self) -> float:
        """The time now."""
        return self._offset + _elapsed()


def _elapsed() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux; elsewhere sleep may be left out
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
