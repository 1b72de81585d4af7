"""HTTP with JSON, by Python's own library: one request, one answer, and errors as sentences."""

from __future__ import annotations

import http.client
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from kakehashi.core.errors import DeviceError
from kakehashi.device.remote.model import JobLostError

__all__ = ["call", "download", "form_data"]

TIMEOUT_S = 60.0

RETRY = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which the same request may succeed later."""

LARGEST = 2**31
"""Bytes of an answer."""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it would take the credential along to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""


def call(
    method: str,
    url: str,
    *,
    name: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    proxy: str | None = None,
    credential: str = "its credential",
) -> bytes:
    """Send one request.

    Args:
        method: ``"GET"``, ``"POST"``, ...
        url: Where to; ``http`` or ``https``.
        name: What errors call the service.
        headers: Of the request.
        body: Of the request.
        proxy: URL of a proxy; those of the environment where not given.
        credential: What to look at if the service does not accept it, for the error.

    Returns:
        The answer's body.

    Raises:
        DeviceError: There is no answer, or not a good one; ``transient`` where that may pass.
        JobLostError: The answer is 404.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DeviceError(f"{name} names an address that is neither http nor https.")
    handlers: list[urllib.request.BaseHandler] = [_StayHere()]
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - checked
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read(LARGEST)
            return content
    except urllib.error.HTTPError as error:
        raise _refusal(error, name, credential) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DeviceError(
            f"{name} does not answer: {_clean(reason) or type(reason).__name__}.", transient=True
        ) from None


def download(url: str, *, name: str, proxy: str | None = None) -> bytes:
    """A file whose address is its own key: no credential goes along."""
    return call("GET", url, name=name, proxy=proxy)


def form_data(fields: Mapping[str, str], file: bytes, *, filename: str, kind: str) -> tuple[bytes, str]:
    """A form with one file, as ``multipart/form-data``.

    Args:
        fields: The form's fields, which come first.
        file: Content of the field ``file``.
        filename: Its name.
        kind: Its media type.

    Returns:
        The body, and the value of ``Content-Type``.

    Example:
        >>> body, kind = form_data({"key": "a"}, b"x", filename="a.zip", kind="application/zip")
        >>> body.count(b"Content-Disposition"), kind.split(";")[0]
        (2, 'multipart/form-data')
    """
    border = secrets.token_hex(16)
    lines: list[bytes] = []
    for key, value in fields.items():
        lines += [f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n'.encode(), value.encode()]
    about = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: {kind}\r\n'
    lines += [f"--{border}\r\n{about}".encode(), file, f"--{border}--\r\n".encode()]
    return b"\r\n".join(lines), f"multipart/form-data; boundary={border}"


def _refusal(error: urllib.error.HTTPError, name: str, credential: str) -> DeviceError:
    said = _said(error)
    if error.code in (401, 403):
        return DeviceError(f"{name} does not accept {credential} ({error.code}{said}).")
    if error.code == 404:
        return JobLostError(f"{name} does not know what it was asked for (404{said}).")
    return DeviceError(f"{name} answered {error.code}{said}.", transient=error.code in RETRY)


def _said(error: urllib.error.HTTPError) -> str:
    try:
        answer = json.loads(error.read(10_000))
    except (ValueError, OSError, http.client.HTTPException):
        return ""
    message = answer.get("message") if isinstance(answer, dict) else None
    return f": {_clean(message)}" if message else ""


def _clean(message: object) -> str:
    return " ".join(str(message).split()).rstrip(".")
