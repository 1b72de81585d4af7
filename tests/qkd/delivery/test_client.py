import asyncio

import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.delivery.certificates import client_context, identity, make_certificates, server_context
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.server import Answer, Bounds, HttpServer


def run(tmp_path, story, handler):
    async def all_of_it():
        make_certificates(tmp_path, saes=["alice"], kmes=["a", "b"])
        files = {name: (tmp_path / f"{name}.crt", tmp_path / f"{name}.key", tmp_path / "ca.crt") for name in ("a", "b")}
        server = HttpServer(
            handler,
            refuse=lambda sentence: Answer(400, sentence.encode()),
            context=server_context(*files["b"]),
            naming=lambda certificate: identity(certificate, "kme"),
            bounds=Bounds(),
        )
        port = await server.start("127.0.0.1", 0)

        context = client_context(*files["a"])

        def make(name="b", kind="kme", **options):
            options = {"timeout_s": 5.0, "context": lambda: context} | options
            return HttpClient("127.0.0.1", port, name=name, kind=kind, **options)

        try:
            await story(make, server)
        finally:
            await server.close()

    asyncio.run(all_of_it())


async def echo(request):
    if request.path == "/wait":
        await asyncio.sleep(0.5)
    return Answer(200, bytes(request.body) + request.name.encode())


def test_calls_keep_their_connection(tmp_path):
    async def story(make, server):
        client = make()
        for body in (b"1", b"2" * 100_000):
            assert await client.call("/", body) == (200, body + b"a")
        assert len(server.connections) == 1
        client.close()

    run(tmp_path, story, echo)


def test_another_context_is_used_from_the_next_call_on(tmp_path):
    async def story(make, server):
        contexts = [client_context(*(tmp_path / f"{name}" for name in ("a.crt", "a.key", "ca.crt"))) for _ in range(2)]
        client = make(context=lambda: contexts[0])
        for n in (1, 1, 2):
            if n == 2:
                del contexts[0]
            assert await client.call("/", b"x") == (200, b"xa")
            seen.update(server.connections)
            assert len(seen) == n
        client.close()

    seen = set()
    run(tmp_path, story, echo)


def test_calls_of_many_tasks_at_once_each_get_their_own_answer(tmp_path):
    """Two that read one stream at once end both, as the tasks of a link between key servers did on a busy machine."""

    async def story(make, server):
        client = make()
        calls = [client.call("/wait" if i == 0 else "/", b"%d" % i) for i in range(5)]
        assert await asyncio.gather(*calls) == [(200, b"%da" % i) for i in range(5)]
        assert len(server.connections) == 1
        client.close()

    run(tmp_path, story, echo)


@pytest.mark.parametrize(("name", "kind"), [("c", "kme"), ("b", "sae")])
def test_another_server_is_not_talked_to(tmp_path, name, kind):
    async def story(make, server):
        with pytest.raises(DeviceError, match="certificate names"):
            await make(name, kind).call("/", b"secret")

    run(tmp_path, story, echo)


def test_no_answer_in_time_is_an_error_and_the_next_call_is_new(tmp_path):
    async def story(make, server):
        client = make(timeout_s=0.2)
        with pytest.raises(DeviceError) as caught:
            await client.call("/wait", b"late")
        assert caught.value.transient
        await asyncio.sleep(0.5)
        assert await client.call("/", b"new") == (200, b"newa")
        client.close()

    run(tmp_path, story, echo)


def test_an_answer_that_is_too_long_is_an_error(tmp_path):
    async def story(make, server):
        client = make(max_answer_bytes=1000)
        assert (await client.call("/", b"x" * 999))[0] == 200
        with pytest.raises(DeviceError, match="too long"):
            await client.call("/", b"x" * 1000)
        client.close()

    run(tmp_path, story, echo)


def test_a_server_that_is_gone_is_an_error(tmp_path):
    async def story(make, server):
        client = make()
        await client.call("/", b"x")
        await server.close()
        for _ in range(2):
            with pytest.raises(DeviceError, match=r"'b' at 127\.0\.0\.1"):
                await client.call("/", b"x")

    run(tmp_path, story, echo)
