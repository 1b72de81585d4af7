import asyncio
import shutil
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.qkd.folding_pair import Pair
from tests.qkd.key_pair import deliver, make_block, open_store, share, told
from tests.qkd.kme_pair import Crash, Net

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.etsi014 import MESSAGES, RefusalError
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.fold import KEPT_S, FoldedBlock
from kakehashi.qkd.keys.grant import Part, draw_key_ids
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.store import DATABASE


def fold(store):
    with store.transaction():
        at = store.fold()
        while at:
            at = store.fold(at)
        while store.fold_ledger():
            pass


def rows(store, table="used"):
    with sqlite3.connect(store.folder / DATABASE) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.fixture
def pair(tmp_path):
    pair = Pair(tmp_path)
    yield pair
    pair.owner.close()
    pair.holder.close()


def use_all_ways(pair):
    for n_keys in (1, 3, 2):
        pair.deliver(n_keys)
    pair.deliver(is_fetched=False)
    pair.spend()
    pair.give_up(is_announced=True)
    pair.give_up(is_announced=False)


@pytest.mark.parametrize("who", ["owner", "holder", "both"])
def test_the_books_say_the_same_after(pair, who):
    use_all_ways(pair)
    pair.age()
    before = pair.accounts()
    for store in [pair.owner, pair.holder] if who == "both" else [getattr(pair, who)]:
        fold(store)
        assert rows(store) == 2  # what was given up
        assert rows(store, "entry") <= 1  # what has just expired
    assert pair.accounts() == before
    assert pair.faults() == []
    use_all_ways(pair)
    assert pair.faults() == []
    pair.age()
    fold(pair.owner)
    fold(pair.holder)
    assert pair.faults() == []
    assert [rows(pair.owner), rows(pair.holder)] == [4, 4]
    assert rows(pair.owner, "folded_grants") == rows(pair.owner, "folded_block") == 1


def test_a_store_that_was_folded_goes_on_where_it_was(pair):
    for _ in range(3):
        pair.deliver()
    pair.age()
    for name in ("owner", "holder"):
        store = getattr(pair, name)
        fold(store)
        assert rows(store) == 0
        store.close()
        setattr(pair, name, open_store(pair.folder, store.node, clock=lambda: pair.now))
    with pair.owner.transaction():
        grant, keys = pair.owner.allocate("b", key_bits=256, master="alice")
    assert grant.sequence == 4
    assert keys == pair.data[96:128]
    with pair.holder.transaction():
        pair.holder.announce(told(grant, key_ids=draw_key_ids(1)))
    assert pair.faults() == []


def test_what_is_not_over_stays(pair):
    pair.deliver()
    fold(pair.owner)  # too young
    assert rows(pair.owner) == 1
    pair.now += 1000
    pair.deliver(lifetime_s=1e6, is_fetched=False)
    with pair.owner.transaction():
        pair.owner.allocate("b", key_bits=256, master="alice")  # nobody was told of it
    pair.now += 1000
    fold(pair.holder)  # its owner may still ask
    assert rows(pair.holder) == 2
    pair.say_closed()
    fold(pair.owner)
    fold(pair.holder)
    assert [rows(pair.owner), rows(pair.holder)] == [1, 1]  # untold; and waiting
    assert pair.faults() == []


def test_what_was_spent_and_never_told_stays(pair):
    """The other end may not have got it: the two must still compare."""
    with pair.owner.transaction():
        pair.owner.spend("b", 64, Account.AUTHENTICATION)
    pair.age()
    fold(pair.owner)
    assert rows(pair.owner) == 1


def test_a_key_that_waits_at_its_owner_stays(pair):
    with pair.owner.transaction():
        grant, _ = pair.owner.allocate(
            "b", key_bits=256, master="alice", readers=("anna",), key_ids=draw_key_ids(1), expires_utc=pair.now
        )
    with pair.owner.transaction():
        pair.owner.confirm(grant.grant_id)
    pair.age()
    fold(pair.owner)
    assert rows(pair.owner) == 1
    with pair.owner.transaction():
        pair.owner.expire()
    fold(pair.owner)
    assert rows(pair.owner) == 0


def test_a_row_that_has_the_number_of_a_folded_one_is_not_changed_for_it(pair):
    old = pair.deliver()
    pair.age()
    fold(pair.holder)
    new = pair.deliver(is_fetched=False)
    assert new.number == old.number
    pair.holder._tables.update_grant(old)
    assert [(g.grant_id, any(g.waiting)) for g in pair.holder._tables.grants()] == [(new.grant_id, True)]


