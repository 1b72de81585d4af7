"""The first instruction of the command: Ctrl-C ends it without a word, also while the rest is still imported."""

from __future__ import annotations

import signal

__all__ = ["main"]


def main() -> None:
    """Entry point of the command."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where the caller has it ignored
    if is_usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kakehashi.cli.main import main as run

    if is_usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
