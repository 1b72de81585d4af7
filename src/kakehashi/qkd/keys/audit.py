"""The proof, from a store alone, that no bit is missing and none is there twice.

For every block: all sifted bits are in exactly one account; each line of the ledger has its counterpart in what was
taken (no range twice, none outside its block); and what the accounts call stored is what lies encrypted in the store.
For two stores: what one end took from a block, the other knows of under the same name, and disagrees on nothing. Grants
that are over long since are compared by a sum over all of them, see :mod:`~kakehashi.qkd.keys.fold`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kakehashi.core.errors import DataError, InputError
from kakehashi.qkd.keys.fold import Fold, FoldedBlock, FoldedGrants
from kakehashi.qkd.keys.grant import Grant
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account, Origin
from kakehashi.qkd.keys.store import DATABASE, SIFTED
from kakehashi.qkd.keys.tables import BlockRow, Tables
from kakehashi.qkd.security.bounds import weakest

__all__ = ["Audit", "BlockAccount", "audit_pair", "audit_store"]

FAULTS_SHOWN = 100
"""Faults that are listed; a damaged store has one for each block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAccount:
    """Where the bits of one block, or of all blocks of one origin that are shared with a peer, are.

    Attributes:
        name: The block's ID or the peer's name.
        peer: Node at the other end.
        origin: Whether they come from a link to that node, or over other nodes.
        sifted: Bits that there ever were; of relayed key, those that arrived.
        accounts: Bits by account; they sum to ``sifted``.
        bound: Name of the proof by which the key holds, the weakest of those of a link's blocks; empty without key.
    """

    name: str
    peer: str
    origin: Origin
    sifted: int
    accounts: dict[str, int]
    bound: str

    @property
    def is_balanced(self) -> bool:
        """Whether every bit is in an account."""
        return sum(self.accounts.values()) == self.sifted and min(self.accounts.values()) >= 0

    def to_json(self) -> dict[str, Any]:
        """For the command line."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found.

    Attributes:
        node: The store's node.
        links: One account for each peer and origin.
        blocks: One for each block.
        faults: What is wrong, one sentence each; none where all is well.
        notes: What is not wrong yet, such as a grant about which the other end has still to be told.
        compared: Where two stores were compared: how many blocks and grants both know of.
    """

    node: str
    links: tuple[BlockAccount, ...]
    blocks: tuple[BlockAccount, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()
    compared: Mapping[str, int] | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "schema": "kakehashi.qkd.audit/1",
            "node": self.node,
            "is_clean": self.is_clean,
            "compared": dict(self.compared) if self.compared is not None else None,
            "links": [account.to_json() for account in self.links],
            "blocks": [account.to_json() for account in self.blocks],
            "faults": list(self.faults),
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Book:
    """What the tables say, block by block."""

    node: str
    blocks: dict[int, BlockRow]
    grants: list[Grant]
    balance: dict[int, dict[str, int]] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    folded: dict[tuple[str, bool], FoldedGrants] = field(default_factory=dict)
    folded_blocks: dict[int, FoldedBlock] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, int]:
        return {block.block_id: number for number, block in self.blocks.items()}


def audit_store(folder: Path) -> Audit:
    """Prove that a store's books balance. The store may be in use; no key is read.

    Raises:
        InputError: There is no store.
        DataError: The database cannot be read.

    Example:
        >>> import secrets, tempfile
        >>> from kakehashi.qkd.keys.store import KeyStore
        >>> folder = Path(tempfile.mkdtemp())
        >>> KeyStore(folder, node="a", node_key=secrets.token_bytes(32)).close()
        >>> audit_store(folder).is_clean
        True
    """
    book = _read(folder)
    _check_entries(book)
    _check_ranges(book)
    blocks = tuple(
        BlockAccount(
            name=block.block_id,
            peer=block.peer,
            origin=block.origin,
            sifted=block.sifted,
            accounts=_named(book.balance[number]),
            bound=block.bound,
        )
        for number, block in book.blocks.items()
    )
    notes = [
        f"{len(untold)} grant{' is' if len(untold) == 1 else 's are'} still to be settled with '{peer}'."
        for peer, untold in _untold(book).items()
    ]
    return Audit(
        node=book.node,
        links=_sum_links(blocks),
        blocks=blocks,
        faults=tuple(book.faults[:FAULTS_SHOWN]),
        notes=tuple(notes),
    )


