import asyncio

import pytest
from tests.qkd.kme_pair import Net, Wire, make_grant, run_pair

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.peer_messages import grant_from_json, grant_to_json
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.grant import Grant, draw_key_ids
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account


def test_a_lost_answer_costs_the_keys_at_both_ends(tmp_path):
    async def story(net):
        net.lose = "answer"
        with pytest.raises(Exception, match="KME 'b' of a slave SAE could not take"):
            await net.enc()
        net.lose = None
        await net.settle()
        for name in "ab":
            accounts = audit_store(net.nodes[name].folder).links[0].accounts
            assert (accounts["expired"], accounts["stored"]) == (256, 8000 - 256)
        assert audit_pair(net.nodes["a"].folder, net.nodes["b"].folder).faults == ()

    run_pair(tmp_path, story)


def test_nothing_is_announced_while_the_link_is_down(tmp_path):
    async def story(net):
        link = net.nodes["a"].links["b"]
        link.is_up, link.why_down = False, "a test"
        with pytest.raises(DeviceError, match="a test"):
            await link.announce(make_grant(), ["bob"])

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


def test_a_block_that_never_comes_is_not_asked_about_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("kakehashi.qkd.delivery.peer_link.LATE_S", 0.05)

    async def story(net):
        (_, _), (here, ours) = net._block("a", "b", 32, 1e-10)
        await here.commit.run(lambda: here.store.add_block(ours))
        await here.commit.run(lambda: here.store.withdraw_block(ours.block_id))
        await net.settle()
        assert here.links["b"]._refused == {}
        assert faults(net) == []

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


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

    run_pair(tmp_path, story)


@pytest.mark.parametrize("is_break", [True, False])
def test_a_peer_cannot_say_that_another_has_a_block(tmp_path, is_break):
    """It may know the name of one, where a key for the other went over it."""

    async def story(net):
        for peer in "bbc":
            net.fill("a", peer, 64)
        store, link = net.nodes["a"].store, net.nodes["a"].links["b"]
        names = [block_id for peer in "bc" for block_id, _ in store.unshared_blocks(peer)][1:]

        async def lie(*_):
            return {"known": [], "extra": [], "blocks": names, "refused": {}}

        link._call = lie
        await (link._reconcile if is_break else link._tell)(None)
        assert [store.stock_bits(peer) for peer in "bc"] == [512, 0]
        for node in net.nodes.values():
            await node.close()

    asyncio.run(story(Net(tmp_path, ("a", "b", "c"))))