def test_the_owner_says_no_more_than_is_on_disk(pair):
    pair.deliver()
    with pair.owner.transaction():
        second, _ = pair.owner.allocate("b", key_bits=256, master="alice")
        assert pair.owner.shelf.closed_up_to("b") == 1
    with pair.owner.transaction():
        pair.owner.confirm(second.grant_id)
        assert pair.owner.shelf.closed_up_to("b") == 1
    assert pair.owner.shelf.closed_up_to("b") == 2
    assert pair.owner.shelf.closed_up_to("c") == 0


def test_one_that_is_over_is_not_told_of_again(pair):
    grant = pair.deliver()
    pair.age()
    fold(pair.holder)
    assert pair.holder.shelf.find(grant.key_id(0)) is None
    for work in (pair.holder.announce, pair.holder.void_at):
        with pytest.raises(InputError, match="is over, or was never told of"), pair.holder.transaction():
            work(told(grant, key_ids=grant.key_ids))
    free = (Part(block_id=grant.parts[0].block_id, first=4000, n_bits=256),)
    other = told(grant, key_ids=draw_key_ids(1), grant_id="7" * 32, parts=free)
    with pytest.raises(InputError, match="is over"), pair.holder.transaction():  # its number, for free bits
        pair.holder.announce(other)
    assert pair.faults() == []


FORGERIES = [
    ("UPDATE folded_block SET ranges = '[[0, 504]]'", "once each"),
    ("UPDATE folded_block SET bits = '{\"delivered\": 520}'", "were delivered, but the ledger"),
    ("UPDATE folded_block SET block = 7", "block number 7, which is not there"),
    ("DELETE FROM folded_block", "once each"),
    ("UPDATE folded_entry SET bits = bits - 8 WHERE credit = 'delivered'", "the ledger has"),
    ("DELETE FROM folded_entry", "sifted bits"),
    ("DELETE FROM folded_grants", "does not know it"),
    ("UPDATE folded_grants SET sum = '7'", "are not the 2"),
    (
        "INSERT INTO used SELECT NULL, hex(randomblob(16)), 'b', 1, 9, 'delivered', 256,"
        " '[[\"' || block_id || '\", 256, 256]]', 'eve', '[]', x'', x'', x'', 0, '', 'delivered', 1, 0 FROM block",
        "once each",
    ),
]


@pytest.mark.parametrize(("forgery", "sentence"), FORGERIES)
def test_forgeries_of_sums_are_found(pair, forgery, sentence):
    pair.deliver()
    pair.deliver()
    pair.age()
    fold(pair.owner)
    with sqlite3.connect(pair.owner.folder / DATABASE) as connection:
        connection.execute(forgery)
    assert any(sentence in fault for fault in pair.faults())


def test_a_key_that_was_delivered_twice_is_found_after_both_were_folded(pair):
    pair.deliver()
    with sqlite3.connect(pair.owner.folder / DATABASE) as connection:
        connection.execute(
            "INSERT INTO used SELECT NULL, 'again', peer, is_ours, 9, account, key_bits, parts, master, readers,"
            " key_ids, mask, waiting, failure, bound, state, is_told, expires_utc FROM used"
        )
    before = pair.faults()
    pair.age()
    fold(pair.owner)
    fold(pair.holder)
    assert rows(pair.owner) == 0
    assert any("once each" in fault for fault in before)
    assert any("once each" in fault for fault in pair.faults())
    assert any("The 2 grants of 'a' that are over are not the 1" in fault for fault in pair.faults())


@pytest.mark.parametrize("who", ["holder", "nobody"])
def test_one_that_was_given_up_here_and_delivered_there_is_found_after_a_fold(pair, who):
    pair.deliver()
    with sqlite3.connect(pair.owner.folder / DATABASE) as connection:
        connection.execute("UPDATE used SET state = 'expired'")
    pair.age()
    fold(pair.owner)
    if who == "holder":
        fold(pair.holder)
    assert rows(pair.owner) == 1
    faults = audit_pair(pair.owner.folder, pair.holder.folder).faults
    assert any("given up" in fault or "not known at 'b'" in fault for fault in faults)


