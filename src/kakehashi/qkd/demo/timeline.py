"""What happened in a demonstration, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Timeline"]


@dataclass(slots=True)
class Timeline:
    """Events with their times, and what is made of them.

    Attributes:
        say: Told of each event: seconds since the start, kind, sentence.
        events: All of them.
        figures: What was measured.
        faults: What went wrong, one sentence each.
        was_stopped: Whether somebody stopped it before the end.

    Example:
        >>> line = Timeline()
        >>> line.note("attack", "Eve measures.")
        >>> line.first("attack")["text"], line.is_good
        ('Eve measures.', True)
    """

    say: Callable[[float, str, str], None] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    was_stopped: bool = False
    began: float = field(default_factory=time.time)
    _noted_at: float = field(default_factory=time.monotonic)

    def note(self, kind: str, text: str, *, at_utc: float | None = None, **more: Any) -> None:
        """Something happened, now or at a time of the clock."""
        at_s = (time.time() if at_utc is None else at_utc) - self.began
        self._noted_at = time.monotonic()
        self.events.append({"at_s": round(at_s, 3), "kind": kind, "text": text, **more})
        if self.say is not None:
            self.say(at_s, kind, text)

    def fault(self, text: str) -> None:
        """Something went wrong."""
        self.faults.append(text)
        self.note("fault", text)

    def stop(self, text: str) -> None:
        """It was stopped, which is nobody's fault."""
        self.was_stopped = True
        self.note("stopped", text)

    @property
    def silent_s(self) -> float:
        """For how long nothing was told, seconds."""
        return time.monotonic() - self._noted_at

    def first(self, kind: str, *, after_s: float = 0.0) -> dict[str, Any] | None:
        """The first event of a kind."""
        return next((e for e in self.events if e["kind"] == kind and e["at_s"] >= after_s), None)

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong and it came to its end."""
        return not self.faults and not self.was_stopped

    def to_json(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "schema": "kakehashi.qkd.demo/1",
            "is_good": self.is_good,
            "was_stopped": self.was_stopped,
            "figures": self.figures,
            "faults": self.faults,
            "events": sorted(self.events, key=lambda event: float(event["at_s"])),
        }
