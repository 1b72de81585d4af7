"""Live progress of a scan in a terminal: what each chain is at, and what came out; plain lines where there is none."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from kakehashi.cli.live import LiveProgress, describe_event
from kakehashi.core.progress import Event

__all__ = ["ScanProgress"]

ENDS = ("already there", "point done", "point failed")
"""With one of these the event of a point that has ended says so."""

MOST_ROWS = 8
"""Points that have ended which a terminal shows; their table comes at the end."""


def _is_end(event: Event) -> bool:
    return any(f": {word}" in event.message for word in ENDS)


class ScanProgress(LiveProgress):
    """Draws the events of :func:`kakehashi.workflow.scan.execute_scan`; use it as a context.

    Args:
        console: Where to draw; standard error of the command line.
    """

    def __init__(self, console: Console) -> None:
        self._ended: list[Event] = []
        super().__init__(console)

    def __call__(self, event: Event) -> None:
        """Take note of an event; the place where Ctrl-C takes effect."""
        if _is_end(event):
            self._ended.append(event)
        super().__call__(event)

    def _print_line(self, event: Event, now: float) -> None:
        if not _is_end(event):
            return
        text = f"[{now:7.1f} s] {event.step} of {event.total}: {event.stage}, {_describe(event)}"
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _draw(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=2)
        table.add_column(width=9, style="bold")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", style="dim", no_wrap=True)
        for event in self._ended[-MOST_ROWS:]:
            mark = "[red]✗[/]" if "point failed" in event.message else "[green]✓[/]"
            table.add_row(mark, event.stage, _describe(event), f"{event.elapsed_s:.1f} s")
        if self._finished or not self._events:
            return table
        for stage, event in self._events.items():
            if not _is_end(event):
                table.add_row(self._spinner, stage, _describe(event), "")
        step, total = max((event.step, event.total or 0) for event in self._events.values())
        bar = ProgressBar(total=total, completed=step, width=40, complete_style="cyan")
        table.add_row("", f"{step} of {total}", bar, f"{time.monotonic() - self._start:.1f} s")
        return table


def _describe(event: Event) -> str:
    """The event without its count of points, which stands elsewhere."""
    return describe_event(Event(stage=event.stage, message=event.message, values=event.values))
