import socket
import ssl
import threading

import pytest
from tests.qkd.conformance.judged import Running

from kakehashi.core.errors import InputError
from kakehashi.qkd.conformance.client import Answer, Client, user_context


@pytest.fixture(scope="module")
def running():
    with Running() as running:
        yield running


def test_a_connection_is_kept_and_a_stale_one_replaced(running):
    client = running.client()
    for _ in range(3):
        assert client.request("GET", "/api/v1/keys/bob/status").status == 200
    client._kept.shutdown(socket.SHUT_RD)  # as if the other side had said goodbye
    assert client.request("GET", "/api/v1/keys/bob/status").status == 200
    client.close()
    client.close()


def test_bytes_are_sent_as_they_are(running):
    answer = running.client().send(b"GET /api/v1/keys/bob/status HTTP/1.1\r\n\r\n")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"


def test_what_a_server_does_is_an_answer_and_no_error(running):
    refused = running.client(None).request("GET", "/")
    assert refused.status is None
    assert refused.fault
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        context = user_context(None, str(running.folder / "ca.crt"))
        assert Client(url, context, timeout_s=0.3).request("GET", "/").fault == "no answer in time"
    assert "refused" in Client(url, context, timeout_s=0.5).request("GET", "/").fault
    assert Client(url, context, timeout_s=0.5).send(b"x").status is None


class Says:
    """A TLS server that says one thing, drop by drop."""

    def __init__(self, folder, data, pause_s=0.0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "kme-a.crt", folder / "kme-a.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(context, data, pause_s))
        self.thread.start()

    def run(self, context, data, pause_s):
        plain, _ = self.listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65_536)
                for octet in data:
                    connection.sendall(bytes([octet]))
                    if pause_s and self.stop.wait(pause_s):
                        return
        except OSError:
            return

    def close(self):
        self.stop.set()
        self.thread.join()
        self.listener.close()


@pytest.mark.parametrize(
    ("data", "pause_s", "fault"),
    [
        (b"", 0.0, "closed without an answer"),
        (b"hello\r\n\r\n", 0.0, "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 0.0, "cut off"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500, 0.0, "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100, 0.05, "no answer in time"),
    ],
)
def test_answers_that_are_none(running, data, pause_s, fault):
    server = Says(running.folder, data, pause_s)
    try:
        context = user_context(None, str(running.folder / "ca.crt"))
        answer = Client(server.url, context, timeout_s=0.8).request("GET", "/")
        assert answer.status is None
        assert fault in answer.fault
    finally:
        server.close()


def test_a_server_of_another_authority_or_name_is_not_spoken_to(running, tmp_path):
    from kakehashi.qkd.delivery.certificates import make_certificates

    make_certificates(tmp_path, saes=["alice"], kmes=["kme-a"])
    client = Client(running.url, user_context(None, str(tmp_path / "ca.crt")), timeout_s=2)
    assert "certificate was not accepted" in client.request("GET", "/").fault
    context = user_context(None, str(running.folder / "ca.crt"))
    client = Client(running.url, context, timeout_s=2, server_name="kme.example")
    assert "certificate was not accepted" in client.request("GET", "/").fault


def test_files_that_are_no_pem_are_named(running, tmp_path):
    (tmp_path / "x").write_text("x")
    with pytest.raises(InputError, match="no certificate in PEM"):
        user_context(None, str(tmp_path / "x"))
    party = running.party("alice")
    object.__setattr__(party, "private_key", running.folder / "bob.key")
    with pytest.raises(InputError, match="private key"):
        user_context(party, str(running.folder / "ca.crt"))


def test_a_body_is_never_shown():
    assert "secret" not in repr(Answer(status=200, body=b"secret"))
