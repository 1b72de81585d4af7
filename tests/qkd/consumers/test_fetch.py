import dataclasses
import http.server
import json
import socket
import threading

import pytest
from tests.qkd.consumers.test_model import NAME

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers.fetch import KeyClient, SaeAccess
from kakehashi.qkd.delivery.certificates import make_certificates, server_context


def alice_at(port, files):
    """Access to a server that the test makes, with the files of its authority, of the authority's key, and alice's."""
    ca, _, certificate, private_key, *_ = files
    url = f"https://127.0.0.1:{port}"
    return SaeAccess(sae_id="alice", url=url, certificate=certificate, private_key=private_key, authority=ca)


def test_both_sides_get_one_key_once(kmes):
    alice, bob = kmes
    key = alice.new_key("bob", size_bits=512)
    assert len(key.secret) == 64
    assert bob.key_by_id("alice", key.key_id, size_bits=512) == key
    with pytest.raises(DeviceError, match="400: one or more keys specified are not found") as caught:
        bob.key_by_id("alice", key.key_id, size_bits=512)
    assert not caught.value.transient
    assert key.hex not in str(caught.value)


def test_a_master_cannot_fetch_as_a_slave(kmes):
    alice, _ = kmes
    with pytest.raises(DeviceError, match="refuses 'alice' with 401"):
        alice.key_by_id("bob", alice.new_key("bob").key_id)


def test_another_kme_is_not_asked(kmes):
    access = dataclasses.replace(kmes[0].access, kme_name="kme-b")
    with pytest.raises(DeviceError, match="is 'kme-a' by its certificate, not 'kme-b'"):
        KeyClient(access).new_key("bob")


def test_the_host_is_checked_where_no_name_is_given(kmes):
    access = dataclasses.replace(kmes[0].access, kme_name=None)
    assert KeyClient(access).new_key("bob").secret
    elsewhere = dataclasses.replace(access, url=access.url.replace("127.0.0.1", "127.0.0.2"))
    with pytest.raises(DeviceError, match="cannot ask its KME"):
        KeyClient(elsewhere).new_key("bob")


def test_another_authority_is_not_trusted(kmes, tmp_path):
    files = make_certificates(tmp_path, saes=["alice"], kmes=[])
    access = dataclasses.replace(kmes[0].access, authority=files[0])
    with pytest.raises(DeviceError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        KeyClient(access).new_key("bob")
    assert not caught.value.transient


def test_a_refused_certificate_is_said(kmes, tmp_path):
    files = make_certificates(tmp_path, saes=["alice"], kmes=[])
    access = dataclasses.replace(kmes[0].access, certificate=files[2], private_key=files[3])
    with pytest.raises(DeviceError, match=r"refused the certificate of 'alice': unknown ca\.$") as caught:
        KeyClient(access).new_key("bob")
    assert not caught.value.transient


def test_a_server_that_leaves_without_a_word_may_have_refused_the_certificate(tmp_path):
    files = make_certificates(tmp_path, saes=["alice"], kmes=["k"])
    door = socket.create_server(("127.0.0.1", 0))
    context = server_context(files[4], files[5], files[0])

    def leave():
        with door.accept()[0] as plain, context.wrap_socket(plain, server_side=True):
            pass

    thread = threading.Thread(target=leave)
    thread.start()
    access = alice_at(door.getsockname()[1], files)
    with pytest.raises(DeviceError, match="broke off without an answer to 'alice'"):
        KeyClient(access).new_key("bob")
    thread.join()
    door.close()


@pytest.mark.parametrize("url", ["http://x:1", "https://", "x", "https://x:port"])
def test_what_is_no_address_is_wrong_use(kmes, url):
    with pytest.raises(InputError, match="no address of a KME"):
        dataclasses.replace(kmes[0].access, url=url)


def test_a_kme_that_is_gone_is_waited_for_and_then_named(kmes):
    access = dataclasses.replace(kmes[0].access, url="https://127.0.0.1:9")
    with pytest.raises(DeviceError, match=r"https://127.0.0.1:9") as caught:
        KeyClient(access).wait_until_stocked("bob", timeout_s=0.2)
    assert caught.value.transient


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"no JSON"),
        (200, b"[]"),
        (200, b"{}"),
        (200, json.dumps({"keys": []}).encode()),
        (200, json.dumps({"keys": [{"key_ID": NAME, "key": "*"}]}).encode()),
        (200, json.dumps({"keys": [{"key_ID": NAME, "key": "YWI="}]}).encode()),
        (200, json.dumps({"keys": [{"key_ID": "x }", "key": "YWI="}]}).encode()),
        (200, json.dumps({"keys": [{"key_ID": NAME, "key": "YWI="}] * 2}).encode()),
        (500, b"<html>"),
        (503, b'{"message": "empty"}'),
    ],
)
def test_an_answer_against_the_standard_is_an_error(tmp_path, status, body):
    files = make_certificates(tmp_path, saes=["alice"], kmes=["k"])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = server_context(files[4], files[5], files[0]).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        access = alice_at(server.server_port, files)
        with pytest.raises(DeviceError) as caught:
            KeyClient(access).new_key("bob")
        assert "YWI=" not in str(caught.value)
        assert caught.value.transient is (status == 503)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
