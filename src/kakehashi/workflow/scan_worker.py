"""A process that does the points of a scan as it is told: one JSON object a line on standard input and output.

In: a task of :func:`kakehashi.workflow.scan_crew.describe_task`. Out: events of the run, then how it ended: ``{"done":
null}``, ``{"error": sentence}`` or ``{"stopped": null}``. An interrupt stops at the next event, where nothing is half
done; so does the end of the process that listens.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from kakehashi.core.errors import KakehashiError
from kakehashi.core.progress import Event
from kakehashi.core.spec import parse_spec
from kakehashi.workflow.run import execute
from kakehashi.workflow.spec import RunSpec

__all__ = ["Worker", "main"]


class Worker:
    r"""Does tasks, and tells about them.

    Args:
        stream: Where each word goes, a line each.

    Example:
        >>> import io
        >>> worker = Worker(io.StringIO())
        >>> worker.do({"spec": {}, "base": ".", "folder": ".", "fresh": False, "earlier": None, "source": "x.toml"})
        >>> worker.stream.getvalue()
        '{"error": "x.toml: \'problem\', \'device\' are missing."}\n'
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.stopping = False

    def stop_soon(self, *_: object) -> None:
        """Stop at the next event: what a signal calls."""
        self.stopping = True

    def do(self, task: Mapping[str, Any]) -> None:
        """Do one task."""
        try:
            execute(
                parse_spec(RunSpec, task["spec"], source=task["source"]),
                base=task["base"],
                folder=task["folder"],
                fresh=task["fresh"],
                earlier=None if task["earlier"] is None else Path(task["earlier"]),
                progress=self._pass_on,
            )
        except KeyboardInterrupt:
            self._say("stopped", None)
        except BrokenPipeError:
            raise
        except KakehashiError as error:
            self._say("error", str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours at one point must not lose the others
            traceback.print_exc()
            self._say("error", f"This is a bug in kakehashi: {type(error).__name__}: {error}")
        else:
            self._say("done", None)

    def _pass_on(self, event: Event) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self._say("event", asdict(event))

    def _say(self, kind: str, what: object) -> None:
        self.stream.write(json.dumps({kind: what}) + "\n")
        self.stream.flush()


def main() -> None:
    """Do tasks until there are no more."""
    # Whatever else prints must not come between the lines.
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(stream)
    signal.signal(signal.SIGINT, worker.stop_soon)
    for line in sys.stdin:
        if worker.stopping:
            break
        try:
            worker.do(json.loads(line))
        except BrokenPipeError:  # nobody listens any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            break


if __name__ == "__main__":
    main()
