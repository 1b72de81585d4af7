"""The part of a key store that every change goes through: files, transactions, blocks, and the ledger."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.keys.chunks import Chunks
from kakehashi.qkd.keys.fold import Fold
from kakehashi.qkd.keys.grant import Grant, Part
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account, KeyBlock
from kakehashi.qkd.keys.shelf import Shelf
from kakehashi.qkd.keys.tables import BlockRow, Entry, Tables
from kakehashi.qkd.keys.vault import Vault

try:
    import fcntl
except ImportError:  # not Unix
    fcntl = None  # type: ignore[assignment]

__all__ = ["DATABASE", "SIFTED", "SLOTS", "Books"]

DATABASE = "keys.sqlite"
"""File of the database within the store's folder."""
SLOTS = "keys.slots"
"""File of the slots, see :mod:`~kakehashi.qkd.keys.vault`."""
SIFTED = "sifted"
"""Where the bits of a block come from, in the ledger."""


def _no_trace(_: str) -> None:
    pass


class Books:
    """Base of :class:`~kakehashi.qkd.keys.store.KeyStore`, which says what its arguments mean."""

    def __init__(
        self,
        folder: Path,
        *,
        node: str,
        node_key: bytes,
        durable: bool = True,
        clock: Callable[[], float] = time.time,
        trace: Callable[[str], None] = _no_trace,
    ) -> None:
        self.folder = folder
        self.node = node
        self._clock = clock
        self._trace = trace
        self._lock = _lock_folder(folder)
        try:
            self._tables = Tables(folder / DATABASE, durable=durable)
            self._vault = Vault(folder / SLOTS, node_key, durable=durable)
            self._chunks = Chunks(self._tables, self._vault, trace)
            self._fold = Fold(self._tables, trace)
            self._closed: dict[str, int] = {}
            self.shelf = Shelf()
            self._entries: dict[tuple[int, str, str], int] = {}
            self._touched: dict[int, BlockRow] = {}
            self._changed: dict[str, Grant] = {}
            self._is_committing = False
            self.in_transaction = False
            with self._tables.errors():
                self._claim(node)
                self._chunks.recover()
                self._chunks.check_key()
                self._load()
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Close the files. What is on disk is whole at any time, so this is a courtesy."""
        self._tables.close()
        self._vault.close()
        os.close(self._lock)

    # --- transactions

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Changes within the block reach the disk together when it ends; none of them if it raises.

        Raises:
            ResourceError: The disk is full or broken; nothing was changed.
        """
        self.begin()
        try:
            yield
            self.write_out()
            self.harden()
        except BaseException:
            self.roll_back()
            raise
        self.settle()

    def begin(self) -> None:
        """Start a transaction: first of four steps that :meth:`transaction` takes."""
        with self._tables.errors():
            self._tables.begin()
        self.in_transaction = True

    def write_out(self) -> None:
        """Give the database what changed in memory."""
        with self._tables.errors():
            at = self._clock()
            for (block, debit, credit), bits in self._entries.items():
                self._trace("entry written")
                self._tables.add_entry(at, Entry(block=block, debit=debit, credit=credit, bits=bits))
            for row in self._touched.values():
                self._trace("block written")
                self._tables.update_block(row)
            for grant in self._changed.values():
                self._trace("grant written")
                self._tables.update_grant(grant)
            self._chunks.write_out()

    def harden(self) -> None:
        """Wait until it is on disk. This may be called in another thread, while nothing else is done to the store."""
        self._is_committing = True
        self._trace("slots flushed")
        self._chunks.flush()
        self._trace("commit")
        with self._tables.errors():
            self._tables.commit()
        self._trace("committed")

    def settle(self) -> None:
        """Destroy what the transaction made superfluous."""
        self._chunks.settle()
        for grant in self._changed.values():
            self.shelf.settle(grant)
        self._forget()

    def roll_back(self) -> None:
        """Undo the transaction, in memory too."""
        with self._tables.errors():
            self._tables.roll_back()
        self._chunks.roll_back(was_committing=self._is_committing)
        self._forget()
        self._load()

    def _forget(self) -> None:
        self._entries, self._touched, self._changed = {}, {}, {}
        self._is_committing = self.in_transaction = False

    # --- blocks

    def add_block(self, block: KeyBlock, distilled: Distilled | None = None, *, tag_bits: int = 0) -> None:
        """Put a block into the store.

        Bits beyond whole bytes are written off as expired. The block's own buffer stays the caller's to wipe.

        Args:
            block: The key.
            distilled: How it came to be; without, as for a relayed block, its bits are all there ever were.
            tag_bits: Secret bits that the link kept for its tags before the block came here.

        Raises:
            InputError: Such a block was here before, or the account is of another number of bits.
        """
        account = distilled or Distilled(sifted=block.bits.n, secret=block.bits.n)
        if account.secret != block.bits.n + tag_bits or tag_bits < 0:
            raise InputError(
                f"A block of {block.bits.n} bits, with {tag_bits} kept for tags, came with an account of "
                f"{account.secret} secret bits."
            )
        whole = block.bits.n - block.bits.n % 8
        row = self._new_block(block.block_id, block.peer, account, is_ours=block.is_ours)
        row.failure, row.bound, row.origin = block.failure, block.bound, block.origin
        row.made_utc, row.n_bits = block.made_utc, block.bits.n
        row.free = [[0, whole]] if whole else []
        self._insert_block(row, account)
        self._post(row, Account.STORED, Account.AUTHENTICATION, tag_bits)
        if block.bits.n % 8:
            self._post(row, Account.STORED, Account.EXPIRED, block.bits.n % 8)
        if whole:
            self._chunks.put(row.number, memoryview(block.bits.data)[: whole // 8])

    def add_aborted(self, block_id: str, peer: str, distilled: Distilled) -> None:
        """Note a block that gave no key: its bits are accounted for like all others.

        Raises:
            InputError: Such a block was here before, or the account has secret bits.
        """
        if distilled.secret:
            raise InputError("An aborted block has no secret bits.")
        self._insert_block(self._new_block(block_id, peer, distilled, is_ours=False), distilled)

    def _new_block(self, block_id: str, peer: str, account: Distilled, *, is_ours: bool) -> BlockRow:
        if peer == self.node:
            raise InputError(f"Node '{peer}' cannot share a block with itself.")
        if len(block_id) != 32 or set(block_id) - set("0123456789abcdef"):
            raise InputError(f"A block's ID must be 32 hexadecimal digits, but is {block_id!r}.")
        if block_id in self.shelf.by_id or self._tables.has_block(block_id):
            raise InputError(f"The store has had block {block_id} before; a block comes once.")
        return BlockRow(
            number=0,
            block_id=block_id,
            peer=peer,
            is_ours=is_ours,
            sifted=account.sifted,
            n_bits=account.secret,
            failure=0.0,
            bound="",
            origin="distilled",
            made_utc=self._clock(),
            added_utc=self._clock(),
            is_shared=not is_ours,
            free=[],
        )

    def _insert_block(self, row: BlockRow, account: Distilled) -> None:
        with self._tables.errors():
            self._trace("block written")
            row.number = self._tables.insert_block(row)
        self.shelf.add(row)
        for name in ("estimation", "correction", "verification", "amplification", "aborted"):
            self._post(row, SIFTED, Account(name), getattr(account, name))
        self._post(row, SIFTED, Account.STORED, account.secret)

    def share_blocks(self, block_ids: Sequence[str]) -> None:
        """Note that the other end has these blocks of ours, so that keys may be delivered from them."""
        for block_id in block_ids:
            row = self.shelf.by_id.get(block_id)
            if row is not None and row.is_ours and not row.is_shared:
                self.shelf.share(row)
                self._touched[row.number] = row

    def unshared_blocks(self, peer: str) -> list[tuple[str, int]]:
        """IDs and sizes of blocks of ours that the peer is not known to have."""
        rows = self.shelf.blocks.values()
        return [(r.block_id, r.n_bits) for r in rows if r.peer == peer and r.is_ours and not r.is_shared and r.free]

    def known_blocks(self, peer: str, asked: Sequence[tuple[str, int]]) -> list[str]:
        """Which of the blocks that a peer calls its own are here, with the same size."""
        rows = self.shelf.by_id
        return [
            b for b, n in asked if b in rows and (rows[b].peer, rows[b].n_bits, rows[b].is_ours) == (peer, n, False)
        ]

    def stock_bits(self, peer: str) -> int:
        """Bits that can be handed out now to users who share them with a peer."""
        return self.shelf.stock.get(peer, 0)

    def next_failure(self, peer: str, n_bits: int) -> float:
        """Failure probability of the key that would be cut next."""
        return self.shelf.failure(self.shelf.cut(peer, n_bits) or ())

    def next_bound(self, peer: str, n_bits: int) -> str:
        """Bound of that key."""
        return self.shelf.bound(self.shelf.cut(peer, n_bits) or ())

    @staticmethod
    def is_ready(grant: Grant) -> bool:
        """Whether a grant's readers may have their keys: at its owner, not before its master may."""
        return grant.state in (GrantState.ANNOUNCED, GrantState.DELIVERED)

    # --- within

    def _enter(self, grant: Grant, *, is_gone: bool = False) -> None:
        """Note a grant, and take its bits from what is free, unless they are gone already."""
        # Written at once: what the other end asks about may have come in this very transaction.
        grant.expires_utc = grant.expires_utc or self._clock()
        with self._tables.errors():
            self._trace("grant written")
            self._tables.insert_grant(grant)
        if is_gone:
            self.shelf.keep(grant)
        else:
            self._touched |= {row.number: row for row in self.shelf.enter(grant)}
        self._changed[grant.grant_id] = grant

    def _take(self, grant: Grant, *, keep: bool) -> bytearray:
        out = self._read(grant.parts)
        if not keep:
            self._erase(grant.parts)
        return out

    def _read(self, parts: Sequence[Part]) -> bytearray:
        out = bytearray()
        for part in parts:
            out += self._chunks.read(self.shelf.by_id[part.block_id].number, part.first, part.n_bits)
        return out

    def _erase(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._chunks.erase(self.shelf.by_id[part.block_id].number, part.first, part.n_bits)

    def _drop_waiting(self, grant: Grant, *, post: bool) -> int:
        """Erase the keys of a grant for which somebody still waits; gives the number of their bits."""
        n_bits = 0
        for index in range(grant.n_keys) if grant.readers else ():
            if grant.is_waiting(index):
                parts = grant.parts_of(index)
                self._erase(parts)
                n_bits += grant.key_bits
                if post:
                    self._post_all(parts, Account.STORED, Account.EXPIRED)
        grant.waiting[:] = bytes(len(grant.waiting))
        return n_bits

    def _post_all(self, parts: Sequence[Part], debit: Account, credit: Account) -> None:
        for part in parts:
            self._post(self.shelf.by_id[part.block_id], debit, credit, part.n_bits)

    def _post(self, row: BlockRow, debit: str, credit: str, bits: int) -> None:
        if bits and debit != credit:
            line = (row.number, str(debit), str(credit))
            self._entries[line] = self._entries.get(line, 0) + bits

    def _find(self, grant: Grant) -> Grant | None:
        """The grant as it is here already."""
        if grant.sequence > self.shelf.seen.get(grant.peer, 0):
            return None
        with self._tables.errors():
            known = self._tables.grant_at(grant.peer, is_ours=False, sequence=grant.sequence)
            if known is None and grant.sequence <= self._tables.folded_top(grant.peer, is_ours=False):
                raise InputError(f"Grant {grant.grant_id} of '{grant.peer}' is over, or was never told of.")
        if known is not None and (known.grant_id, known.parts) != (grant.grant_id, grant.parts):
            raise InputError(f"'{grant.peer}' used the number {grant.sequence} for two grants.")
        return self.shelf.open.get(grant.grant_id, known)

    def _is_known(self, grant: Grant) -> bool:
        known = self._find(grant)
        if known is not None and known.state is GrantState.EXPIRED:
            raise InputError(f"Grant {grant.grant_id} of '{grant.peer}' has expired here.")
        return known is not None

    def _claim(self, node: str) -> None:
        owner = self._tables.about("node")
        if owner is None:
            self._tables.begin()
            self._tables.set_about("node", node)
            self._tables.commit()
        elif owner != node:
            raise InputError(f"{self.folder} is the store of node '{owner}', not of '{node}'.")

    def _load(self) -> None:
        with self._tables.errors():
            tables = self._tables
            self.shelf = Shelf.load(
                tables.blocks(unused_only=True),
                tables.grants(open_only=True),
                tables.top_sequences(is_ours=True),
                tables.top_sequences(is_ours=False),
                before=self.shelf,
            )


def _lock_folder(folder: Path) -> int:
    if fcntl is None:
        raise ResourceError(f"{folder} cannot be kept from other programs: a store needs the file locks of Unix.")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"{folder} cannot be opened as a store: {error.strerror}.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise ResourceError(f"{folder} is in use by another program.") from None
    return handle
