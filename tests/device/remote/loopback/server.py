"""HTTP, routes and faults."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Asked:
    """One request."""

    def __init__(self, handler, body):
        parts = urlsplit(handler.path)
        self.path, self.query = parts.path, dict(parse_qsl(parts.query))
        self.headers, self.body = handler.headers, body
        host, port = handler.server.server_address[:2]
        self.base = f"http://{host}:{port}"

    def json(self):
        return json.loads(self.body or b"{}")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        room, routes = self.server.room, self.server.routes
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self, body)
        if asked.path == "/_fault":
            given = asked.json()
            room.set_fault(given["name"], given["n"])
            return self.send(200, {})
        if asked.path == "/_seen":
            return self.send(
                200,
                {
                    "requests": room.requests,
                    "jobs": {job.job_id: [job.state, job.n_shots] for job in room.jobs.values()},
                },
            )
        room.requests.append(f"{self.command} {asked.path}")
        if room.fault("gone"):
            return self.hang_up()
        for name, code in (("broken", 500), ("busy", 503)):
            if room.fault(name):
                return self.send(code, failure(code, f"{name} on purpose"))
        for method, pattern, function in routes:
            found = re.fullmatch(pattern, asked.path)
            if method == self.command and found:
                try:
                    code, answer = function(room, asked, *found.groups())
                except Refused as error:
                    return self.send(error.code, failure(error.code, error.message))
                if function.__name__.startswith("submit") and room.fault("swallow"):
                    return self.hang_up()
                return self.send(code, answer)
        return self.send(404, failure(404, f"no route {self.command} {asked.path}"))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def send(self, code, answer):
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(code)
        if code != 204:
            self.send_header("Content-Type", "application/zip" if isinstance(answer, bytes) else "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        if code != 204:
            self.wfile.write(content)


def failure(code, message):
    """An error in a shape that all three kinds of clients read."""
    return {
        "message": message,
        "status_code": code,
        "trace": "loopback",
        "errors": [{"code": code, "message": message, "more_info": ""}],
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def serve(room, routes, port):
    server = Server(("127.0.0.1", port), Handler)
    server.room, server.routes = room, routes
    return server
