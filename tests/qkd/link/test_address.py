import socket

import pytest

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.link.address import Address, connect


@pytest.mark.parametrize("text", ["127.0.0.1:80", "localhost:80", "[::1]:80", "unix:/tmp/a.sock"])
def test_sockets_of_this_machine(text):
    assert Address(text).text == text


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "0.0.0.0:80", "example.org:80"])
def test_others_are_refused(text):
    with pytest.raises(InputError):
        Address(text)
    with pytest.raises(InputError, match="at most 100 bytes"):
        Address("unix:/" + "x" * 120)


def test_connections():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(f"127.0.0.1:{server.getsockname()[1]}")
        connect(address, timeout_s=1.0).close()
    with pytest.raises(DeviceError, match="No simulated link answers") as caught:
        connect(address, timeout_s=1.0)
    assert caught.value.transient
