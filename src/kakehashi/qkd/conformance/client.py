"""An HTTPS client that may break every rule, and never raises for what a server does."""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from kakehashi.core.errors import InputError
from kakehashi.qkd.conformance.model import Party

__all__ = ["Answer", "Client", "user_context"]

MAX_ANSWER_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status; None where no answer came.
        headers: By lower-case name.
        body: Never shown, as it may hold keys.
        fault: Why no answer came.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    fault: str = ""


def user_context(party: Party | None, authority: str, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """TLS of a user, which checks the server's certificate; of a stranger without certificate where there is no party.

    Args:
        party: Whose certificate is shown.
        authority: File of the authority.
        version: Speak this version of TLS alone, old ciphers among its own.

    Raises:
        InputError: A file is no PEM, or a key does not belong to its certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError):
        raise InputError(f"{authority} holds no certificate in PEM.") from None
    if party is not None:
        try:
            context.load_cert_chain(party.certificate, party.private_key)
        except (OSError, ssl.SSLError):
            raise InputError(
                f"{party.certificate} and {party.private_key} are no certificate and its private key, both PEM."
            ) from None
    if version is not None:
        # An old version needs old signatures too; without them the client itself would give up, and prove nothing.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


class Client:
    """Talks to one server as one user; keeps a connection for plain requests.

    Args:
        url: The server.
        context: TLS.
        timeout_s: How long connecting and an answer may take.
        server_name: Name that the server's certificate must bear; the one in the URL where None.
    """

    def __init__(self, url: str, context: ssl.SSLContext, *, timeout_s: float, server_name: str | None = None) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or 443
        self.prefix = parts.path.rstrip("/")
        self._context = context
        self._timeout_s = timeout_s
        self._server_name = server_name or self.host
        self._kept: ssl.SSLSocket | None = None

    def connect(self, *, timeout_s: float | None = None) -> ssl.SSLSocket:
        """A new connection, past its handshake.

        Raises:
            OSError: There is none.
        """
        plain = socket.create_connection((self.host, self.port), timeout=timeout_s or self._timeout_s)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._context.wrap_socket(plain, server_hostname=self._server_name)
        except BaseException:
            plain.close()
            raise

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        is_fresh: bool = False,
    ) -> Answer:
        """Send a request and wait for the answer.

        Args:
            method: The method.
            path: Path and query, behind the URL's own path; sent as it is.
            body: The body; None for no body at all.
            headers: Further ones.
            is_fresh: Whether to use a connection of its own.
        """
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Accept: application/json"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        data = "\r\n".join([*lines, "", ""]).encode("utf-8") + (body or b"")
        if is_fresh:
            return self.send(data, method=method)
        connection, self._kept = self._kept, None
        if connection is None or _is_stale(connection):
            if connection is not None:
                connection.close()
            try:
                connection = self.connect()
            except (OSError, ValueError) as error:
                return Answer(fault=_reason(error))
        answer, is_open = _exchange(connection, data, method)
        if is_open:
            self._kept = connection
        else:
            connection.close()
        return answer

    def send(self, data: bytes, *, method: str = "POST") -> Answer:
        """Send bytes as they are over a connection of their own, and read what comes as an answer."""
        try:
            connection = self.connect()
        except (OSError, ValueError) as error:
            return Answer(fault=_reason(error))
        with connection:
            return _exchange(connection, data, method)[0]

    def close(self) -> None:
        """Close the connection that is kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def _is_stale(connection: ssl.SSLSocket) -> bool:
    """Whether the server has closed it, or said something that nobody asked for.

    Asked before sending, so that a request is never sent twice: it might be answered twice.
    """
    return bool(connection.pending() or select.select([connection], [], [], 0)[0])


class _Stream(io.RawIOBase):
    """Reads from a connection up to a point in time, however slowly bytes drip in."""

    def __init__(self, connection: ssl.SSLSocket, end: float) -> None:
        self._connection = connection
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not come in time")
        self._connection.settimeout(left)
        return self._connection.recv_into(cast("bytearray", buffer))


class _Source:
    """What :class:`http.client.HTTPResponse` takes for a socket."""

    def __init__(self, connection: ssl.SSLSocket, end: float) -> None:
        self._stream: io.BufferedIOBase = io.BufferedReader(_Stream(connection, end))

    def makefile(self, mode: str) -> io.BufferedIOBase:  # noqa: ARG002 - http.client's name
        return self._stream


def _exchange(connection: ssl.SSLSocket, data: bytes, method: str) -> tuple[Answer, bool]:
    """The answer, and whether another request may follow."""
    fault = ""
    end = time.monotonic() + (connection.gettimeout() or 10.0)
    timeout_s = connection.gettimeout()
    try:
        connection.sendall(data)
    except OSError as error:  # it may have answered before it stopped listening
        fault = _reason(error)
    try:
        response = http.client.HTTPResponse(cast("socket.socket", _Source(connection, end)), method=method)
        response.begin()
        body = response.read(MAX_ANSWER_BYTES)
        if response.length:
            return Answer(fault="the answer was cut off"), False
        is_open = not response.will_close and response.isclosed() and not fault
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=headers, body=body), is_open
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = _reason(error)  # an alert that was read says more than the write that failed after it
        return Answer(fault=reason if reason.startswith("TLS") or not fault else fault), False
    finally:
        with contextlib.suppress(OSError):
            connection.settimeout(timeout_s)


def _reason(error: BaseException) -> str:
    """Why there is no answer, in a few words of ours or of the operating system's, never the server's."""
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, http.client.HTTPException):
        return f"the answer is no HTTP ({type(error).__name__})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate was not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or type(error).__name__).lower().replace('_', ' ')}"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return type(error).__name__
