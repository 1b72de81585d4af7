"""Where the simulated link's sockets are: a path, or a port of this machine."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from kakehashi.core.errors import DeviceError, InputError

__all__ = ["Address", "connect"]

MAX_PATH_BYTES = 100
"""The system takes 107 for the path of a socket."""


@dataclass(frozen=True, slots=True)
class Address:
    """A socket on this machine.

    Args:
        text: ``unix:PATH``, or ``HOST:PORT`` with a loopback address: photons do not travel over networks, and whoever
            could read this socket would have the key.

    Raises:
        InputError: It is neither.

    Example:
        >>> Address("127.0.0.1:7001").port, Address("unix:/tmp/sender.sock").path
        (7001, PosixPath('/tmp/sender.sock'))
        >>> Address("192.0.2.1:7001")
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: A simulated link is on this machine, but '192.0.2.1' is elsewhere.
    """

    text: str

    def __post_init__(self) -> None:
        if self.path is not None:
            if len(str(self.path).encode()) > MAX_PATH_BYTES:
                raise InputError(f"The path of a socket has at most {MAX_PATH_BYTES} bytes, but got {self.path}.")
            return
        host, colon, port = self.text.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            raise InputError(f"An address is unix:PATH or HOST:PORT, but got {self.text!r}.")
        try:
            is_loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            is_loopback = False
        if not is_loopback:
            raise InputError(f"A simulated link is on this machine, but {host!r} is elsewhere.")

    @property
    def path(self) -> Path | None:
        """The path, where it is one."""
        return Path(self.text.removeprefix("unix:")) if self.text.startswith("unix:") else None

    @property
    def host(self) -> str:
        """The host, where it is a port."""
        return self.text.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port, where it is one."""
        return int(self.text.rpartition(":")[2])


def connect(address: Address, *, timeout_s: float) -> socket.socket:
    """Connect to a simulated link.

    Raises:
        DeviceError: Nobody listens there; transient, for a link may be started again.
    """
    try:
        if address.path is None:
            return socket.create_connection((address.host, address.port), timeout=timeout_s)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(address.path))
        except OSError:
            connection.close()
            raise
    except OSError as error:
        raise DeviceError(
            f"No simulated link answers at {address.text}: {error.strerror or error}.", transient=True
        ) from error
    return connection
