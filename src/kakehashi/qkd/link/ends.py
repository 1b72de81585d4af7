"""The two ends of a simulated link, and its control: what talks to the simulator in its own process."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from typing import Any, Self

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.link.address import Address, connect
from kakehashi.qkd.link.frames import HEADER, Role, payload_bytes, unpack
from kakehashi.qkd.link.model import Detections, Preparations

__all__ = ["ANY_SLOT", "REQUEST", "Control", "ReceiverEnd", "SenderEnd"]

REQUEST = struct.Struct("<Q")
"""First slot of the exposure that is wanted."""

ANY_SLOT = 2**64 - 1
"""Asks for whatever comes next."""


class _End:
    """A connection that asks for exposures one by one. Another thread may close it meanwhile."""

    role: Role

    def __init__(self, address: str, *, timeout_s: float = 60.0) -> None:
        self._address = Address(address)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_asking = self._is_closed = False
        self._wanted = ANY_SLOT

    def open(self) -> None:
        """Connect now, and not with the first exposure.

        Raises:
            DeviceError: The simulator does not answer; transient.
        """
        self._open()

    def _ask(self) -> Preparations | Detections:
        """The next exposure. After a fault the same one is asked for again, over a new connection."""
        with self._lock:
            self._is_asking = True
        is_sound = False
        try:
            connection = self._open()
            connection.sendall(REQUEST.pack(self._wanted))
            header = _read(connection, HEADER.size)
            half = unpack(header, _read(connection, payload_bytes(header, self.role)), self.role)
            is_sound = True
        except OSError as error:
            raise DeviceError(
                f"The simulated link at {self._address.text} stopped answering ({error.strerror or error}).",
                transient=True,
            ) from error
        finally:
            with self._lock:
                self._is_asking = False
                if self._is_closed or not is_sound:
                    self._drop()
        self._wanted = half.first_slot + half.n_slots
        return half

    def _open(self) -> socket.socket:
        connection = self._socket or connect(self._address, timeout_s=self._timeout_s)
        with self._lock:
            self._socket = connection
            if self._is_closed:  # perhaps while it was being opened
                raise ConnectionAbortedError(0, "it was closed at this end")
        return connection

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Close the connection for good. A thread that waits for an exposure is told so at once, and closes it."""
        with self._lock:
            self._is_closed = True
            if not self._is_asking:
                self._drop()
            elif self._socket is not None:
                with contextlib.suppress(OSError):  # the other end may have gone already
                    self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(connection: socket.socket, n: int) -> bytes:
    data = bytearray()
    while len(data) < n:
        part = connection.recv(min(n - len(data), 1 << 20))
        if not part:
            raise ConnectionResetError(0, "it closed the connection")
        data += part
    return bytes(data)


class SenderEnd(_End):
    """The sender of a simulated link: a :class:`~kakehashi.qkd.link.model.Sender`.

    Args:
        address: ``unix:PATH`` or ``HOST:PORT``.
        timeout_s: How long to wait for an exposure.

    Example:
        >>> SenderEnd("unix:/nowhere").prepare()
        Traceback (most recent call last):
        kakehashi.core.errors.DeviceError: No simulated link answers at unix:/nowhere: No such file or directory.
    """

    role: Role = "sender"

    def prepare(self) -> Preparations:
        """The next exposure, waiting for it.

        Raises:
            DeviceError: The simulator does not answer; transient.
        """
        half = self._ask()
        assert isinstance(half, Preparations)
        return half


class ReceiverEnd(_End):
    """The receiver of a simulated link: a :class:`~kakehashi.qkd.link.model.Receiver`.

    Args:
        address: As :class:`SenderEnd`.
        timeout_s: Likewise.
    """

    role: Role = "receiver"

    def detect(self) -> Detections:
        """The next exposure, waiting for it.

        Raises:
            DeviceError: The simulator does not answer; transient.
        """
        half = self._ask()
        assert isinstance(half, Detections)
        return half


class Control:
    """What happens to a running link, switched on and off.

    Args:
        address: ``unix:PATH`` or ``HOST:PORT``.
        timeout_s: How long to wait for an answer.
    """

    def __init__(self, address: str, *, timeout_s: float = 10.0) -> None:
        self._address = Address(address)
        self._timeout_s = timeout_s

    def _call(self, **request: Any) -> dict[str, Any]:
        with connect(self._address, timeout_s=self._timeout_s) as connection:
            try:
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as stream:
                    line = stream.readline()
                answer: dict[str, Any] = json.loads(line)
            except (OSError, ValueError) as error:
                raise DeviceError(
                    f"The control of the simulated link at {self._address.text} gave no answer.", transient=True
                ) from error
        if "error" in answer:
            raise InputError(answer["error"])
        return answer

    def status(self) -> dict[str, Any]:
        """Protocol, simulated time, exposures made and waiting, and the conditions at present."""
        return self._call(do="status")

    def switch_on(self, kind: str, **values: float) -> dict[str, Any]:
        """Begin an event now, such as ``switch_on("intercept-resend", fraction=0.3)``.

        Raises:
            InputError: There is no such event, or a value is impossible.
        """
        return self._call(do="on", event={"kind": kind, **values})

    def switch_off(self, kind: str) -> int:
        """End the events of a kind; gives how many were active."""
        return int(self._call(do="off", kind=kind)["ended"])

    def stop(self) -> None:
        """End the simulator."""
        self._call(do="stop")
