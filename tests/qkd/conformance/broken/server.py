"""A small 014 server that keeps the standard, written for its subclasses, each of which breaks one thing.

It shares nothing with the server of the product, so that the suite is not fitted to one server.
"""

import base64
import json
import secrets
import ssl
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

NOT_FOUND = "one or more keys specified are not found on KME"


class Refusal(Exception):
    def __init__(self, status, message):
        self.status, self.message = status, message


class Waiting:
    """A key that slaves may fetch."""

    def __init__(self, master, slaves, value):
        self.master, self.slaves, self.left, self.value = master, slaves, set(slaves), value


class Server:
    """Keeps the standard.

    ``fails`` and ``warns`` are the checks that come out so.
    """

    fails: frozenset[str] = frozenset()
    warns: frozenset[str] = frozenset()
    third = True
    homes: ClassVar = {"alice": "kme-a", "bob": "kme-b", "bea": "kme-b"}
    key_size, min_key_size, max_key_size, max_keys, max_slaves = 256, 64, 1024, 16, 2
    max_body = 65_536
    stock_bits = 10_000_000
    verify_mode = ssl.CERT_REQUIRED
    http_class = ThreadingHTTPServer
    protocol = "HTTP/1.1"
    content_type = "application/json"
    container_name = "keys"
    head_has_body = False

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.RLock()
        self.waiting = {}
        self.gone = {}
        self.http = self._http()
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    # --- what subclasses break

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.folder / "kme-a.crt", self.folder / "kme-a.key")
        context.load_verify_locations(self.folder / "ca.crt")
        context.verify_mode = self.verify_mode
        return context

    def caller(self, connection, headers, what, sae):
        subject = (connection.getpeercert() or {}).get("subject", ())
        return next((value for part in subject for name, value in part if name == "commonName"), None)

    def route(self, caller, method, path, query, body):
        parts = path.split("/")
        if caller not in self.homes:
            raise Refusal(401, "who are you?")
        if len(parts) != 6 or parts[:4] != ["", "api", "v1", "keys"]:
            self.no_such_path()
        sae, what = self.decode(parts[4]), parts[5]
        if what == "status" and method == "GET":
            return self.status(caller, sae)
        if what == "enc_keys" and method in ("GET", "POST"):
            request = self.read_query(query, {"number", "size"}) if method == "GET" else self.read(body)
            return self.enc(caller, sae, request)
        if what == "dec_keys" and method in ("GET", "POST"):
            return self.dec(caller, sae, self.read_id(query) if method == "GET" else self.read_ids(body))
        return self.no_such_path()

    def no_such_path(self):
        raise Refusal(400, "no such method")

    def decode(self, text):
        return unquote(text, errors="replace")

    def read(self, body):
        try:
            found = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Refusal(400, "no JSON") from None
        if not isinstance(found, dict):
            raise Refusal(400, "no object")
        return found

    def read_query(self, query, names):
        found = parse_qsl(query, keep_blank_values=True)
        if {name for name, _ in found} - names or not all(value.isdigit() and len(value) < 9 for _, value in found):
            raise Refusal(400, "bad query")
        return {name: int(value) for name, value in found}

    def read_id(self, query):
        found = parse_qsl(query, keep_blank_values=True)
        if len(found) != 1 or found[0][0] != "key_ID":
            raise Refusal(400, "one key_ID")
        return [found[0][1]]

    def read_ids(self, body):
        items = self.read(body).get("key_IDs")
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            raise Refusal(400, "key_IDs")
        ids = [item.get("key_ID") for item in items]
        if not all(isinstance(key_id, str) for key_id in ids):
            raise Refusal(400, "key_ID")
        return ids

    def status(self, caller, slave):
        self.know(slave)
        return {
            "source_KME_ID": self.homes[caller],
            "target_KME_ID": self.homes[slave],
            "master_SAE_ID": caller,
            "slave_SAE_ID": slave,
            "key_size": self.key_size,
            "stored_key_count": self.stock_bits // self.key_size,
            "max_key_count": 100_000,
            "max_key_per_request": self.max_keys,
            "max_key_size": self.max_key_size,
            "min_key_size": self.min_key_size,
            "max_SAE_ID_count": self.max_slaves,
        }

    def know(self, sae):
        if sae not in self.homes:
            raise Refusal(400, "unknown SAE")

    def check_extensions(self, request):
        for name in ("extension_mandatory", "extension_optional"):
            value = request.get(name, [])
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise Refusal(400, name)
        if any(request.get("extension_mandatory", [])):
            raise Refusal(400, "not all extension_mandatory parameters are supported")

    def check_sizes(self, number, size):
        for value in (number, size):
            if type(value) is not int:
                raise Refusal(400, "number and size are integers")
        if size % 8:
            raise Refusal(400, "size shall be a multiple of 8")
        if not (1 <= number <= self.max_keys and self.min_key_size <= size <= self.max_key_size):
            raise Refusal(400, "out of bounds")

    def enc(self, caller, slave, request):
        self.know(slave)
        self.check_extensions(request)
        number, size = request.get("number", 1), request.get("size", self.key_size)
        self.check_sizes(number, size)
        others = request.get("additional_slave_SAE_IDs", [])
        if not isinstance(others, list) or len(others) > self.max_slaves:
            raise Refusal(400, "additional_slave_SAE_IDs")
        for other in others:
            self.know(other)
        with self.lock:
            if number * size > self.stock_bits:
                raise Refusal(503, "no key")
            self.stock_bits -= number * size
            made = {self.new_id(): self.new_key(size // 8) for _ in range(number)}
            self.put({key_id: Waiting(caller, {slave, *others}, value) for key_id, value in made.items()})
        return self.container(made)

    def new_id(self):
        return str(uuid.uuid4())

    def new_key(self, n_bytes):
        return secrets.token_bytes(n_bytes)

    def put(self, made):
        self.waiting |= made

    def container(self, keys):
        items = [{"key_ID": key_id, "key": base64.b64encode(value).decode()} for key_id, value in keys.items()]
        return {self.container_name: items}

    def dec(self, caller, master, ids):
        ids = [key_id.lower() for key_id in ids]
        with self.lock:
            for key_id in ids:
                self.authorize(caller, master, key_id)
            self.find(caller, ids)
            return self.container({key_id: self.take(caller, key_id) for key_id in ids})

    def authorize(self, caller, master, key_id):
        place = self.waiting.get(key_id) or self.gone.get(key_id)
        if place and (caller not in place.slaves or place.master != master):
            raise Refusal(401, "not yours")

    def find(self, caller, ids):
        if len(set(ids)) < len(ids) or not all(self.has(caller, key_id) for key_id in ids):
            self.not_found()

    def not_found(self):
        raise Refusal(400, NOT_FOUND)

    def has(self, caller, key_id):
        return key_id in self.waiting and caller in self.waiting[key_id].left

    def take(self, caller, key_id):
        place = self.waiting[key_id]
        place.left.discard(caller)
        if not place.left:
            self.gone[key_id] = self.waiting.pop(key_id)
        return place.value

    def read_head(self, stream):
        """Method, target and headers, where a server has a parser of its own."""
        raise NotImplementedError

    def error(self, refusal):
        return refusal.status, json.dumps({"message": refusal.message}).encode()

    def crash(self):
        """What is left of the state after a crash: everything."""

    def answer(self, connection, headers, method, target, body):
        if (self.folder / "crash").exists():
            (self.folder / "crash").unlink()
            with self.lock:
                self.crash()
        try:
            parts = urlsplit(target)
            steps = [unquote(step) for step in parts.path.split("/")]
            caller = self.caller(connection, headers, steps[-1], steps[4] if len(steps) > 4 else "")
            return 200, json.dumps(self.route(caller, method, parts.path, parts.query, body)).encode()
        except Refusal as refusal:
            return self.error(refusal)

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def _http(self):
        class Http(self.http_class):
            request_queue_size = 64
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                """A broken connection is no news here."""

        http = Http(("127.0.0.1", 0), Handler)
        http.site, http.context = self, self.tls()
        return http


class Handler(BaseHTTPRequestHandler):
    """One connection to a :class:`Server`, which is its HTTP server's ``site``."""

    timeout = 5
    disable_nagle_algorithm = True

    def setup(self):
        # Here, in the connection's own thread, so that a silent client keeps nobody waiting.
        self.site = self.server.site
        self.protocol_version = self.site.protocol
        self.request.settimeout(self.timeout)
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        super().finish()
        self.request.close()

    def handle_one_request(self):
        if type(self.site).read_head is Server.read_head:
            return super().handle_one_request()
        head = self.site.read_head(self.rfile)
        if head is None:
            self.close_connection = True
            return None
        self.command, target, headers = head
        self.close_connection, self.request_version, self.requestline = False, "HTTP/1.1", ""
        length = headers.get("content-length", "0")
        if int(length) > self.site.max_body:
            self.close_connection = True
            return self.say(400, b'{"message": "too long"}')
        body = self.rfile.read(max(0, int(length))) or b"{}"
        return self.say(*self.site.answer(self.request, headers, self.command, target, body))

    def log_message(self, *arguments):
        pass

    def serve(self):
        lengths = self.headers.get_all("Content-Length") or ["0"]
        is_odd = len(lengths) > 1 or not lengths[0].isdigit() or "Transfer-Encoding" in self.headers
        if is_odd or int(lengths[0]) > self.site.max_body:
            self.close_connection = True
            return self.say(400, b'{"message": "bad length"}')
        body = self.rfile.read(int(lengths[0]))
        return self.say(*self.site.answer(self.request, self.headers, self.command, self.path, body))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = serve

    def say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", self.site.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" or self.site.head_has_body:
            self.wfile.write(body)
