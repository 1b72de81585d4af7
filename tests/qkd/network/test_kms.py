import asyncio
import json
import urllib.request

import pytest
from tests.qkd.network_folder import write_network

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.delivery.certificates import client_context
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.server import Answer
from kakehashi.qkd.network.kms import PATH, ManagementServer, Operator
from kakehashi.qkd.network.messages import NodeReport, Orders
from kakehashi.qkd.network.plan import HOST, set_up
from kakehashi.qkd.network.spec import MANAGER


@pytest.fixture
def plan(tmp_path):
    return set_up(write_network(tmp_path), tmp_path / "net")


def serve(plan, work):
    async def main():
        server = ManagementServer(plan)
        await server.start()
        try:
            async with asyncio.timeout(20):
                await work(server)
        finally:
            await server.close()

    asyncio.run(main())


def client(plan, name):
    return HttpClient(
        HOST, plan.addresses.manager, name=MANAGER, kind="kme", context=lambda: client_context(*plan.tls(name))
    )


def report(node):
    return NodeReport(node=node, at_utc=1.0, stock_bits={"b": 50_000, "a": 50_000, "c": 50_000})


def test_reports_go_in_and_orders_come_out(plan):
    async def work(server):
        for name in ("a", "b", "c", "a"):
            caller = client(plan, name)
            status, body = await caller.call(PATH + "report", report(name).model_dump_json().encode())
            caller.close()
            assert status == 200
        assert Orders.model_validate_json(body).routes == {"c": (("a", "b", "c"),)}
        operator = Operator(plan)
        state = await operator.state()
        operator.close()
        assert [node["is_up"] for node in state["nodes"]] == [True] * 3
        await asyncio.sleep(0.3)
        page = f"http://{HOST}:{plan.addresses.page}/state.json"
        shown = await asyncio.to_thread(lambda: json.loads(urllib.request.urlopen(page, timeout=5).read()))
        assert shown["title"] == "three in a line"

    serve(plan, work)


@pytest.mark.parametrize(
    ("caller", "path", "body", "status"),
    [
        ("a", "report", report("b").model_dump_json().encode(), 400),
        ("a", "report", b"{}", 400),
        ("a", "report", b"\xff", 400),
        ("a", "report", b"[" * 100_000, 400),
        ("a", "report", b'{"node": "a", "at_utc": 1.0, "stock_bits": {"b": 1' + b"0" * 400 + b"}}", 400),
        ("a", "report", b'{"node": "a", "at_utc": 1.0, "stock_bits": {"x": 1}}', 400),
        ("a", "state", b"{}", 401),
        ("alice", "report", report("a").model_dump_json().encode(), 401),
        ("operator", "report", report("a").model_dump_json().encode(), 401),
        ("a", "other", b"{}", 401),
    ],
)
def test_what_is_wrong_is_refused(plan, caller, path, body, status):
    async def work(server):
        asking = client(plan, caller)
        assert (await asking.call(PATH + path, body))[0] == status
        asking.close()

    serve(plan, work)


def test_the_operator_closes_an_alarm_about_relays(plan):
    async def work(server):
        note = {"kind": "alarm", "at_utc": 1.0, "text": "A key from b was changed on its way (b-a)."}
        caller, operator = client(plan, "a"), Operator(plan)
        body = json.dumps({"node": "a", "at_utc": 1.0, "stock_bits": {}, "notes": [note]}).encode()
        assert (await caller.call(PATH + "report", body))[0] == 200
        with pytest.raises(InputError, match="open are: 'relays of a'"):
            await operator.acknowledge("a")
        await operator.acknowledge("relays of a")
        assert not server.management.alarms
        assert (await caller.call(PATH + "acknowledge", b'{"subject": "relays of a"}'))[0] == 401
        for asking in (caller, operator):
            asking.close()

    serve(plan, work)


def test_without_a_server_there_is_one_sentence(plan):
    sentence = f"^No management server answers; start it with: kakehashi qkd network manage {plan.folder}$"
    with pytest.raises(DeviceError, match=sentence):
        asyncio.run(Operator(plan).state())


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 100_000, b'{"schema": "other"}'])
def test_a_server_that_answers_nonsense_is_one_sentence(plan, body):
    async def work(server):
        async def nonsense(_):
            return Answer(200, body)

        server._door.handler = nonsense
        operator = Operator(plan)
        with pytest.raises(DeviceError, match="no state of a network"):
            await operator.state()
        operator.close()

    serve(plan, work)


def test_a_fault_does_not_end_the_look_at_the_network(plan, caplog):
    async def work(server):
        look, looks = server.management.look, []

        def faulty(now):
            looks.append(now)
            if len(looks) == 1:
                raise ZeroDivisionError
            look(now)

        server.management.look = faulty
        while len(looks) < 3:
            await asyncio.sleep(0.05)

    serve(plan, work)
    assert "nobody looked" in caplog.text
