"""Doors whose list of revoked certificates changes; their bounds are tested through the web server on top of them."""

import asyncio
import contextlib
import ssl
import time

import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import client_context, make_certificates, server_context
from kakehashi.qkd.delivery.listener import REFUSALS_S, REFUSALS_SAID, Listener, _Refusals


class Echo(asyncio.Protocol):
    def __init__(self, listeners):
        self.listeners = listeners

    def connection_made(self, transport):
        self.transport = transport
        self.listeners[0].arrived(transport)

    def connection_lost(self, exc):
        self.listeners[0].left(self.transport)

    def data_received(self, data):
        self.transport.write(data)


def run(tmp_path, story):
    make_certificates(tmp_path, saes=["alice", "bob"], kmes=["kme-a"])

    def files(name):
        return tmp_path / f"{name}.crt", tmp_path / f"{name}.key", tmp_path / "ca.crt"

    async def main():
        listeners = []
        listener = Listener(lambda: Echo(listeners), context=server_context(*files("kme-a")))
        listeners.append(listener)
        port = await listener.start("127.0.0.1", 0)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(listener.close)

            async def call(name):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(*files(name)))
                stack.push_async_callback(end, writer)
                return lambda: ask(reader, writer)

            await story(listener, call, lambda: server_context(*files("kme-a")))

    asyncio.run(main())


async def end(writer):
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def ask(reader, writer):
    with contextlib.suppress(OSError, ssl.SSLError):
        writer.write(b"x")
        return await reader.read(1) == b"x"
    return False


def is_bob(certificate):
    return certificate.get("subject") == ((("commonName", "bob"),),)


def test_open_connections_of_whoever_is_revoked_are_cut_and_the_others_stay(tmp_path):
    async def story(listener, call, context):
        alice, bob = await call("alice"), await call("bob")
        assert await alice()
        assert await bob()
        assert listener.n_open == 2
        listener.renew(context(), is_bob)
        assert not await bob()
        assert await alice()
        assert listener.n_open == 1
        assert not await (await call("bob"))()  # though his handshake passes: this context has no list
        assert listener.n_open == 1

    run(tmp_path, story)


def test_connections_from_now_on_go_by_the_new_context(tmp_path):
    async def story(listener, call, context):
        made = context()
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        listener.renew(made, lambda _: False)
        versions = []
        listener._make = lambda make=listener._make: remember(make(), versions)
        assert await (await call("alice"))()
        assert versions == ["TLSv1.2"]

    run(tmp_path, story)


def remember(protocol, versions):
    made = protocol.connection_made

    def connection_made(transport):
        versions.append(transport.get_extra_info("ssl_object").version())
        made(transport)

    protocol.connection_made = connection_made
    return protocol


def test_a_refused_client_hears_why_and_so_does_the_log_once(tmp_path, caplog):
    strangers = make_certificates(tmp_path / "strangers", saes=["eve"], kmes=[])

    async def story(listener, call, context):
        port = listener._listener.getsockname()[1]
        eve = client_context(strangers[2], strangers[3], tmp_path / "ca.crt")
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=eve)
            with pytest.raises(ssl.SSLError, match=r"(?i)alert.unknown.ca"):
                await reader.read(1)
            await end(writer)
        while listener.n_open:
            await asyncio.sleep(0.01)
        assert await (await call("alice"))()

    run(tmp_path, story)
    said = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith("A connection from 127.0.0.1 was refused: ")
    assert "certificate" in said[0]


def test_a_connection_that_is_cut_is_logged_with_its_name(tmp_path, caplog):
    async def story(listener, call, context):
        bob = await call("bob")
        assert await bob()
        listener.renew(context(), is_bob)
        assert not await bob()

    run(tmp_path, story)
    assert "A connection from 127.0.0.1 was refused: the certificate of 'bob' is revoked." in caplog.text


def test_refusals_are_logged_within_bounds(caplog, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    refusals = _Refusals()
    for n in range(1000):
        refusals.note(f"10.0.{n // 250}.{n % 250}", "no")
    assert len(caplog.records) == REFUSALS_SAID
    now[0] += REFUSALS_S + 1
    refusals.note("10.0.0.1", "no")
    assert [record.getMessage() for record in caplog.records][REFUSALS_SAID:] == [
        "980 more connections were refused.",
        "A connection from 10.0.0.1 was refused: no.",
    ]


def test_an_address_that_is_not_of_this_machine_is_said():
    async def main():
        listener = Listener(asyncio.Protocol, context=None)
        with pytest.raises(InputError, match="Cannot listen"):
            await listener.start("192.0.2.1", 80)
        await listener.close()

    asyncio.run(main())
