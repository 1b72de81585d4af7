"""A node's key store: blocks, what was taken from them, and the ledger, changed together or not at all.

Everything that changes the store happens in a transaction::

    with store.transaction():
        store.add_block(block, distilled)

or, where many tasks of one program share the wait for the disk, through :mod:`~kakehashi.qkd.keys.commit`. A method
that raises an error of kakehashi has changed nothing, unless it is a DataError: the store is damaged then.

The SQL is in :mod:`~kakehashi.qkd.keys.tables`, encryption in :mod:`~kakehashi.qkd.keys.vault`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.qkd.keys.books import DATABASE, SIFTED, SLOTS
from kakehashi.qkd.keys.fold import KEPT_S
from kakehashi.qkd.keys.grant import Grant, Part
from kakehashi.qkd.keys.lifecycle import GrantEvent, GrantState, advance
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.orphans import Orphans
from kakehashi.qkd.keys.tables import BlockRow
from kakehashi.qkd.keys.vault import wipe

__all__ = ["DATABASE", "OWNER_FIRST_S", "SIFTED", "SLOTS", "KeyStore"]

OWNER_FIRST_S = 60.0
"""By how much a peer's block may be older than ours may, so that in the common case it goes by its owner's word."""


class KeyStore(Orphans):
    """The key of one node, shared with its peers block by block.

    Args:
        folder: Where it is; made where there is none.
        node: The node's name.
        node_key: 32 bytes, see :func:`~kakehashi.qkd.keys.vault.read_node_key`.
        durable: Whether a transaction has reached the disk when it ends. Without, a power cut (not a kill of the
            program) can bring back what was delivered: for measurements alone.
        clock: Seconds since 1970.
        trace: Called with a name before each write; for tests that stop the program there.

    Raises:
        InputError: The folder belongs to another node or version, was written with another node key, or cannot be
            opened.
        ResourceError: Another program has it open.
        DataError: It is damaged.

    Example:
        >>> import secrets, tempfile
        >>> from pathlib import Path
        >>> from kakehashi.qkd.bits import Bits
        >>> from kakehashi.qkd.keys.model import KeyBlock
        >>> store = KeyStore(Path(tempfile.mkdtemp()), node="a", node_key=secrets.token_bytes(32))
        >>> block = KeyBlock(block_id="0" * 32, peer="b", is_ours=True, bits=Bits.from_bytes(secrets.token_bytes(64)),
        ...                  failure=1e-10, bound="wiesemann", origin="distilled", made_utc=0.0)
        >>> with store.transaction():
        ...     store.add_block(block)
        ...     store.share_blocks(["0" * 32])
        ...     grant, key = store.allocate("b", key_bits=256, master="alice")
        >>> len(key), store.stock_bits("b")
        (32, 256)
        >>> store.close()
    """

    # --- the owner's side

    def allocate(
        self,
        peer: str,
        *,
        key_bits: int,
        n_keys: int = 1,
        master: str,
        readers: tuple[str, ...] = (),
        key_ids: bytes = b"",
        account: Account = Account.DELIVERED,
        expires_utc: float = 0.0,
    ) -> tuple[Grant, bytearray]:
        """Cut keys from blocks of ours, and forget them here.

        Args:
            peer: Whom the blocks are shared with.
            key_bits: Size of each, a multiple of 8.
            n_keys: How many.
            master: The SAE that asked.
            readers: SAEs of this very node that will fetch the keys as well; for them they are kept.
            key_ids: 16 bytes for each key, where there are readers.
            account: Where the bits go.
            expires_utc: Until when they are kept for the readers.

        Returns:
            The grant, and the keys one after the other, for the caller to hand out once the transaction has ended, and
            to wipe.

        Raises:
            ResourceError: There is not enough key.
            InputError: The size is not a multiple of 8.
        """
        parts = self._cut(peer, key_bits * n_keys)
        waiting = bytearray(b"\1" * (n_keys * len(readers)))
        grant = self._own(
            peer,
            GrantEvent.ALLOCATE,
            account=account,
            key_bits=key_bits,
            parts=parts,
            master=master,
            readers=readers,
            key_ids=key_ids,
            waiting=waiting,
            expires_utc=expires_utc,
        )
        self._post_all(parts, Account.STORED, account)
        return grant, self._take(grant, keep=bool(readers))

    def spend(self, peer: str, n_bits: int, account: Account) -> tuple[Grant, bytearray]:
        """Take bits of ours for the network's own use, such as pads and tags.

        The peer takes the same by :meth:`spend_at`; :meth:`confirm` notes that it did.

        Args:
            peer: Whom they are shared with.
            n_bits: A multiple of 8. Whoever needs fewer takes up to 7 more and lets them go.
            account: Where they go.

        Raises:
            ResourceError: There is not enough key.
        """
        parts = self._cut(peer, n_bits)
        grant = self._own(peer, GrantEvent.SPEND, account=account, key_bits=n_bits, parts=parts)
        self._post_all(parts, Account.STORED, account)
        return grant, self._take(grant, keep=False)

    def confirm(self, *grant_ids: str) -> None:
        """Note that the other end knows of grants of ours. A second time changes nothing."""
        for grant_id in grant_ids:
            grant = self.shelf.open.get(grant_id)
            if grant is not None and not grant.is_told:
                if grant.state is GrantState.ALLOCATED:
                    grant.state = advance(grant.state, GrantEvent.CONFIRM)
                grant.is_told = True
                self._changed[grant_id] = grant

    def void(self, *grant_ids: str) -> None:
        """Give up grants of ours that nobody was told of; their bits are gone already."""
        for grant_id in grant_ids:
            grant = self.shelf.open.get(grant_id)
            if grant is not None and grant.state is GrantState.ALLOCATED:
                grant.state = advance(grant.state, GrantEvent.VOID)
                self._drop_waiting(grant, post=False)
                self._post_all(grant.parts, grant.account, Account.EXPIRED)
                self._changed[grant_id] = grant

    def forfeit(self, *grant_ids: str) -> None:
        """Write off what was spent on a message that never arrived; the other end has destroyed the same bits."""
        for grant_id in grant_ids:
            grant = self.shelf.open.get(grant_id)
            if grant is not None and grant.state is GrantState.SPENT:
                self._post_all(grant.parts, grant.account, Account.EXPIRED)
                grant.account = Account.EXPIRED
                self._changed[grant_id] = grant

    def adopt_lost(self, theirs: Sequence[Grant]) -> None:
        """Write off what the other end holds as ours and we know nothing of, since a crash came before our commit."""
        for found in theirs:
            if found.sequence > self.shelf.top.get(found.peer, 0) and self.shelf.is_free(found, is_ours=True):
                grant = self._own(
                    found.peer,
                    GrantEvent.VOID,
                    account=Account.EXPIRED,
                    key_bits=found.key_bits,
                    parts=found.parts,
                    grant_id=found.grant_id,
                    sequence=found.sequence,
                )
                self._post_all(grant.parts, Account.STORED, Account.EXPIRED)
                wipe(self._take(grant, keep=False))

    def _cut(self, peer: str, n_bits: int) -> tuple[Part, ...]:
        if n_bits <= 0 or n_bits % 8:
            raise InputError(f"Key is handed out in whole bytes, but {n_bits} bits were asked for.")
        parts = self.shelf.cut(peer, n_bits)
        if parts is None:
            raise ResourceError(f"There is not enough key in common with '{peer}'.")
        return parts

    def _own(self, peer: str, event: GrantEvent, *, parts: tuple[Part, ...], **fields: Any) -> Grant:
        fields = {"grant_id": secrets.token_hex(16), "sequence": self.shelf.top.get(peer, 0) + 1, **fields}
        fields |= {"failure": self.shelf.failure(parts), "bound": self.shelf.bound(parts)}
        grant = Grant(peer=peer, is_ours=True, parts=parts, state=advance(GrantState.NEW, event), **fields)
        self._enter(grant)
        return grant

    # --- the holder's side

    def announce(self, grant: Grant) -> None:
        """Keep what a peer has cut from its blocks for readers of this node. A second time changes nothing.

        Raises:
            InputError: The blocks are not here, or their bits have gone elsewhere.
        """
        if self._is_known(grant):
            return
        if not self.shelf.is_free(grant, is_ours=False):
            raise InputError(f"Grant {grant.grant_id} of '{grant.peer}' names bits that are not free here.")
        if not grant.readers or not grant.key_ids or self.shelf.has_any(grant):
            raise InputError(f"Grant {grant.grant_id} of '{grant.peer}' must have readers and key IDs that are new.")
        grant.state = advance(GrantState.NEW, GrantEvent.ANNOUNCE)
        grant.waiting = bytearray(b"\1" * (grant.n_keys * len(grant.readers)))
        grant.failure, grant.bound = self.shelf.failure(grant.parts), self.shelf.bound(grant.parts)
        grant.is_told = True
        self._enter(grant)

    def void_at(self, grant: Grant) -> None:
        """Destroy what a peer has given up, whether it was announced before or not. A second time changes nothing.

        Raises:
            InputError: Bits of it went to somebody: the two ends do not agree.
        """
        known = self._find(grant)
        if known is None:
            is_gone = not self.shelf.is_free(grant, is_ours=False)
            if is_gone and not self._give_alone(grant):
                raise InputError(f"Grant {grant.grant_id} of '{grant.peer}' names bits that are not free here.")
            grant.state = advance(GrantState.NEW, GrantEvent.VOID)
            grant.account, grant.is_told, grant.readers, grant.key_ids = Account.EXPIRED, True, (), b""
            grant.mask, grant.waiting = b"", bytearray()
            self._enter(grant, is_gone=is_gone)
            if not is_gone:
                self._post_all(grant.parts, Account.STORED, Account.EXPIRED)
                wipe(self._take(grant, keep=False))
        elif known.state in (GrantState.ANNOUNCED, GrantState.EXPIRED):
            if known.state is GrantState.ANNOUNCED:
                known.state = advance(known.state, GrantEvent.VOID)
                self._drop_waiting(known, post=True)
            known.account = Account.EXPIRED  # given up, and not just fetched by nobody
            self._changed[known.grant_id] = known
        else:
            raise InputError(
                f"Grant {grant.grant_id} of '{grant.peer}' is {known.state} here and cannot be taken back."
            )

    def spend_at(self, grant: Grant) -> bytearray:
        """The bits that the peer took by :meth:`spend`.

        Raises:
            InputError: They are not here, or have been taken before.
        """
        if self._find(grant) is not None or not self.shelf.is_free(grant, is_ours=False):
            raise InputError(f"Grant {grant.grant_id} of '{grant.peer}' names bits that are not free here.")
        grant.state, grant.is_told = advance(GrantState.NEW, GrantEvent.SPEND), True
        self._enter(grant)
        self._post_all(grant.parts, Account.STORED, grant.account)
        return self._take(grant, keep=False)

    def fetch(self, found: Sequence[tuple[Grant, int]], reader: str) -> list[bytearray]:
        """Hand out keys that wait for a reader, each once, and forget those for which nobody waits any more.

        Args:
            found: Grants and indices of keys, from :meth:`~kakehashi.qkd.keys.shelf.Shelf.find` in this transaction.
            reader: Who fetches.

        Returns:
            The keys, for the caller to hand out once the transaction has ended, and to wipe.
        """
        if any(not grant.waiting[i * len(grant.readers) + grant.readers.index(reader)] for grant, i in found):
            raise InputError("A key cannot be fetched twice.")
        keys: list[bytearray] = []
        for grant, first, n in _runs(found):
            keys += self._fetch_run(grant, first, n, reader)
        return keys

    def _fetch_run(self, grant: Grant, first: int, n: int, reader: str) -> list[bytearray]:
        """Keys of a grant that follow each other; most requests ask for them so."""
        place, n_readers = grant.readers.index(reader), len(grant.readers)
        for index in range(first, first + n):
            grant.waiting[index * n_readers + place] = 0
        size = grant.key_bits // 8
        data = self._read(grant.parts_of(first, n))
        for at, octet in enumerate(grant.mask[size * first : size * (first + n)]):
            data[at] ^= octet
        keys = [data[size * at : size * (at + 1)] for at in range(n)]
        wipe(data)
        free = [(grant, index) for index in range(first, first + n) if not grant.is_waiting(index)]
        for _, index, n_free in _runs(free):
            parts = grant.parts_of(index, n_free)
            self._erase(parts)
            if not grant.is_ours:
                self._post_all(parts, Account.STORED, grant.account)
        if grant.state is GrantState.ANNOUNCED and not any(grant.waiting):
            grant.state = advance(grant.state, GrantEvent.FETCHED)
        self._changed[grant.grant_id] = grant
        return keys

    def expire(self) -> int:
        """Destroy keys that nobody fetched in time; gives the number of their bits."""
        n_bits = 0
        for grant in self.shelf.due(self._clock()):
            n_bits += self._drop_waiting(grant, post=not grant.is_ours)
            if grant.state is GrantState.ANNOUNCED:
                grant.state = advance(grant.state, GrantEvent.EXPIRE)
            self._changed[grant.grant_id] = grant
        return n_bits

    def old_blocks(self, *, max_age_s: float) -> list[BlockRow]:
        """Blocks of which something is left and that came longer ago, those of peers by a grace more."""
        now, rows = self._clock(), self.shelf.blocks.values()
        grace = {True: 0.0, False: OWNER_FIRST_S}
        return [row for row in rows if row.free and row.added_utc + max_age_s + grace[row.is_ours] <= now]

    def expire_blocks(self, *, max_age_s: float) -> int:
        """Destroy what is left of :meth:`old_blocks`; gives the number of bits.

        Peers are told of blocks of ours like of every grant that was given up. What their own word did not reach, since
        they never had the block or are silent, goes without it; if it comes after all, the books take it up.
        """
        self.shelf.tidy()
        return sum([self._destroy(row) for row in self.old_blocks(max_age_s=max_age_s)])

    def withdraw_block(self, block_id: str) -> int:
        """Destroy what is left of a block that the other end may not have; gives the number of bits.

        If it is ours, the peer is told of it like of every grant that was given up, and may know nothing of the block.
        """
        row = self.shelf.by_id.get(block_id)
        return self._destroy(row) if row is not None and row.free else 0

    def _destroy(self, row: BlockRow) -> int:
        parts = tuple(Part(block_id=row.block_id, first=a, n_bits=b - a) for a, b in row.free)
        total = sum(part.n_bits for part in parts)
        if not row.is_ours:
            self._destroy_alone(row.peer, parts)
            return total
        grant = self._own(row.peer, GrantEvent.VOID, parts=parts, account=Account.EXPIRED, key_bits=total)
        self._post_all(parts, Account.STORED, Account.EXPIRED)
        wipe(self._take(grant, keep=False))
        return total

    def fold(self, after: int = 0) -> int:
        """Sum up a portion of the grants that are over, see :mod:`~kakehashi.qkd.keys.fold`.

        Args:
            after: What the call for the portion before gave.

        Returns:
            What the next call needs; 0 where there is nothing more to do.
        """
        with self._tables.errors():
            return self._fold.fold_grants(after, before_utc=self._clock() - KEPT_S, closed=self._closed)

    def fold_ledger(self) -> bool:
        """Sum up a portion of the ledger's oldest lines; whether there may be more of them."""
        with self._tables.errors():
            return self._fold.fold_ledger(before_utc=self._clock() - KEPT_S)

    # --- what the two ends compare

    def note_closed(self, peer: str, sequence: int) -> None:
        """A peer will not ask about its grants up to a sequence any more. Kept in memory: it says so again."""
        self._closed[peer] = max(self._closed.get(peer, 0), sequence)

    def untold(self, peer: str) -> list[Grant]:
        """Grants of ours that the other end is not known to know of."""
        return self.shelf.untold(peer)

    def find_grants(self, peer: str, asked: Sequence[tuple[int, str]], *, after: int) -> tuple[list[str], list[Grant]]:
        """What a peer needs to know after a break.

        Args:
            peer: Who asks.
            asked: Sequences and IDs of grants of its own.
            after: Its highest sequence.

        Returns:
            The IDs of those that are known here and were not given up, and all grants with a higher sequence.
        """
        known = []
        with self._tables.errors():
            for sequence, grant_id in asked:
                grant = self._tables.grant_at(peer, is_ours=False, sequence=sequence)
                if grant is not None and grant.grant_id == grant_id and grant.account is not Account.EXPIRED:
                    known.append(grant_id)
            return known, self._tables.grants_after(peer, is_ours=False, sequence=after)


def _runs(found: Sequence[tuple[Grant, int]]) -> Iterator[tuple[Grant, int, int]]:
    """Keys that follow each other in one grant: the grant, the first, and how many."""
    start = 0
    for end in range(1, len(found) + 1):
        grant, index = found[end - 1]
        if end == len(found) or found[end][0] is not grant or found[end][1] != index + 1:
            yield grant, found[start][1], end - start
            start = end
