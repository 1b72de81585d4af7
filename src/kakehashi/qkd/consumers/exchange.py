"""How the name of a key gets from the master to the slave: one line of JSON over TCP, in the open.

.. code-block:: text

    master: {"kakehashi_key_id": 1, "master": "alice", "slave": "bob", "key_ID": "9f3c..."}
    slave:  {"taken": true}                      or    {"taken": false, "why": "a sentence"}

Each line ends with a newline and has at most 4096 bytes; then the connection is closed. The channel is public and is
not authenticated. Who listens learns names of keys; who speaks makes a slave ask its KME for a name, which the KME
refuses unless the master's own KME has delivered that very key for that very slave, and which spends no key then. So
an attacker can delay, and nothing else. A slave answers when it *has* the key and is ready to use it.
"""

from __future__ import annotations

import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any, Self

from kakehashi.core.errors import DeviceError, KakehashiError
from kakehashi.qkd.consumers.model import KEY_ID

__all__ = ["KeyIdListener", "announce_key_id"]

logger = logging.getLogger(__name__)

MAX_LINE_BYTES = 4096
TIMEOUT_S = 20.0
LINE_S = 2.0
"""Time for a line to arrive: one caller at a time is heard, and nobody may hold up the next for long."""


class KeyIdListener:
    """The slave's end, in a thread, for as long as the ``with`` block lasts.

    Args:
        master: Whose keys are taken.
        slave: Who takes them.
        take: Gets the ID, fetches the key and puts it to use; an error of kakehashi is told to the master.
        host: Where to listen.
        port: Likewise; 0 for any.

    Attributes:
        address: Host and port that it listens on.

    Example:
        >>> taken = []
        >>> with KeyIdListener("alice", "bob", taken.append) as listener:
        ...     announce_key_id(listener.address, "alice", "bob", "9f3c8a52-0000-4000-8000-000000000001")
        >>> taken
        ['9f3c8a52-0000-4000-8000-000000000001']
    """

    def __init__(
        self, master: str, slave: str, take: Callable[[str], None], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        def answer(line: bytes) -> dict[str, Any]:
            try:
                take(_read_request(line, master, slave))
            except KakehashiError as error:
                logger.info("A key ID was not taken, as the master is told: %s", error)
                return {"taken": False, "why": str(error)}
            return {"taken": True}

        class Handler(socketserver.StreamRequestHandler):
            timeout = LINE_S

            def handle(self) -> None:
                self.wfile.write(json.dumps(answer(self.rfile.readline(MAX_LINE_BYTES))).encode() + b"\n")

        class Server(socketserver.TCPServer):  # one after the other: keys are taken in the order of their names
            allow_reuse_address = True

            def handle_error(self, *_: Any) -> None:
                logger.warning("A connection for key IDs broke.", exc_info=logger.isEnabledFor(logging.DEBUG))

        try:
            self._server = Server((host, port), Handler)
        except OSError as error:
            raise DeviceError(f"'{slave}' cannot listen for key IDs on {host}:{port}: {error.strerror}.") from None
        self.address: tuple[str, int] = (host, self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _read_request(line: bytes, master: str, slave: str) -> str:
    try:
        request = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        request = None
    if not isinstance(request, dict) or request.get("kakehashi_key_id") != 1:
        raise DeviceError("This is no line with a key ID.")
    if (request.get("master"), request.get("slave")) != (master, slave):
        raise DeviceError(f"Here '{slave}' takes keys of '{master}' alone.")
    key_id = request.get("key_ID")
    if not isinstance(key_id, str) or KEY_ID.fullmatch(key_id) is None:
        raise DeviceError("The key ID of this line is no UUID.")
    return key_id


def announce_key_id(address: tuple[str, int], master: str, slave: str, key_id: str) -> None:
    """Tell a slave the name of a key, and wait until it has the key.

    Args:
        address: Host and port of its :class:`KeyIdListener`.
        master: Who tells.
        slave: Who is told.
        key_id: The name.

    Raises:
        DeviceError: The slave cannot be reached, or has not got the key; it may then not be used.
    """
    request = {"kakehashi_key_id": 1, "master": master, "slave": slave, "key_ID": key_id}
    try:
        with socket.create_connection(address, timeout=TIMEOUT_S) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline(MAX_LINE_BYTES)
        answer = json.loads(line)
        is_taken, why = answer.get("taken") is True, str(answer.get("why", "no reason was given"))
    except (OSError, ValueError, AttributeError) as error:
        raise DeviceError(f"'{slave}' cannot be told the key ID: {error}.", transient=True) from None
    if not is_taken:
        raise DeviceError(f"'{slave}' has not got the key: {why}")
