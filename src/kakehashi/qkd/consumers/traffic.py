"""Pings through a tunnel while its keys are renewed."""

from __future__ import annotations

import contextlib
import re
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
WORD_S = 5.0
"""Time between two words about how it goes."""


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
    say: Callable[[str], None] = lambda _sentence: None,
) -> tuple[int, int]:
    """Send five pings a second from inside one host to the inside of the other.

    Args:
        one: Who sends.
        other: Who answers.
        seconds: How long.
        rotate_s: Seconds between calls of ``renew``.
        renew: Renews the key.
        watch: Is called about once a second.
        say: Hears every few seconds how many pings have been answered so far: a clause without its end.

    Returns:
        Numbers of pings sent and of answers.

    Raises:
        DeviceError: The pings do not end; or what ``renew`` raises.
    """
    with tempfile.TemporaryDirectory(prefix="kakehashi-ping-") as name:
        log = Path(name, "ping.log")
        words = one.ping_words(other, count=max(1, round(seconds / PING_S)), interval_s=PING_S)
        with running(one.command(*words), log) as ping, log.open() as heard:
            began = time.monotonic()
            next_key, next_word = began + rotate_s, began + WORD_S
            n_answered = n_sent = 0
            while ping.poll() is None:
                if time.monotonic() > began + 2 * seconds + 30:
                    raise DeviceError("The pings do not end.")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    ping.wait(max(0.05, min(1.0, next_key - time.monotonic())))
                if time.monotonic() >= next_word:
                    for number, answer in re.findall(r"icmp_seq=(\d+)( ttl)?", heard.read()):
                        n_sent, n_answered = int(number), n_answered + bool(answer)
                    say(f"{time.monotonic() - began:.0f} s: {n_answered:,} of {n_sent:,} pings answered")
                    next_word += WORD_S
                watch()  # before a renewal, so that what it sees belongs to the key of before
                if time.monotonic() >= next_key and ping.poll() is None:
                    renew()
                    next_key += rotate_s
        return read_ping(log.read_text())
