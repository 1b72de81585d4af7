import asyncio
import contextlib

import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.delivery.certificates import client_context, make_certificates, server_context
from kakehashi.qkd.network.plan import HOST, _find_ports
from kakehashi.qkd.network.spec import NetworkSpec
from kakehashi.qkd.network.tunnel import GREETINGS_PER_LINK, LinkDoor, call_link

SPEC = NetworkSpec.model_validate(
    {
        "title": "t",
        "node": ({"name": "a"}, {"name": "b"}),
        "link": ({"name": "a-b", "sender": "a", "receiver": "b", "photons": "tokyo-koganei-loop-ntt"},),
    }
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder, saes=["alice"], kmes=["a", "b", "c"])
    return lambda name: (folder / f"{name}.crt", folder / f"{name}.key", folder / "ca.crt")


def run(tls, work):
    async def main():
        port = _find_ports(SPEC).manager
        door = LinkDoor({"a-b": "a"}, server_context(*tls("b")))
        await door.start(HOST, port)
        try:
            async with asyncio.timeout(20):
                await work(door, port)
        finally:
            await door.close()

    asyncio.run(main())


def test_bytes_go_both_ways_and_an_end_ends_the_other(tls):
    async def work(door, port):
        loop = asyncio.get_running_loop()
        here = await call_link(HOST, port, "a-b", peer="b", context=client_context(*tls("a")))
        there = await door.next_call("a-b")
        for sock in (here, there):
            sock.setblocking(False)
        for one, other in ((here, there), (there, here)):
            data, got = bytes(range(256)) * 4000, b""
            sending = asyncio.create_task(loop.sock_sendall(one, data))
            while len(got) < len(data):
                got += await loop.sock_recv(other, 1 << 20)
            await sending
            assert got == data
        here.close()
        assert await loop.sock_recv(there, 10) == b""
        there.close()

    run(tls, work)


def test_a_new_call_ends_the_old_one(tls):
    async def work(door, port):
        context = client_context(*tls("a"))
        first = await call_link(HOST, port, "a-b", peer="b", context=context)
        old = await door.next_call("a-b")
        second = await call_link(HOST, port, "a-b", peer="b", context=context)
        old.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(old, 10) == b""
        for sock in (first, second, old):
            sock.close()

    run(tls, work)


@pytest.mark.parametrize(
    ("who", "link", "peer"), [("c", "a-b", "b"), ("alice", "a-b", "b"), ("a", "x", "b"), ("a", "a-b", "c")]
)
def test_strangers_other_links_and_other_nodes_are_refused(tls, who, link, peer):
    async def work(door, port):
        with pytest.raises(DeviceError):
            await call_link(HOST, port, link, peer=peer, context=client_context(*tls(who)))
        assert door._waiting["a-b"].empty() or peer == "c"

    run(tls, work)


def test_nobody_there_is_an_error_that_may_pass(tls):
    async def work(door, port):
        await door.close()
        with pytest.raises(DeviceError) as caught:
            await call_link(HOST, 1, "a-b", peer="b", context=client_context(*tls("a")))
        assert caught.value.transient

    run(tls, work)


def test_one_that_calls_on_and_on_holds_one_socket(tls):
    async def work(door, port):
        context = client_context(*tls("a"))
        calls = [await call_link(HOST, port, "a-b", peer="b", context=context) for _ in range(5)]
        while door._waiting["a-b"].empty():
            await asyncio.sleep(0.01)
        assert door._waiting["a-b"].qsize() == 1
        there = await door.next_call("a-b")
        calls[-1].sendall(b"the last")
        there.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(there, 10) == b"the last"
        for sock in (*calls, there):
            sock.close()

    run(tls, work)


def test_calls_that_say_nothing_are_few(tls):
    """Whoever has no link here is sent away at once, and whoever has one may not hold more than some."""

    async def work(door, port):
        ends = []
        for who in ("c", *"aaaaaa"):
            reader, writer = await asyncio.open_connection(HOST, port, ssl=client_context(*tls(who)))
            ends.append((who, asyncio.create_task(reader.read(1)), writer))
        await asyncio.sleep(0.3)
        assert [who for who, read, _ in ends if not read.done()] == ["a"] * GREETINGS_PER_LINK
        for _, read, writer in ends:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await read
        while door._greeted["a"]:
            await asyncio.sleep(0.01)

    run(tls, work)
