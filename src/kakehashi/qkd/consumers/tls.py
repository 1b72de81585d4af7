"""TLS 1.3 between two programs ``openssl``, whose external PSK is a delivered key and whose PSK identity is its name.

The key goes to each program as the file of a session, over a pipe: ``openssl -psk`` would show it to everybody on the
machine in the list of processes. Neither program has a certificate, so there is nothing to fall back to, and nothing is
sent before the client has said that the PSK was taken.
"""

from __future__ import annotations

import base64
import contextlib
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.agreement import KeyAgreement
from kakehashi.qkd.consumers.fetch import KeyClient
from kakehashi.qkd.consumers.model import Key, Outcome, Timeline
from kakehashi.qkd.consumers.packages import find_program, require_programs
from kakehashi.qkd.consumers.processes import last_words, pipe_with, running, wait_for

__all__ = ["SUITE", "psk_session", "use_tls"]

SUITE = "TLS_AES_256_GCM_SHA384"
SUITES = {SUITE: b"\x13\x02", "TLS_AES_128_GCM_SHA256": b"\x13\x01", "TLS_CHACHA20_POLY1305_SHA256": b"\x13\x03"}
MESSAGE = "through"
HANDSHAKE_S = 15.0
EXCHANGE = r"(?:(?:Server|Peer) Temp Key|Negotiated TLS1.3 group): ([^,\n]+)"
"""The ephemeral exchange in the words of the client, which differ from version to version."""


def psk_session(key: Key, *, suite: str = SUITE, now: float | None = None) -> bytes:
    """An external PSK as the file of a session that ``openssl -psk_session`` reads.

    Args:
        key: The key.
        suite: The suite that it is bound to.
        now: Seconds since 1970 from which it is valid, for an hour.

    Returns:
        PEM of OpenSSL's ``SSL_SESSION``: version 1, TLS 1.3, suite, no session ID, key, time, time out.

    Example:
        >>> key = Key(key_id="9f3c8a52-0000-4000-8000-000000000001", secret=bytes(32))
        >>> psk_session(key, now=0).decode().splitlines()[0]
        '-----BEGIN SSL SESSION PARAMETERS-----'
    """
    seconds = int(time.time() if now is None else now).to_bytes(6, "big")
    fields = (
        (0x02, b"\x01"),
        (0x02, b"\x03\x04"),
        (0x04, SUITES[suite]),
        (0x04, b""),
        (0x04, key.secret),
        (0xA1, _der(0x02, seconds.lstrip(b"\0") or b"\0")),
        (0xA2, _der(0x02, b"\x0e\x10")),
    )
    text = base64.encodebytes(_der(0x30, b"".join(_der(*field) for field in fields)))
    name = b"SSL SESSION PARAMETERS-----\n"
    return b"-----BEGIN " + name + text + b"-----END " + name


def _der(tag: int, content: bytes) -> bytes:
    n = len(content)
    length = bytes([n]) if n < 0x80 else b"\x82" + n.to_bytes(2, "big")
    return bytes([tag]) + length + content


def use_tls(
    master: KeyClient,
    slave: KeyClient,
    *,
    wrong_from: int | None = None,
    suite: str = SUITE,
    say: Callable[[str], None] = lambda _sentence: None,
) -> Outcome:
    """Open a TLS connection from the master to the slave under a delivered key, and send a line there and back.

    Args:
        master: The client's side.
        slave: The server's side.
        wrong_from: 0 to turn one bit of the server's key over: then nothing must pass.
        suite: TLS 1.3 suite.
        say: Gets a sentence about a step that takes long.

    Raises:
        MissingDependencyError: There is no ``openssl``.
        DeviceError: A KME refuses, or a program does not do as it should.
    """
    require_programs("openssl")
    timeline = Timeline(say)
    with tempfile.TemporaryDirectory(prefix="kakehashi-tls-") as name, contextlib.ExitStack() as stack:
        server_log, client_log = Path(name, "server.log"), Path(name, "client.log")

        def serve(key: Key) -> None:
            words = ["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-nocert", "-num_tickets", "0", "-rev"]
            server = stack.enter_context(_openssl(words, key, suite, server_log))
            wait_for(lambda: _port(server_log) != "" or server.poll() is not None, "openssl s_server does not listen")
            if _port(server_log) == "":
                said = last_words(server_log, r"([^\n]+)")
                raise DeviceError(f"openssl s_server does not start: {said}")

        agreement = KeyAgreement(master, slave, serve, timeline=timeline, wrong_from=wrong_from)
        stack.enter_context(agreement)
        key = agreement.next_key()
        began = time.monotonic()
        words = ["s_client", "-connect", f"127.0.0.1:{_port(server_log)}"]
        client = stack.enter_context(_openssl(words, key, suite, client_log))
        with timeline.awaiting(master.sae_id, "shook hands"):
            wait_for(
                lambda: _session(client_log) != "" or client.poll() is not None,
                "openssl s_client does not shake hands",
                timeout_s=HANDSHAKE_S,
            )
        took_s = time.monotonic() - began
        is_connected = _session(client_log).startswith("Reused, TLSv1.3") and "(NONE)" not in _session(client_log)
        timeline.note(master.sae_id, "shook hands" if is_connected else "was refused", took_s=took_s)
        received = 0
        if is_connected:
            with timeline.step(master.sae_id, "sent a line there and back"):
                received = int(_goes_through(client, client_log))
        refusal = last_words(server_log, r"error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+)")
        return Outcome(
            consumer="tls",
            wrong_from=wrong_from,
            is_connected=is_connected,
            sent=1,
            received=received,
            suite=f"TLSv1.3, {suite}, PSK and {last_words(client_log, EXCHANGE)}" if is_connected else "",
            refusal="" if is_connected else refusal or "no session under the PSK",
            key_ids=tuple(agreement.key_ids),
            moments=timeline.moments,
        )


@contextlib.contextmanager
def _openssl(words: list[str], key: Key, suite: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program with a key; the pipe with the key is closed on our side as soon as the program has inherited it."""
    with contextlib.ExitStack() as stack:
        with pipe_with(psk_session(key, suite=suite)) as fd:
            psk = ["-psk_identity", key.key_id, "-psk_session", f"/dev/fd/{fd}"]
            command = [find_program("openssl") or "openssl", *words, "-tls1_3", "-ciphersuites", suite, *psk]
            process = stack.enter_context(running(command, log, pass_fds=[fd]))
        yield process


def _port(log: Path) -> str:
    return last_words(log, r"ACCEPT \S+:(\d+)")


def _session(log: Path) -> str:
    """The client's line about its session, once there is one: ``Reused`` where the PSK made it."""
    return last_words(log, r"((?:New|Reused), [^\n]*Cipher is [^\n]+)\n")


def _goes_through(client: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether the server, which turns lines round, gives ours back."""
    if client.stdin is None:
        return False
    try:
        client.stdin.write(MESSAGE.encode() + b"\n")
        client.stdin.flush()
        wait_for(lambda: re.search(rf"^{MESSAGE[::-1]}$", log.read_text(errors="replace"), re.M) is not None, "no echo")
    except (OSError, DeviceError):
        return False
    return True
