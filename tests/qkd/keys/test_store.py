import contextlib
import hmac

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.key_pair import NODE_KEYS, deliver, fetch, make_block, open_store, share, told

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.chunks import CHUNK_BYTES
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.store import DATABASE, SLOTS
from kakehashi.qkd.keys.vault import NONCE


@pytest.fixture
def pair(tmp_path):
    stores = open_store(tmp_path, "a"), open_store(tmp_path, "b")
    yield stores
    for store in stores:
        store.close()


def assert_clean(*stores):
    assert [fault for store in stores for fault in audit_store(store.folder).faults] == []
    if len(stores) == 2:
        assert audit_pair(*(store.folder for store in stores)).faults == ()


def accounts(store):
    return {name: bits for name, bits in audit_store(store.folder).links[0].accounts.items() if bits}


def test_keys_are_cut_in_order_and_are_the_blocks_own_bits(pair):
    data = share(*pair)
    first, keys = deliver(*pair, n_keys=3)
    assert keys == data[:96]
    assert fetch(pair[1], first, [2, 0]) == [data[64:96], data[:32]]
    assert deliver(*pair)[1] == data[96:128]
    assert_clean(*pair)
    assert accounts(pair[0]) == {"delivered": 1024, "stored": 6976}
    assert accounts(pair[1]) == {"delivered": 512, "stored": 7488}


@settings(max_examples=25)
@given(data=st.data())
def test_no_bit_is_given_twice_whatever_is_asked(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("stores")
    owner, holder = open_store(folder, "a"), open_store(folder, "b")
    blocks = b"".join(share(owner, holder, n) for n in data.draw(st.lists(st.integers(1, 300), min_size=1, max_size=4)))
    given_out = b""
    for _ in range(data.draw(st.integers(1, 12))):
        size, number = 8 * data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4))
        use = data.draw(st.sampled_from(["deliver", "spend"]))
        if owner.stock_bits("b") < size * number:
            with pytest.raises(ResourceError, match="not enough key"), owner.transaction():
                owner.allocate("b", key_bits=size, n_keys=number, master="alice")
        elif use == "deliver":
            grant, keys = deliver(owner, holder, number, size)
            assert b"".join(fetch(holder, grant, range(number))) == keys
            given_out += keys
        else:
            with owner.transaction():
                grant, bits = owner.spend("b", size, Account.AUTHENTICATION)
            with holder.transaction():
                assert holder.spend_at(told(grant, readers=())) == bits
            with owner.transaction():
                owner.confirm(grant.grant_id)
            given_out += bytes(bits)
    assert given_out == blocks[: len(given_out)]
    assert_clean(owner, holder)
    assert accounts(owner) == accounts(holder)
    owner.close()
    holder.close()


def test_delivered_key_is_nowhere_on_disk_even_for_who_has_the_node_key(tmp_path):
    """Every ciphertext that any file ever held is kept, and tried with every slot that is left."""
    owner, holder = open_store(tmp_path, "a"), open_store(tmp_path, "b")
    share(owner, holder, 5000)
    before = {store: {file.name: file.read_bytes() for file in store.folder.iterdir()} for store in (owner, holder)}
    grant, keys = deliver(owner, holder, 8)
    fetch(holder, grant, range(8))
    for store in (owner, holder):
        now = b"".join(file.read_bytes() for file in store.folder.iterdir())
        old = b"".join(content for name, content in before[store].items() if name.startswith(DATABASE))
        assert not any(keys[32 * i : 32 * i + 32] in now + old for i in range(8))
        assert not any(key in piece for piece in open_all(store, now + old) for key in [keys[:32], keys[-32:]])
        # The test can find what is there: with the slots as they were, the old ciphertexts open.
        assert any(keys[:32] in piece for piece in open_all(store, old, before[store][SLOTS]))
        store.close()


def open_all(store, content, slots=None):
    """Whatever AES-256-GCM opens among the bytes of database and log, by any slot."""
    slots = (store.folder / SLOTS).read_bytes() if slots is None else slots
    halves = [slots[i : i + 32] for i in range(0, len(slots), 32)]
    ciphers = [AESGCM(hmac.digest(NODE_KEYS[store.node], b"kakehashi piece" + half, "sha256")) for half in halves]
    # A sealed piece ends its row, and the only row of a page ends the page; the block's short end lies in one as well.
    for length, index in ((CHUNK_BYTES + 16, 0), (5000 - CHUNK_BYTES + 16, 1)):
        for at in range(len(content) - length + 1):
            if content[at - 3 : at] and (at + length) % 8 == 0:
                for cipher in ciphers:
                    with contextlib.suppress(InvalidTag):
                        yield cipher.decrypt(NONCE, content[at : at + length], b"1/%d" % index)


