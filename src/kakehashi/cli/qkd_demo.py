"""The command that shows the key network at work."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from rich.markup import escape

from kakehashi.cli.terminal import words

__all__ = ["demo"]

TEXT_AT = 21
"""Column at which the sentences begin."""
COLOURS = {
    "alarm": "red",
    "attack": "red",
    "cleared": "green",
    "fault": "red",
    "result": "bold",
    "route": "yellow",
    "talk": "dim",
    "wait": "dim",
}


def demo(
    *,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=10, lte=86_400))] = 90.0,
    file: Path | None = None,
    page: bool = True,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
    folder: Path | None = None,
) -> int:
    """Start the Tokyo network, talk over it, and let Eve attack a link.

    Certificates, photons, four nodes and a management server are started on this machine; two users open a protected
    channel whose keys come from their nodes by ETSI 014. Then an eavesdropper measures the photons of a link. Watch
    the alarm, the new route, and the traffic that goes on. Everything that was started is ended.

    Parameters
    ----------
    seconds
        How long it may take from the first protected message on, longer on a machine that is too busy for the links'
        pace; it ends sooner when all has been seen and there is no page.
    file
        Another network's TOML file.
    page
        Serve the live page; its address is printed.
    json_
        Print the timeline as JSON on standard output; what happens is told on standard error all the same.
    folder
        Where the network's folder goes, and stays; by default it is temporary, and stays if something goes wrong.
    """
    from kakehashi.qkd.demo.run import run_demo

    timeline = asyncio.run(run_demo(file, folder=folder, seconds=seconds, with_page=page, say=_tell))
    if json_:
        sys.stdout.write(json.dumps(timeline.to_json(), indent=2) + "\n")
    if timeline.was_stopped and not timeline.faults:
        return 130
    return 0 if timeline.is_good else 1


def _tell(at_s: float, kind: str, text: str) -> None:
    colour = COLOURS.get(kind, "default")
    room = words.width - TEXT_AT if words.is_terminal else 0  # a pipe gets one line for each event
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) if room > 20 else [text]
    shown = escape(("\n" + TEXT_AT * " ").join(lines))
    words.print(f"[dim]{at_s:7.1f} s[/]  [{colour}]{kind:<9}[/] {shown}", highlight=False, soft_wrap=True)
