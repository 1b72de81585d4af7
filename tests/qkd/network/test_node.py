import asyncio
import itertools
import json
import os
import signal
import sys
import time
from contextlib import AsyncExitStack

import pytest
from tests.qkd.network_folder import write_network

from kakehashi.core.errors import InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.delivery.certificates import client_context, revoke_certificates
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.server import Answer
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.distill.events import Made
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.link.source import SourceProcess
from kakehashi.qkd.network.kms import ManagementServer
from kakehashi.qkd.network.messages import MAX_NOTES, Note, Orders
from kakehashi.qkd.network.node import Node, drop_sent, halve
from kakehashi.qkd.network.plan import HOST, set_up
from kakehashi.qkd.security.model import Failure, KeyLength


@pytest.mark.parametrize("n_bytes", [0, 1, 2, 1001])
def test_a_block_is_halved_the_same_at_both_ends_and_no_bit_is_lost(n_bytes):
    key = Bits.from_bytes(bytes(i % 251 for i in range(n_bytes)))
    account = Distilled(sifted=20_000, estimation=100, amplification=19_900 - key.n - 160, secret=key.n + 160)
    made = Made(
        block_id="1" * 32, key=key, n_tag_bits=160, account=account, qber=0.02, failure=1e-10,
        length=KeyLength(exact=0.0, bound="lim", failure=Failure()),
    )  # fmt: skip
    here, there = (halve(made, peer="x", is_sender=is_sender, now=0.0) for is_sender in (True, False))
    for (block, part, tag_bits), (other, part_there, tag_bits_there) in zip(here, there, strict=True):
        assert block.block_id == other.block_id
        assert block.bits == other.bits
        assert block.is_ours != other.is_ours
        assert (part, tag_bits) == (part_there, tag_bits_there)
        assert part.secret == block.bits.n + tag_bits
        assert block.bound == other.bound == "lim"
    assert here[0][0].is_ours
    assert sum(part.sifted for _, part, _ in here) == 20_000
    assert Bits.concatenate([block.bits for block, _, _ in here]) == key


def test_a_node_that_is_not_in_the_network_is_refused(tmp_path):
    plan = set_up(write_network(tmp_path), tmp_path / "net")
    with pytest.raises(InputError, match="a, b, c"):
        Node(plan, "x")


def test_a_note_that_came_while_a_report_was_under_way_waits_for_the_next(tmp_path):
    """Even where there are so many that the oldest, which were sent, have gone meanwhile."""
    node = Node(set_up(write_network(tmp_path), tmp_path / "net"), "a")

    def notes(first, n):
        return [Note(kind="alarm", at_utc=at, text="the same") for at in range(first, first + n)]

    for n_before, n_after in ((0, 3), (3, 2), (MAX_NOTES, 3), (MAX_NOTES - 1, 5), (5, MAX_NOTES + 7), (2, 0)):
        node._notes.clear()
        node._notes.extend(notes(0, n_before))
        report = node.report()
        later = notes(0, n_after)  # alike, and others
        node._notes.extend(later)
        drop_sent(node._notes, report.notes)
        assert list(map(id, node._notes)) == list(map(id, later[-MAX_NOTES:]))
    node.kme.store.close()


def with_node(plan, name, work):
    """A node without its links, and a server that gives the orders that it is told to give."""

    async def main():
        node, manager = Node(plan, name, links=frozenset()), ManagementServer(plan, with_page=False)
        await manager.start()
        await node.start()
        try:
            async with asyncio.timeout(20):
                await work(node, manager)
        finally:
            await node.close()
            await manager.close()

    asyncio.run(main())


async def answer_all(manager, body, *, times):
    """Give one answer to all reports, and wait until it was given some times."""
    n_asked = 0

    async def answer(_):
        nonlocal n_asked
        n_asked += 1
        return Answer(200, body)

    manager._door.handler = answer
    while n_asked < times:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(("n_spaces", "is_followed"), [(0, True), (2**21, False)])
def test_orders_that_are_endless_are_not_read(tmp_path, n_spaces, is_followed):
    async def work(node, manager):
        orders = Orders(routes={"c": (("a", "b", "c"),)}).model_dump_json().encode()
        await answer_all(manager, b" " * n_spaces + orders, times=3)
        assert bool(node._orders.routes) == is_followed

    with_node(set_up(write_network(tmp_path), tmp_path / "net"), "a", work)


@pytest.mark.parametrize(
    "routes",
    [
        {"x": [["a", "x"]]},
        {"c": [["a"]]},
        {"c": [["b", "c"]]},
        {"c": [["a", "b", "c"]] * 2},
        {"c": []},
        {"c": 5},
        {str(name): [["a", "b", str(name)]] for name in range(50)},
    ],
)
def test_orders_that_make_no_sense_are_not_followed(tmp_path, caplog, routes):
    async def work(node, manager):
        await answer_all(manager, json.dumps({"routes": routes, "max_key_age_s": 5.0}).encode(), times=4)
        await asyncio.sleep(0.3)
        assert (node._orders.routes, node._supplies) == ({}, {})
        assert not any(task.done() for task in node._tasks)

    with_node(set_up(write_network(tmp_path), tmp_path / "net"), "a", work)
    assert "orders make no sense" in caplog.text


def test_that_the_management_server_does_not_answer_is_said_once(tmp_path, caplog):
    async def work(node, manager):
        while not manager.management._heard:
            await asyncio.sleep(0.05)
        await manager.close()
        while node._has_manager:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # some reports more
        again = ManagementServer(node.plan)
        await again.start()
        try:
            while not node._has_manager:
                await asyncio.sleep(0.05)
        finally:
            await again.close()

    with_node(set_up(write_network(tmp_path), tmp_path / "net"), "a", work)
    said = [message for message in caplog.messages if "management server" in message]
    assert said[0].startswith("The management server does not answer")
    assert said[1:2] == ["The management server answers."]
    assert len(said) <= 3  # the last where the server that came last has gone before the node


