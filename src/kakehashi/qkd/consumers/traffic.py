"""Pings through a tunnel while its keys are renewed."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers.hosts import Host, read_ping
from kakehashi.qkd.consumers.processes import running

__all__ = ["check_times", "count_pings"]

PING_S = 0.2


def check_times(seconds: float, rotate_s: float) -> None:
    """Nothing where both can be kept.

    Args:
        seconds: How long pings are sent.
        rotate_s: Seconds between keys.

    Raises:
        InputError: They cannot.

    Example:
        >>> check_times(10.0, 5.0)
    """
    if not (0 < seconds <= 86_400 and rotate_s >= 1):
        raise InputError(
            "Pings can be sent for up to a day (86400 s), and keys be renewed every second or more seldom."
        )


def count_pings(
    one: Host,
    other: Host,
    *,
    seconds: float,
    rotate_s: float,
    renew: Callable[[], None],
    watch: Callable[[], None] = lambda: None,
) -> tuple[int, int]:
    """Send five pings a second from inside one host to the inside of the other.

    Args:
        one: Who sends.
        other: Who answers.
        seconds: How long.
        rotate_s: Seconds between calls of ``renew``.
        renew: Renews the key.
        watch: Is called about once a second.

    Returns:
        Numbers of pings sent and of answers.

    Raises:
        DeviceError: The pings do not end; or what ``renew`` raises.
    """
    with tempfile.TemporaryDirectory(prefix="kakehashi-ping-") as name:
        log = Path(name, "ping.log")
        words = one.ping_words(other, count=max(1, round(seconds / PING_S)), interval_s=PING_S)
        with running(one.command(*words), log) as ping:
            began = time.monotonic()
            next_key = began + rotate_s
            while ping.poll() is None:
                if time.monotonic() > began + 2 * seconds + 30:
                    raise DeviceError("The pings do not end.")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    ping.wait(max(0.05, min(1.0, next_key - time.monotonic())))
                watch()  # before a renewal, so that what it sees belongs to the key of before
                if time.monotonic() >= next_key and ping.poll() is None:
                    renew()
                    next_key += rotate_s
        return read_ping(log.read_text())