def test_a_key_is_fetched_once(pair):
    share(*pair)
    grant, _ = deliver(*pair, n_keys=2)
    place = pair[1].shelf.find(grant.key_id(0))
    fetch(pair[1], grant, [0])
    with pytest.raises(InputError, match="twice"), pair[1].transaction():
        pair[1].fetch([place], "bob")
    assert pair[1].shelf.readers_of_gone(grant.key_id(0)) is None
    fetch(pair[1], grant, [1])
    assert pair[1].shelf.find(grant.key_id(0)) is None
    assert pair[1].shelf.readers_of_gone(grant.key_id(0)) == ("bob",)


def test_an_announcement_may_come_twice_and_takes_once(pair):
    share(*pair)
    grant, _ = deliver(*pair)
    again = told(grant, key_ids=grant.key_ids)
    with pair[1].transaction():
        pair[1].announce(again)
    fetch(pair[1], grant, [0])
    with pair[1].transaction():
        pair[1].announce(again)
    assert pair[1].shelf.find(grant.key_id(0)) is None
    assert_clean(*pair)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sequence": 2, "grant_id": "1" * 32}, "not free here"),
        ({"grant_id": "1" * 32}, "for two grants"),
        ({"sequence": 2, "peer": "c"}, "not free here"),
    ],
)
def test_an_announcement_of_what_is_taken_is_refused(pair, changes, sentence):
    share(*pair)
    grant, _ = deliver(*pair)
    with pytest.raises(InputError, match=sentence), pair[1].transaction():
        pair[1].announce(told(grant, key_ids=bytes(16), **changes))
    assert_clean(*pair)


def test_an_announcement_needs_readers_and_new_ids(pair):
    share(*pair)
    grant, _ = deliver(*pair)
    with pair[0].transaction():
        other, _ = pair[0].allocate("b", key_bits=256, master="alice")
    for fields in ({"readers": ()}, {"key_ids": b""}, {"key_ids": grant.key_ids}):
        with pytest.raises(InputError, match="readers and key IDs"), pair[1].transaction():
            pair[1].announce(told(other, **{"key_ids": bytes(16), **fields}))


def test_what_is_given_up_is_gone_on_both_sides(pair):
    share(*pair)
    announced, _ = deliver(*pair)
    with pair[0].transaction():
        unheard, _ = pair[0].allocate("b", key_bits=128, master="alice")
        pair[0].void(unheard.grant_id)
    with pair[1].transaction():
        pair[1].void_at(told(unheard))
        pair[1].void_at(told(unheard))
        pair[1].void_at(told(announced, key_ids=announced.key_ids))
    with pytest.raises(InputError, match="has expired here"), pair[1].transaction():
        pair[1].announce(told(announced, key_ids=announced.key_ids))
    assert pair[1].shelf.find(announced.key_id(0)) is None
    assert accounts(pair[0]) == {"delivered": 256, "expired": 128, "stored": 7616}
    assert accounts(pair[1]) == {"expired": 384, "stored": 7616}
    assert_clean(pair[0])
    assert_clean(pair[1])


def test_what_was_delivered_is_not_taken_back(pair):
    share(*pair)
    grant, _ = deliver(*pair)
    fetch(pair[1], grant, [0])
    with pytest.raises(InputError, match="cannot be taken back"), pair[1].transaction():
        pair[1].void_at(told(grant, key_ids=grant.key_ids))


def test_what_only_the_holder_knows_is_written_off(pair):
    share(*pair)
    first, _ = deliver(*pair)
    lost = told(first, sequence=5, grant_id="9" * 32, key_ids=bytes(16))
    lost.parts = (type(first.parts[0])(block_id=first.parts[0].block_id, first=256, n_bits=256),)
    with pair[1].transaction():
        pair[1].announce(lost)
    known, extra = pair[1].find_grants("a", [(1, first.grant_id), (2, "0" * 32)], after=1)
    assert known == [first.grant_id]
    assert [grant.grant_id for grant in extra] == ["9" * 32]
    for found in extra:
        found.peer = "b"  # as the owner reads it from the wire
    with pair[0].transaction():
        pair[0].adopt_lost(extra)
    assert pair[0].stock_bits("b") == 8000 - 512
    assert [grant.state for grant in pair[0].untold("b")] == [GrantState.EXPIRED]
    with pair[0].transaction():
        grant, _ = pair[0].allocate("b", key_bits=8, master="alice")
    assert grant.sequence == 6