def test_a_fault_does_not_end_what_a_node_does_all_the_time(tmp_path, caplog):
    async def work(node, _):
        honest, n_asked = node._look_at_links, 0

        def faulty():
            nonlocal n_asked
            n_asked += 1
            if n_asked == 1:
                raise ZeroDivisionError
            honest()

        node._look_at_links = faulty
        while n_asked < 3:
            await asyncio.sleep(0.05)
        assert not any(task.done() for task in node._tasks)

    with_node(set_up(write_network(tmp_path), tmp_path / "net"), "a", work)
    assert "A fault of kakehashi." in caplog.text


@pytest.mark.parametrize(
    "body", [b"", b"[" * 100_000, b"[]", b'{"route": ["b", "a"], "hop": Infinity}', b'{"route": ["b"], "hop": 1}']
)
def test_a_message_that_makes_no_sense_has_an_answer(tmp_path, body):
    plan = set_up(write_network(tmp_path), tmp_path / "net")

    async def work(node, _):
        port, context = plan.addresses.nodes["a"].node, client_context(*plan.tls("b"))
        client = HttpClient(HOST, port, name="a", kind="kme", context=lambda: context)
        for path in ("ahead", "relay", "finish", "x"):
            status, answer = await client.call(f"/kakehashi/node/v1/{path}", body)
            assert (status, list(json.loads(answer))) == (400, ["message"])
        client.close()

    with_node(plan, "a", work)


def audit(plan):
    names = plan.spec.names
    found = [audit_store(plan.store(name)) for name in names]
    found += [audit_pair(plan.store(one), plan.store(other)) for one, other in itertools.combinations(names, 2)]
    return [fault for audit in found for fault in audit.faults]


@pytest.mark.slow
def test_a_revoked_node_is_left_alone_by_the_others(tmp_path):
    plan = set_up(write_network(tmp_path), tmp_path / "n")

    async def until(holds):
        async with asyncio.timeout(90):
            while not holds():
                await asyncio.sleep(0.1)

    def links(node):
        return {link.link: link for link in node.report().links}

    def silent(manager):
        return [node["name"] for node in manager.management.state(time.time())["nodes"] if not node["is_up"]]

    async def main():
        async with AsyncExitStack() as stack:
            manager = ManagementServer(plan, with_page=False)
            await manager.start()
            stack.push_async_callback(manager.close)
            a, b, c = nodes = [Node(plan, name) for name in "abc"]
            for node in nodes:
                await node.start()
                stack.push_async_callback(node.close)
            await until(lambda: a.kme.links["b"].is_up and links(a)["a-b"].n_blocks and links(c)["b-c"].n_blocks)
            revoke_certificates(plan.folder / "certificates", ["c"])
            await until(lambda: not b.kme.links["c"].is_up and not a.kme.links["c"].is_up)
            await until(lambda: links(b)["b-c"].state == "waiting")
            n_blocks = links(a)["a-b"].n_blocks, links(b)["b-c"].n_blocks
            await until(lambda: links(a)["a-b"].n_blocks >= n_blocks[0] + 2)
            assert links(b)["b-c"].n_blocks == n_blocks[1]
            assert a.kme.links["b"].is_up
            await until(lambda: silent(manager) == ["c"])

    with (
        SourceProcess(str(plan.light("a-b")), plan.photons("a-b"), exposure_s=0.3, pace=1.0),
        SourceProcess(str(plan.light("b-c")), plan.photons("b-c"), exposure_s=0.3, pace=1.0),
    ):
        asyncio.run(main())
    assert audit(plan) == []


@pytest.mark.slow
def test_the_middle_node_is_killed_twice_and_keys_go_on(tmp_path, core_limit):
    plan = set_up(write_network(tmp_path), tmp_path / "n")

    async def stock(node, peer, n_bits):
        async with asyncio.timeout(90):
            while node.kme.store.stock_bits(peer) < n_bits:
                await asyncio.sleep(0.1)

    def use_up(store):
        for row in [row for row in store.shelf.blocks.values() if row.peer == "c" and row.is_ours]:
            store.withdraw_block(row.block_id)

    async def start_middle():
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kakehashi.cli", "qkd", "network", "node", str(plan.folder), "b",
            stderr=asyncio.subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    async def main():
        async with AsyncExitStack() as stack:
            manager = ManagementServer(plan, with_page=False)
            await manager.start()
            stack.push_async_callback(manager.close)
            nodes = []
            for name in ("a", "c"):
                node = Node(plan, name)
                await node.start()
                stack.push_async_callback(node.close)
                nodes.append(node)
            for turn in range(3):
                middle = await start_middle()
                await stock(nodes[0], "c", 2048)
                assert core_limit(middle) == 0
                if turn < 2:
                    n_blocks = nodes[0].report().links[0].n_blocks
                    async with asyncio.timeout(60):
                        while nodes[0].report().links[0].n_blocks < n_blocks + 2:
                            await asyncio.sleep(0.05)
                    middle.send_signal(signal.SIGKILL)
                    await middle.wait()
                    await nodes[0].kme.commit.run(lambda: use_up(nodes[0].kme.store))
            middle.terminate()
            await middle.wait()
            assert [link.state for node in nodes for link in node.report().links] != ["stopped", "stopped"]

    with (
        SourceProcess(str(plan.light("a-b")), plan.photons("a-b"), exposure_s=0.3, pace=1.0),
        SourceProcess(str(plan.light("b-c")), plan.photons("b-c"), exposure_s=0.3, pace=1.0),
    ):
        asyncio.run(main())
    assert audit(plan) == []
