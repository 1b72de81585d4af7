"""Requests and their errors."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.device.remote.model import JobLostError
from kakehashi.device.remote.wire import call, download, form_data


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Secret")))
        code = int(self.path.rpartition("/")[2])
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/200")
        body = b'{"message": "said so."}' if code != 500 else b"<html>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server():
    it = HTTPServer(("127.0.0.1", 0), Handler)
    it.seen = []
    it.base = f"http://127.0.0.1:{it.server_address[1]}"
    thread = threading.Thread(target=it.serve_forever, daemon=True)
    thread.start()
    yield it
    it.shutdown()
    thread.join()
    it.server_close()


def get(server, code, **options):
    return call("GET", f"{server.base}/{code}", name="it", **options)


def test_an_answer(server):
    assert get(server, 200) == b'{"message": "said so."}'
    assert download(f"{server.base}/200", name="it") == b'{"message": "said so."}'


@pytest.mark.parametrize(
    ("code", "sentence", "transient"),
    [
        (400, r"it answered 400: said so\.$", False),
        (401, r"it does not accept the key in KEY \(401: said so\)\.$", False),
        (429, "it answered 429", True),
        (500, r"it answered 500\.$", True),
        (503, "it answered 503", True),
    ],
)
def test_refusals_say_whether_to_try_again(server, code, sentence, transient):
    with pytest.raises(DeviceError, match=sentence) as caught:
        get(server, code, credential="the key in KEY")
    assert caught.value.transient is transient


def test_what_is_not_there_is_lost(server):
    with pytest.raises(JobLostError, match="does not know"):
        get(server, 404)


def test_no_redirection_takes_the_credential_along(server):
    with pytest.raises(DeviceError, match="it answered 302"):
        get(server, 302, headers={"Secret": "x"})
    assert server.seen == [("/302", "x")]


def test_silence_is_transient(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(DeviceError, match="it does not answer: ") as caught:
        get(server, 200)
    assert caught.value.transient


def test_only_http_is_spoken(tmp_path):
    (tmp_path / "a").write_text("secret")
    with pytest.raises(DeviceError, match="neither http nor https"):
        download(f"file://{tmp_path / 'a'}", name="it")


def test_a_proxy_is_used(server):
    assert call("GET", "http://example.invalid/200", name="it", proxy=server.base)
    assert server.seen[0][0] == "http://example.invalid/200"


def test_a_form_holds_its_fields_before_its_file():
    body, kind = form_data({"key": "a/b.zip", "policy": "p"}, b"\x00PK", filename="b.zip", kind="application/zip")
    border = kind.partition("boundary=")[2].encode()
    parts = body.split(b"--" + border)
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    assert [b'name="key"' in parts[1], b'name="policy"' in parts[2], b'name="file"' in parts[3]] == [True] * 3
    assert parts[3].endswith(b"\r\n\r\n\x00PK\r\n")
