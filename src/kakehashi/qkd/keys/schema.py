"""The tables of a key store, as SQLite makes them."""

from __future__ import annotations

__all__ = ["KEPT_BLOCKS", "OPEN_GRANTS", "SCHEMA", "SCHEMA_VERSION"]

SCHEMA_VERSION = 3
"""Stores of another version are refused."""

OPEN_GRANTS = "(state IN ('allocated', 'announced') OR NOT is_told OR key_ids <> x'')"
"""Grants about which something is still to do: of table ``used``, which has an index of them."""

SCHEMA = f"""
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE block (
    number INTEGER PRIMARY KEY, block_id TEXT NOT NULL UNIQUE, peer TEXT NOT NULL, is_ours INTEGER NOT NULL,
    sifted INTEGER NOT NULL, n_bits INTEGER NOT NULL, failure REAL NOT NULL, bound TEXT NOT NULL,
    origin TEXT NOT NULL, made_utc REAL NOT NULL, added_utc REAL NOT NULL, is_shared INTEGER NOT NULL,
    free TEXT NOT NULL);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, slot INTEGER NOT NULL UNIQUE, left_bits INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE entry (
    number INTEGER PRIMARY KEY, at_utc REAL NOT NULL, block INTEGER NOT NULL REFERENCES block(number),
    debit TEXT NOT NULL, credit TEXT NOT NULL, bits INTEGER NOT NULL CHECK (bits > 0), CHECK (debit <> credit));
CREATE INDEX entry_block ON entry(block);
CREATE TABLE used (
    number INTEGER PRIMARY KEY, grant_id TEXT NOT NULL, peer TEXT NOT NULL, is_ours INTEGER NOT NULL,
    sequence INTEGER NOT NULL, account TEXT NOT NULL, key_bits INTEGER NOT NULL, parts TEXT NOT NULL,
    master TEXT NOT NULL, readers TEXT NOT NULL, key_ids BLOB NOT NULL, mask BLOB NOT NULL, waiting BLOB NOT NULL,
    failure REAL NOT NULL, bound TEXT NOT NULL, state TEXT NOT NULL, is_told INTEGER NOT NULL,
    expires_utc REAL NOT NULL, UNIQUE (peer, is_ours, sequence));
CREATE TABLE folded_grants (
    peer TEXT NOT NULL, is_ours INTEGER NOT NULL, n INTEGER NOT NULL, top INTEGER NOT NULL, sum TEXT NOT NULL,
    PRIMARY KEY (peer, is_ours)) WITHOUT ROWID;
CREATE TABLE folded_block (
    block INTEGER PRIMARY KEY REFERENCES block(number), ranges TEXT NOT NULL, bits TEXT NOT NULL);
CREATE TABLE folded_entry (
    block INTEGER NOT NULL REFERENCES block(number), debit TEXT NOT NULL, credit TEXT NOT NULL, bits INTEGER NOT NULL,
    PRIMARY KEY (block, debit, credit)) WITHOUT ROWID;
CREATE INDEX used_open ON used(number) WHERE {OPEN_GRANTS};
"""

_OPEN_PARTS = "SELECT json_extract(value, '$[0]') FROM used, json_each(used.parts) WHERE "
KEPT_BLOCKS = "free <> '[]' OR number IN (SELECT id >> 24 FROM chunk) OR block_id IN "
KEPT_BLOCKS += f"({_OPEN_PARTS}{OPEN_GRANTS})"
"""Blocks that are not used up, or that such a grant is cut from: of table ``block``."""
