"""Live progress in a terminal, and plain lines where there is none."""

from __future__ import annotations

import signal
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from kakehashi.core.progress import Event
from kakehashi.core.resources import format_bytes

__all__ = ["LiveProgress", "describe_event"]

TITLES = {
    "problem": "Problem",
    "circuit": "Circuit",
    "sample": "Sampler",
    "loop": "Subspace",
    "sizes": "Sizes",
    "control": "Control",
    "orbitals": "Orbitals",
    "select": "Selection",
    "perturb": "Outside",
    "classical": "Classical",
    "ledger": "Ledger",
    "report": "Report",
}
SECONDS_BETWEEN_LINES = 10.0

DONE = ("turn done", "space done")
"""What ends a step: always worth a line, and told by its numbers."""


class LiveProgress:
    """Draws events: one row per stage, the present one with a spinner; use it as a context.

    Args:
        console: Where to draw; standard error of the command line.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events: dict[str, Event] = {}
        self._start = time.monotonic()
        self._first_s: dict[str, float] = {}
        self._last_s: dict[str, float] = {}
        self._last_line = ("", 0.0)
        self._finished = False
        self._stopping = False
        self._earlier_handler: Any = signal.SIG_DFL
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=8, transient=False)

    def _stop_soon(self, *_: object) -> None:
        """First Ctrl-C: stop at the next step, where nothing is half done; second one: stop at once."""
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True
        self._console.print("Stopping after this step; Ctrl-C again stops at once.", highlight=False)

    def __enter__(self) -> Self:
        self._earlier_handler = signal.signal(signal.SIGINT, self._stop_soon)
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._earlier_handler)
        if self._console.is_terminal:
            self._finished = True
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take note of an event; the place where Ctrl-C takes effect."""
        if self._stopping:
            raise KeyboardInterrupt
        now = time.monotonic() - self._start
        self._first_s.setdefault(event.stage, now)
        for stage in self._events:
            if stage != event.stage:
                self._last_s.setdefault(stage, now)
        self._events[event.stage] = event
        if not self._console.is_terminal:
            self._print_line(event, now)

    def _print_line(self, event: Event, now: float) -> None:
        stage, then = self._last_line
        done = event.message in DONE
        if event.stage == stage and now - then < SECONDS_BETWEEN_LINES and not done:
            return
        self._last_line = (event.stage, now)
        parts = [f"[{now:7.1f} s]", TITLES.get(event.stage, event.stage).lower(), describe_event(event)]
        self._console.print(" ".join(part for part in parts if part), highlight=False, markup=False, soft_wrap=True)

    def _draw(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=2)
        table.add_column(width=9, style="bold")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", style="dim", no_wrap=True)
        now = time.monotonic() - self._start
        memory = 0
        stages = list(self._events)
        for stage, event in self._events.items():
            running = stage == stages[-1] and not self._finished
            seconds = self._last_s.get(stage, now) - self._first_s[stage]
            memory = max(memory, event.memory_bytes)
            table.add_row(
                self._spinner if running else "[green]✓[/]",
                TITLES.get(stage, stage),
                describe_event(event),
                f"{seconds:.1f} s",
            )
        if self._events and not self._finished:
            table.add_row("", "", f"[dim]peak memory {format_bytes(memory)}[/]", f"{now:.1f} s")
        return table


def describe_event(event: Event) -> str:
    """An event in words and numbers.

    Example:
        >>> describe_event(Event(stage="select", message="space done", values={"energy_hartree": -1.0}))
        'E = -1.000000 Eh'
    """
    parts = []
    if event.total:
        parts.append(f"turn {min(event.step + (event.message not in DONE), event.total)}/{event.total}")
    if event.message and event.message not in DONE:
        parts.append(event.message)
    energy = event.values.get("energy_hartree")
    if energy is not None:
        parts.append(f"E = {energy:.6f} Eh")
    size = event.values.get("n_determinants")
    if size:
        parts.append(f"D = {int(size):,}")
    second_order = event.values.get("second_order_hartree")
    if second_order is not None:
        parts.append(f"outside {1000 * second_order:.2f} mHa")
    residual = event.values.get("residual_hartree")
    if residual is not None:
        parts.append(f"residual {residual:.0e}")
    return ", ".join(parts)
