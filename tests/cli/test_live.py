"""Progress as it reaches a console, and Ctrl-C as it reaches the process: real signals, real output."""

from __future__ import annotations

import io
import os
import signal
import time

import pytest
from rich.console import Console

from kakehashi.cli.live import LiveProgress
from kakehashi.core.progress import Event


def console(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None, legacy_windows=False)


def written(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def turn(step: int, message: str = "diagonalising, iteration 3", **values: float) -> Event:
    return Event(stage="loop", message=message, step=step, total=5, values=values, memory_bytes=3 * 2**30)


def interrupt() -> None:
    """Ctrl-C; the handler runs in this thread before the next line."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)


def test_a_line_says_stage_turn_energy_size_and_residual() -> None:
    target = console()
    with LiveProgress(target) as progress:
        progress(turn(1, energy_hartree=-1.25, n_determinants=90_000.0, residual_hartree=2.3e-4))
    (line,) = written(target).splitlines()
    assert line.startswith("[    0.0 s] subspace ")
    assert line.endswith("turn 2/5, diagonalising, iteration 3, E = -1.250000 Eh, D = 90,000, residual 2e-04")


def test_a_turn_that_is_done_is_counted_and_needs_no_message() -> None:
    target = console()
    with LiveProgress(target) as progress:
        progress(turn(5, "turn done", energy_hartree=-1.5))
    assert written(target).splitlines()[0].endswith("subspace turn 5/5, E = -1.500000 Eh")


def test_a_stage_without_a_title_is_called_by_its_name() -> None:
    target = console()
    with LiveProgress(target) as progress:
        progress(Event(stage="transpile", message="[bold] 50% of [x]"))
    assert written(target).splitlines()[0].endswith("transpile [bold] 50% of [x]")


def test_where_there_is_no_terminal_lines_are_few() -> None:
    """One at once for a new stage and for each turn that is done; the iterations between them wait."""
    target = console()
    with LiveProgress(target) as progress:
        progress(Event(stage="sample", message="drawing"))
        for step in range(3):
            for _ in range(20):
                progress(turn(step))
            progress(turn(step + 1, "turn done"))
    words = [line.split("] ")[1] for line in written(target).splitlines()]
    assert words == [
        "sampler drawing",
        "subspace turn 1/5, diagonalising, iteration 3",
        "subspace turn 1/5",
        "subspace turn 2/5",
        "subspace turn 3/5",
    ]


def test_a_terminal_shows_a_row_for_each_stage() -> None:
    target = console(terminal=True)
    with LiveProgress(target) as progress:
        progress(Event(stage="sample", message="drawing", memory_bytes=2**30))
        progress(turn(1, energy_hartree=-1.25))
        deadline = time.monotonic() + 30  # drawn by a timer, eight times a second
        while "turn 2/5" not in written(target) and time.monotonic() < deadline:
            time.sleep(0.02)
        running = written(target)
    assert "✓  Sampler   drawing" in running
    assert "Subspace  turn 2/5, diagonalising, iteration 3, E = -1.250000 Eh" in running
    assert "✓  Subspace" not in running
    assert "peak memory 3.0 GiB" in running
    last = written(target)[len(running) :]
    assert "✓  Subspace" in last
    assert "peak memory" not in last


def test_the_first_interrupt_waits_for_the_step_to_end() -> None:
    target = console()
    with LiveProgress(target) as progress:
        progress(turn(1))
        interrupt()
        assert "Stopping after this step; Ctrl-C again stops at once." in written(target)
        with pytest.raises(KeyboardInterrupt):
            progress(turn(2))


def test_the_second_interrupt_stops_at_once() -> None:
    with LiveProgress(console()):
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupt()


@pytest.mark.parametrize("terminal", [False, True])
def test_what_an_interrupt_did_before_it_does_again(terminal: bool) -> None:
    before = signal.getsignal(signal.SIGINT)

    def fail() -> None:
        with LiveProgress(console(terminal=terminal)):
            assert signal.getsignal(signal.SIGINT) is not before
            raise ValueError("of the run")

    with pytest.raises(ValueError, match="of the run"):
        fail()
    assert signal.getsignal(signal.SIGINT) is before
