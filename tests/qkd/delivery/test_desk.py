import asyncio

import pytest
from tests.qkd.kme_pair import Net, Witness, assert_books_balance, attempt, run

from kakehashi.qkd.delivery.etsi014 import MESSAGES, KeyIds, RefusalError
from kakehashi.qkd.keys.audit import audit_store


async def refused(status, message, work):
    with pytest.raises(RefusalError) as caught:
        await work
    assert caught.value.status == status
    if message is not None:
        assert caught.value.message == message


def test_both_ends_get_the_same_keys_once(tmp_path):
    async def story(net):
        sent = await net.enc(number=5, size=128)
        assert len(set(sent.values())) == 5
        assert await net.dec(list(sent)) == sent
        await refused(400, MESSAGES["not found"], net.dec(list(sent)))
        back = await net.enc("bob", "alice")
        assert await net.dec(list(back), "alice", "bob") == back
        await net.settle()
        assert_books_balance(net)

    run(tmp_path, story)


def test_who_was_not_named_is_refused(tmp_path):
    async def story(net):
        sent = await net.enc()
        ids = list(sent)
        await refused(401, None, net.dec(ids, "bea"))
        await refused(401, None, net.dec(ids, "bob", "anna"))
        await refused(401, None, net.dec(ids, "alice", "bob"))  # the master on dec_keys
        assert await net.dec(ids) == sent
        await refused(401, None, net.dec(ids, "bea"))

    run(tmp_path, story)


def test_a_list_with_one_fault_takes_nothing(tmp_path):
    async def story(net):
        sent = await net.enc(number=3)
        ids = list(sent)
        await refused(400, MESSAGES["not found"], net.dec([*ids, bytes(16)]))
        await refused(400, MESSAGES["not found"], net.dec([ids[0], ids[1], ids[0]]))
        await refused(400, MESSAGES["not found"], net.dec([*ids, None]))
        others = await net.enc("anna", "bea")
        await refused(401, None, net.dec([*ids, *others]))
        assert await net.dec(ids) == sent

    run(tmp_path, story)


