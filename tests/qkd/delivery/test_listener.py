"""Doors whose list of revoked certificates changes; their bounds are tested through the web server on top of them."""

import asyncio
import contextlib
import ssl

import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.certificates import client_context, make_certificates, server_context
from kakehashi.qkd.delivery.listener import Listener


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


def test_an_address_that_is_not_of_this_machine_is_said():
    async def main():
        listener = Listener(asyncio.Protocol, context=None)
        with pytest.raises(InputError, match="Cannot listen"):
            await listener.start("192.0.2.1", 80)
        await listener.close()

    asyncio.run(main())
