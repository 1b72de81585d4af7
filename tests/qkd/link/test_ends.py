"""Ends against servers that misbehave; against the real one they are tested in test_source.py."""

import socket
import threading

import pytest

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.link.ends import Control, ReceiverEnd, SenderEnd


@pytest.fixture
def answering():
    """Starts servers that answer one request with given bytes and close."""
    servers = []

    def start(data):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(data)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("end", [SenderEnd, ReceiverEnd])
def test_a_link_that_closes(end, answering):
    with (
        end(answering(b"KQL1half"), timeout_s=60.0) as opened,
        pytest.raises(DeviceError, match="stopped answering") as caught,
    ):
        opened._ask()
    assert caught.value.transient


def test_something_else_at_the_address(answering):
    with SenderEnd(answering(b"HTTP/1.1 400 Bad Request" + b" " * 40), timeout_s=60.0) as sender:
        with pytest.raises(DeviceError, match="no simulated link") as caught:
            sender.prepare()
        assert not caught.value.transient


def test_a_control_without_sense(answering):
    with pytest.raises(DeviceError, match="gave no answer"):
        Control(answering(b"what?\n")).status()
    with pytest.raises(InputError, match="not so"):
        Control(answering(b'{"error": "not so"}\n')).stop()


@pytest.mark.parametrize("end", [SenderEnd, ReceiverEnd])
def test_whoever_waits_for_an_exposure_is_told_that_the_end_was_closed(end):
    with socket.create_server(("127.0.0.1", 0)) as server:
        opened = end(f"127.0.0.1:{server.getsockname()[1]}", timeout_s=60.0)
        found = []

        def wait():
            with pytest.raises(DeviceError, match="stopped answering") as caught:
                opened._ask()
            found.append(caught.value)

        thread = threading.Thread(target=wait)
        thread.start()
        connection, _ = server.accept()
        with connection:
            assert connection.recv(100)
            opened.close()
            thread.join(10)
            assert not thread.is_alive()
            assert connection.recv(100) == b""
    assert found[0].transient
    assert opened._socket is None


@pytest.mark.parametrize("end", [SenderEnd, ReceiverEnd])
def test_an_end_that_is_closed_while_it_connects_leaves_no_socket(end, monkeypatch):
    here, there = socket.socketpair()
    opened = end("127.0.0.1:1")

    def connect(address, *, timeout_s):
        opened.close()
        return here

    monkeypatch.setattr("kakehashi.qkd.link.ends.connect", connect)
    with there:
        with pytest.raises(DeviceError, match="closed at this end"):
            opened._ask()
        assert there.recv(100) == b""
    assert opened._socket is None