@pytest.mark.parametrize("size", range(64, 4097, 504))
def test_every_size_has_its_length(tmp_path, size):
    async def story(net):
        sent = await net.enc(number=3, size=size)
        assert {len(key) for key in sent.values()} == {size // 8}
        assert await net.dec(list(sent)) == sent

    run(tmp_path, story)


def test_keys_may_cross_from_block_to_block(tmp_path):
    async def story(net):
        net.fill("a", "b", 1001, failure=2e-10)
        await net.until_shared()
        sent = await net.enc(number=2, size=4096)
        sent |= await net.enc(number=3, size=2048)
        ids = list(sent)
        assert await net.dec(ids[:2]) | await net.dec(ids[2:]) == sent
        await net.settle()
        assert_books_balance(net)

    run(tmp_path, story, fill=999)


def test_the_failure_of_a_key_is_that_of_all_its_blocks(tmp_path):
    async def story(net):
        net.fill("a", "b", 1000, failure=2e-10)
        await net.until_shared()
        await net.enc(size=4096)
        issued = await net.nodes["a"].desk.get_keys("alice", "bob", _request(size=4096))
        assert issued.failure == pytest.approx(3e-10)

    run(tmp_path, story, fill=600)


def _request(**fields):
    from kakehashi.qkd.delivery.etsi014 import KeyRequest

    return KeyRequest(**fields)


def test_a_demand_on_the_failure_is_met_or_refused(tmp_path):
    async def story(net):
        await refused(400, MESSAGES["mandatory unmet"], net.enc(mandatory={"kakehashi_max_failure": 1e-12}))
        assert len(await net.enc(mandatory={"kakehashi_max_failure": 1e-9})) == 1

    run(tmp_path, story)


def test_keys_that_hold_against_some_attacks_alone_are_refused_to_whom_that_is_not_enough(tmp_path):
    async def story(net):
        net.fill("a", "b", 1000, bound="differential")
        await net.until_shared()
        (strong,) = await net.enc(size=4096, mandatory={"kakehashi_composable": True})
        await refused(400, MESSAGES["mandatory unmet"], net.enc(size=4096, mandatory={"kakehashi_composable": True}))
        issued = await net.nodes["a"].desk.get_keys("alice", "bob", _request(size=4096))
        assert issued.bound == "differential"  # of bits from both blocks
        both = KeyIds(key_ids=(strong, issued.key_ids))
        assert (await net.nodes["b"].desk.get_keys_with_ids("bob", "alice", both)).bound == "differential"
        await refused(400, MESSAGES["mandatory unmet"], net.enc(mandatory={"kakehashi_composable": True}))
        assert len(await net.enc(mandatory={"kakehashi_composable": False})) == 1

    run(tmp_path, story, fill=600)


def test_slaves_everywhere_get_identical_keys(tmp_path):
    async def story(net):
        sent = await net.enc(number=2, additional=("bea", "anna", "carol"))
        ids = list(sent)
        for reader in ("bob", "bea", "anna", "carol"):
            assert await net.dec(ids, reader) == sent
            await refused(400, MESSAGES["not found"], net.dec(ids, reader))
        await net.settle()
        assert_books_balance(net)
        links = {link.name: link.accounts for link in audit_store(net.nodes["a"].folder).links}
        assert links["b"]["delivered"] == links["c"]["relayed"] == 512

    run(tmp_path, story, names=("a", "b", "c"))


def test_if_one_of_several_slaves_cannot_be_served_nobody_is(tmp_path):
    async def story(net):
        net.nodes["c"].arm(1)
        await refused(503, None, net.enc(additional=("carol",)))
        await net.revive()
        await net.settle()
        assert_books_balance(net)
        links = {link.name: link.accounts for link in audit_store(net.nodes["a"].folder).links}
        assert links["b"]["expired"] == links["c"]["expired"] == 256

    run(tmp_path, story, names=("a", "b", "c"))


def test_what_makes_no_sense_is_refused(tmp_path):
    async def story(net):
        await refused(400, None, net.enc(slave="nobody"))
        await refused(400, None, net.enc(additional=("nobody",)))
        await refused(400, None, net.enc(additional=("bob",)))
        await refused(400, None, net.enc(additional=("alice",)))
        await refused(400, None, net.enc(slave="anna"))
        assert net.nodes["a"].desk.status("alice", "bob").stored == 128

    run(tmp_path, story)


def test_an_empty_store_and_a_lost_peer_are_503(tmp_path):
    async def story(net):
        await refused(503, None, net.enc(number=128, size=4096))
        for _ in range(8):
            await net.enc(size=4096)
        await refused(503, None, net.enc())
        net.lose = "question"
        await refused(503, None, net.enc("bob", "alice"))
        await refused(503, None, net.enc("bob", "alice"))
        net.lose = None
        await net.settle()
        await net.enc("bob", "alice")
        await net.settle()
        assert_books_balance(net)

    run(tmp_path, story)


def test_a_full_disk_is_503_and_loses_nothing(tmp_path):
    async def story(net):
        sent = await net.enc(number=2)
        for name, work in (("a", net.enc), ("b", lambda: net.dec(list(sent))), ("b", net.enc)):
            net.nodes[name].is_full = True
            await refused(503, None, work())
            net.nodes[name].is_full = False
            await net.until_up()
        assert await net.dec(list(sent)) == sent
        await net.settle()
        assert_books_balance(net)
        accounts = audit_store(net.nodes["a"].folder).links[0].accounts
        assert (accounts["delivered"], accounts["expired"]) == (512, 256)  # the last was given up at both ends

    run(tmp_path, story)


def test_a_quota_holds(tmp_path):
    async def story(net):
        await net.enc(number=4)
        await refused(503, "the quota of this SAE is used up", net.enc())
        await net.enc("anna")

    run(tmp_path, story, quota_bits_per_s=1, quota_burst_bits=1024)


def test_one_user_cannot_empty_the_store_for_the_other(tmp_path):
    async def story(net):
        for _ in range(16):  # half of the 128 keys that there were
            await net.enc(number=4)
        await refused(503, "the rest of the key is kept for other SAEs", net.enc(number=4))
        assert len(await net.enc("anna", number=63)) == 63  # the first share has faded by now, a little

    run(tmp_path, story, fair_share=True)


def test_what_nobody_fetches_expires_at_both_ends(tmp_path):
    async def story(net):
        sent = await net.enc(number=2)
        await net.dec(list(sent)[:1])
        net.now += 100
        store = net.nodes["b"].store
        assert await net.nodes["b"].commit.run(store.expire) == 256
        await refused(400, MESSAGES["not found"], net.dec(list(sent)[1:]))
        await net.settle()
        assert_books_balance(net)
        accounts = audit_store(net.nodes["b"].folder).links[0].accounts
        assert (accounts["delivered"], accounts["expired"]) == (256, 256)

    run(tmp_path, story, key_lifetime_s=50)


def test_a_clock_that_jumps_delivers_nothing_twice(tmp_path):
    async def story(net):
        sent = await net.enc()
        net.now -= 1e6
        assert await net.nodes["b"].commit.run(net.nodes["b"].store.expire) == 0
        assert await net.dec(list(sent)) == sent
        sent = await net.enc()
        net.now += 1e7
        await net.nodes["b"].commit.run(net.nodes["b"].store.expire)
        await refused(400, MESSAGES["not found"], net.dec(list(sent)))
        await net.settle()
        assert_books_balance(net)

    run(tmp_path, story)


def test_two_readers_of_one_key_race_and_each_gets_it_once(tmp_path):
    async def story(net):
        sent = await net.enc(additional=("bea",))
        tries = [net.dec(list(sent), reader) for reader in ("bob", "bea") for _ in range(4)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(outcome == sent for outcome in outcomes) == 2
        assert all(o == sent or (isinstance(o, RefusalError) and o.status == 400) for o in outcomes)

    run(tmp_path, story)


@pytest.mark.parametrize("victim", ["a", "b", "c"])
def test_a_server_may_stop_between_writes(tmp_path, victim):
    stop_at(tmp_path, victim, range({"a": 1, "b": 2, "c": 3}[victim], 100, 4))


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["a", "b", "c"])
def test_a_server_may_stop_between_any_two_writes(tmp_path, victim):
    stop_at(tmp_path, victim, range(1, 100))


def stop_at(tmp_path, victim, points):
    """At one write after the other: nothing is given twice, nothing differs, and the books balance."""

    async def story(net):
        witness = Witness()

        async def use():
            sent = await attempt(net.enc(number=2, size=128, additional=("carol", "anna")))
            if sent:
                witness.master(sent)
                for reader in ("bob", "carol", "anna"):
                    witness.slave(reader, await attempt(net.dec(list(sent), reader)) or {})
            net.nodes[victim].commit._flush()
            while net.nodes[victim].commit._runner is not None:
                await asyncio.sleep(0.001)
            return sent

        net.nodes[victim].arm(net.point)
        first = await use()
        is_dead = net.nodes[victim].is_dead
        await net.revive()
        await net.settle()
        assert_books_balance(net)
        for reader in ("bob", "carol", "anna") if first else ():
            for key_id in first:
                if (reader, key_id) not in witness.slaves:
                    # The key is there yet or gone, and never another one.
                    witness.slave(reader, await attempt(net.dec([key_id], reader), 400, 401) or {})
        net.nodes[victim].countdown = None
        assert await use()
        await net.settle()
        assert_books_balance(net)
        return is_dead

    reached = []
    for point in points:
        Net.point = point
        if not run(tmp_path / str(point), story, names=("a", "b", "c")):
            break
        reached.append(point)
    assert len(reached) >= 12 // points.step
