"""Two users who talk over an open line, and take their keys from their nodes by ETSI GS QKD 014.

Each is a process of its own with nothing of the network's code but this file's: HTTPS with a client's certificate, and
AES-256-GCM. The sender asks for a new key every few seconds and names its ID on the line; the receiver fetches the key
of that ID from its own node. A message that is lost, doubled or changed is counted. Started as
``python -m kakehashi.qkd.demo.channel``, with a table in JSON on standard input.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import struct
import sys
import time
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KeyDesk", "main", "receive", "send"]

FRAME = struct.Struct("<36sQI")
"""ID of the key, number of the message, length."""


KEY_S = 60.0
"""How long a node may take to answer, and how long a user goes on asking for a key that it was told of."""


class KeyDesk:
    """A user's way to its node.

    Args:
        port: Where the node serves users.
        files: Certificate, private key, authority.
    """

    def __init__(self, port: int, files: list[str]) -> None:
        context = ssl.create_default_context(cafile=files[2])
        context.load_cert_chain(files[0], files[1])
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=KEY_S)
        self.why = ""
        """Why there was no key the last time."""
        self.is_refused = False
        """Whether the node said that there is no such key, so that to ask again is of no use."""

    def new_key(self, peer: str) -> tuple[str, bytes] | None:
        """A key for a peer and its ID; None where there is none now."""
        return self._ask(f"/api/v1/keys/{peer}/enc_keys")

    def key_of(self, peer: str, key_id: str) -> bytes | None:
        """The key that a peer named."""
        found = self._ask(f"/api/v1/keys/{peer}/dec_keys?key_ID={key_id}")
        return found[1] if found else None

    def wait_for(self, peer: str, key_id: str, seconds: float = KEY_S) -> bytes | None:
        """The same, asked for again while the node does not answer."""
        end = time.monotonic() + seconds
        while (key := self.key_of(peer, key_id)) is None and not self.is_refused and time.monotonic() < end:
            time.sleep(0.25)
        return key

    def _ask(self, path: str) -> tuple[str, bytes] | None:
        self.is_refused = False
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            table = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.why = f"the node does not answer ({type(error).__name__})"
            self._connection.close()
            return None
        if answer.status != 200:
            self.why = f"the node answers {answer.status}: {table.get('message', '')}"
            self.is_refused = answer.status in (400, 401)
            return None
        return table["keys"][0]["key_ID"], base64.b64decode(table["keys"][0]["key"])


def send(table: dict[str, Any], out: IO[str]) -> None:
    """Send messages until the line is closed."""
    desk, peer = KeyDesk(table["port"], table["files"]), table["peer"]
    with socket.create_server(("127.0.0.1", 0)) as line:
        _say(out, event="listening", port=line.getsockname()[1])
        connection, _ = line.accept()
    key: tuple[str, bytes] | None = None
    number, n_keys, used_since, last_s = 0, 0, 0.0, time.monotonic()
    longest_s, next_ask = 0.0, 0.0
    try:
        while True:
            now = time.monotonic()
            if now - used_since >= table["rekey_s"] and now >= next_ask:
                fresh = desk.new_key(peer)
                if fresh is not None:
                    key, used_since, n_keys = fresh, time.monotonic(), n_keys + 1
                    _say(out, event="rekey", n_keys=n_keys)
                else:  # go on with the old key and ask again soon
                    next_ask = now + 0.5
                    _say(out, event="no-key", n_keys=n_keys, why=desk.why)
            if key is not None:
                number += 1
                text = f"{number} {time.time():.6f}".encode()
                sealed = AESGCM(key[1]).encrypt(struct.pack("<IQ", 0, number), text, key[0].encode())
                connection.sendall(FRAME.pack(key[0].encode(), number, len(sealed)) + sealed)
                if number > 1:
                    longest_s = max(longest_s, time.monotonic() - last_s)
                last_s = time.monotonic()
                if number % 20 == 0:
                    _say(out, event="sent", n=number, longest_s=longest_s, key_age_s=last_s - used_since)
            time.sleep(table["pause_s"])
    except OSError:
        _say(out, event="closed", n=number, n_keys=n_keys)


def receive(table: dict[str, Any], out: IO[str]) -> None:
    """Receive messages until the line is closed, and count what is missing."""
    desk, peer = KeyDesk(table["port"], table["files"]), table["peer"]
    with socket.create_connection(("127.0.0.1", table["line"])) as connection, connection.makefile("rb") as stream:
        _say(out, event="connected")
        _receive(desk, peer, stream, out)


def _receive(desk: KeyDesk, peer: str, stream: IO[bytes], out: IO[str]) -> None:
    key_id, key = "", None
    last, n_good, n_lost, n_bad = 0, 0, 0, 0
    longest_s, last_s = 0.0, time.monotonic()
    while len(head := stream.read(FRAME.size)) == FRAME.size:
        name, number, length = FRAME.unpack(head)
        sealed = stream.read(length)
        if name.decode() != key_id:
            key_id, key = name.decode(), desk.wait_for(peer, name.decode())
            _say(out, event="key", is_there=key is not None, why="" if key else desk.why)
        n_lost += number - last - 1
        last = number
        if _is_readable(key, name, number, sealed):
            n_good += 1
        else:
            n_bad += 1
        if n_good > 1:
            longest_s = max(longest_s, time.monotonic() - last_s)
        last_s = time.monotonic()
        if number % 20 == 0:
            _say(out, event="received", n_good=n_good, n_lost=n_lost, n_bad=n_bad, longest_s=longest_s)
    _say(out, event="end", n_good=n_good, n_lost=n_lost, n_bad=n_bad, longest_s=longest_s)


def _is_readable(key: bytes | None, name: bytes, number: int, sealed: bytes) -> bool:
    if key is None:
        return False
    try:
        AESGCM(key).decrypt(struct.pack("<IQ", 0, number), sealed, name)
    except InvalidTag:
        return False
    return True


def _say(out: IO[str], **what: Any) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def main() -> None:
    """Read what to do from standard input, and do it."""
    table = json.loads(sys.stdin.readline())
    {"send": send, "receive": receive}[table["role"]](table, sys.stdout)


if __name__ == "__main__":
    main()
