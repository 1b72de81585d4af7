"""A client of HTTP/1.1 over mutual TLS that keeps its connection and knows whom it talks to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable

import httptools

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.delivery.certificates import Kind, identity

__all__ = ["HttpClient"]

MAX_ANSWER_BYTES = 64 * 2**20


class _Reader:
    """Collects one answer."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.is_whole = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = True


class HttpClient:
    """One connection; calls on it are made one after the other, those of several tasks too.

    Args:
        host: Where the server is.
        port: Likewise.
        name: The name that its certificate must give.
        kind: What kind of name that is.
        context: Gives TLS; when it gives another, the next call connects anew.
        timeout_s: Time for connecting and for each call.
        max_answer_bytes: Longest body of an answer.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        name: str,
        kind: Kind,
        context: Callable[[], ssl.SSLContext],
        timeout_s: float = 10.0,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._host = host
        self._port = port
        self._name = name
        self._kind: Kind = kind
        self._context = context
        self._used: ssl.SSLContext | None = None
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._is_free = asyncio.Lock()

    async def call(self, path: str, body: bytes) -> tuple[int, bytes]:
        """POST a body; gives status and body of the answer.

        Raises:
            DeviceError: The server cannot be reached, is another one, or does not answer. Whether it did what was asked
                is unknown; the connection is closed.
        """
        async with self._is_free:
            if self._used is not self._context():
                self.close()
            return await self._call(path, body)

    async def _call(self, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = self._streams or await self._connect()
                head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
                return await _read(reader, self._max_answer_bytes)
        except (OSError, ssl.SSLError, TimeoutError, EOFError, httptools.HttpParserError) as error:
            self.close()
            system = os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else ""
            reason = getattr(error, "reason", None) or system or str(error) or type(error).__name__
            raise DeviceError(f"'{self._name}' at {self._host}:{self._port}: {reason}.", transient=True) from None
        except BaseException:
            self.close()  # an answer that is not read would be taken for that of the next call
            raise

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._streams is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._streams[1].transport.abort()
            self._streams = None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._used = self._context()
        streams = await asyncio.open_connection(self._host, self._port, ssl=self._used, limit=2**20)
        found = identity(streams[1].get_extra_info("peercert") or {}, self._kind)
        if found != self._name:
            streams[1].transport.abort()
            raise ConnectionError(f"the server's certificate names '{found}'")
        self._streams = streams
        return streams


async def _read(reader: asyncio.StreamReader, at_most: int) -> tuple[int, bytes]:
    answer = _Reader()
    parser = httptools.HttpResponseParser(answer)
    while not answer.is_whole:
        data = await reader.read(65_536)
        if not data:
            raise EOFError("the connection was closed")
        parser.feed_data(data)
        if len(answer.body) > at_most:
            raise EOFError("the answer is too long")
    return parser.get_status_code(), bytes(answer.body)
