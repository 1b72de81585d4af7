"""The database of a key store, and every SQL statement on it. What it means is :mod:`~kakehashi.qkd.keys.store`'s."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.core.errors import DataError, InputError, KakehashiError, ResourceError
from kakehashi.qkd.keys.grant import Grant, Part
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account, Origin
from kakehashi.qkd.keys.schema import KEPT_BLOCKS, OPEN_GRANTS, SCHEMA, SCHEMA_VERSION

__all__ = ["BlockRow", "Entry", "Tables", "storage_error"]

BLOCK_COLUMNS = "block_id, peer, is_ours, sifted, n_bits, failure, bound, origin, made_utc, added_utc, is_shared, free"


def storage_error(path: Path, error: sqlite3.Error) -> DataError | ResourceError:
    """The sentence for what SQLite could not do."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    if code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return ResourceError(f"{path} cannot be written ({error}); free some space; nothing was lost.")
    if isinstance(error, sqlite3.OperationalError) and code & 0xFF == sqlite3.SQLITE_BUSY:
        return ResourceError(f"{path} is held by another program.")
    return DataError(f"{path} is damaged ({error}); do not use it on: set it aside and start a new store.")


@dataclass(slots=True, kw_only=True)
class BlockRow:
    """A block as the store knows it; ``free`` holds the ranges ``[first, end)`` that nothing has taken."""

    number: int
    block_id: str
    peer: str
    is_ours: bool
    sifted: int
    n_bits: int
    failure: float
    bound: str
    origin: Origin
    made_utc: float
    added_utc: float
    is_shared: bool
    free: list[list[int]]

    @property
    def free_bits(self) -> int:
        """Bits that nothing has taken."""
        return sum(end - first for first, end in self.free)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Bits of a block that went from one account to another; ``sifted`` is where all come from."""

    block: int
    debit: str
    credit: str
    bits: int


class Tables:
    """The database of a store.

    Args:
        path: Its file; made where there is none.
        durable: Whether a commit must have reached the disk when it returns.
        read_only: For a look at a store that another process may be using.

    Raises:
        InputError: It is missing or of another kind.
        DataError: It is damaged.
    """

    def __init__(self, path: Path, *, durable: bool = True, read_only: bool = False) -> None:
        self.path = path
        if read_only and not path.is_file():
            raise InputError(f"{path.parent} is no key store: it holds no {path.name}.")
        try:
            if not read_only:  # SQLite would let others read it where the folder lets them in
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._sql = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=5,
            )
            if not read_only:
                self._set_up(durable)
            found = self._sql.execute("SELECT value FROM about WHERE name = 'schema'").fetchone()
        except OSError as error:
            raise InputError(f"{path} cannot be opened: {error.strerror}.") from None
        except sqlite3.Error as error:
            raise storage_error(path, error) from None
        if found is None or int(found[0]) != SCHEMA_VERSION:
            raise InputError(f"{path} is no key store of this version of kakehashi.")

    def _set_up(self, durable: bool) -> None:
        run = self._sql.execute
        # WAL: one fsync a commit. FULL: that one is never left out. What is deleted is overwritten in its page.
        run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        run("PRAGMA secure_delete = ON")
        run("PRAGMA cell_size_check = ON")
        if run("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            self._sql.executescript(
                f"BEGIN; {SCHEMA} INSERT INTO about VALUES ('schema', '{SCHEMA_VERSION}'); COMMIT;"  # noqa: S608
            )

    def close(self) -> None:
        """Close the database."""
        self._sql.close()

    def begin(self) -> None:
        """Start a transaction."""
        self._sql.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End it; what was written is on disk when this returns."""
        self._sql.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo it."""
        if self._sql.in_transaction:
            self._sql.execute("ROLLBACK")

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database and empty it."""
        self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read within the block is of one moment, whatever another process writes meanwhile."""
        self._sql.execute("BEGIN")
        try:
            yield
        finally:
            self._sql.execute("ROLLBACK")

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turns SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.Error as error:
            raise storage_error(self.path, error) from None
        except (ValueError, TypeError, KeyError) as error:
            if isinstance(error, KakehashiError):
                raise
            raise DataError(f"{self.path} holds what no store would write ({error}): it is damaged.") from None

    def check(self) -> list[str]:
        """What SQLite finds wrong with its file."""
        found = [str(row[0]) for row in self._sql.execute("PRAGMA quick_check(10)")]
        return [] if found == ["ok"] else found

    def about(self, name: str) -> str | None:
        """One of the facts about the store."""
        row = self._sql.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_about(self, name: str, value: str) -> None:
        """Set one of them."""
        self._sql.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def insert_block(self, block: BlockRow) -> int:
        """A new block; gives its number."""
        values = [getattr(block, name) for name in BLOCK_COLUMNS.split(", ")[:-1]]
        cursor = self._sql.execute(
            f"INSERT INTO block ({BLOCK_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - names, not values
            [*values, json.dumps(block.free)],
        )
        return int(cursor.lastrowid or 0)

    def update_block(self, block: BlockRow) -> None:
        """What is left of a block, and whether the other end has it."""
        self._sql.execute(
            "UPDATE block SET free = ?, is_shared = ? WHERE number = ?",
            (json.dumps(block.free), block.is_shared, block.number),
        )

    def blocks(self, *, unused_only: bool = False) -> Iterator[BlockRow]:
        """All blocks in the order of their coming, or those of which something is left or still to be settled."""
        names = f"number, {BLOCK_COLUMNS}"
        where = f"WHERE {KEPT_BLOCKS}" if unused_only else ""
        for row in self._sql.execute(f"SELECT {names} FROM block {where} ORDER BY number"):  # noqa: S608 - as above
            values: dict[str, Any] = dict(zip(names.split(", "), row, strict=True))
            values |= {
                "free": json.loads(values["free"]),
                "is_ours": bool(values["is_ours"]),
                "is_shared": bool(values["is_shared"]),
            }
            yield BlockRow(**values)

    def has_block(self, block_id: str) -> bool:
        """Whether a block was ever here."""
        return self._sql.execute("SELECT 1 FROM block WHERE block_id = ?", (block_id,)).fetchone() is not None

    def chunk(self, block: int, index: int) -> tuple[int, int, bytes] | None:
        """Slot, bits left and ciphertext of a chunk."""
        row: tuple[int, int, bytes] | None = self._sql.execute(
            "SELECT slot, left_bits, sealed FROM chunk WHERE id = ?", (block << 24 | index,)
        ).fetchone()
        return row

    def put_chunk(self, block: int, index: int, slot: int, left_bits: int, sealed: bytes) -> None:
        """Write a chunk, or write it anew."""
        self._sql.execute(
            "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)", (block << 24 | index, slot, left_bits, sealed)
        )

    def drop_chunk(self, block: int, index: int) -> None:
        """Delete a chunk."""
        self._sql.execute("DELETE FROM chunk WHERE id = ?", (block << 24 | index,))

    def chunks(self) -> Iterator[tuple[int, int, int, int]]:
        """Block, index, slot and bits left of every chunk."""
        for row in self._sql.execute("SELECT id, slot, left_bits FROM chunk"):
            yield row[0] >> 24, row[0] & 0xFFFFFF, row[1], row[2]

    def add_entry(self, at_utc: float, entry: Entry) -> None:
        """A line of the ledger."""
        self._sql.execute(
            "INSERT INTO entry (at_utc, block, debit, credit, bits) VALUES (?, ?, ?, ?, ?)",
            (at_utc, entry.block, entry.debit, entry.credit, entry.bits),
        )

    def entries(self) -> Iterator[Entry]:
        """The ledger, summed over what is alike."""
        for block, debit, credit, bits in self._sql.execute(
            "SELECT block, debit, credit, sum(bits) FROM (SELECT block, debit, credit, bits FROM entry"
            " UNION ALL SELECT block, debit, credit, bits FROM folded_entry) GROUP BY block, debit, credit"
        ):
            yield Entry(block=block, debit=debit, credit=credit, bits=bits)

    def insert_grant(self, grant: Grant) -> None:
        """A new grant; sets its number."""
        cursor = self._sql.execute(
            "INSERT INTO used (grant_id, peer, is_ours, sequence, account, key_bits, parts, master, readers, key_ids,"
            " mask, waiting, failure, bound, state, is_told, expires_utc)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                grant.grant_id,
                grant.peer,
                grant.is_ours,
                grant.sequence,
                str(grant.account),
                grant.key_bits,
                _parts_text(grant.parts),
                grant.master,
                json.dumps(grant.readers),
                grant.key_ids if grant.readers else b"",
                grant.mask if grant.readers else b"",
                bytes(grant.waiting),
                grant.failure,
                grant.bound,
                str(grant.state),
                grant.is_told,
                grant.expires_utc,
            ),
        )
        grant.number = int(cursor.lastrowid or 0)

    def update_grant(self, grant: Grant) -> None:
        """What changes in a grant's life; once nobody waits, the IDs are forgotten."""
        is_open = any(grant.waiting)
        # By its ID too: once a row was folded, its number may be that of another grant.
        self._sql.execute(
            "UPDATE used SET waiting = ?, state = ?, account = ?, is_told = ?, key_ids = iif(?, key_ids, x''),"
            " mask = iif(?, mask, x'') WHERE number = ? AND grant_id = ?",
            (
                bytes(grant.waiting),
                str(grant.state),
                str(grant.account),
                grant.is_told,
                is_open,
                is_open,
                grant.number,
                grant.grant_id,
            ),
        )

    def grants(self, *, open_only: bool = False) -> Iterator[Grant]:
        """All grants in order, or those about which something is still to do."""
        yield from self._grants(f"WHERE {OPEN_GRANTS} ORDER BY number" if open_only else "ORDER BY number", ())

    def grants_after(self, peer: str, *, is_ours: bool, sequence: int) -> list[Grant]:
        """Grants of a peer with a higher sequence."""
        where = "WHERE peer = ? AND is_ours = ? AND sequence > ? ORDER BY sequence"
        return list(self._grants(where, (peer, is_ours, sequence)))

    def grant_at(self, peer: str, *, is_ours: bool, sequence: int) -> Grant | None:
        """The grant with a sequence."""
        where = "WHERE peer = ? AND is_ours = ? AND sequence = ?"
        return next(self._grants(where, (peer, is_ours, sequence)), None)

    def grants_alone(self, peer: str, block_id: str) -> list[Grant]:
        """What was destroyed here of a peer's block without its word."""
        where = "WHERE peer = ? AND NOT is_ours AND sequence < 0 AND instr(parts, ?)"
        return list(self._grants(where, (peer, block_id)))

    def narrow_grant(self, grant: Grant, parts: Sequence[Part]) -> None:
        """Leave a grant that nobody has keys of fewer of its parts; none of it where there are none."""
        n_bits, text = sum(part.n_bits for part in parts), _parts_text(parts)
        self.run("UPDATE used SET parts = ?, key_bits = ? WHERE number = ?", text, n_bits, grant.number)
        if not parts:
            self.run("DELETE FROM used WHERE number = ?", grant.number)

    def grants_from(self, number: int, limit: int) -> list[Grant]:
        """The next grants by their number, without those that were given up."""
        where = "WHERE number > ? AND NOT (state = 'expired' AND (is_ours OR account = 'expired'))"
        return list(self._grants(f"{where} ORDER BY number LIMIT ?", (number, limit)))

    def lowest_sequence(self, peer: str) -> int:
        """Of what was destroyed here without the peer's word; 0 where there is none."""
        rows = self.run("SELECT min(sequence) FROM used WHERE peer = ? AND NOT is_ours", peer)
        return min(int(rows[0][0] or 0), 0)

    def folded_top(self, peer: str, *, is_ours: bool) -> int:
        """Highest sequence of a grant that was folded, see :mod:`~kakehashi.qkd.keys.fold`."""
        rows = self.run("SELECT top FROM folded_grants WHERE peer = ? AND is_ours = ?", peer, is_ours)
        return int(rows[0][0]) if rows else 0

    def top_sequences(self, *, is_ours: bool) -> dict[str, int]:
        """Highest sequence of the grants to each peer, or of each peer."""
        rows = self.run(
            "SELECT peer, max(sequence) FROM (SELECT peer, is_ours, sequence FROM used"
            " UNION ALL SELECT peer, is_ours, top FROM folded_grants) WHERE is_ours = ? GROUP BY peer",
            is_ours,
        )
        return dict(rows)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """A statement of :mod:`~kakehashi.qkd.keys.fold`, which this module would be too long with."""
        return self._sql.execute(statement, values).fetchall()

    def _grants(self, where: str, values: tuple[object, ...]) -> Iterator[Grant]:
        names = (
            "grant_id, peer, is_ours, sequence, account, key_bits, parts, master, readers, key_ids, mask, waiting, "
            "failure, bound, state, is_told, expires_utc, number"
        )
        for found in self._sql.execute(f"SELECT {names} FROM used {where}", values):  # noqa: S608 - as above
            row: dict[str, Any] = dict(zip(names.split(", "), found, strict=True))
            parts = json.loads(row["parts"])
            row |= {
                "is_ours": bool(row["is_ours"]),
                "is_told": bool(row["is_told"]),
                "account": Account(row["account"]),
                "state": GrantState(row["state"]),
                "readers": tuple(json.loads(row["readers"])),
                "waiting": bytearray(row["waiting"]),
                "parts": tuple(Part(block_id=b, first=first, n_bits=n) for b, first, n in parts),
            }
            yield Grant(**row)


def _parts_text(parts: Sequence[Part]) -> str:
    return json.dumps([(part.block_id, part.first, part.n_bits) for part in parts])
