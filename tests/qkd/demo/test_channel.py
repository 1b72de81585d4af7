import base64
import json
import secrets
import socket
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kakehashi.qkd.demo import channel

KEYS = {f"{n:036d}": secrets.token_bytes(32) for n in range(3)}


class Said:
    def __init__(self):
        self.lines = []

    def write(self, text):
        self.lines.append(json.loads(text))

    def flush(self):
        pass


class Desk:
    """A node that knows some keys."""

    def __init__(self, *_):
        pass

    why = "there is none"

    def wait_for(self, peer, key_id):
        return KEYS.get(key_id)


def frame(key_id, number, key):
    sealed = AESGCM(key).encrypt(channel.struct.pack("<IQ", 0, number), b"text", key_id.encode())
    return channel.FRAME.pack(key_id.encode(), number, len(sealed)) + sealed


@pytest.mark.parametrize(
    ("frames", "good", "lost", "bad"),
    [
        ([(0, 1, 0), (0, 2, 0), (1, 3, 1)], 3, 0, 0),
        ([(0, 1, 0), (0, 4, 0)], 2, 2, 0),
        ([(0, 1, 1), (0, 2, 0)], 1, 0, 1),
        ([(9, 1, 0), (0, 2, 0)], 1, 0, 1),
    ],
)
def test_lost_and_wrong_messages_are_counted(monkeypatch, frames, good, lost, bad):
    monkeypatch.setattr(channel, "KeyDesk", Desk)
    listener, said = socket.create_server(("127.0.0.1", 0)), Said()
    table = {"port": 1, "files": [], "peer": "x", "line": listener.getsockname()[1]}
    thread = threading.Thread(target=channel.receive, args=(table, said))
    thread.start()
    connection, _ = listener.accept()
    ids = list(KEYS)
    for name, number, key in frames:
        connection.sendall(frame(f"{name:036d}", number, KEYS[ids[key]]))
    connection.close()
    listener.close()
    thread.join(10)
    end = said.lines[-1]
    assert (end["n_good"], end["n_lost"], end["n_bad"]) == (good, lost, bad)


def test_a_key_is_read_from_a_container():
    body = json.dumps({"keys": [{"key_ID": "1", "key": base64.b64encode(b"k" * 32).decode()}]})
    assert base64.b64decode(json.loads(body)["keys"][0]["key"]) == b"k" * 32


class LateDesk(channel.KeyDesk):
    """A node that is being started again: it answers at the third time, or never."""

    def __init__(self, *, is_refused=False):
        self.n_asked, self._answer = 0, is_refused

    def key_of(self, peer, key_id):
        self.n_asked, self.is_refused = self.n_asked + 1, self._answer
        return b"key" if self.n_asked == 3 else None


def test_a_key_is_asked_for_until_the_node_answers(monkeypatch):
    monkeypatch.setattr(channel.time, "sleep", lambda _: None)
    assert LateDesk().wait_for("x", "1") == b"key"
    refused = LateDesk(is_refused=True)
    assert refused.wait_for("x", "1") is None
    assert refused.n_asked == 1
    assert LateDesk().wait_for("x", "1", seconds=0.0) is None
