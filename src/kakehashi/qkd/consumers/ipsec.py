"""An IPsec tunnel of strongSwan whose postquantum preshared key (PPK, RFC 8784) is a delivered key.

IKEv2 makes its keys from an ephemeral exchange as ever, here ECDH over P-384, and mixes the PPK into those of the
tunnel and of the authentication. ``ppk_required`` makes both ends refuse a peer that has not got it. Both ends
authenticate by a text that the two know (a deployment would use certificates); that text does not protect the traffic.

The daemons are ``charon``, steered by ``swanctl``, with ESP in user space (kernel-libipsec over TUN), so that the
kernel needs no IPsec. Settings with keys lie on each host's ``/run``, in memory, for as long as it takes to load them.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.agreement import KeyAgreement
from kakehashi.qkd.consumers.fetch import KeyClient
from kakehashi.qkd.consumers.hosts import Host, joined_hosts
from kakehashi.qkd.consumers.model import Key, Outcome, Timeline
from kakehashi.qkd.consumers.packages import find_program, require_programs
from kakehashi.qkd.consumers.processes import last_words, running, wait_for
from kakehashi.qkd.consumers.traffic import check_times, count_pings

__all__ = ["PROGRAMS", "use_ipsec"]

PROGRAMS = (
    "swanctl",
    "charon",
    "libstrongswan-kdf.so",
    "libstrongswan-openssl.so",
    "libstrongswan-curve25519.so",
    "libstrongswan-kernel-libipsec.so",
)
SOCKET = "unix:///run/charon.vici"
PLUGINS = (
    "random nonce aes sha1 sha2 hmac kdf gcm gmp curve25519 openssl"
    " kernel-libipsec kernel-netlink socket-default vici updown"
)
DAEMON = f"""
charon {{
  load = {PLUGINS}
  install_routes = yes
  filelog {{
    stderr {{
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix:///run/charon.vici
    }}
  }}
}}
"""
CONNECTION = """
connections {{
  ike-{key.key_id} {{
    version = 2
    unique = never
    local_addrs = {me.outer}
    remote_addrs = {peer.outer}
    encap = yes
    proposals = aes256gcm16-prfsha384-ecp384
    ppk_id = {key.key_id}
    ppk_required = yes
    local {{
      auth = psk
      id = gateway-{me.inner}
    }}
    remote {{
      auth = psk
      id = gateway-{peer.inner}
    }}
    children {{
      net-{key.key_id} {{
        local_ts = {me.inner}/32
        remote_ts = {peer.inner}/32
        esp_proposals = aes256gcm16
      }}
    }}
  }}
}}
secrets {{
  ike-1 {{
    id-a = gateway-{me.inner}
    id-b = gateway-{peer.inner}
    secret = {identity_text}
  }}
  ppk-{key.key_id} {{
    id = {key.key_id}
    secret = 0x{key.hex}
  }}
}}
"""


def use_ipsec(
    master: KeyClient,
    slave: KeyClient,
    *,
    seconds: float = 10.0,
    rotate_s: float = 5.0,
    wrong_from: int | None = None,
    say: Callable[[str], None] = lambda _sentence: None,
) -> Outcome:
    """Open a tunnel under a delivered key, send pings through it, and renew the key under way.

    RFC 8784 mixes the PPK in once, when the two authenticate. A renewed key so makes a tunnel of its own beside the old
    one, which is closed once the new one stands. A key that cannot be renewed ends the run, and with it the tunnel.

    Args:
        master: The side that fetches new keys and initiates.
        slave: The other.
        seconds: How long pings are sent, 5 a second.
        rotate_s: Seconds between keys.
        wrong_from: Turn one bit of the slave's keys over, from this one on: with 0, nothing must pass, and a later one
            must be refused.
        say: Gets a sentence for each step that takes a while.

    Raises:
        InputError: A time is not positive.
        MissingDependencyError: A program or plugin is missing.
        ResourceError: Not root, or no namespaces.
        DeviceError: A KME refuses, a daemon does not do as it should, or a renewed key is refused.
    """
    check_times(seconds, rotate_s)
    require_programs(*PROGRAMS)
    timeline = Timeline(say)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kakehashi-ipsec-")))
        hosts = stack.enter_context(joined_hosts(master.sae_id, slave.sae_id))
        identity_text = secrets.token_urlsafe(24)
        first, second = (_End(host, folder / f"{host.inner}.log", identity_text) for host in hosts)
        for end in (first, second):
            stack.enter_context(end.start())

        def use(key: Key) -> None:
            second.load(key, first)

        agreement = KeyAgreement(master, slave, use, timeline=timeline, wrong_from=wrong_from)
        stack.enter_context(agreement)
        tunnels = _Tunnels(agreement, first, second, timeline)
        tunnels.renew()
        say(f"{'The tunnel stands' if tunnels.suite else 'There is no tunnel'}; pings follow.")
        sent, received = count_pings(
            *hosts,
            seconds=seconds,
            rotate_s=rotate_s,
            renew=tunnels.renew,
            say=lambda text: say(f"{text}, {f'key {len(agreement.key_ids)}' if tunnels.suite else 'no key'} in use."),
        )
        return Outcome(
            consumer="ipsec",
            wrong_from=wrong_from,
            is_connected=bool(tunnels.suite),
            sent=sent,
            received=received,
            suite=tunnels.suite,
            refusal="" if tunnels.suite else first.refusal(),
            key_ids=tuple(agreement.key_ids),
            moments=timeline.moments,
        )


class _Tunnels:
    """The tunnels of a run, one after the other.

    Attributes:
        suite: Cryptography of the newest; empty where its key was refused.
    """

    def __init__(self, agreement: KeyAgreement, first: _End, second: _End, timeline: Timeline) -> None:
        self._agreement, self._first, self._second, self._timeline = agreement, first, second, timeline
        self.suite = ""

    def renew(self) -> None:
        """A tunnel under a new key, and the end of the one before.

        Raises:
            DeviceError: The key is refused, and it is not the first.
        """
        old = self._agreement.key_ids[-1:]
        if old and not self.suite:
            return  # refused at the very first: a wrong key that is shown to let nothing through
        self.suite = self._open()
        for key_id in old:
            if not self.suite:
                raise DeviceError(f"The renewed key is refused ({self._first.refusal()}), and the tunnel is closed.")
            self._first.close(key_id)

    def _open(self) -> str:
        """A tunnel under a new key; gives its suite, or nothing where it is refused."""
        name, key = self._first.host.name, self._agreement.next_key()
        with self._timeline.step(name, "put it to use"):
            self._first.load(key, self._second)
        began = time.monotonic()
        with self._timeline.awaiting(name, "shook hands"):
            suite = self._first.initiate(key)
        step = f"shook hands, by key {len(self._agreement.key_ids)}" if suite else "was refused"
        self._timeline.note(name, step, took_s=time.monotonic() - began)
        return suite


class _End:
    """strongSwan on one host."""

    def __init__(self, host: Host, log: Path, identity_text: str) -> None:
        self.host, self._log, self._identity_text = host, log, identity_text

    @contextlib.contextmanager
    def start(self) -> Iterator[subprocess.Popen[bytes]]:
        """The daemon, in the foreground, with the host's inner address on its loopback."""
        self.host.run("ip", "address", "add", f"{self.host.inner}/32", "dev", "lo")
        self.host.write("/run/strongswan.conf", DAEMON)
        command = self.host.command("env", "STRONGSWAN_CONF=/run/strongswan.conf", find_program("charon") or "charon")
        with running(command, self._log) as charon:
            complaint = f"charon does not start at '{self.host.name}'"
            wait_for(lambda: self.host.succeeds("test", "-S", "/run/charon.vici"), complaint)
            yield charon

    def load(self, key: Key, peer: _End) -> None:
        """The connection and its PPK; the file with it is gone afterwards."""
        settings = CONNECTION.format(me=self.host, peer=peer.host, key=key, identity_text=self._identity_text)
        self.host.write("/run/connection.conf", settings)
        try:
            self._control("--load-all", "--file", "/run/connection.conf")
        finally:
            self.host.run("rm", "-f", "/run/connection.conf")

    def initiate(self, key: Key) -> str:
        """Open a tunnel under a key that both sides have loaded; gives its suite, or nothing where it is refused."""
        with contextlib.suppress(DeviceError):
            self._control("--initiate", "--child", f"net-{key.key_id}", "--timeout", "15")
        suite = self.suite(key)
        return suite if suite.endswith("/PPK") else ""

    def suite(self, key: Key) -> str:
        """What the daemon says of the cryptography of a key's tunnel; empty without a tunnel."""
        text = self._control("--list-sas", "--ike", f"ike-{key.key_id}")
        lines = [line.strip() for line in text.splitlines()] if "ESTABLISHED" in text and "INSTALLED" in text else []
        return next((line for line in lines if "/PRF_" in line), "")

    def close(self, key_id: str) -> None:
        """End the tunnel of a key."""
        self._control("--terminate", "--ike", f"ike-{key_id}", "--timeout", "10")

    def refusal(self) -> str:
        """Why there is no tunnel, in the daemon's words."""
        return last_words(self._log, r"received (\w+) notify error") or "no tunnel"

    def _control(self, *words: str) -> str:
        return self.host.run("swanctl", *words, "--uri", SOCKET)
