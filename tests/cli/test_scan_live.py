from __future__ import annotations

import io

import pytest
from rich.console import Console

from kakehashi.cli.scan_live import ScanProgress
from kakehashi.core.progress import Event


def event(message: str, *, chain: int = 1, step: int = 0, **values: float) -> Event:
    return Event(stage=f"chain {chain}", message=message, step=step, total=3, values=values)


def test_without_a_terminal_each_point_is_a_line() -> None:
    stream = io.StringIO()
    with ScanProgress(Console(file=stream, width=40)) as progress:
        progress(event("bond 1: sample: taking shots"))
        progress(event("bond 1: point done", step=1, energy_hartree=-1.5))
        progress(event("bond 2: point failed: There is [no] molecule.", chain=2, step=2))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("1 of 3: chain 1, bond 1: point done, E = -1.500000 Eh")
    assert lines[1].endswith("2 of 3: chain 2, bond 2: point failed: There is [no] molecule.")


def test_a_terminal_shows_what_runs_and_what_has_ended() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with ScanProgress(console) as progress:
        progress(event("bond 1: point done", step=1, energy_hartree=-1.5))
        progress(event("bond 2: select: space done", chain=2, step=1, n_determinants=1000.0))
        progress(event("bond 3: point failed: No.", step=2))
        text = Console(width=100, file=io.StringIO(), record=True)
        text.print(progress._draw())
        shown = text.export_text()
    assert "✓" in shown
    assert "✗" in shown
    assert "2 of 3" in shown
    assert "D = 1,000" in shown
    assert "chain 2" in shown


def test_the_first_interrupt_takes_effect_at_the_next_event() -> None:
    with ScanProgress(Console(file=io.StringIO())) as progress:
        progress._stop_soon()
        with pytest.raises(KeyboardInterrupt):
            progress(event("bond 1: sample: taking shots"))
