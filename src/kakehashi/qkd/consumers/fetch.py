"""Keys for one SAE from its KME: the two calls of ETSI GS QKD 014 that a consumer needs."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import re
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers.model import Key
from kakehashi.qkd.delivery.certificates import client_context, identity

__all__ = ["KeyClient", "SaeAccess"]

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 2**20
CERTIFICATE_ALERT = re.compile(r"ALERT_((?:BAD_|UNSUPPORTED_)?CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)")
"""In OpenSSL's names of what a server says when it refuses a client for its certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaeAccess:
    """Who an SAE is and where its KME is.

    Attributes:
        sae_id: Its ID.
        url: Its KME, such as ``https://127.0.0.1:8443``.
        certificate: The SAE's certificate, PEM.
        private_key: Its private key, PEM.
        authority: Certificates that sign the KME's.
        kme_name: Name that the KME's certificate must give; without, the certificate must be that of the URL's host.

    Raises:
        InputError: The URL is none of a KME.

    Example:
        >>> files = {"certificate": Path("a.crt"), "private_key": Path("a.key"), "authority": Path("ca.crt")}
        >>> SaeAccess(sae_id="alice", url="https://127.0.0.1:8443", **files).address
        ('127.0.0.1', 8443)
    """

    sae_id: str
    url: str
    certificate: Path
    private_key: Path
    authority: Path
    kme_name: str | None = None

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme != "https" or not self.address[0]:
            raise InputError(f"'{self.url}' is no address of a KME; it begins with https:// and names a host.")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        try:
            port = parts.port
        except ValueError as error:
            raise InputError(f"'{self.url}' is no address of a KME: {error}.") from None
        return parts.hostname or "", port or 443


class KeyClient:
    """Fetches keys; each call is a connection of its own, which consumers make seldom.

    Args:
        access: Who asks whom.

    Raises:
        InputError: A file is missing or wrong.
    """

    def __init__(self, access: SaeAccess) -> None:
        self.access = access
        self._context = client_context(access.certificate, access.private_key, access.authority)
        self._context.check_hostname = access.kme_name is None

    @property
    def sae_id(self) -> str:
        """Who asks."""
        return self.access.sae_id

    def new_key(self, slave: str, *, size_bits: int = 256) -> Key:
        """A key that nobody has had, for this SAE and one slave.

        Raises:
            DeviceError: The KME cannot be reached, is another one, refuses, or breaks the standard.
        """
        path = f"/api/v1/keys/{quote(slave, safe='')}/enc_keys"
        return self._one_key(self._call(path, {"number": 1, "size": size_bits}), size_bits)

    def key_by_id(self, master: str, key_id: str, *, size_bits: int = 256) -> Key:
        """The key that a master has told the ID of.

        Raises:
            DeviceError: As :meth:`new_key`; also where the key was fetched before, or is not for this SAE.
        """
        path = f"/api/v1/keys/{quote(master, safe='')}/dec_keys"
        key = self._one_key(self._call(path, {"key_IDs": [{"key_ID": key_id}]}), size_bits)
        if key.key_id.lower() != key_id.lower():
            raise DeviceError(f"{self.access.url} gave another key than '{self.sae_id}' asked for.")
        return key

    def wait_until_stocked(self, peer: str, *, timeout_s: float = 30.0) -> None:
        """Wait until there is a key for a peer, as just after the start of a KME.

        Raises:
            DeviceError: There is none in time.
        """
        end = time.monotonic() + timeout_s
        while True:
            try:
                if self._call(f"/api/v1/keys/{quote(peer, safe='')}/status", None).get("stored_key_count", 0) > 0:
                    return
                why = f"{self.access.url} has no key for '{peer}'."
            except DeviceError as error:
                if not error.transient:
                    raise
                why = str(error)
            if time.monotonic() > end:
                raise DeviceError(why, transient=True)
            time.sleep(0.1)

    def _call(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        connection = http.client.HTTPSConnection(*self.access.address, context=self._context, timeout=TIMEOUT_S)
        is_open = False
        try:
            connection.connect()
            is_open = True
            self._check_name(connection.sock)
            headers = {"Content-Type": "application/json"} if body is not None else {}
            method, payload = ("GET", None) if body is None else ("POST", json.dumps(body))
            connection.request(method, urlsplit(self.access.url).path.rstrip("/") + path, payload, headers)
            with connection.getresponse() as answer:
                status, text = answer.status, answer.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error, is_open=is_open) from None
        finally:
            connection.close()
        return self._read(status, text)

    def _failure(self, error: Exception, *, is_open: bool) -> DeviceError:
        """In TLS 1.3 a client has shaken hands before the server looks at its certificate, and hears of it later."""
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        if is_open and (alert := CERTIFICATE_ALERT.search(reason)):
            said = alert[1].replace("_", " ").lower()
            message = f"The key server at {self.access.url} refused the certificate of '{self.sae_id}': {said}."
            return DeviceError(message)
        if is_open and isinstance(error, ssl.SSLEOFError | ConnectionError):
            message = f"The key server at {self.access.url} broke off without an answer to '{self.sae_id}', as some do"
            return DeviceError(f"{message} that refuse a certificate; its log says why.", transient=True)
        message = f"'{self.sae_id}' cannot ask its KME at {self.access.url}: {reason}."
        return DeviceError(message, transient=not isinstance(error, ssl.SSLError))

    def _check_name(self, sock: Any) -> None:
        found = identity(sock.getpeercert() or {}, "kme")
        if self.access.kme_name is not None and found != self.access.kme_name:
            raise DeviceError(f"{self.access.url} is '{found}' by its certificate, not '{self.access.kme_name}'.")

    def _read(self, status: int, text: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError:  # its words may hold key, so they are not repeated
            answer = None
        if not isinstance(answer, dict):
            raise DeviceError(f"{self.access.url} answered {status} without an object of JSON.")
        if status != 200:
            message = f"{self.access.url} refuses '{self.sae_id}' with {status}: {answer.get('message', '')}."
            raise DeviceError(message, transient=status == 503)
        return answer

    def _one_key(self, answer: dict[str, Any], size_bits: int) -> Key:
        try:
            (found,) = answer["keys"]
            key = Key(key_id=str(found["key_ID"]), secret=base64.b64decode(found["key"], validate=True))
        except (LookupError, TypeError, ValueError, binascii.Error):
            raise DeviceError(f"{self.access.url} gave no container with one key.") from None
        if len(key.secret) * 8 != size_bits:
            raise DeviceError(f"{self.access.url} gave {8 * len(key.secret)} bits where {size_bits} were due.")
        return key
