"""Time as the links of a demonstration have had it: on a busy machine less of it passes than on the clock.

What the demonstration waits for comes of light. Where the machine gives the links a tenth of the time that they need,
all takes ten times as long and nothing is wrong; so limits are not in seconds of the clock, and whoever waits is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from kakehashi.core.errors import DeviceError
from kakehashi.core.numbers import percent
from kakehashi.qkd.link.ends import Control
from kakehashi.qkd.link.source import addresses_in

__all__ = ["ADVICE", "Patience"]

ADVICE = "end other programs, or try again when the machine is quiet"
SLOWEST = 0.05
"""Links that run at less than this share of their pace, or not at all, are not waited for any longer."""
SLOW = 0.6
"""Below this share the machine is said to be busy."""
LOOK_S = 1.0


class Patience:
    """Measures how long the links have run since :meth:`begin`.

    Args:
        links: Folder of each link's sockets, and its pace.
    """

    def __init__(self, links: Mapping[Path, float]) -> None:
        self._links = dict(links)
        self._began = self._looked = time.monotonic()
        self._first: dict[Path, float] = {}
        self._light_s = self._most_s = 0.0

    async def begin(self) -> Self:
        """Count from now."""
        self._began = time.monotonic()
        self._first = await asyncio.to_thread(self._ask)
        self._light_s = self._most_s = 0.0
        return self

    @property
    def clock_s(self) -> float:
        """Seconds of the clock."""
        return time.monotonic() - self._began

    @property
    def speed(self) -> float:
        """At which share of their pace the links ran, 1 where they kept it."""
        return min(1.0, self._light_s / max(self.clock_s, LOOK_S))

    async def passed_s(self) -> float:
        """Seconds that would have passed on a machine that keeps the pace; never more than on the clock."""
        if time.monotonic() - self._looked >= LOOK_S:
            now = await asyncio.to_thread(self._ask)
            run = [(now[link] - at) / self._links[link] for link, at in self._first.items() if link in now]
            self._light_s = max(self._light_s, sum(run) / max(1, len(run)))
            self._most_s = max(self._most_s, *run, 0.0)
            self._looked = time.monotonic()
        unseen = min(LOOK_S, time.monotonic() - self._looked)
        return min(self.clock_s, max(self._light_s + unseen, SLOWEST * self.clock_s))

    @property
    def why(self) -> str:
        """What is wrong where the machine is at fault; empty where it is not."""
        if self._most_s >= SLOW * max(self.clock_s, LOOK_S):  # a busy machine would be slow for all links
            return ""
        return f"this machine is busy, and the links run at {percent(self.speed, 0)} of their pace"

    def _ask(self) -> dict[Path, float]:
        found = {}
        for link in self._links:
            with suppress(DeviceError):
                found[link] = float(Control(addresses_in(link)["control"]).status()["time_s"])
        return found