@given(
    order=st.permutations(range(8)), n_bits=st.lists(st.integers(1, 40).map(lambda n: 8 * n), min_size=8, max_size=8)
)
def test_ranges_that_meet_are_joined_in_any_order_and_one_too_many_shows(order, n_bits):
    first = [sum(n_bits[:i]) for i in range(8)]
    block = FoldedBlock()
    for i in order:
        block.add(first[i], n_bits[i], Account.DELIVERED if i % 2 else None)
    assert block.ranges == [[0, sum(n_bits)]]
    assert block.bits == {"delivered": sum(n_bits[1::2])}
    block.add(first[order[0]], n_bits[order[0]], None)
    assert len(block.ranges) == 2


def test_a_store_does_not_grow_with_its_requests(tmp_path):
    pair = Pair(tmp_path)
    sizes = []
    for _ in range(4):
        pair.data = share(pair.owner, pair.holder, 10_000)
        for _ in range(250):  # more than a portion
            pair.deliver()
        pair.age()
        for store in (pair.owner, pair.holder):
            fold(store)
            assert rows(store) == rows(store, "entry") == 0
            store._tables.checkpoint()
        sizes.append([(store.folder / DATABASE).stat().st_size for store in (pair.owner, pair.holder)])
    assert pair.faults() == []
    assert sizes[3][0] - sizes[0][0] < 3 * 3000  # of three blocks
    assert sizes[3][1] - sizes[0][1] < 3 * 3000


@pytest.mark.parametrize("node", ["a", "b"])
def test_it_may_stop_at_any_write(tmp_path, node):
    pair = Pair(tmp_path / "whole")
    use_all_ways(pair)
    pair.age()
    before = pair.accounts()
    folders = {store.node: store.folder for store in (pair.owner, pair.holder)}
    pair.owner.close()
    pair.holder.close()
    writes = 0
    for n in range(1, 100):
        at = tmp_path / str(n)
        for name, folder in folders.items():
            shutil.copytree(folder, at / name)
        writes = stop_at(at, node, n, pair)
        again = open_store(at, node, clock=lambda: pair.now)
        again.note_closed("a", 100)
        for is_folded in (False, True):
            assert audit_store(again.folder).faults == ()
            assert audit_pair(at / "a", at / "b").faults == ()
            assert audit_store(again.folder).links[0].accounts == before["ab".index(node)]
            if not is_folded:
                fold(again)
        assert rows(again) == 2
        again.close()
        if writes < n:
            break
    assert writes > 10


def stop_at(folder, node, n, pair):
    """Fold until the n-th write, and leave the folder as it is then; gives the number of writes."""
    count = 0

    def trace(_):
        nonlocal count
        count += 1
        if count == n:
            shutil.copytree(folder / node, folder / "left")
            raise Crash

    store = open_store(folder, node, clock=lambda: pair.now, trace=trace)
    store.note_closed("a", 100)
    try:
        fold(store)
    except Crash:
        store.close()
        shutil.rmtree(folder / node)
        (folder / "left").rename(folder / node)
        return n
    store.close()
    return count


def test_servers_tell_each_other_what_is_over(tmp_path):
    async def story():
        net = Net(tmp_path, key_lifetime_s=50)
        net.fill("a", "b", 4096)
        net.start()
        await net.until_shared()
        sent = await net.enc(number=3, additional=("anna",))
        assert await net.dec(list(sent)) == await net.dec(list(sent), "anna") == sent
        await net.settle()
        net.now += KEPT_S + 100
        for link in net.nodes["a"].links.values():
            link._lose("a break")
        await net.until_up()
        for node in net.nodes.values():
            await node.commit.run(node.store.fold)
            await node.commit.run(node.store.fold_ledger)
            assert rows(node.store) == 0
            assert audit_store(node.folder).faults == ()
        assert audit_pair(*(node.folder for node in net.nodes.values())).faults == ()
        with pytest.raises(RefusalError) as caught:
            await net.dec(list(sent))
        assert (caught.value.status, caught.value.message) == (400, MESSAGES["not found"])
        assert len(await net.enc()) == 1
        await net.close()

    asyncio.run(story())


def test_a_block_that_nobody_took_from_has_no_sums(pair):
    with pair.owner.transaction():
        pair.owner.add_block(make_block(100))
    deliver(pair.owner, pair.holder)
    pair.age()
    fold(pair.owner)
    assert rows(pair.owner, "folded_block") == 1
    assert audit_store(pair.owner.folder).faults == ()
