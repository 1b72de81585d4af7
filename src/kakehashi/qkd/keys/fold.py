"""What is left of grants that are over: sums, so that a store grows with its blocks and not with its requests.

A grant is over once nothing can happen to it at this end, and the other end cannot ask about it. Of all that are over,
there stay, for each peer and direction, their number and a sum of fingerprints that both ends compute alike; and, for
each block, the ranges that they took and the account of the bits. So it can still be proved that no bit was given out
twice and none is missing, and that both ends speak of the same grants. Not any more, which of them was which.

A grant that was given up stays as it is: it is rare, and of it the two ends must agree one by one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from kakehashi.qkd.keys.grant import Grant
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.tables import Tables

__all__ = ["KEPT_S", "Fold", "FoldedBlock", "FoldedGrants"]

KEPT_S = 600.0
"""How long a grant is kept whole after its keys would have expired: two stores in use are never read in one moment."""
PORTION = 100
"""Rows that are looked at in one transaction: others wait for it."""
MODULUS = 2**256


@dataclass(slots=True, kw_only=True)
class FoldedGrants:
    """The grants of one direction that are over.

    Attributes:
        peer: Node at the other end.
        is_ours: Whether they were this node's.
        n: How many.
        top: Highest sequence among them.
        sum: Of their fingerprints, modulo 2^256, which is the same in whatever order and portions they came.

    Example:
        >>> from kakehashi.qkd.keys.grant import Part
        >>> parts = (Part(block_id="0" * 32, first=0, n_bits=64),)
        >>> ours, theirs = FoldedGrants(peer="b", is_ours=True), FoldedGrants(peer="a", is_ours=False)
        >>> for sums in (ours, theirs):
        ...     sums.add(Grant(grant_id="1" * 32, peer=sums.peer, is_ours=sums.is_ours, sequence=1, parts=parts,
        ...                    account=Account.DELIVERED, key_bits=64))
        >>> (ours.n, ours.sum) == (theirs.n, theirs.sum)
        True
    """

    peer: str
    is_ours: bool
    n: int = 0
    top: int = 0
    sum: int = 0

    def add(self, grant: Grant) -> None:
        """One more."""
        self.n += 1
        self.top = max(self.top, grant.sequence)
        parts = [[part.block_id, part.first, part.n_bits] for part in grant.parts]
        text = json.dumps([grant.grant_id, grant.sequence, grant.key_bits, grant.master, parts])
        self.sum = (self.sum + int.from_bytes(hashlib.sha256(text.encode()).digest())) % MODULUS


@dataclass(slots=True, kw_only=True)
class FoldedBlock:
    """What grants that are over took from a block.

    Attributes:
        ranges: ``[first, end)``, in order. Those that meet are joined; any that overlap stay apart, for the audit to
            find.
        bits: Bits that the ledger must have in an account because of them.
    """

    ranges: list[list[int]] = field(default_factory=list)
    bits: dict[str, int] = field(default_factory=dict)

    def add(self, first: int, n_bits: int, account: Account | None) -> None:
        """One more part of a grant."""
        joined: list[list[int]] = []
        for low, high in sorted([*self.ranges, [first, first + n_bits]]):
            if joined and joined[-1][1] == low:
                joined[-1][1] = high
            else:
                joined.append([low, high])
        self.ranges = joined
        if account is not None:
            self.bits[account] = self.bits.get(account, 0) + n_bits


class Fold:
    """Sums up what is over, in portions. The store's transaction is around each.

    Args:
        tables: The database.
        trace: Called with a name before each write, so that a test can stop the program there.
    """

    def __init__(self, tables: Tables, trace: Callable[[str], None] = lambda _: None) -> None:
        self._tables = tables
        self._trace = trace

    def grants(self) -> dict[tuple[str, bool], FoldedGrants]:
        """Those that are over, by peer and whether they were ours."""
        rows = self._tables.run("SELECT peer, is_ours, n, top, sum FROM folded_grants")
        sums = (FoldedGrants(peer=p, is_ours=bool(o), n=n, top=top, sum=int(s, 16)) for p, o, n, top, s in rows)
        return {(found.peer, found.is_ours): found for found in sums}

    def blocks(self) -> Iterator[tuple[int, FoldedBlock]]:
        """What they took, by the block's number."""
        for number, ranges, bits in self._tables.run("SELECT block, ranges, bits FROM folded_block"):
            yield number, FoldedBlock(ranges=json.loads(ranges), bits=json.loads(bits))

    def fold_grants(self, after: int, *, before_utc: float, closed: Mapping[str, int]) -> int:
        """Fold what is over among the next rows.

        Args:
            after: The row after which to begin.
            before_utc: Only of grants whose keys would have expired by then.
            closed: Sequences up to which a peer will not ask about grants of its own.

        Returns:
            Where to go on; 0 where nothing older follows.
        """
        found = self._tables.grants_from(after, PORTION)
        old = [grant for grant in found if grant.expires_utc <= before_utc]
        gone = [grant for grant in old if _is_over(grant, closed)]
        numbers = {part.block_id: self._number(part.block_id) for grant in gone for part in grant.parts}
        # A grant of a block that is not there stays, for the audit to see.
        gone = [grant for grant in gone if all(numbers[part.block_id] for part in grant.parts)]
        blocks = {number: self._block(number) for number in numbers.values() if number}
        before, sums = self.grants(), {}
        for grant in gone:
            key = (grant.peer, grant.is_ours)
            if key not in sums:
                sums[key] = before.get(key) or FoldedGrants(peer=grant.peer, is_ours=grant.is_ours)
            sums[key].add(grant)
            for part in grant.parts:
                account = grant.account if grant.is_booked else None
                blocks[numbers[part.block_id]].add(part.first, part.n_bits, account)
        self._write(gone, sums, blocks)
        return found[-1].number if old and len(found) == PORTION else 0

    def fold_ledger(self, *, before_utc: float) -> bool:
        """Add the oldest lines of the ledger to sums by block and accounts; whether there may be more."""
        rows = self._tables.run(
            "SELECT number, at_utc, block, debit, credit, bits FROM entry ORDER BY number LIMIT ?", PORTION
        )
        sums: dict[tuple[int, str, str], int] = {}
        numbers = []
        for number, at_utc, block, debit, credit, bits in rows:
            if at_utc <= before_utc:
                numbers.append(number)
                sums[block, debit, credit] = sums.get((block, debit, credit), 0) + bits
        for line, bits in sums.items():
            self._trace("sum written")
            self._tables.run(
                "INSERT INTO folded_entry VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET bits = bits + excluded.bits",
                *line, bits,
            )  # fmt: skip
        for number in numbers:
            self._tables.run("DELETE FROM entry WHERE number = ?", number)
        return len(numbers) == PORTION

    def _write(
        self, gone: list[Grant], sums: dict[tuple[str, bool], FoldedGrants], blocks: dict[int, FoldedBlock]
    ) -> None:
        for (peer, is_ours), found in sums.items():
            self._trace("grants summed")
            self._tables.run(
                "INSERT OR REPLACE INTO folded_grants VALUES (?, ?, ?, ?, ?)",
                *(peer, is_ours, found.n, found.top, f"{found.sum:064x}"),
            )
        for number, block in blocks.items():
            self._trace("block summed")
            self._tables.run(
                "INSERT OR REPLACE INTO folded_block VALUES (?, ?, ?)",
                *(number, json.dumps(block.ranges), json.dumps(block.bits)),
            )
        for grant in gone:
            self._trace("grant dropped")
            self._tables.run("DELETE FROM used WHERE number = ?", grant.number)

    def _number(self, block_id: str) -> int:
        """A block's number; 0 where it is not there."""
        rows = self._tables.run("SELECT number FROM block WHERE block_id = ?", block_id)
        return int(rows[0][0]) if rows else 0

    def _block(self, number: int) -> FoldedBlock:
        for ranges, bits in self._tables.run("SELECT ranges, bits FROM folded_block WHERE block = ?", number):
            return FoldedBlock(ranges=json.loads(ranges), bits=json.loads(bits))
        return FoldedBlock()


def _is_over(grant: Grant, closed: Mapping[str, int]) -> bool:
    """Whether nothing can happen to it here, and the other end cannot ask about it."""
    if not grant.is_told or any(grant.waiting) or grant.state in (GrantState.ALLOCATED, GrantState.ANNOUNCED):
        return False
    return grant.is_ours or grant.sequence <= closed.get(grant.peer, 0)
