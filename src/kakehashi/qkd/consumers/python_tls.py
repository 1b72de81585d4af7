"""TLS 1.3 between two sockets of Python, whose server fetches the key when it reads its name in the first message.

TLS itself is here the public channel that carries the name of the key, so that no other is needed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable

from kakehashi.core.errors import KakehashiError
from kakehashi.qkd.consumers.fetch import KeyClient
from kakehashi.qkd.consumers.model import Outcome, Timeline
from kakehashi.qkd.consumers.psk import client_psk_context, server_psk_context

__all__ = ["use_python_tls"]

MESSAGE = b"through\n"
TIMEOUT_S = 20.0


def use_python_tls(
    master: KeyClient,
    slave: KeyClient,
    *,
    wrong_from: int | None = None,
    say: Callable[[str], None] = lambda _sentence: None,
) -> Outcome:
    """Open a TLS connection from the master to the slave under a delivered key, and send a line there and back.

    Args:
        master: The client's side.
        slave: The server's side.
        wrong_from: 0 to turn one bit of the server's key over: then nothing must pass.
        say: Gets a sentence about a step that takes long.

    Raises:
        MissingDependencyError: This Python's ``ssl`` has no external PSKs.
        DeviceError: A KME refuses.
    """
    timeline = Timeline(say)

    def find_key(key_id: str) -> bytes:
        with timeline.step(slave.sae_id, "fetched it by the name in the first message"):
            key = slave.key_by_id(master.sae_id, key_id)
        return (key if wrong_from is None else key.spoilt()).secret

    context = server_psk_context(find_key)
    with timeline.step(master.sae_id, "fetched a new key"):
        key = master.new_key(slave.sae_id)
    refusals: list[str] = []
    suite, received = "", 0
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(TIMEOUT_S)
        server = threading.Thread(target=_serve, args=(door, context, refusals), daemon=True)
        server.start()
        began = time.monotonic()
        try:
            plain = socket.create_connection(door.getsockname(), timeout=TIMEOUT_S)
            with plain, client_psk_context(key.key_id, key.secret).wrap_socket(plain) as connection:
                suite = str((connection.cipher() or ("",))[0])
                timeline.note(master.sae_id, "shook hands", took_s=time.monotonic() - began)
                connection.sendall(MESSAGE)
                received = int(_line(connection) == MESSAGE)
                timeline.note(master.sae_id, "sent a line there and back")
        except (OSError, KakehashiError) as error:
            timeline.note(master.sae_id, "was refused", took_s=time.monotonic() - began)
            refusals.append(_reason(error))
        server.join()
    is_connected = suite != "" and not refusals
    return Outcome(
        consumer="tls",
        wrong_from=wrong_from,
        is_connected=is_connected,
        sent=1,
        received=received,
        suite=f"TLSv1.3, {suite}, PSK and ECDHE" if is_connected else "",
        refusal="; ".join(dict.fromkeys(refusals)),
        key_ids=(key.key_id,),
        moments=timeline.moments,
    )


def _serve(door: socket.socket, context: ssl.SSLContext, refusals: list[str]) -> None:
    """One connection: a line comes back as it came."""
    try:
        plain, _ = door.accept()
        plain.settimeout(TIMEOUT_S)
        with plain, context.wrap_socket(plain, server_side=True) as connection:
            connection.sendall(_line(connection))
    except (OSError, KakehashiError) as error:
        refusals.append(_reason(error))


def _line(connection: ssl.SSLSocket) -> bytes:
    data = b""
    with contextlib.suppress(ssl.SSLEOFError):
        while not data.endswith(b"\n") and len(data) < 4096 and (more := connection.recv(4096)):
            data += more
    return data


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