def audit_pair(one: Path, other: Path) -> Audit:
    """Prove that two ends agree on everything that they share; blocks and grants are compared, keys are not read.

    What the other end has not been told of yet, since the two have not spoken after a break, is a note and no fault.

    Raises:
        InputError: There is no store, or both are stores of one node.
        DataError: A database cannot be read.
    """
    books = _read(one), _read(other)
    if books[0].node == books[1].node:
        raise InputError(f"{one} and {other} are both stores of '{books[0].node}'; two ends are to be compared.")
    faults: list[str] = []
    notes: list[str] = []
    compared = {"blocks": _compare_blocks(*books, faults, notes), "grants": 0}
    for owner, holder in (books, books[::-1]):
        compared["grants"] += _compare_grants(owner, holder, faults, notes)
    return Audit(
        node=f"{books[0].node} and {books[1].node}",
        links=(),
        blocks=(),
        faults=tuple(faults[:FAULTS_SHOWN]),
        notes=tuple(notes),
        compared=compared,
    )


def _read(folder: Path) -> _Book:
    tables = Tables(folder / DATABASE, read_only=True)
    try:
        with tables.errors(), tables.snapshot():
            faults = [f"{folder / DATABASE}: {fault}." for fault in tables.check()]
            blocks = {block.number: block for block in tables.blocks()}
            book = _Book(tables.about("node") or "?", blocks, list(tables.grants()), faults=faults)
            for number in blocks:
                book.balance[number] = {SIFTED: 0} | {str(account): 0 for account in Account}
            for entry in tables.entries():
                if entry.block not in blocks:
                    book.faults.append(f"A line of the ledger is about block number {entry.block}, which is not there.")
                    continue
                book.balance[entry.block][entry.debit] -= entry.bits
                book.balance[entry.block][entry.credit] += entry.bits
            fold = Fold(tables)
            book.folded, book.folded_blocks = fold.grants(), dict(fold.blocks())
            for number, _, _, left_bits in tables.chunks():
                book.kept[number] += left_bits
            return book
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder / DATABASE} holds what no store would write ({error}): it is damaged.") from None
    finally:
        tables.close()


def _check_entries(book: _Book) -> None:
    for number, block in book.blocks.items():
        accounts = book.balance[number]
        name = f"Block {block.block_id}"
        if -accounts[SIFTED] != block.sifted:
            book.faults.append(f"{name} had {block.sifted} sifted bits, but its accounts hold {-accounts[SIFTED]}.")
        for account in Account:
            if accounts[str(account)] < 0:
                book.faults.append(f"{name} has {accounts[str(account)]} bits in the account '{account}'.")


