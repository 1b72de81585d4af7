"""The classical channel of a link between two nodes: TLS outside, a plain socket for the driver inside.

TLS keeps strangers off the port and tells which node is at the other end. What is said is authenticated a second time
by the tags of the link, whose security does not rest on TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.delivery.certificates import identity
from kakehashi.qkd.delivery.listener import Listener

__all__ = ["LinkDoor", "call_link"]

log = logging.getLogger(__name__)

GREETING_S = 30.0
GREETINGS_PER_LINK = 4
"""Calls that a node may have open before it has said for which link they are, for each link that is its to call."""
CHUNK = 1 << 17

Greet: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def call_link(host: str, port: int, link: str, *, peer: str, context: ssl.SSLContext) -> socket.socket:
    """Open the channel of a link from the sender's side.

    Args:
        host: Where the other node is.
        port: Its door for links.
        link: Name of the link.
        peer: Name that the other node's certificate must give.
        context: TLS.

    Returns:
        A connected socket; whoever takes it closes it, and the channel ends with it.

    Raises:
        DeviceError: The other node is not there, or is another one; transient.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(GREETING_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            found = identity(writer.get_extra_info("peercert") or {}, "kme")
            is_known = found == peer and await _is_welcome(link, reader, writer)
    except BaseException as error:
        await _drop(writer)
        if isinstance(error, OSError | TimeoutError | asyncio.IncompleteReadError):
            raise DeviceError(f"'{peer}' cannot be reached for link '{link}'.", transient=True) from None
        raise
    if not is_known:
        await _drop(writer)
        raise DeviceError(
            f"At {host}:{port} there is '{found}', which is not '{peer}' with link '{link}'.", transient=True
        )
    return _bridge(reader, writer)


async def _is_welcome(link: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(link.encode() + b"\n")
    await writer.drain()
    return await reader.readexactly(1) == b"+"


async def _drop(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class LinkDoor:
    """Takes calls of senders, and hands each to the link that it is for.

    Args:
        expected: By link, the node that may call.
        context: TLS.
    """

    def __init__(self, expected: dict[str, str], context: ssl.SSLContext) -> None:
        self._expected = expected
        self.listener = Listener(
            lambda: _Caller(self._greet, self.listener), context=context, handshake_timeout_s=GREETING_S
        )
        self._waiting: dict[str, asyncio.Queue[socket.socket]] = {link: asyncio.Queue() for link in expected}
        self._current: dict[str, asyncio.StreamWriter] = {}
        self._greeted: Counter[str] = Counter()
        self._is_closed = False

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        await self.listener.start(host, port)

    async def close(self) -> None:
        """Stop, and end all channels."""
        self._is_closed = True
        await self.listener.close()
        for writer in self._current.values():
            writer.transport.abort()
        for link in self._waiting:
            self._forget_calls(link)

    async def next_call(self, link: str) -> socket.socket:
        """The next channel of a link, as :func:`call_link` gives it."""
        return await self._waiting[link].get()

    def _forget_calls(self, link: str) -> None:
        while not self._waiting[link].empty():
            self._waiting[link].get_nowait().close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = identity(writer.get_extra_info("peercert") or {}, "kme") or ""
        n_links = list(self._expected.values()).count(caller)
        if self._greeted[caller] >= GREETINGS_PER_LINK * n_links:
            log.warning("'%s' called, and has no link to call for, or too many calls open.", caller)
            writer.transport.abort()
            return
        self._greeted[caller] += 1
        try:
            async with asyncio.timeout(GREETING_S):
                link = (await reader.readline()).decode("ascii", "replace").strip()
                if self._expected.get(link) != caller:
                    log.warning("'%s' called for link '%.40s', which is not its own.", caller, link)
                    writer.transport.abort()
                    return
                writer.write(b"+")
                await writer.drain()
        except (OSError, ssl.SSLError, TimeoutError, ValueError):
            writer.transport.abort()
            return
        finally:
            self._greeted[caller] -= 1
        if self._is_closed:
            writer.transport.abort()
            return
        self._forget_calls(link)  # while nobody takes them, one that calls on and on would use up all sockets
        before = self._current.pop(link, None)
        if before is not None:  # the other end began anew and the old channel has not noticed
            before.transport.abort()
        self._current[link] = writer
        self._waiting[link].put_nowait(_bridge(reader, writer))


class _Caller(asyncio.StreamReaderProtocol):
    """A stream whose listener knows when it comes and goes."""

    def __init__(self, greet: Greet, listener: Listener) -> None:
        super().__init__(asyncio.StreamReader(), greet)
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._held = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        self._listener.arrived(self._held)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._listener.left(self._held)


_PUMPS: set[asyncio.Task[None]] = set()


def _bridge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> socket.socket:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def end(task: asyncio.Task[None]) -> None:  # also of a task that was cancelled before it began
        _PUMPS.discard(task)
        ours.close()
        with contextlib.suppress(OSError, RuntimeError):
            writer.transport.abort()

    task = asyncio.get_running_loop().create_task(_pump(reader, writer, ours))
    _PUMPS.add(task)
    task.add_done_callback(end)
    return theirs


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plain: socket.socket) -> None:
    loop = asyncio.get_running_loop()

    async def inward() -> None:
        while data := await reader.read(CHUNK):
            await loop.sock_sendall(plain, data)

    async def outward() -> None:
        while data := await loop.sock_recv(plain, CHUNK):
            writer.write(data)
            await writer.drain()

    tasks = {asyncio.ensure_future(inward()), asyncio.ensure_future(outward())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
