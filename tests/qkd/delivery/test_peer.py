import asyncio
import json

import pytest
from tests.qkd.kme_pair import Net

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.delivery.peer import grant_from_json, grant_to_json
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.grant import Grant, Part, draw_key_ids
from kakehashi.qkd.keys.model import Account


def make(**changes):
    fields = {
        "grant_id": "1" * 32, "peer": "b", "is_ours": True, "sequence": 4, "account": Account.RELAYED, "key_bits": 64,
        "parts": (Part(block_id="2" * 32, first=8, n_bits=128),), "master": "alice", "key_ids": draw_key_ids(2),
        "mask": bytes(range(16)),
    }  # fmt: skip
    return Grant(**fields | changes)


def test_a_grant_comes_over_the_wire_whole():
    table = json.loads(json.dumps(grant_to_json(make(), ["bob", "bea"])))
    heard = grant_from_json(table, peer="a", expires_utc=7.0)
    for name in ("grant_id", "sequence", "account", "key_bits", "parts", "master", "key_ids", "mask"):
        assert getattr(heard, name) == getattr(make(key_ids=heard.key_ids), name)
    assert (heard.peer, heard.is_ours, heard.readers, heard.expires_utc) == ("a", False, ("bob", "bea"), 7.0)


@pytest.mark.parametrize(
    "change",
    [
        {"grant_id": 1},
        {"grant_id": "1" * 33},
        {"sequence": "x"},
        {"account": "other"},
        {"key_bits": 7},
        {"key_bits": 0},
        {"parts": [["2" * 32, 1, 8]]},
        {"parts": [1]},
        {"parts": []},
        {"readers": [1]},
        {"key_ids": "!"},
        {"key_ids": "AAAA"},
        {"mask": "AAAA"},
        {"master": None},
        {"parts": [["2" * 32, -8, 8]]},
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(change):
    with pytest.raises(InputError):
        grant_from_json(grant_to_json(make()) | change, peer="a")
    whole = grant_to_json(make())
    del whole[next(iter(change))]
    with pytest.raises(InputError):
        grant_from_json(whole, peer="a")


def run(folder, story):
    async def all_of_it():
        net = Net(folder)
        net.fill("a", "b", 1000)
        net.start()
        try:
            await net.until_shared()
            await story(net)
        finally:
            await net.close()

    asyncio.run(all_of_it())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"grants": 1}', b'{"grants": [1]}', b'{"untold": [], "after": "x"}']
)
@pytest.mark.parametrize("what", ["announce", "void", "reconcile", "other"])
def test_a_message_that_makes_no_sense_is_refused(tmp_path, what, body):
    async def story(net):
        with pytest.raises(InputError):
            await net.nodes["b"].peer_desk.answer("a", f"/kakehashi/kme/v1/{what}", body)

    run(tmp_path, story)


def test_a_peer_cannot_name_users_or_blocks_that_are_not_its_own(tmp_path):
    async def story(net):
        desk = net.nodes["b"].peer_desk
        block = next(iter(net.nodes["b"].store.shelf.by_id))
        good = make(parts=(Part(block_id=block, first=0, n_bits=128),), mask=b"", account=Account.DELIVERED)
        for table, sentence in (
            (grant_to_json(good, ["alice"]), "no user"),
            (grant_to_json(good, []), "must have readers"),
            (grant_to_json(make(), ["bob"]), "not free"),
            (grant_to_json(good, ["bob"]) | {"account": "expired"}, "Nothing can be announced"),
        ):
            answer = await desk.answer("a", "/kakehashi/kme/v1/announce", json.dumps({"grants": [table]}).encode())
            assert sentence in answer["refused"]["1" * 32]
        table = {"grants": [grant_to_json(good, ["bob"])]}
        answer = await desk.answer("c", "/kakehashi/kme/v1/announce", json.dumps(table).encode())
        assert "not free" in answer["refused"]["1" * 32]
        assert audit_store(net.nodes["b"].folder).is_clean

    run(tmp_path, story)


def test_a_lost_answer_costs_the_keys_at_both_ends(tmp_path):
    async def story(net):
        net.lose = "answer"
        with pytest.raises(Exception, match="could not take"):
            await net.enc()
        net.lose = None
        await net.settle()
        for name in "ab":
            accounts = audit_store(net.nodes[name].folder).links[0].accounts
            assert (accounts["expired"], accounts["stored"]) == (256, 8000 - 256)
        assert audit_pair(net.nodes["a"].folder, net.nodes["b"].folder).faults == ()

    run(tmp_path, story)


def test_nothing_is_announced_while_the_link_is_down(tmp_path):
    async def story(net):
        link = net.nodes["a"].links["b"]
        link.is_up, link.why_down = False, "a test"
        with pytest.raises(DeviceError, match="a test"):
            await link.announce(make(), ["bob"])

    run(tmp_path, story)


def test_what_the_network_spends_is_settled_too(tmp_path):
    async def story(net):
        store = net.nodes["a"].store
        grant, _ = await net.nodes["a"].commit.run(lambda: store.spend("b", 64, Account.AUTHENTICATION))
        net.nodes["a"].links["b"]._lose("a break before the other end took it")
        await net.settle()
        assert audit_store(net.nodes["a"].folder).links[0].accounts["authentication"] == 64
        assert audit_store(net.nodes["b"].folder).links[0].accounts["expired"] == 64
        assert audit_pair(net.nodes["a"].folder, net.nodes["b"].folder).faults == ()
        assert grant.is_told

    run(tmp_path, story)