def _check_ranges(book: _Book) -> None:
    """Every bit of a block's key is free or in one grant; and the ledger and the ciphertexts say the same."""
    ranges: dict[int, list[tuple[int, int]]] = {n: [(a, b) for a, b in block.free] for n, block in book.blocks.items()}
    waiting: dict[int, int] = defaultdict(int)
    spent: dict[int, dict[str, int]] = {number: defaultdict(int) for number in book.blocks}
    numbers = book.numbers
    for number, folded in book.folded_blocks.items():
        if number not in book.blocks:
            book.faults.append(f"Grants were taken from block number {number}, which is not there.")
            return
        ranges[number] += [(first, end) for first, end in folded.ranges]
        for account, bits in folded.bits.items():
            spent[number][account] += bits
    for grant in book.grants:
        for part in grant.parts:
            if part.block_id not in numbers:
                book.faults.append(f"Grant {grant.grant_id} took from block {part.block_id}, which is not there.")
                return
            ranges[numbers[part.block_id]].append((part.first, part.first + part.n_bits))
        _sort_bits(grant, numbers, waiting, spent)
    for number, block in book.blocks.items():
        name, accounts = f"Block {block.block_id}", book.balance[number]
        free, whole = block.free_bits, block.n_bits - block.n_bits % 8
        if not _tile(ranges[number], whole):
            book.faults.append(f"{name}: its ranges do not cover its {whole} bits once each.")
        if free + waiting[number] != book.kept[number]:
            book.faults.append(f"{name}: {free + waiting[number]} bits should lie there, but {book.kept[number]} do.")
        stored = free + spent[number]["stored"]
        if accounts["stored"] != stored:
            book.faults.append(f"{name}: the ledger has {accounts['stored']} bits stored, but {stored} are.")
        for account in (Account.DELIVERED, Account.RELAYED, Account.AUTHENTICATION):
            if accounts[account] < spent[number][account]:
                book.faults.append(
                    f"{name}: {spent[number][account]} bits were {account}, but the ledger has {accounts[account]}."
                )


def _sort_bits(
    grant: Grant, numbers: dict[str, int], waiting: dict[int, int], spent: dict[int, dict[str, int]]
) -> None:
    """Add a grant's bits to those that wait for a reader, and to the account in which the ledger must have them."""
    if grant.is_booked:
        for part in grant.parts:
            spent[numbers[part.block_id]][grant.account] += part.n_bits
    for index in range(grant.n_keys if any(grant.waiting) else 0):
        if grant.is_waiting(index):
            for part in grant.parts_of(index):
                waiting[numbers[part.block_id]] += part.n_bits
                if not grant.is_ours:
                    spent[numbers[part.block_id]]["stored"] += part.n_bits


def _tile(ranges: Iterable[tuple[int, int]], end: int) -> bool:
    at = 0
    for first, last in sorted(ranges):
        if first != at or last <= first:
            return False
        at = last
    return at == end


def _named(balance: dict[str, int]) -> dict[str, int]:
    return {str(account): balance[account] for account in Account}


def _sum_links(blocks: Iterable[BlockAccount]) -> tuple[BlockAccount, ...]:
    sums: dict[tuple[str, Origin], tuple[int, dict[str, int]]] = {}
    bounds: dict[tuple[str, Origin], set[str]] = defaultdict(set)
    for block in blocks:
        link = block.peer, block.origin
        sifted, accounts = sums.get(link, (0, dict.fromkeys(block.accounts, 0)))
        total = {name: accounts[name] + bits for name, bits in block.accounts.items()}
        sums[link] = sifted + block.sifted, total
        if block.accounts["aborted"] < block.sifted:
            bounds[link].add(block.bound)
    return tuple(
        BlockAccount(name=link[0], peer=link[0], origin=link[1], sifted=s, accounts=a, bound=weakest(bounds[link]))
        for link, (s, a) in sorted(sums.items())
    )


def _untold(book: _Book) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    for grant in book.grants:
        if not grant.is_told:
            found.setdefault(grant.peer, []).append(grant)
    return found


