"""What a program shows of itself and whom it believes, read again when its files change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import client_context, require_identity, server_context
from kakehashi.qkd.delivery.revocation import read_revoked

__all__ = ["Credentials"]


class Credentials:
    """A key server's certificate, its key, the authority it trusts and the list of whom it trusts no more.

    A list that is signed anew, or a certificate that is renewed, must not wait for a restart. Contexts are made anew
    rather than added to: OpenSSL goes back to an older list that it still has when the newest runs out.

    Args:
        name: The KME's name, which the certificate must give.
        certificate: PEM, with the chain to the authority.
        private_key: PEM.
        authority: Certificates that sign those of others, PEM.
        revoked: List of revoked certificates, PEM.

    Attributes:
        server: TLS for its doors.
        client: TLS for its calls.

    Raises:
        InputError: A file is missing or wrong, or they do not belong together.

    Example:
        >>> import tempfile
        >>> from kakehashi.qkd.delivery.certificates import make_certificates, revoke_certificates
        >>> pki = Path(tempfile.mkdtemp())
        >>> _ = make_certificates(pki, saes=["alice"], kmes=["kme-a"])
        >>> files = pki / "kme-a.crt", pki / "kme-a.key", pki / "ca.crt", revoke_certificates(pki, [])
        >>> credentials = Credentials("kme-a", *files)
        >>> credentials.renew()
        False
        >>> _ = revoke_certificates(pki, ["alice"])
        >>> credentials.renew()
        True
    """

    def __init__(
        self, name: str, certificate: Path, private_key: Path, authority: Path, revoked: Path | None = None
    ) -> None:
        self._name = name
        self._files = (certificate, private_key, authority, revoked)
        self._seen = self._look()
        self._read()

    def _read(self) -> None:
        server, client = server_context(*self._files), client_context(*self._files)
        certificate, _, authority, revoked = self._files
        require_identity(certificate, "kme", self._name)
        numbers = frozenset[int]() if revoked is None else read_revoked(revoked, (authority, certificate))
        self.server, self.client, self._revoked = server, client, numbers

    def _look(self) -> list[tuple[int, ...] | None]:
        return [_state(path) for path in self._files if path is not None]

    def renew(self) -> bool:
        """Read the files again if one has changed since.

        Returns:
            Whether they were read; ``server`` and ``client`` are new then.

        Raises:
            InputError: They can no longer be used. What was read before still holds, and nothing is said again until
                the next change.
        """
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self._read()
        except OSError as error:  # they change while they are read
            raise InputError(f"They cannot be read: {error.strerror or error}.") from None
        return True

    def is_revoked(self, certificate: Mapping[str, Any]) -> bool:
        """Whether the list has a certificate's number.

        Two authorities may give the same number: then a connection is cut that need not be, and comes back.

        Args:
            certificate: As :meth:`ssl.SSLSocket.getpeercert` gives it.
        """
        return int(certificate.get("serialNumber", "-1"), 16) in self._revoked


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
