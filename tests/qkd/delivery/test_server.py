import asyncio
import contextlib
import json
import socket
import ssl
import threading
import time
from dataclasses import replace

import pytest
from tests.qkd.served import tls

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import identity, make_certificates, server_context
from kakehashi.qkd.delivery.server import Answer, Bounds, HttpServer

BOUNDS = Bounds(
    max_connections=12,
    max_connections_per_name=4,
    max_body_bytes=1000,
    max_handshakes_per_address=7,
    handshake_timeout_s=0.6,
    request_timeout_s=0.6,
    idle_timeout_s=1.5,
    linger_s=0.2,
)


class Echo:
    """A server in a thread that says what it was asked."""

    def __init__(self, folder, bounds=BOUNDS):
        self.folder, self.bounds = folder, bounds
        make_certificates(folder / "pki", saes=["alice", "bob"], kmes=["kme-a"])
        make_certificates(folder / "other/pki", saes=["alice"], kmes=[])
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.run(self._start())

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    async def _start(self):
        pki = self.folder / "pki"
        self.server = HttpServer(
            self.answer,
            refuse=lambda sentence: Answer(400, json.dumps({"message": sentence}).encode()),
            context=server_context(pki / "kme-a.crt", pki / "kme-a.key", pki / "ca.crt"),
            naming=lambda certificate: identity(certificate, "sae"),
            bounds=self.bounds,
        )
        self.port = await self.server.start("127.0.0.1", 0)

    async def answer(self, request):
        if request.path == "/slow":
            await asyncio.sleep(0.3)
        body = {"method": request.method, "path": request.path, "query": request.query, "name": request.name}
        if request.path == "/long":
            body["long"] = "x" * 8_000_000
        return Answer(200, json.dumps(body | {"body": request.body.decode()}).encode())

    def close(self):
        self.run(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def connect(self, name="alice", context=None):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return (context or tls(self.folder, name)).wrap_socket(plain, server_hostname="127.0.0.1")

    @property
    def n_open(self):
        return self.server.listener.n_open


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    echo = Echo(tmp_path_factory.mktemp("echo"))
    yield echo
    echo.close()


def read(connection, seconds=5.0):
    """All that comes until the other side closes, or nothing more does."""
    connection.settimeout(seconds)
    data = b""
    with contextlib.suppress(TimeoutError, ssl.SSLError, ConnectionError):
        while part := connection.recv(65_536):
            data += part
    return data


def answers(data):
    return [json.loads(piece.partition(b"\r\n\r\n")[2]) for piece in data.split(b"HTTP/1.1 200 OK")[1:]]


def test_requests_are_answered_in_order_on_one_connection(echo):
    with echo.connect() as connection:
        requests = b"".join(b"GET /%b?q=%d HTTP/1.1\r\n\r\n" % (b"slow" if i == 0 else b"x", i) for i in range(30))
        connection.sendall(requests)
        found = answers(read(connection, 1.0))
    assert [answer["query"] for answer in found] == [f"q={i}" for i in range(30)]
    assert {answer["name"] for answer in found} == {"alice"}


def test_bodies_come_whole_however_they_are_cut(echo):
    with echo.connect() as connection:
        for octet in b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello":
            connection.sendall(bytes([octet]))
        connection.sendall(b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        data = read(connection, 0.5)
        connection.sendall(b"POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert read(connection, 0.3) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"x")
        found = answers(data + read(connection, 0.5))
    assert [(answer["path"], answer["body"]) for answer in found] == [("/a", "hello"), ("/b", "abcde"), ("/c", "x")]


@pytest.mark.parametrize(
    "request_",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000,
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /\xc3\xbc HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
    ],
)
def test_what_cannot_be_read_is_400_and_the_end(echo, request_):
    with echo.connect() as connection:
        connection.sendall(request_)
        data = read(connection)
    assert data.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Connection: close\r\n" in data
    assert set(json.loads(data.partition(b"\r\n\r\n")[2])) == {"message"}


def test_who_still_sends_what_is_too_long_reads_why(echo):
    for _ in range(20):
        with echo.connect() as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
            assert read(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_who_sends_on_for_ever_is_cut_off(tmp_path):
    patient = Echo(tmp_path, replace(BOUNDS, linger_s=30.0, request_timeout_s=30.0))
    try:
        with patient.connect() as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            with contextlib.suppress(OSError):
                for _ in range(5):
                    connection.sendall(bytes(2**20))
            until(lambda: patient.n_open == 0)
    finally:
        patient.close()


def test_what_was_asked_before_what_cannot_be_read_is_answered(echo):
    with echo.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\n\r\nnonsense\r\n\r\n")
        data = read(connection)
    assert answers(data.partition(b"HTTP/1.1 400 Bad Request\r\n")[0])[0]["path"] == "/slow"
    assert b"HTTP/1.1 400 Bad Request\r\n" in data


def test_the_answer_to_head_has_no_body_that_would_be_read_as_the_next_answer(echo):
    with echo.connect() as connection:
        connection.sendall(b"HEAD /x HTTP/1.1\r\n\r\nGET /y HTTP/1.1\r\nConnection: close\r\n\r\n")
        head, _, rest = read(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert rest.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"])
def test_a_connection_ends_when_the_client_says_so(echo, request_):
    with echo.connect() as connection:
        connection.sendall(request_)
        start = time.monotonic()
        assert len(answers(read(connection))) == 1
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nA: ", b"POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\nabc"])
def test_a_client_that_is_slow_is_let_go(echo, start):
    with echo.connect() as connection:
        connection.sendall(start)
        before = time.monotonic()
        for _ in range(40):
            try:
                time.sleep(0.1)
                if start:
                    connection.sendall(b"x")
            except OSError:
                break
        else:
            assert not start
        assert read(connection, 1.0) == b""
        assert time.monotonic() - before < 6


def test_a_client_that_does_not_read_is_let_go(echo):
    with echo.connect() as connection:
        connection.sendall(b"GET /long HTTP/1.1\r\n\r\n")
        time.sleep(2.5)
        assert len(read(connection)) < 8_000_000


def test_a_client_that_does_not_greet_is_let_go(echo):
    with socket.create_connection(("127.0.0.1", echo.port)) as plain:
        plain.settimeout(5)
        start = time.monotonic()
        with contextlib.suppress(ConnectionError):
            assert plain.recv(100) == b""
        assert time.monotonic() - start < 4


def test_there_are_no_more_connections_than_allowed(echo):
    until(lambda: echo.n_open == 0)
    with contextlib.ExitStack() as stack:
        mine = [stack.enter_context(echo.connect()) for _ in range(5)]
        working = 0
        for connection in mine:
            with contextlib.suppress(OSError):
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                working += len(answers(read(connection, 0.2)))
        assert working == 4  # of one name
        plain = [stack.enter_context(socket.create_connection(("127.0.0.1", echo.port))) for _ in range(20)]
        until(lambda: echo.n_open == 4 + 7)  # of one address that did not greet
        del plain
    until(lambda: echo.n_open == 0)
    assert sum(echo.server.by_name.values()) == 0
    with echo.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert len(answers(read(connection, 0.2))) == 1


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def old_tls(folder):
    context = tls(folder, "alice")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def no_certificate(folder):
    return tls(folder, None)


def foreign_certificate(folder):
    context = tls(folder, None)
    context.load_cert_chain(folder / "other/pki/alice.crt", folder / "other/pki/alice.key")
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("make", [old_tls, no_certificate, foreign_certificate])
def test_who_does_not_show_a_good_certificate_by_tls_1_2_is_refused_at_connection(echo, make):
    answer = b""
    with contextlib.suppress(ssl.SSLError, ConnectionError), echo.connect(context=make(echo.folder)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answer = connection.recv(100)
    assert answer == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_new_versions_of_tls_serve(echo, version):
    context = tls(echo.folder, "bob")
    context.minimum_version = context.maximum_version = version
    with echo.connect(context=context) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert answers(read(connection, 0.3))[0]["name"] == "bob"


def test_an_address_that_is_taken_is_said(echo):
    async def again():
        with pytest.raises(InputError, match="Cannot listen"):
            await HttpServer(echo.answer, refuse=None, context=None, naming=None, bounds=BOUNDS).start(
                "127.0.0.1", echo.port
            )

    echo.run(again())