def _compare_blocks(one: _Book, other: _Book, faults: list[str], notes: list[str]) -> int:
    """Blocks that both ends should have; gives how many both have."""
    mine = {b.block_id: b for b in one.blocks.values() if b.peer == other.node}
    theirs = {b.block_id: b for b in other.blocks.values() if b.peer == one.node}
    for block_id in mine.keys() & theirs.keys():
        a, b = mine[block_id], theirs[block_id]
        if (a.n_bits, a.sifted) != (b.n_bits, b.sifted):
            faults.append(f"Block {block_id} has {a.n_bits} bits at '{one.node}' and {b.n_bits} at '{other.node}'.")
        if a.bound != b.bound:
            faults.append(
                f"Block {block_id} holds by proof '{a.bound}' at '{one.node}', by '{b.bound}' at '{other.node}'."
            )
        if a.n_bits and a.is_ours == b.is_ours:
            faults.append(f"Block {block_id} has {'two owners' if a.is_ours else 'no owner'}.")
    for block_id in mine.keys() ^ theirs.keys():
        has, lacks = (one, other) if block_id in mine else (other, one)
        block = (mine | theirs)[block_id]
        if block.is_shared and block.is_ours:
            faults.append(f"Block {block_id} of '{has.node}' is not at '{lacks.node}', though that was confirmed.")
        else:
            notes.append(f"Block {block_id} of '{has.node}' is not at '{lacks.node}' yet.")
    return len(mine.keys() & theirs.keys())


def _compare_grants(owner: _Book, holder: _Book, faults: list[str], notes: list[str]) -> int:
    """Grants that stand at both ends, one by one; and all others by their sum, where either end has folded some.

    Gives how many both know of.
    """
    mine = _folded(owner, holder.node, is_ours=True)
    theirs = _folded(holder, owner.node, is_ours=False)
    top_here, top_there = mine.top, theirs.top
    issued = {g.grant_id: g for g in owner.grants if g.is_ours and g.peer == holder.node}
    known = [g for g in holder.grants if not g.is_ours and g.peer == owner.node]
    heard = {g.grant_id: g for g in known if g.sequence > 0}
    alone = sum(g.n_bits for g in known if g.sequence < 0)
    if alone:
        notes.append(f"{alone} bits of '{owner.node}' were destroyed at '{holder.node}' without its word.")
    for grant_id, grant in issued.items():
        other = heard.get(grant_id)
        is_given_up = grant.state is GrantState.EXPIRED
        if other is None and grant.is_told and not is_given_up and grant.sequence <= top_there:
            mine.add(grant)
        elif other is None:
            # Bits of a block that the other end never had are destroyed here alone. Had it confirmed the block, that
            # would be a fault of its own.
            is_strange = holder.numbers.keys().isdisjoint(part.block_id for part in grant.parts)
            is_settled = grant.is_told and not (is_given_up and is_strange)
            kind = faults if is_settled else notes
            kind.append(f"Grant {grant_id} of '{owner.node}' is not known at '{holder.node}'.")
        elif (grant.parts, grant.key_bits) != (other.parts, other.key_bits):
            faults.append(f"Grant {grant_id} of '{owner.node}' stands for other bits at '{holder.node}'.")
        elif is_given_up and other.state is not GrantState.EXPIRED and grant.is_told:
            faults.append(f"Grant {grant_id} of '{owner.node}' was given up, but is {other.state} at '{holder.node}'.")
        elif grant.master != other.master and not is_given_up:
            faults.append(f"Grant {grant_id} has the masters '{grant.master}' and '{other.master}'.")
    for grant_id in heard.keys() - issued.keys():
        if heard[grant_id].sequence <= top_here:
            theirs.add(heard[grant_id])
        elif heard[grant_id].state is GrantState.DELIVERED:
            faults.append(f"Grant {grant_id} was delivered at '{holder.node}', but '{owner.node}' does not know it.")
        else:
            notes.append(f"Grant {grant_id} waits at '{holder.node}', but '{owner.node}' does not know it yet.")
    if (mine.n, mine.sum) != (theirs.n, theirs.sum):
        faults.append(
            f"The {mine.n} grants of '{owner.node}' that are over are not the {theirs.n} of them that '{holder.node}'"
            " knows."
        )
    return theirs.n + len(issued.keys() & heard.keys())


def _folded(book: _Book, peer: str, *, is_ours: bool) -> FoldedGrants:
    return replace(book.folded.get((peer, is_ours), FoldedGrants(peer=peer, is_ours=is_ours)))
