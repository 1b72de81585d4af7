"""Runs in a Python whose ssl has external PSKs, with nothing but the standard library: what psk.py must hold."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers.psk import client_psk_context, server_psk_context

KEY, OTHER = b"\x01" * 32, b"\x01" * 31 + b"\x00"


def meet(server, client):
    """What both sides found: the line that came through, or the name of the error."""
    found = {}

    def serve():
        try:
            plain, _ = door.accept()
            plain.settimeout(10)
            with plain, server.wrap_socket(plain, server_side=True) as connection:
                found["server"] = connection.recv(100).decode()
        except (OSError, DeviceError) as error:
            found["server"] = getattr(error, "reason", None) or type(error).__name__

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            plain = socket.create_connection(door.getsockname(), timeout=10)
            with plain, client.wrap_socket(plain) as connection:
                connection.sendall(b"through")
                found["client"] = connection.cipher()[0]
        except (OSError, DeviceError) as error:
            found["client"] = getattr(error, "reason", None) or type(error).__name__
        thread.join()
    return found


def plain_context(protocol, certificate=None):
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def refused(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except InputError as error:
        return str(error)
    return "taken"


def openssl(session):
    """Our client at the program openssl, which has the key as a session on a pipe."""
    reading, writing = os.pipe()
    os.write(writing, session.encode())
    os.close(writing)
    words = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-nocert", "-tls1_3", "-rev"]
    words += ["-ciphersuites", "TLS_AES_128_GCM_SHA256", "-psk_identity", "id", "-psk_session", f"/dev/fd/{reading}"]
    server = subprocess.Popen(
        words, pass_fds=[reading], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    os.close(reading)
    try:
        while not (line := server.stdout.readline()).startswith(b"ACCEPT"):
            assert line
        plain = socket.create_connection(("127.0.0.1", int(line.rpartition(b":")[2])), timeout=10)
        with plain, client_psk_context("id", KEY).wrap_socket(plain) as connection:
            connection.sendall(b"abc\n")
            return connection.recv(100).decode()
    finally:
        server.kill()
        server.communicate()


def main(certificate, private_key, session):
    eve = (certificate, private_key)
    server = server_psk_context({"id": KEY}.get)
    rogue = plain_context(ssl.PROTOCOL_TLS_SERVER, eve)
    weak = plain_context(ssl.PROTOCOL_TLS_SERVER, eve)
    weak.set_psk_server_callback(lambda identity: OTHER)
    naive = plain_context(ssl.PROTOCOL_TLS_CLIENT)
    naive.set_psk_client_callback(lambda hint: ("id", KEY))
    asked = []
    story = {
        "same": meet(server, client_psk_context("id", KEY)),
        "other": meet(server, client_psk_context("id", OTHER)),
        "unknown": meet(server, client_psk_context("no", KEY)),
        "no psk": meet(server, plain_context(ssl.PROTOCOL_TLS_CLIENT)),
        "certificate instead": meet(rogue, client_psk_context("id", KEY)),
        "certificate and other key": meet(weak, client_psk_context("id", KEY)),
        "certificate and other key, naive client": meet(weak, naive),
        "load": refused(server.load_cert_chain, *eve),
        "bio": refused(server.wrap_bio, ssl.MemoryBIO(), ssl.MemoryBIO()),
        "late": refused(server.wrap_socket, socket.socket(), server_side=True, do_handshake_on_connect=False),
        "openssl": openssl(session),
    }
    meet(server_psk_context(lambda identity: asked.append(identity) or KEY), client_psk_context("f0-id", KEY))
    story["asked"] = asked
    print(json.dumps(story))


if __name__ == "__main__":
    main(*sys.argv[1:])
