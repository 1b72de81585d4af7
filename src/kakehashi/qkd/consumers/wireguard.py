"""A WireGuard tunnel between two hosts whose preshared key is a delivered key, renewed every few seconds.

WireGuard mixes the preshared key into each handshake beside its own Curve25519, so that the tunnel is safe while one of
the two is. A handshake is made when traffic begins and after every 120 s of it; a new preshared key enters at the next.
So the first key is set together with the peer, before any handshake can be made without one.

The programs are ``wireguard-go`` and ``wg``; keys reach ``wg`` on its standard input, never in a command or in a file.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.agreement import KeyAgreement
from kakehashi.qkd.consumers.fetch import KeyClient
from kakehashi.qkd.consumers.hosts import Host, joined_hosts
from kakehashi.qkd.consumers.model import Key, Outcome, Timeline
from kakehashi.qkd.consumers.packages import require_programs
from kakehashi.qkd.consumers.processes import running, wait_for
from kakehashi.qkd.consumers.traffic import check_times, count_pings

__all__ = ["PROGRAMS", "use_wireguard"]

PROGRAMS = ("wireguard-go", "wg")
PORT = 51820
DEVICE = "wg0"
HANDSHAKE_S = 8.0


def use_wireguard(
    master: KeyClient,
    slave: KeyClient,
    *,
    seconds: float = 15.0,
    rotate_s: float = 5.0,
    wrong_from: int | None = None,
    handshake_s: float = HANDSHAKE_S,
    say: Callable[[str], None] = lambda _sentence: None,
) -> Outcome:
    """Open a tunnel under a delivered key, send pings through it, and renew the key under way.

    A key that cannot be renewed ends the run, and with it the tunnel.

    Args:
        master: The side that fetches new keys and begins.
        slave: The other.
        seconds: How long pings are sent, 5 a second. A handshake with a renewed key comes after 120 s.
        rotate_s: Seconds between keys.
        wrong_from: Turn one bit of the slave's keys over, from this one on: with 0, nothing must pass, and with a later
            one nothing from 180 s after the last handshake on.
        handshake_s: Time for the first handshake; WireGuard tries again every 5 s.
        say: Gets a sentence for each step that takes a while.

    Raises:
        InputError: A time is not positive.
        MissingDependencyError: A program of the system is missing.
        ResourceError: Not root, or no namespaces.
        DeviceError: A KME refuses, or a program does not do as it should.
    """
    check_times(seconds, rotate_s)
    require_programs(*PROGRAMS)
    timeline = Timeline(say)
    with contextlib.ExitStack() as stack:
        ends = _start(stack, joined_hosts(master.sae_id, slave.sae_id))
        first, second = ends

        def use(key: Key) -> None:
            second.set_key(key, first)

        agreement = KeyAgreement(master, slave, use, timeline=timeline, wrong_from=wrong_from)
        stack.enter_context(agreement)
        _renew(agreement, first, second, timeline)
        began = time.monotonic()
        first.host.succeeds(*first.host.ping_words(second.host, count=1))  # the first packet asks for a handshake
        with contextlib.suppress(DeviceError), timeline.awaiting(first.host.name, "shook hands"):
            wait_for(lambda: first.handshake_utc() > 0, "no handshake", timeout_s=handshake_s)
        handshakes = _Handshakes(first, timeline)
        handshakes.watch(agreement, took_s=time.monotonic() - began)
        say(f"{'The tunnel stands' if handshakes.last else 'There is no tunnel'}; pings follow.")
        sent, received = count_pings(
            first.host,
            second.host,
            seconds=seconds,
            rotate_s=rotate_s,
            renew=lambda: _renew(agreement, first, second, timeline),
            watch=lambda: handshakes.watch(agreement),
            say=lambda text: say(f"{text}, {handshakes.in_use}."),
        )
        is_connected = handshakes.last > 0 or second.handshake_utc() > 0
        return Outcome(
            consumer="wireguard",
            wrong_from=wrong_from,
            is_connected=is_connected,
            sent=sent,
            received=received,
            suite="Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s" if is_connected else "",
            refusal="" if is_connected else "no handshake",
            key_ids=tuple(agreement.key_ids),
            moments=timeline.moments,
        )


class _End:
    """WireGuard on one host. Its own key pair lives as long as the run."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._private = host.run("wg", "genkey").strip()
        self.public = host.run("wg", "pubkey", stdin=self._private).strip()

    def start(self, log: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The program, in the foreground."""
        environment = ("env", "WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error")
        return running([*self.host.command(*environment, "wireguard-go", "--foreground", DEVICE)], log)

    def set_up(self) -> None:
        """The device with its address; still without a peer, so nothing can pass."""
        wait_for(lambda: self.host.succeeds("wg", "show", DEVICE), f"wireguard-go does not start at '{self.host.name}'")
        settings = ("private-key", "/dev/stdin", "listen-port", str(PORT))
        self.host.run("wg", "set", DEVICE, *settings, stdin=self._private)
        self.host.run("ip", "address", "add", f"{self.host.inner}/24", "dev", DEVICE)
        self.host.run("ip", "link", "set", DEVICE, "up")

    def set_key(self, key: Key, peer: _End) -> None:
        """The preshared key, together with the peer that it is for."""
        where = ("endpoint", f"{peer.host.outer}:{PORT}", "allowed-ips", f"{peer.host.inner}/32")
        words = ("wg", "set", DEVICE, "peer", peer.public, "preshared-key", "/dev/stdin", *where)
        self.host.run(*words, stdin=key.base64)

    def handshake_utc(self) -> int:
        """When the last handshake was, seconds since 1970; 0 for never."""
        words = self.host.run("wg", "show", DEVICE, "latest-handshakes").split()
        return int(words[1]) if len(words) == 2 else 0


class _Handshakes:
    """Notes each handshake, and which key it was made by."""

    def __init__(self, end: _End, timeline: Timeline) -> None:
        self._end, self._timeline = end, timeline
        self.last = 0
        self.in_use = "no key in use"

    def watch(self, agreement: KeyAgreement, *, took_s: float = 0.0) -> None:
        """Note whether there was one since the last look."""
        if (now := self._end.handshake_utc()) > self.last:
            self.last, self.in_use = now, f"key {len(agreement.key_ids)} in use"
            self._timeline.note(self._end.host.name, f"shook hands, by key {len(agreement.key_ids)}", took_s=took_s)


def _start(
    stack: contextlib.ExitStack, hosts: contextlib.AbstractContextManager[tuple[Host, Host]]
) -> tuple[_End, _End]:
    logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kakehashi-wireguard-")))
    first, second = (_End(host) for host in stack.enter_context(hosts))
    for end in (first, second):
        stack.enter_context(end.start(logs / f"{end.host.inner}.log"))
    for end in (first, second):
        end.set_up()
    return first, second


def _renew(agreement: KeyAgreement, first: _End, second: _End, timeline: Timeline) -> None:
    """A new key on both sides. A handshake that falls between the two fails and is tried again; the session goes on."""
    key = agreement.next_key()
    with timeline.step(first.host.name, "put it to use"):
        first.set_key(key, second)
