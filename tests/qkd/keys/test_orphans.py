import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.key_pair import make_block, open_store, share, told
from tests.qkd.kme_pair import Crash

from kakehashi.core.errors import InputError
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.chunks import CHUNK_BYTES
from kakehashi.qkd.keys.fold import KEPT_S
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.store import OWNER_FIRST_S, SLOTS

AGE_S = 1000.0


class Pair:
    """Two stores and a clock that the test moves."""

    def __init__(self, folder, trace=lambda _: None):
        self.folder, self.now = folder, 1e9
        self.owner = open_store(folder, "a", clock=lambda: self.now)
        self.holder = open_store(folder, "b", clock=lambda: self.now, trace=trace)

    def expire_at_holder(self):
        with self.holder.transaction():
            return self.holder.expire_blocks(max_age_s=AGE_S)

    def give_up(self):
        """Let the holder know of all that the owner has given up or spent for nothing."""
        with self.holder.transaction():
            for grant in self.owner.untold("b"):
                self.holder.void_at(told(grant, readers=(), master=""))
        with self.owner.transaction():
            self.owner.confirm(*(grant.grant_id for grant in self.owner.untold("b")))

    def accounts(self):
        return [audit_store(store.folder).links[0].accounts for store in (self.owner, self.holder)]

    def audits(self):
        folders = [store.folder for store in (self.owner, self.holder)]
        return [*map(audit_store, folders), audit_pair(*folders)]

    def faults(self):
        return [fault for audit in self.audits() for fault in audit.faults]

    def close(self):
        self.owner.close()
        self.holder.close()


@pytest.fixture
def pair(tmp_path):
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def test_age_reaches_a_block_that_its_owner_never_had(pair):
    with pair.holder.transaction():
        pair.holder.add_block(make_block(64, peer="a", is_ours=False))
    slots = (pair.holder.folder / SLOTS).read_bytes()
    pair.now += AGE_S
    assert pair.expire_at_holder() == 0  # its owner's word would come first
    pair.now += OWNER_FIRST_S
    assert pair.expire_at_holder() == 512
    assert pair.expire_at_holder() == 0
    (link,) = audit_store(pair.holder.folder).links
    assert {name: bits for name, bits in link.accounts.items() if bits} == {"expired": 512}
    assert any(slots)
    assert not any((pair.holder.folder / SLOTS).read_bytes())
    assert pair.faults() == []


def test_a_block_that_only_one_end_made_goes_with_both_halves(pair):
    blocks = [make_block(64, peer="a", is_ours=is_ours) for is_ours in (False, True)]
    with pair.holder.transaction():
        for block in blocks:
            pair.holder.add_block(block)
    with pair.holder.transaction():
        assert [pair.holder.withdraw_block(block.block_id) for block in blocks] == [512, 512]
    assert not any((pair.holder.folder / SLOTS).read_bytes())
    assert pair.faults() == []


def test_the_owners_word_that_comes_late_is_taken_up(pair):
    share(pair.owner, pair.holder)
    with pair.owner.transaction():
        pair.owner.allocate("b", key_bits=256, master="alice")
    pair.now += AGE_S + OWNER_FIRST_S
    assert pair.expire_at_holder() == 8000
    assert any("8000 bits of 'a' were destroyed at 'b'" in note for note in pair.audits()[2].notes)
    with pair.owner.transaction():
        (unheard,) = pair.owner.untold("b")
        pair.owner.void(unheard.grant_id)
        assert pair.owner.expire_blocks(max_age_s=AGE_S) == 8000 - 256
    with pytest.raises(InputError, match="not free"), pair.holder.transaction():
        pair.holder.spend_at(told(unheard, readers=()))
    pair.give_up()
    assert pair.accounts()[0] == pair.accounts()[1]
    assert pair.accounts()[1]["expired"] == 8000
    assert [audit.notes for audit in pair.audits()] == [(), (), ()]
    assert pair.faults() == []


def test_what_the_owner_spent_on_bits_that_went_alone_is_settled(pair):
    share(pair.owner, pair.holder)
    pair.now += AGE_S + OWNER_FIRST_S
    pair.expire_at_holder()
    with pair.owner.transaction():
        pair.owner.spend("b", 64, Account.RELAYED)
    pair.give_up()
    assert pair.faults() == []
    pair.now += 2 * KEPT_S
    for store in (pair.owner, pair.holder):
        store.note_closed("a", 1)
        with store.transaction():
            assert not store.fold()
    assert pair.faults() == []


