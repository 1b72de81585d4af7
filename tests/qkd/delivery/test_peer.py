import asyncio
import json

import pytest
from tests.qkd.kme_pair import Net, Wire

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.delivery.peer import PeerLink, grant_from_json, grant_to_json
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.grant import Grant, Part, draw_key_ids
from kakehashi.qkd.keys.lifecycle import GrantState
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


def test_a_link_comes_up_again_whatever_befell_it(tmp_path, caplog):
    async def story(net):
        link = net.nodes["a"].links["b"]
        whole = link._reconcile

        async def fault(_):
            raise RuntimeError

        link._reconcile = fault
        link._lose("a test")
        while "A fault of kakehashi" not in caplog.text:
            await asyncio.sleep(0.001)
        link._reconcile = whole
        await net.until_up()

    run(tmp_path, story)


def test_what_the_network_spends_is_settled_too(tmp_path):
    async def story(net):
        store = net.nodes["a"].store
        grant, _ = await net.nodes["a"].commit.run(lambda: store.spend("b", 64, Account.AUTHENTICATION))
        net.nodes["a"].links["b"]._lose("a break before the other end took it")
        await net.settle()
        for name in "ab":
            assert audit_store(net.nodes[name].folder).links[0].accounts["expired"] == 64
        assert audit_pair(net.nodes["a"].folder, net.nodes["b"].folder).faults == ()
        assert grant.is_told

    run(tmp_path, story)


def faults(net):
    folders = [net.nodes[name].folder for name in "ab"]
    return [fault for audit in [*map(audit_store, folders), audit_pair(*folders)] for fault in audit.faults]


async def turns(net):
    """Let the two ends speak some times."""
    for _ in range(20):
        net.nodes["a"].links["b"].wake()
        await asyncio.sleep(0.002)


def test_a_block_that_comes_after_it_was_given_up_is_destroyed(tmp_path):
    """A relayed key may: its sender hears nothing and gives it up, and that word overtakes the one that it is whole."""

    async def story(net):
        (there, theirs), (here, ours) = net._block("a", "b", 32, 1e-10)
        await here.commit.run(lambda: here.store.add_block(ours))
        await here.commit.run(lambda: here.store.withdraw_block(ours.block_id))
        await turns(net)
        assert [grant.state for grant in here.store.untold("b")] == [GrantState.EXPIRED]
        await there.commit.run(lambda: there.store.add_block(theirs))
        await net.settle()
        assert there.store.shelf.by_id[theirs.block_id].free == []
        assert faults(net) == []

    run(tmp_path, story)


def test_a_block_that_never_comes_is_not_asked_about_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("kakehashi.qkd.delivery.peer.LATE_S", 0.05)

    async def story(net):
        (_, _), (here, ours) = net._block("a", "b", 32, 1e-10)
        await here.commit.run(lambda: here.store.add_block(ours))
        await here.commit.run(lambda: here.store.withdraw_block(ours.block_id))
        await net.settle()
        assert here.links["b"]._refused == {}
        assert faults(net) == []

    run(tmp_path, story)


def test_what_the_peer_spent_meanwhile_counts_as_spent(tmp_path, caplog):
    """The pads of a relayed key may arrive after the other end said that it does not know of them."""

    async def story(net):
        here, there = net.nodes["a"], net.nodes["b"]
        grant, _ = await here.commit.run(lambda: here.store.spend("b", 64, Account.RELAYED))
        heard = grant_from_json(grant_to_json(grant), peer="a")
        await there.commit.run(lambda: there.store.spend_at(heard))
        await here.links["b"]._give_up(here.links["b"]._clients[0], [grant])
        assert grant.is_told
        assert "does not give up" not in caplog.text
        assert audit_store(there.folder).links[0].accounts["relayed"] == 64
        assert faults(net) == []

    run(tmp_path, story)


@pytest.mark.parametrize("is_taken", [False, True])
def test_what_was_spent_on_a_message_that_may_be_lost_is_settled_without_a_break(tmp_path, is_taken):
    async def story(net):
        here, there = net.nodes["a"], net.nodes["b"]
        grant, _ = await here.commit.run(lambda: here.store.spend("b", 64, Account.RELAYED))
        if is_taken:
            heard = grant_from_json(grant_to_json(grant), peer="a")
            await there.commit.run(lambda: there.store.spend_at(heard))
        await turns(net)
        assert not grant.is_told  # the message may still be under way
        here.links["b"].doubt(grant.grant_id)
        await net.settle()
        await turns(net)
        assert here.links["b"].is_up
        assert here.links["b"]._in_doubt == set()
        for node in (here, there):
            found = audit_store(node.folder).links[0].accounts
            assert (found["relayed"], found["expired"]) == ((64, 0) if is_taken else (0, 64))
        assert faults(net) == []

    run(tmp_path, story)


def test_what_a_slave_has_cannot_be_called_back_and_the_audit_says_so(tmp_path, caplog):
    async def story(net):
        here = net.nodes["a"]
        grant, _ = await here.commit.run(lambda: here.store.allocate("b", key_bits=256, master="alice"))
        told = Grant(
            grant_id=grant.grant_id, peer="b", is_ours=True, sequence=grant.sequence, account=grant.account,
            key_bits=256, parts=grant.parts, master="alice", key_ids=draw_key_ids(1),
        )  # fmt: skip
        await here.links["b"].announce(told, ["bob"])
        await net.dec([told.key_ids])
        await here.commit.run(lambda: here.store.void(grant.grant_id))
        await net.settle()
        await turns(net)  # what is settled in memory has still to reach the disk, which the audit reads
        assert "does not give up" in caplog.text
        assert [fault for fault in faults(net) if "was given up, but is delivered" in fault] == faults(net) != []

    run(tmp_path, story)


def test_a_link_ends_when_it_is_told_though_it_is_woken_in_the_same_moment(tmp_path):
    async def story(net):
        for _ in range(50):
            link = PeerLink("b", [Wire(net, "a", "b")], net.nodes["a"].commit, pause_s=60.0)
            link.start()
            for _ in range(200):
                await asyncio.sleep(0)
            while not link.is_up:
                await asyncio.sleep(0.001)
            for _ in range(20):
                await asyncio.sleep(0)
            link.wake()
            async with asyncio.timeout(10):
                await link.close()

    run(tmp_path, story)
