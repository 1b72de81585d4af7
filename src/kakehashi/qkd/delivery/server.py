"""HTTP/1.1 over mutual TLS, bounded in time, size and number.

A general web server hides the client's certificate from the application and has no limit for clients that are slow on
purpose; this one does nothing else. Parsing is llhttp's (httptools), TLS OpenSSL's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, TypeAlias, cast

import httptools

from kakehashi.qkd.delivery.listener import Listener

__all__ = ["Answer", "Bounds", "Handler", "HttpServer", "Request"]

HEAD_BYTES = 16_384
"""Longest head of a request."""
PIPELINED = 16
"""Requests that may wait behind one on the same connection."""
LINGER_BYTES = 2**22
"""How much is still read of a client that was refused: a socket closed with bytes unread resets the connection, and the
client may never see why (RFC 9112, 9.6)."""

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a server grants to one client, see :class:`~kakehashi.qkd.delivery.spec.LimitsSpec`."""

    max_connections: int = 512
    max_connections_per_name: int = 64
    max_handshakes_per_address: int = 64
    max_body_bytes: int = 262_144
    handshake_timeout_s: float = 5.0
    request_timeout_s: float = 10.0
    idle_timeout_s: float = 75.0
    linger_s: float = 1.0


@dataclass(slots=True)
class Request:
    """A request as it arrived. ``path`` is not decoded; ``name`` is the client's by its certificate, or None."""

    method: str = ""
    path: str = ""
    query: str = ""
    body: bytearray = field(default_factory=bytearray)
    name: str | None = None
    keep_alive: bool = True
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body (JSON) of an answer."""

    status: int
    body: bytes


Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]
Naming: TypeAlias = Callable[[Mapping[str, Any]], str | None]


class HttpServer:
    """Hands whole requests to a handler.

    Args:
        handler: Gives the answer. It should not raise.
        refuse: Makes the body of an error from a sentence.
        context: TLS; see :meth:`~kakehashi.qkd.delivery.listener.Listener.renew`.
        naming: Gives a client's name from its certificate.
        bounds: Limits.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        refuse: Callable[[str], Answer],
        context: ssl.SSLContext,
        naming: Naming,
        bounds: Bounds,
    ) -> None:
        self.handler = handler
        self.refuse = refuse
        self.naming = naming
        self.bounds = bounds
        self.connections: set[_Connection] = set()
        self.by_name: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.listener = Listener(
            lambda: _Connection(self),
            context=context,
            max_connections=bounds.max_connections,
            max_handshakes_per_address=bounds.max_handshakes_per_address,
            handshake_timeout_s=bounds.handshake_timeout_s,
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, which is a free one where 0 was asked for.

        Raises:
            InputError: The address is in use or not of this machine.
        """
        port = await self.listener.start(host, port)
        self.spawn(self._sweep())
        return port

    async def close(self) -> None:
        """Stop listening, let answers under way go out, and close what is open."""
        self.listener.stop()
        busy = [c.task for c in self.connections if c.task is not None]
        if busy:
            await asyncio.wait(busy, timeout=self.bounds.request_timeout_s)
        for connection in list(self.connections):
            connection.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(self.listener.close(), *self._tasks, return_exceptions=True)

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run work for as long as the server runs."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self.bounds.request_timeout_s / 4))
            now = time.monotonic()
            for connection in list(self.connections):
                if connection.deadline < now:
                    connection.abort()


class _Connection(asyncio.Protocol):
    """One client. Requests are answered one after the other, in order."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._waiting: list[Request] = []
        self._url = b""
        self._head_bytes = 0
        self._is_in_head = True
        self._is_closing = False
        self._fault: str | None = None
        self._n_drained = 0
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._name: str | None = None
        self._transport: asyncio.Transport
        self.task: asyncio.Task[None] | None = None
        self.deadline = 0.0

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        server = self._server
        server.connections.add(self)
        self._name = server.naming(transport.get_extra_info("peercert") or {})
        self._expect(server.bounds.idle_timeout_s)
        if self._name is not None:
            server.by_name[self._name] += 1
            if server.by_name[self._name] > server.bounds.max_connections_per_name:
                self.close()
        server.listener.arrived(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        server = self._server
        server.connections.discard(self)
        server.listener.left(self._transport)
        if self._name is not None:
            server.by_name[self._name] -= 1
        self._can_write.set()
        self._is_closing = True

    def pause_writing(self) -> None:
        self._can_write.clear()
        self._expect(self._server.bounds.request_timeout_s)

    def resume_writing(self) -> None:
        self._can_write.set()

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            self._n_drained += len(data)
            if self._n_drained > LINGER_BYTES:
                self.close()
            return
        if self._is_in_head:
            if self.task is None and not self._head_bytes:
                self._expect(self._server.bounds.request_timeout_s)
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._give_up("an upgrade of the protocol is not supported")
        except httptools.HttpParserError:
            self._give_up(self._request.fault or "the request is no HTTP/1.1")
        if self._is_in_head and self._head_bytes > HEAD_BYTES:
            self._give_up("the head of the request is too long")

    # --- httptools

    def on_message_begin(self) -> None:
        self._request = Request(name=self._name)
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > HEAD_BYTES:
            self._request.fault = "the head of the request is too long"

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"content-length" and len(value) < 20 and value.isdigit():
            if int(value) > self._server.bounds.max_body_bytes:
                self._request.fault = "the body is too long"
        elif lowered == b"expect" and value.lower() == b"100-continue" and self.task is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        request = self._request
        if self._parser.should_upgrade():
            request.fault = "an upgrade of the protocol is not supported"
        request.method = self._parser.get_method().decode("ascii", "replace")
        path, _, query = self._url.partition(b"?")
        try:
            request.path, request.query = path.decode("ascii"), query.decode("ascii")
        except UnicodeDecodeError:
            request.fault = "the address must be ASCII, with all else URL-encoded"
        if request.fault:
            self._give_up(request.fault)

    def on_body(self, body: bytes) -> None:
        self._request.body += body
        if len(self._request.body) > self._server.bounds.max_body_bytes:
            self._give_up("the body is too long")

    def on_message_complete(self) -> None:
        self._is_in_head = True
        if self._is_closing:
            return
        self._request.keep_alive = self._parser.should_keep_alive()
        self._waiting.append(self._request)
        if self.task is None:
            self.task = self._server.spawn(self._answer())
        elif len(self._waiting) > PIPELINED:
            self._transport.pause_reading()

    # --- answers

    async def _answer(self) -> None:
        try:
            while self._waiting and not self._transport.is_closing():
                request = self._waiting.pop(0)
                self.deadline = float("inf")  # our own time is not the client's
                answer = await self._server.handler(request)
                request.body[:] = bytes(len(request.body))
                if request.method == "HEAD":  # a body would be read as the next answer (RFC 9110, 9.3.2)
                    answer = Answer(answer.status, b"")
                self._write(answer, keep_alive=request.keep_alive)
                if not request.keep_alive:
                    self.close()
                    return
                if not self._can_write.is_set():
                    await self._can_write.wait()
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()
        finally:
            self.task = None
            self._expect(self._server.bounds.idle_timeout_s)
            if self._fault is not None:
                self._refuse(self._fault)

    def _write(self, answer: Answer, *, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        head = (
            b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
            % (
                answer.status,
                REASONS[answer.status].encode(),
                len(answer.body),
            )
        )
        connection = b"" if keep_alive else b"Connection: close\r\n"
        self._transport.write(head + connection + _date() + b"\r\n" + answer.body)

    def _give_up(self, sentence: str) -> None:
        """Answer what cannot be read, and close: where the next request would start is unknown."""
        if not self._is_closing:
            self._is_closing = True
            self._fault = sentence
            if self.task is None:  # answers before it go out first
                self._refuse(sentence)

    def _refuse(self, sentence: str) -> None:
        self._write(self._server.refuse(sentence), keep_alive=False)
        self._expect(self._server.bounds.linger_s + self._server.bounds.request_timeout_s)
        asyncio.get_running_loop().call_later(self._server.bounds.linger_s, self.close)

    def _expect(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def close(self) -> None:
        """Close once what was written is out, or the time for it is over."""
        self._is_closing = True
        self._expect(self._server.bounds.request_timeout_s)
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = True
        self._transport.abort()


_DATE: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    global _DATE  # one for all connections, made once a second
    now = int(time.time())
    if _DATE[0] != now:
        _DATE = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
    return _DATE[1]