@pytest.mark.parametrize("use", ["allocate", "spend"])
def test_what_took_the_end_of_a_block_can_be_given_up_after_a_restart(tmp_path, use):
    stores = {name: open_store(tmp_path, name) for name in "ab"}
    share(*stores.values(), 32)
    owner = stores["a"]
    with owner.transaction():
        if use == "allocate":
            grant, _ = owner.allocate("b", key_bits=256, master="alice")
        else:
            grant, _ = owner.spend("b", 256, Account.RELAYED)
    for name in "ab":
        stores[name].close()
        stores[name] = open_store(tmp_path, name)
    owner, holder = stores.values()
    with holder.transaction():
        holder.void_at(told(grant, readers=()))
    with owner.transaction():
        owner.void(grant.grant_id)
        owner.forfeit(grant.grant_id)
        owner.forfeit(grant.grant_id)
        owner.confirm(grant.grant_id)
    with owner.transaction():
        owner.forfeit(grant.grant_id)
    assert accounts(owner) == accounts(holder) == {"expired": 256}
    assert_clean(owner, holder)
    owner.close()
    holder.close()


def test_old_key_is_destroyed(tmp_path):
    now = [1e9]
    store = open_store(tmp_path, clock=lambda: now[0])
    other = open_store(tmp_path, "b", clock=lambda: now[0])
    share(store, other)
    with store.transaction():
        assert store.expire_blocks(max_age_s=100) == 0
        now[0] += 100
        assert store.expire_blocks(max_age_s=100) == 8000
    assert store.stock_bits("b") == 0
    with other.transaction():
        for grant in store.untold("b"):
            other.void_at(told(grant))
    with store.transaction():
        store.confirm(*[grant.grant_id for grant in store.untold("b")])
        other_blocks = store.untold("b")
    assert other_blocks == []
    assert_clean(store, other)
    assert accounts(store) == accounts(other) == {"expired": 8000}


def test_sizes_that_are_no_bytes_are_refused(pair):
    share(*pair)
    for size in (0, 7, -8):
        with pytest.raises(InputError, match="whole bytes"), pair[0].transaction():
            pair[0].allocate("b", key_bits=size, master="alice")


def test_blocks_are_compared_before_use(pair):
    block = make_block(100)
    with pair[0].transaction():
        pair[0].add_block(block)
    assert pair[0].stock_bits("b") == 0
    asked = pair[0].unshared_blocks("b")
    assert asked == [(block.block_id, 800)]
    assert pair[1].known_blocks("a", asked) == []
    with pair[1].transaction():
        pair[1].add_block(make_block(99, peer="a", is_ours=False, block_id=block.block_id))
    assert pair[1].known_blocks("a", asked) == []
    assert pair[1].known_blocks("a", [(block.block_id, 792)]) == [block.block_id]


def test_bits_that_the_link_kept_for_its_tags_are_in_the_books(pair):
    block = make_block()
    account = Distilled(sifted=20_000, amplification=20_000 - block.bits.n - 160, secret=block.bits.n + 160)
    with pair[0].transaction():
        pair[0].add_block(block, account, tag_bits=160)
    assert accounts(pair[0]) == {"amplification": 11_840, "authentication": 160, "stored": 8_000}
    with pytest.raises(InputError, match="kept for tags"), pair[0].transaction():
        pair[0].add_block(make_block(), account, tag_bits=8)
    assert_clean(pair[0])


def test_a_block_that_the_other_end_may_not_have_is_withdrawn(pair):
    block = make_block()
    with pair[0].transaction():
        pair[0].add_block(block)
        assert pair[0].withdraw_block(block.block_id) == 8_000
        assert pair[0].withdraw_block(block.block_id) == 0
        assert pair[0].withdraw_block("0" * 32) == 0
    assert accounts(pair[0]) == {"expired": 8_000}
    assert_clean(*pair)
