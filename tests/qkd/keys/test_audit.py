import json
import sqlite3

import pytest
from tests.qkd.key_pair import deliver, fetch, make_block, open_store, share

from kakehashi.core.errors import InputError
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.store import DATABASE


@pytest.fixture
def folders(tmp_path):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    share(owner, holder)
    share(holder, owner)
    fetch(holder, deliver(owner, holder, 2)[0], [0])
    owner.close()
    holder.close()
    return tmp_path / "a", tmp_path / "b"


def test_honest_books_are_clean(folders):
    for folder in folders:
        audit = audit_store(folder)
        assert audit.is_clean
        assert [account.is_balanced for account in (*audit.links, *audit.blocks)] == [True] * 3
        assert [account.bound for account in (*audit.links, *audit.blocks)] == ["wiesemann"] * 3
        assert json.loads(json.dumps(audit.to_json()))["schema"] == "kakehashi.qkd.audit/1"
    pair = audit_pair(*folders)
    assert (pair.is_clean, pair.notes) == (True, ())
    assert pair.to_json()["compared"] == {"blocks": 2, "grants": 1}


def test_grants_that_are_summed_up_are_compared_too(folders, tmp_path):
    for name in "ab":
        with (store := open_store(tmp_path, name, clock=lambda: 4e9)).transaction():
            store.fold()
        store.close()
    pair = audit_pair(*folders)
    assert (pair.is_clean, pair.compared) == (True, {"blocks": 2, "grants": 1})


def test_a_store_is_not_compared_with_itself(folders):
    with pytest.raises(InputError, match="both stores of 'a'"):
        audit_pair(folders[0], folders[0])


def test_relayed_key_is_counted_apart(folders):
    change(folders[0], "UPDATE block SET origin = 'relayed', bound = 'lim' WHERE number = 1")
    links = audit_store(folders[0]).links
    assert [(link.name, link.origin, link.bound) for link in links] == [
        ("b", "distilled", "wiesemann"),
        ("b", "relayed", "lim"),
    ]
    assert all(link.is_balanced for link in links)


FORGERIES = [
    ("UPDATE entry SET bits = bits - 8 WHERE credit = 'delivered'", "stored"),
    ("DELETE FROM entry WHERE credit = 'stored' AND block = 1", "sifted bits"),
    ("UPDATE block SET sifted = sifted + 1", "sifted bits"),
    ("INSERT INTO entry (at_utc, block, debit, credit, bits) VALUES (0, 1, 'relayed', 'delivered', 8)", "'relayed'"),
    ("UPDATE block SET free = '[[0, 8000]]'", "once each"),
    ("UPDATE used SET parts = replace(parts, ', 512]', ', 504]'), key_bits = 8", "once each"),
    ("DELETE FROM chunk", "should lie there"),
    ("DELETE FROM used", "once each"),
    ("DELETE FROM block", "not there"),
]


@pytest.mark.parametrize(("forgery", "sentence"), FORGERIES)
def test_every_forgery_is_found(folders, forgery, sentence):
    change(folders[0], forgery)
    audit = audit_store(folders[0])
    assert not audit.is_clean
    assert any(sentence in fault for fault in audit.faults)


def test_the_weakest_proof_of_a_link_is_told_and_the_two_ends_must_agree_on_it(folders):
    change(folders[0], "UPDATE block SET bound = 'differential' WHERE number = 1")
    assert [link.bound for link in audit_store(folders[0]).links] == ["differential"]
    assert any("by proof 'differential' at 'a'" in fault for fault in audit_pair(*folders).faults)


def change(folder, statement):
    connection = sqlite3.connect(folder / DATABASE)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("forgery", "sentence"),
    [
        ("UPDATE used SET grant_id = 'x'", "not known"),
        ("UPDATE used SET key_bits = 512", "other bits"),
        ("UPDATE used SET master = 'mallory'", "masters"),
        ("UPDATE used SET state = 'expired'", "given up"),
        ("UPDATE block SET n_bits = n_bits + 8", "bits at"),
        ("UPDATE block SET is_ours = 0", "no owner"),
        ("UPDATE block SET block_id = block_id || 'x' WHERE is_ours", "though that was confirmed"),
    ],
)
def test_two_ends_that_disagree_are_found(folders, forgery, sentence):
    change(folders[0], forgery)
    faults = audit_pair(*folders).faults
    assert any(sentence in fault for fault in faults), faults


def test_what_is_still_to_be_told_is_a_note(tmp_path):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    share(owner, holder)
    with owner.transaction():
        owner.allocate("b", key_bits=64, master="alice")
        owner.add_block(make_block(10))
    assert audit_store(owner.folder).notes == ("1 grant is still to be settled with 'b'.",)
    audit = audit_pair(owner.folder, holder.folder)
    assert audit.is_clean
    assert len(audit.notes) == 2
    owner.close()
    holder.close()


def test_there_must_be_a_store(tmp_path):
    with pytest.raises(InputError, match="no key store"):
        audit_store(tmp_path)


def test_a_block_that_only_its_owner_had_and_destroyed_is_a_note(folders, tmp_path):
    owner = open_store(tmp_path)
    block = make_block()
    with owner.transaction():
        owner.add_block(block)
    with owner.transaction():
        owner.withdraw_block(block.block_id)
        owner.confirm(*(grant.grant_id for grant in owner.untold("b")))  # the other end had nothing to give up
    owner.close()
    audit = audit_pair(*folders)
    assert audit.is_clean
    assert any("is not known at 'b'" in note for note in audit.notes)


def test_a_confirmed_block_that_is_missing_stays_a_fault_when_it_was_destroyed(folders, tmp_path):
    owner = open_store(tmp_path)
    block = make_block()
    with owner.transaction():
        owner.add_block(block)
        owner.share_blocks([block.block_id])
    with owner.transaction():
        owner.withdraw_block(block.block_id)
        owner.confirm(*(grant.grant_id for grant in owner.untold("b")))
    owner.close()
    assert any("though that was confirmed" in fault for fault in audit_pair(*folders).faults)
