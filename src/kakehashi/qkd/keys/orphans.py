"""What a holder destroys without its owner's word, and how the books take up that word if it comes after all.

A block whose owner never had it, has lost it, or is silent would lie here for ever, for only its owner may give its
bits up. Age ends that. What was destroyed so is a grant that the owner does not know, with a number below 0; once the
owner gives the same bits up, they go over to its grant, so that both ends have the same in their books.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from kakehashi.qkd.keys.books import Books
from kakehashi.qkd.keys.grant import Grant, Part, without
from kakehashi.qkd.keys.lifecycle import GrantEvent, GrantState, advance
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.vault import wipe

__all__ = ["Orphans"]


class Orphans(Books):
    """Base of :class:`~kakehashi.qkd.keys.store.KeyStore`: a holder's bits that have nobody else to end them."""

    def _destroy_alone(self, peer: str, parts: tuple[Part, ...]) -> None:
        """Destroy bits of a peer's blocks without its word."""
        with self._tables.errors():
            sequence = self._tables.lowest_sequence(peer) - 1
        n_bits, state = sum(part.n_bits for part in parts), advance(GrantState.NEW, GrantEvent.VOID)
        grant = Grant(
            grant_id=secrets.token_hex(16), peer=peer, is_ours=False, sequence=sequence, account=Account.EXPIRED,
            key_bits=n_bits, parts=parts, state=state, is_told=True,
        )  # fmt: skip
        self._enter(grant)
        self._post_all(parts, Account.STORED, Account.EXPIRED)
        wipe(self._take(grant, keep=False))

    def _give_alone(self, grant: Grant) -> bool:
        """Put what was destroyed without its owner's word under the name of a grant that the owner has given up.

        Returns:
            Whether all of its bits were free or destroyed so; if not, nothing was changed.
        """
        blocks = {part.block_id for part in grant.parts}
        rows = [self.shelf.by_id[block_id] for block_id in blocks & self.shelf.by_id.keys()]
        free = [
            Part(block_id=row.block_id, first=first, n_bits=end - first)
            for row in rows
            if row.peer == grant.peer and not row.is_ours
            for first, end in row.free
        ]
        gone = [part for own in self._alone(grant.peer, blocks) for part in own.parts]
        left = without([*free, *gone], grant.parts)
        if sum(p.n_bits for p in (*free, *gone)) - sum(p.n_bits for p in left) != grant.n_bits:
            return False
        still_here = without(grant.parts, gone)
        if still_here:
            self._destroy_alone(grant.peer, still_here)
        for own in self._alone(grant.peer, blocks):
            self._trace("grant written")
            with self._tables.errors():
                self._tables.narrow_grant(own, without(own.parts, grant.parts))
        return True

    def _alone(self, peer: str, blocks: Iterable[str]) -> list[Grant]:
        with self._tables.errors():
            found = [grant for block_id in blocks for grant in self._tables.grants_alone(peer, block_id)]
        return list({grant.number: grant for grant in found}.values())
