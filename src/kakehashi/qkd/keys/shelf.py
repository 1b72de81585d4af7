"""What a store knows in memory: what is left of which block, which grants are open, whom a key ID belongs to."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from kakehashi.qkd.keys.grant import Grant, Part, cut_out
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.tables import BlockRow
from kakehashi.qkd.security.bounds import weakest

__all__ = ["Shelf"]

REMEMBERED = 200_000
"""Key IDs that are remembered after their keys have gone, so that a stranger who asks is told from a late reader."""


class Shelf:
    """The store's memory; it is built anew from the tables when a transaction fails."""

    def __init__(self) -> None:
        self.blocks: dict[int, BlockRow] = {}
        self.by_id: dict[str, BlockRow] = {}
        self.stock: dict[str, int] = {}
        self.top: dict[str, int] = {}
        """Highest sequence of our grants to each peer."""
        self.seen: dict[str, int] = {}
        """Highest sequence of each peer's grants that was seen here."""
        self.open: dict[str, Grant] = {}
        self._untold: dict[str, dict[str, Grant]] = {}
        self._due: list[tuple[float, str]] = []
        self._supply: dict[str, dict[int, BlockRow]] = {}
        self._index: dict[bytes, tuple[Grant, int]] = {}
        self._gone: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()

    @classmethod
    def load(
        cls,
        blocks: Iterable[BlockRow],
        grants: Iterable[Grant],
        top: Mapping[str, int],
        seen: Mapping[str, int],
        before: Shelf | None = None,
    ) -> Shelf:
        """From what the tables hold; key IDs of the past are remembered from the shelf before."""
        shelf = cls()
        if before is not None:
            shelf._gone = before._gone
        shelf.top, shelf.seen = dict(top), dict(seen)
        for block in blocks:
            shelf.add(block)
        for grant in grants:
            shelf.keep(grant)
        return shelf

    def add(self, block: BlockRow) -> None:
        """A block."""
        self.blocks[block.number] = self.by_id[block.block_id] = block
        if block.is_ours and block.is_shared and block.free:
            self._offer(block)

    def share(self, block: BlockRow) -> None:
        """The other end has this block of ours, so keys may be cut from it."""
        block.is_shared = True
        if block.free:
            self._offer(block)

    def _offer(self, block: BlockRow) -> None:
        self._supply.setdefault(block.peer, {})[block.number] = block
        self.stock[block.peer] = self.stock.get(block.peer, 0) + block.free_bits

    def cut(self, peer: str, n_bits: int) -> tuple[Part, ...] | None:
        """Ranges of our blocks, oldest first, that hold so many bits, or None; changes nothing."""
        if n_bits > self.stock.get(peer, 0):
            return None
        parts = []
        for block in self._supply[peer].values():
            for first, end in block.free:
                taken = min(n_bits, end - first)
                parts.append(Part(block_id=block.block_id, first=first, n_bits=taken))
                n_bits -= taken
                if not n_bits:
                    return tuple(parts)
        return None

    def is_free(self, grant: Grant, *, is_ours: bool) -> bool:
        """Whether all of a grant's bits are here and nothing has taken them."""
        taken: dict[str, list[tuple[int, int]]] = {}
        for part in grant.parts:
            block = self.by_id.get(part.block_id)
            first, end = part.first, part.first + part.n_bits
            if block is None or block.peer != grant.peer or block.is_ours != is_ours:
                return False
            if not any(low <= first and end <= high for low, high in block.free):
                return False
            others = taken.setdefault(part.block_id, [])
            if any(first < high and low < end for low, high in others):
                return False
            others.append((first, end))
        return bool(grant.parts)

    def enter(self, grant: Grant) -> list[BlockRow]:
        """Take a grant's bits from what is free, and keep the grant; gives the blocks concerned."""
        rows = []
        for part in grant.parts:
            block = self.by_id[part.block_id]
            block.free = [left for low, high in block.free for left in cut_out(low, high, part)]
            if block.number in self._supply.get(block.peer, ()):
                self.stock[block.peer] -= part.n_bits
                if not block.free:
                    del self._supply[block.peer][block.number]
            rows.append(block)
        self.keep(grant)
        return rows

    def keep(self, grant: Grant) -> None:
        """Keep a grant whose bits are taken already."""
        highest = self.top if grant.is_ours else self.seen
        highest[grant.peer] = max(highest.get(grant.peer, 0), grant.sequence)
        self.open[grant.grant_id] = grant
        if grant.is_ours and not grant.is_told:
            self._untold.setdefault(grant.peer, {})[grant.grant_id] = grant
        if grant.key_ids and grant.readers:
            heapq.heappush(self._due, (grant.expires_utc, grant.grant_id))
        for index in range(grant.n_keys if grant.key_ids else 0):
            if grant.readers:
                self._index[grant.key_id(index)] = (grant, index)
            else:  # of a grant of ours, whose readers are elsewhere, only the IDs are remembered
                self._gone[grant.key_id(index)] = ()

    def settle(self, grant: Grant) -> None:
        """Let go of a grant about which nothing is left to do."""
        if grant.is_told:
            self._untold.get(grant.peer, {}).pop(grant.grant_id, None)
        if grant.state in (GrantState.ALLOCATED, GrantState.ANNOUNCED) or not grant.is_told or any(grant.waiting):
            return
        self.open.pop(grant.grant_id, None)
        for index in range(grant.n_keys if grant.key_ids and grant.readers else 0):
            key_id = grant.key_id(index)
            self._index.pop(key_id, None)
            self._gone[key_id] = grant.readers
        while len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def untold(self, peer: str) -> list[Grant]:
        """Grants of ours that the other end is not known to know of."""
        return [grant for grant in self._untold.get(peer, {}).values() if not grant.is_told]

    def closed_up_to(self, peer: str) -> int:
        """Sequence up to which nothing is to be asked of a peer about our grants, and that is on disk."""
        return min((g.sequence for g in self._untold.get(peer, {}).values()), default=self.top.get(peer, 0) + 1) - 1

    def due(self, now: float) -> list[Grant]:
        """Grants for whose keys somebody has waited too long. Each is named once."""
        found: list[Grant] = []
        later: list[Grant] = []
        while self._due and self._due[0][0] <= now:
            _, grant_id = heapq.heappop(self._due)
            grant = self.open.get(grant_id)
            if grant is not None and any(grant.waiting):
                # Where the other end has not answered yet, it decides first.
                (later if grant.state is GrantState.ALLOCATED else found).append(grant)
        for grant in later:
            heapq.heappush(self._due, (now + 1.0, grant.grant_id))
        return found

    def tidy(self) -> None:
        """Let go of blocks of which nothing is left."""
        held = {part.block_id for grant in self.open.values() for part in grant.parts}
        for block in [b for b in self.blocks.values() if not b.free and b.block_id not in held]:
            del self.blocks[block.number], self.by_id[block.block_id]

    def find(self, key_id: bytes) -> tuple[Grant, int] | None:
        """Grant and index of a key that is here."""
        return self._index.get(key_id)

    def readers_of_gone(self, key_id: bytes) -> tuple[str, ...] | None:
        """Who could have fetched a key that is no longer here; None where it is not remembered."""
        return self._gone.get(key_id)

    def has_any(self, grant: Grant) -> bool:
        """Whether any of a grant's key IDs is here already, or comes twice."""
        ids = [grant.key_id(index) for index in range(grant.n_keys)]
        return len(set(ids)) < len(ids) or any(key_id in self._index for key_id in ids)

    def failure(self, parts: Sequence[Part]) -> float:
        """Failure probability of key that is made of these parts: the sum over their blocks."""
        return min(1.0, sum(self.by_id[block_id].failure for block_id in {part.block_id for part in parts}))

    def bound(self, parts: Sequence[Part]) -> str:
        """Name of the bound that it keeps: the weakest of its blocks."""
        return weakest({self.by_id[part.block_id].bound for part in parts})
