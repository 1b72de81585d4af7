import sqlite3

import pytest
from tests.qkd.key_pair import deliver, open_store, share

from kakehashi.core.errors import DataError, InputError, ResourceError
from kakehashi.qkd.keys.tables import Entry, Tables, storage_error


def test_what_is_written_comes_back(tmp_path):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    share(owner, holder)
    grant, _ = deliver(owner, holder, 3)
    found = next(holder._tables.grants())
    for name in (
        "grant_id",
        "peer",
        "is_ours",
        "sequence",
        "account",
        "key_bits",
        "parts",
        "readers",
        "key_ids",
        "state",
    ):
        assert getattr(found, name) == getattr(grant, name)
    assert holder._tables.grant_at("a", is_ours=False, sequence=1).grant_id == grant.grant_id
    assert holder._tables.grant_at("a", is_ours=True, sequence=1) is None
    assert [g.sequence for g in holder._tables.grants_after("a", is_ours=False, sequence=0)] == [1]
    assert owner._tables.top_sequences(is_ours=True) == {"b": 1}
    ours, theirs = ([(b.block_id, b.n_bits) for b in store._tables.blocks()] for store in (owner, holder))
    assert ours == theirs


def test_the_ledger_takes_no_nonsense(tmp_path):
    tables = Tables(tmp_path / "db")
    tables.begin()
    for entry in (
        Entry(block=1, debit="stored", credit="stored", bits=1),
        Entry(block=1, debit="stored", credit="expired", bits=0),
    ):
        with pytest.raises(sqlite3.IntegrityError):
            tables.add_entry(0.0, entry)
    tables.roll_back()


def test_durable_means_that_every_commit_is_synced(tmp_path):
    """What the settings say; that the disk obeys is the disk's word."""
    for durable, level in ((True, 2), (False, 0)):
        tables = Tables(tmp_path / f"{durable}", durable=durable)
        assert tables._sql.execute("PRAGMA synchronous").fetchone() == (level,)
        assert tables._sql.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert tables._sql.execute("PRAGMA secure_delete").fetchone() == (1,)
        tables.close()


def test_a_look_changes_nothing(tmp_path):
    with pytest.raises(InputError, match="no key store"):
        Tables(tmp_path / "nothing", read_only=True)
    Tables(tmp_path / "db").close()
    tables = Tables(tmp_path / "db", read_only=True)
    with pytest.raises(sqlite3.OperationalError), tables.snapshot():
        tables.set_about("a", "b")
    assert tables.check() == []
    tables.close()


def test_errors_are_told_apart(tmp_path):
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert isinstance(storage_error(tmp_path, full), ResourceError)
    assert "another program" in str(storage_error(tmp_path, busy))
    assert isinstance(storage_error(tmp_path, sqlite3.DatabaseError("malformed")), DataError)


def test_the_database_is_for_its_owner_alone_wherever_it_lies(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    store = open_store(tmp_path / "open")
    files = [path for path in (tmp_path / "open").rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    store.close()
