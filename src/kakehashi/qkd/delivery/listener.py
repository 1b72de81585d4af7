"""A door: lets clients in over mutual TLS, bounded in number, for as long as their certificates are not revoked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.core.system import system_reason

__all__ = ["Listener"]

logger = logging.getLogger(__name__)

REFUSALS_SAID = 20
REFUSALS_S = 60.0
"""So many refusals are logged within such a time, and of those that are alike one: anybody can cause them."""

_faults: ContextVar[list[ssl.SSLError]] = ContextVar("_faults")
"""Of the handshake that the running task makes: why it fails."""


class _Handshake(ssl.SSLObject):
    """Lets the alert out that says why a handshake fails. asyncio would drop it, and the client could only guess."""

    _fault: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._fault is not None:
            raise self._fault
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._fault = error
            _faults.get([]).append(error)
            raise ssl.SSLWantReadError from None  # what is to be sent is sent then; the client leaves, or time is over


class _Refusals:
    """Logs why connections were refused, within bounds."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()
        self._n_unsaid = 0
        self._began = 0.0

    def note(self, host: str, reason: str) -> None:
        """One more."""
        now = time.monotonic()
        if now > self._began + REFUSALS_S:
            if self._n_unsaid:
                logger.warning("%d more connections were refused.", self._n_unsaid)
            self._said, self._n_unsaid, self._began = set(), 0, now
        if (host, reason) in self._said or len(self._said) >= REFUSALS_SAID:
            self._n_unsaid += 1
            return
        self._said.add((host, reason))
        logger.warning("A connection from %s was refused: %s.", host, reason)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error).replace("_", " ").lower()
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return "its handshake took too long"
    return "it broke off"


class Listener:
    """Listens, and makes a protocol for each client that has shown a good certificate.

    Args:
        make: Makes the protocol.
        context: TLS, until :meth:`renew` gives another.
        max_connections: Most at once, handshakes included.
        max_handshakes_per_address: Most handshakes under way with one address: without a certificate nobody may hold
            all places by handshakes that he does not finish.
        handshake_timeout_s: Time for one.
    """

    def __init__(
        self,
        make: Callable[[], asyncio.BaseProtocol],
        *,
        context: ssl.SSLContext,
        max_connections: int = 512,
        max_handshakes_per_address: int = 64,
        handshake_timeout_s: float = 5.0,
    ) -> None:
        self._make = make
        self._context = context
        self._is_revoked: Callable[[Mapping[str, Any]], bool] = lambda _: False
        self._max_connections = max_connections
        self._max_handshakes = max_handshakes_per_address
        self._handshake_timeout_s = handshake_timeout_s
        self._n_open = 0
        self._open: set[asyncio.Transport] = set()
        self._greeted: Counter[str] = Counter()
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusals = _Refusals()

    @property
    def n_open(self) -> int:
        """Connections, handshakes included."""
        return self._n_open

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, which is a free one where 0 was asked for.

        Raises:
            InputError: The address is in use or not of this machine.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, address = found[0]
            listener = socket.create_server((address[0], address[1]), family=family, backlog=256)
        except OSError as error:
            raise InputError(f"Cannot listen on {host}:{port}: {system_reason(error)}.") from None
        listener.setblocking(False)
        self._listener = listener
        self._spawn(self._accept(listener))
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        """Let nobody else in."""
        if self._listener is not None:
            self._listener.close()

    async def close(self) -> None:
        """Stop, and end the handshakes that are under way."""
        self.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def renew(self, context: ssl.SSLContext, is_revoked: Callable[[Mapping[str, Any]], bool]) -> None:
        """Take another context for connections from now on, and cut those of certificates that are revoked by now.

        Args:
            context: TLS.
            is_revoked: Says it of a certificate as :meth:`ssl.SSLSocket.getpeercert` gives it.
        """
        self._context, self._is_revoked = context, is_revoked
        for transport in list(self._open):
            self._cut_if_revoked(transport)

    def arrived(self, transport: asyncio.Transport) -> None:
        """For the protocol: its connection is made."""
        self._open.add(transport)
        self._cut_if_revoked(transport)  # the handshake may have begun under an older list

    def left(self, transport: asyncio.Transport) -> None:
        """For the protocol: its connection is gone."""
        self._open.discard(transport)
        self._n_open -= 1

    def _cut_if_revoked(self, transport: asyncio.Transport) -> None:
        certificate = transport.get_extra_info("peercert") or {}
        if self._is_revoked(certificate):
            transport.abort()
            host = str((transport.get_extra_info("peername") or ("?",))[0])
            names = [value for part in certificate.get("subject", ()) for _, value in part]
            self._refusals.note(host, f"the certificate of '{', '.join(names)}' is revoked")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listener)
            except OSError:  # out of file descriptors: those that are open will go
                await asyncio.sleep(0.1)
                continue
            host = str(address[0])
            if self._n_open >= self._max_connections or self._greeted[host] >= self._max_handshakes:
                client.close()
                self._refusals.note(host, "there are too many already")
                continue
            self._n_open += 1
            self._greeted[host] += 1
            self._spawn(self._greet(client, host))

    async def _greet(self, client: socket.socket, host: str) -> None:
        """The handshake. A client without a good certificate fails here and never reaches a protocol."""
        with contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        faults: list[ssl.SSLError] = []
        _faults.set(faults)
        context = self._context
        context.sslobject_class = _Handshake
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make,
                client,
                ssl=context,
                ssl_handshake_timeout=self._handshake_timeout_s,
                ssl_shutdown_timeout=1.0,
            )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            self._n_open -= 1
            client.close()
            self._refusals.note(host, _reason(faults[0] if faults else error))
        finally:
            self._greeted[host] -= 1
            if not self._greeted[host]:
                del self._greeted[host]
