"""A demonstration from beginning to end: its folder, Ctrl-C, and what is left of it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path

from kakehashi.core.errors import InputError, KakehashiError
from kakehashi.qkd.demo.show import Show
from kakehashi.qkd.demo.timeline import Timeline
from kakehashi.qkd.network.plan import set_up
from kakehashi.qkd.network.spec import read_network

__all__ = ["run_demo"]


async def run_demo(
    file: Path | None,
    *,
    folder: Path | None = None,
    seconds: float = 90.0,
    with_page: bool = True,
    say: Callable[[float, str, str], None] | None = None,
) -> Timeline:
    """Run a demonstration from beginning to end.

    Args:
        file: The network's TOML file; the Tokyo network where not given.
        folder: The network's folder, which is kept; a temporary one where not given, which stays where something went
            wrong.
        seconds: As :class:`~kakehashi.qkd.demo.show.Show`.
        with_page: Likewise.
        say: Told of each event.

    Returns:
        What happened; :attr:`~kakehashi.qkd.demo.timeline.Timeline.is_good` says whether all went well.

    Raises:
        InputError: The file is wrong, or the folder cannot be made.
    """
    with resources.as_file(resources.files("kakehashi.qkd.network") / "data" / "tokyo.toml") as tokyo:
        file = file or tokyo
        if len(read_network(file).sae) < 2:
            raise InputError(f"{file}: a demonstration needs a network with two users ([[sae]]).")
        base = folder or Path(tempfile.mkdtemp(prefix="kakehashi-"))
        try:
            plan = set_up(file, base)
        except KakehashiError:
            if folder is None:
                shutil.rmtree(base, ignore_errors=True)
            raise
    timeline = Timeline(say=say)
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):  # outside of the main thread
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: task.cancel() if task else None)
    try:
        await Show(plan, timeline, seconds=seconds, with_page=with_page).run()
    except asyncio.CancelledError:
        if not timeline.was_stopped:
            timeline.stop("It was stopped before the end.")
    except KakehashiError as error:
        timeline.fault(str(error))
    if timeline.faults:
        timeline.note("logs", f"What the programs said is in {base / 'logs'}.")
    elif folder is None:
        shutil.rmtree(base, ignore_errors=True)
    return timeline
