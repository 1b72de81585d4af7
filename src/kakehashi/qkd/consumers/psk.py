"""TLS 1.3 with a delivered key as external PSK, in Python's own ``ssl`` from 3.13 on.

The trap: where a context has a certificate, OpenSSL falls back to it when the PSK does not fit, and says nothing; a
client that checks no certificate is then connected to anybody, with a session that the key has no part in. So a context
here takes no certificate, and a connection that the PSK did not make is closed before it carries anything.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from typing import Any, Self

from kakehashi.core.errors import DeviceError, InputError, MissingDependencyError

__all__ = ["PskContext", "client_psk_context", "has_psk", "require_psk", "server_psk_context"]


def has_psk() -> bool:
    """Whether this Python can do it.

    Example:
        >>> isinstance(has_psk(), bool)
        True
    """
    return bool(getattr(ssl, "HAS_PSK", False))


def require_psk() -> None:
    """Nothing where this Python can do it.

    Raises:
        MissingDependencyError: It cannot.
    """
    if not has_psk():
        version = ".".join(map(str, sys.version_info[:2]))
        raise MissingDependencyError(f"Python's ssl has external PSKs from 3.13 on, and this is {version}.")


class PskContext(ssl.SSLContext):
    """A context of TLS 1.3 that connects by PSK or not at all; see :func:`client_psk_context`.

    PSK and ephemeral X25519 together make the session's key, so that it holds as long as one of the two does.

    Raises:
        MissingDependencyError: This Python's ``ssl`` has no external PSKs.
    """

    def __new__(cls, protocol: int) -> Self:
        """A context for a client or a server."""
        require_psk()
        context = super().__new__(cls, protocol)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # no certificate takes part: who holds the key is who was meant
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if protocol == ssl.PROTOCOL_TLS_SERVER:
            context.num_tickets = 0  # a session that is resumed would outlive the key
        return context

    def load_cert_chain(self, *_: Any, **__: Any) -> None:
        """Refused.

        Raises:
            InputError: Always.
        """
        raise InputError("A context with a PSK takes no certificate: OpenSSL would fall back to it without a word.")

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Shake hands, and give the connection only where the PSK has made it.

        Raises:
            ssl.SSLError: The other side has another key, or none.
            DeviceError: The other side got through without the key.
        """
        if options.get("do_handshake_on_connect", True) is not True:
            raise InputError("A context with a PSK shakes hands as it wraps a socket, so that it can check the PSK.")
        connection = super().wrap_socket(*arguments, **options)
        if connection.session_reused is not True:
            connection.close()
            raise DeviceError("The other side shook hands without the PSK; the connection is closed.")
        return connection

    def wrap_bio(self, *_: Any, **__: Any) -> ssl.SSLObject:
        """Refused: its handshake comes later, and nobody would check the PSK.

        Raises:
            InputError: Always.
        """
        raise InputError("A context with a PSK wraps connected sockets alone, so that it can check the PSK.")


def client_psk_context(key_id: str, secret: bytes) -> PskContext:
    """A context for the client.

    Args:
        key_id: Name of the key, which everybody on the wire can read.
        secret: The key.

    Raises:
        MissingDependencyError: This Python's ``ssl`` has no external PSKs.
    """
    context = PskContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_psk_client_callback(lambda _hint: (key_id, secret))  # type: ignore[attr-defined]
    return context


def server_psk_context(find_key: Callable[[str], bytes | None]) -> PskContext:
    """A context for the server.

    Args:
        find_key: Gives the key of a name, or None. It may fetch it from the KME there and then: the name comes with the
            client's first message. An error in it ends the handshake.

    Raises:
        MissingDependencyError: This Python's ``ssl`` has no external PSKs.
    """
    context = PskContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_psk_server_callback(  # type: ignore[attr-defined]
        lambda identity: (find_key(identity) if identity else None) or b""
    )
    return context
