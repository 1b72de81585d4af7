"""Runs one end of a link: photons from one side, the classical channel on the other, keys as they are made.

The only place of this room with sockets. Datagrams go over TCP with their length in front: a resending layer is then
idle, and the same sessions run over UDP or a radio as well.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self, TypeAlias

from kakehashi.core.errors import DeviceError, KakehashiError
from kakehashi.qkd.distill.events import Event
from kakehashi.qkd.distill.receiver_session import ReceiverSession
from kakehashi.qkd.distill.sender_session import SenderSession
from kakehashi.qkd.link.model import Detections, Preparations, Receiver, Sender

__all__ = ["Channel", "drive_receiver", "drive_sender"]

log = logging.getLogger(__name__)

LENGTH = struct.Struct("<I")
MAX_DATAGRAM = 1 << 20
AT_ONCE = 1 << 18
PAUSE_S = 0.05
STUCK_S = 60.0
"""How long the other end may leave everything unread; as long as it may leave everything unanswered."""

Exposure: TypeAlias = Preparations | Detections


class Channel:
    """Datagrams over a connected stream socket.

    Args:
        connection: The socket; this end owns it from now on.

    Raises:
        DeviceError: By :meth:`receive` and :meth:`send`: the other end is gone, has read nothing for a minute, or sent
            what is no datagram. Transient.

    Example:
        >>> one, other = socket.socketpair()
        >>> with Channel(one) as here, Channel(other) as there:
        ...     here.send([b"photons", b"arrived"])
        ...     there.receive(1.0)
        [b'photons', b'arrived']
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setblocking(False)
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._moved_at = 0.0
        self.n_sent = 0
        self.n_received = 0

    def send(self, datagrams: list[bytes]) -> None:
        """Queue datagrams and send what the socket takes."""
        if not self._outgoing:
            self._moved_at = time.monotonic()
        for datagram in datagrams:
            self._outgoing += LENGTH.pack(len(datagram))
            self._outgoing += datagram
        if self._outgoing:
            self._flush()

    @property
    def is_busy(self) -> bool:
        """Whether queued bytes wait for the socket."""
        return bool(self._outgoing)

    def receive(self, timeout_s: float, bell: socket.socket | None = None) -> list[bytes]:
        """Datagrams that are there, waiting for the first for at most ``timeout_s``, or until a bell rings."""
        ears = select.poll()  # select() takes no more than 1024 files, and a node may have more open
        ears.register(self._socket, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        if bell is not None:
            ears.register(bell, select.POLLIN)
        heard = dict(ears.poll(1000 * max(0.0, timeout_s)))
        if self._outgoing:
            self._flush()
        if bell is not None and bell.fileno() in heard:
            bell.recv(4096)
        if heard.get(self._socket.fileno(), 0) & ~select.POLLOUT:
            self._read()
        return self._split()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                with memoryview(self._outgoing) as waiting, waiting[:AT_ONCE] as part:
                    n = self._socket.send(part)
                self.n_sent += n
                del self._outgoing[:n]
                self._moved_at = time.monotonic()
        except BlockingIOError:
            if time.monotonic() - self._moved_at > STUCK_S:
                raise DeviceError("The other end of the classical channel reads nothing.", transient=True) from None
        except OSError as error:
            raise DeviceError("The other end of the classical channel is gone.", transient=True) from error

    def _read(self) -> None:
        try:
            for _ in range(64):
                data = self._socket.recv(AT_ONCE)
                if not data:
                    raise DeviceError("The other end of the classical channel is gone.", transient=True)
                self.n_received += len(data)
                self._incoming += data
                if len(data) < AT_ONCE:  # most likely there is no more
                    return
        except BlockingIOError:
            pass
        except ConnectionError as error:
            raise DeviceError("The other end of the classical channel is gone.", transient=True) from error

    def _split(self) -> list[bytes]:
        datagrams, at = [], 0
        with memoryview(self._incoming) as view:
            while len(view) - at >= LENGTH.size:
                (n,) = LENGTH.unpack_from(view, at)
                if n > MAX_DATAGRAM:
                    raise DeviceError("The classical channel carried what is no datagram.", transient=True)
                if len(view) - at < LENGTH.size + n:
                    break
                datagrams.append(bytes(view[at + LENGTH.size : at + LENGTH.size + n]))
                at += LENGTH.size + n
        del self._incoming[:at]
        return datagrams


def drive_sender(
    session: SenderSession, sender: Sender, channel: Channel, *, should_stop: Callable[[], bool]
) -> Iterator[Event]:
    """Run the sender's end until told to stop; yields what happens.

    Raises:
        DeviceError: The link or the channel is down; transient ones may be tried again with a new channel.
        DistillationError: The session has come to an end that no restart can mend.
    """
    return _drive(session, sender.prepare, lambda e: session.prepared(e), channel, should_stop)  # type: ignore[arg-type]


def drive_receiver(
    session: ReceiverSession, receiver: Receiver, channel: Channel, *, should_stop: Callable[[], bool]
) -> Iterator[Event]:
    """The same for the receiver's end."""
    return _drive(session, receiver.detect, lambda e: session.detected(e), channel, should_stop)  # type: ignore[arg-type]


class _Shutter(threading.Thread):
    """Asks the link for the next exposure while another thread distils."""

    def __init__(self, take: Callable[[], Exposure]) -> None:
        super().__init__(name="exposures", daemon=True)
        self._take = take
        self._wanted = threading.Semaphore(0)
        self.taken: queue.Queue[Exposure | KakehashiError] = queue.Queue()
        self.n_asked = 0
        self._is_over = False
        self.bell, self._rope = socket.socketpair()
        """Something can be read of it when an exposure is there, so that the other thread can wait for both at once."""
        self.start()

    def ask(self) -> None:
        self.n_asked += 1
        self._wanted.release()

    def end(self) -> None:
        self._is_over = True
        self._wanted.release()
        self.bell.close()

    def run(self) -> None:
        with self._rope:
            while True:
                self._wanted.acquire()
                if self._is_over or not self._take_one():
                    return

    def _take_one(self) -> bool:
        try:
            self.taken.put(self._take())
        except KakehashiError as error:
            self.taken.put(error)
            return False
        finally:
            with contextlib.suppress(OSError):  # the other thread may have left meanwhile
                self._rope.send(b"\0")
        return True


def _drive(
    session: SenderSession | ReceiverSession,
    take: Callable[[], Exposure],
    put: Callable[[Exposure], None],
    channel: Channel,
    should_stop: Callable[[], bool],
) -> Iterator[Event]:
    shutter, n_put = _Shutter(take), 0
    try:
        while not should_stop():
            if session.wants_exposure and shutter.n_asked == n_put:
                shutter.ask()
            while not shutter.taken.empty():
                exposure = shutter.taken.get()
                if isinstance(exposure, KakehashiError):
                    raise exposure
                put(exposure)
                n_put += 1
            now = time.monotonic()
            _pass_on(session, channel)
            session.work()
            yield from session.events()
            session.raise_failure()
            for datagram in channel.receive(PAUSE_S if channel.is_busy else _pause(session, now), shutter.bell):
                session.receive(datagram, time.monotonic())
                if session.wire.n_queued:  # an answer leaves before the next lane is worked on
                    _pass_on(session, channel)
                    session.work()
            yield from session.events()
    finally:
        shutter.end()


def _pass_on(session: SenderSession | ReceiverSession, channel: Channel) -> None:
    """Send what there is, but nothing more to one that does not read: what is sent again and again would pile up."""
    channel.send([] if channel.is_busy else session.outgoing(time.monotonic()))


def _pause(session: SenderSession | ReceiverSession, now: float) -> float:
    due = session.next_time()
    return PAUSE_S if due is None else min(PAUSE_S, max(0.0, due - now))
