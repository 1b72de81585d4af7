"""The live page: one file of HTML with a map in SVG, and the state that it asks for every second."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.core.system import system_reason

__all__ = ["PageServer"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


class PageServer:
    """Serves the page to this machine; it shows numbers and names, and takes nothing in.

    Args:
        host: Address to listen on.
        port: Port; a free one where 0.

    Raises:
        InputError: The port is taken.

    Example:
        >>> import urllib.request
        >>> server = PageServer("127.0.0.1", 0)
        >>> server.start()
        >>> server.show({"title": "a network"})
        >>> urllib.request.urlopen(f"http://127.0.0.1:{server.port}/state.json").read()
        b'{"title": "a network"}'
        >>> server.close()
    """

    def __init__(self, host: str, port: int) -> None:
        page = resources.files("kakehashi.qkd.network").joinpath("page.html").read_bytes()
        holder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = {"/": (page, "text/html; charset=utf-8"), "/state.json": (holder.state, "application/json")}
                body, kind = found.get(self.path, (b"", ""))
                self.send_response(200 if kind else 404)
                for name, value in (
                    ("Content-Type", kind or "text/plain"),
                    ("Content-Length", str(len(body))),
                    ("Cache-Control", "no-store"),
                    ("Content-Security-Policy", POLICY),
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self.state = b"{}"
        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise InputError(f"The page cannot be served on {host}:{port}: {system_reason(error)}.") from None
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def show(self, state: dict[str, Any]) -> None:
        """What the page shows from now on."""
        self.state = json.dumps(state).encode()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