def test_a_grant_over_an_old_block_and_a_new_one_takes_no_more_than_its_own(pair):
    share(pair.owner, pair.holder, 64)
    pair.now += AGE_S + OWNER_FIRST_S
    share(pair.owner, pair.holder, 64)
    assert pair.expire_at_holder() == 512
    with pair.owner.transaction():
        pair.owner.spend("b", 512 + 64, Account.AUTHENTICATION)
    pair.give_up()
    assert pair.accounts()[1]["stored"] == 512 - 64
    assert [audit.notes for audit in pair.audits()] == [(), (), ()]
    assert pair.faults() == []


@pytest.mark.parametrize("change", ["stranger", "beyond", "twice"])
def test_nobody_gives_up_what_is_not_his(pair, change):
    share(pair.owner, pair.holder, 64)
    pair.now += AGE_S + OWNER_FIRST_S
    pair.expire_at_holder()
    with pair.owner.transaction():
        grant, _ = pair.owner.spend("b", 256, Account.RELAYED)
    part = grant.parts[0]
    changes = {
        "stranger": {"peer": "c"},
        "beyond": {"parts": (type(part)(block_id=part.block_id, first=0, n_bits=1024),)},
        "twice": {"parts": (part, part), "key_bits": 512},
    }[change]
    bad = told(grant, readers=(), **{"key_bits": 256} | changes)
    with pytest.raises(InputError, match="not free here"), pair.holder.transaction():
        pair.holder.void_at(bad)
    assert pair.accounts()[1]["expired"] == 512
    assert audit_store(pair.holder.folder).faults == ()


@settings(max_examples=20)
@given(data=st.data())
def test_the_books_balance_in_whatever_order_the_ends_destroy(tmp_path_factory, data):
    pair = Pair(tmp_path_factory.mktemp("stores"))
    share(pair.owner, pair.holder, 100)
    for step in data.draw(st.lists(st.sampled_from(["share", "spend", "age", "alone", "own", "tell"]), max_size=12)):
        if step == "share":
            share(pair.owner, pair.holder, data.draw(st.integers(1, 100)))
        elif step == "spend" and pair.owner.stock_bits("b"):
            n_bytes = data.draw(st.integers(1, pair.owner.stock_bits("b") // 8))
            with pair.owner.transaction():
                pair.owner.spend("b", 8 * n_bytes, Account.RELAYED)
        elif step == "age":
            pair.now += AGE_S
        elif step == "alone":
            pair.expire_at_holder()
        elif step == "own":
            with pair.owner.transaction():
                pair.owner.expire_blocks(max_age_s=AGE_S)
        elif step == "tell":
            pair.give_up()
    assert pair.faults() == []
    pair.now += AGE_S + OWNER_FIRST_S
    with pair.owner.transaction():
        pair.owner.expire_blocks(max_age_s=AGE_S)
    pair.give_up()
    pair.expire_at_holder()
    assert [audit.notes for audit in pair.audits()] == [(), (), ()]
    assert pair.faults() == []
    assert [found["stored"] for found in pair.accounts()] == [0, 0]
    pair.close()


def test_it_may_stop_at_any_write(tmp_path):
    """The holder is stopped while it destroys, or while it takes up its owner's word; then it goes on."""
    for n in range(1, 100):
        at = tmp_path / str(n)
        writes = stop_at(at, n)
        if writes < n:
            break
    assert writes > 20


def stop_at(folder, n):
    """Stop the holder at its n-th write, go on from what it left, and look; gives the number of writes."""
    count, is_armed = 0, False

    def trace(_):
        nonlocal count
        if is_armed:
            count += 1
            if count == n:
                shutil.copytree(folder / "b", folder / "left")
                raise Crash

    pair = Pair(folder, trace)
    share(pair.owner, pair.holder, CHUNK_BYTES + 8)
    pair.now += AGE_S + OWNER_FIRST_S
    share(pair.owner, pair.holder, 64)
    with pair.owner.transaction():
        pair.owner.spend("b", 8 * CHUNK_BYTES, Account.RELAYED)
        pair.owner.spend("b", 64 + 64, Account.RELAYED)  # the end of the one, and of the other the beginning
    is_armed = True
    try:
        pair.expire_at_holder()
        pair.give_up()
    except Crash:
        pair.holder.close()
        shutil.rmtree(folder / "b")
        (folder / "left").rename(folder / "b")
        pair.holder = open_store(folder, "b", clock=lambda: pair.now)
        assert pair.faults() == []
        pair.expire_at_holder()
        pair.give_up()
    assert pair.faults() == []
    assert [audit.notes for audit in pair.audits()] == [(), (), ()]
    assert pair.accounts()[1]["expired"] == 8 * (CHUNK_BYTES + 8) + 64
    assert pair.accounts()[1]["stored"] == 512 - 64
    pair.close()
    return count
