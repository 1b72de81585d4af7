import json
import socket
import threading

import pytest
from tests.qkd.consumers.test_model import NAME

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.exchange import KeyIdListener, announce_key_id


def say(address, data):
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return json.loads(connection.makefile("rb").readline())


def line(**changes):
    request = {"kakehashi_key_id": 1, "master": "alice", "slave": "bob", "key_ID": NAME}
    return json.dumps({**request, **changes}).encode() + b"\n"


def test_the_slave_answers_when_it_has_the_key():
    order = []
    with KeyIdListener("alice", "bob", lambda key_id: order.append(("taken", key_id))) as listener:
        announce_key_id(listener.address, "alice", "bob", NAME)
        order.append("told")
    assert order == [("taken", NAME), "told"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"\xff\n",
        line()[:-1],
        line(kakehashi_key_id=2),
        line(master="eve"),
        line(slave="eve"),
        line(key_ID="x\n}"),
        line(key_ID=None),
        line(key_ID=[NAME]),
        line(more="x" * 5000),
    ],
)
def test_what_is_no_line_with_an_id_reaches_no_kme(data):
    taken = []
    with KeyIdListener("alice", "bob", taken.append) as listener:
        assert say(listener.address, data)["taken"] is False
        announce_key_id(listener.address, "alice", "bob", NAME)
    assert taken == [NAME]


def test_a_refusal_is_told_to_the_master():
    def take(key_id):
        raise DeviceError("the KME is on fire.")

    with KeyIdListener("alice", "bob", take) as listener, pytest.raises(DeviceError, match="on fire"):
        announce_key_id(listener.address, "alice", "bob", NAME)


def test_nobody_there_is_an_error():
    with KeyIdListener("alice", "bob", print) as listener:
        pass
    with pytest.raises(DeviceError, match="cannot be told") as caught:
        announce_key_id(listener.address, "alice", "bob", NAME)
    assert caught.value.transient
    with KeyIdListener("alice", "bob", print) as listener, pytest.raises(DeviceError, match="cannot listen"):
        KeyIdListener("alice", "bob", print, port=listener.address[1])


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'{"taken": "yes"}\n', b"{}\n"])
def test_only_true_is_yes(answer):
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve():
            connection, _ = door.accept()
            with connection:
                connection.makefile("rb").readline()
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(DeviceError):
            announce_key_id(door.getsockname(), "alice", "bob", NAME)
        thread.join()


def test_a_caller_that_says_nothing_holds_nobody_up_for_long(monkeypatch):
    from kakehashi.qkd.consumers import exchange

    monkeypatch.setattr(exchange, "LINE_S", 0.1)
    taken = []
    with KeyIdListener("alice", "bob", taken.append) as listener, socket.create_connection(listener.address) as silent:
        announce_key_id(listener.address, "alice", "bob", NAME)
        assert silent.recv(10) == b""
    assert taken == [NAME]
