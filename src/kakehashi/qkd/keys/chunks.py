"""The bytes of blocks, cut into chunks that are encrypted one by one and rewritten when a part of them is used."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from kakehashi.core.errors import DataError, InputError, ResourceError
from kakehashi.qkd.keys.tables import Tables
from kakehashi.qkd.keys.vault import Vault, wipe

__all__ = ["CHUNK_BYTES", "Chunks"]

logger = logging.getLogger(__name__)

CHUNK_BYTES = 3968
"""With its tag and the row's header a chunk just fits a page of SQLite; a multiple of the usual sizes of keys."""


@dataclass(slots=True)
class _Chunk:
    """A chunk in the clear, for as long as a transaction lasts."""

    slot: int
    left_bits: int
    piece: bytearray
    is_changed: bool = False


class Chunks:
    """Reads and erases ranges of blocks, within a transaction of the store.

    What is erased is first zero in memory; :meth:`write_out` encrypts what is left of a chunk anew, and :meth:`settle`
    destroys the old ciphertexts once the transaction is on disk.

    Args:
        tables: The database.
        vault: What encrypts.
        trace: Called with a name before each write, so that a test can stop the program there.
    """

    def __init__(self, tables: Tables, vault: Vault, trace: Callable[[str], None]) -> None:
        self._tables = tables
        self._vault = vault
        self._trace = trace
        self._open: dict[tuple[int, int], _Chunk] = {}
        self._old: list[int] = []
        self._new: list[int] = []

    def recover(self) -> None:
        """Destroy what no row points to: the remains of a transaction that a crash cut short."""
        self._vault.keep_only(slot for _, _, slot, _ in self._tables.chunks())
        self._vault.flush()

    def check_key(self) -> None:
        """Refuse a node's key that opens nothing here, before anything is promised or written under it.

        One piece that opens is proof enough, since all are written under one key. Others may be damaged: that is found
        when they are needed. In a store without any piece every key is as good as another.

        Raises:
            InputError: No piece can be decrypted.
        """
        n_closed = 0
        for block, index, _, _ in self._tables.chunks():
            try:
                wipe(self._read(block, index)[2])
            except DataError:
                n_closed += 1
            else:
                return
        if n_closed:
            raise InputError(
                f"The node's key is not the one that the store {self._tables.path.parent} was written with: none of"
                f" its {n_closed:,} pieces of key can be decrypted."
            )

    def put(self, block: int, data: memoryview) -> None:
        """Write a new block."""
        for index in range((len(data) + CHUNK_BYTES - 1) // CHUNK_BYTES):
            piece = bytearray(data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
            self._write(block, index, piece, 8 * len(piece))
            wipe(piece)

    def read(self, block: int, first: int, n_bits: int) -> bytearray:
        """Bits of a block, packed; both numbers are multiples of 8.

        Raises:
            DataError: They are gone, or damaged.
        """
        out = bytearray()
        for chunk, low, high in self._ranges(block, first, n_bits):
            out += memoryview(chunk.piece)[low:high]
        return out

    def erase(self, block: int, first: int, n_bits: int) -> None:
        """Forget bits of a block."""
        for chunk, low, high in self._ranges(block, first, n_bits):
            wipe(memoryview(chunk.piece)[low:high])
            chunk.left_bits -= 8 * (high - low)
            chunk.is_changed = True
            if chunk.left_bits < 0:
                raise DataError("More bits were erased from a chunk than it held: the store is damaged.")

    def write_out(self) -> None:
        """Encrypt what is left of the chunks that were changed."""
        for (block, index), chunk in self._open.items():
            if chunk.is_changed:
                self._old.append(chunk.slot)
                if chunk.left_bits:
                    self._write(block, index, chunk.piece, chunk.left_bits)
                else:
                    self._trace("chunk dropped")
                    self._tables.drop_chunk(block, index)
            wipe(chunk.piece)
        self._open.clear()

    def flush(self) -> None:
        """Have the slots of new ciphertexts reach the disk; before the commit that points to them."""
        self._vault.flush()

    def settle(self) -> None:
        """Destroy the old ciphertexts; after the commit that no longer points to them.

        What cannot be destroyed now is tried again after the next transaction, and when the store is opened.
        """
        self._new = []
        if self._old:
            self._trace("slots destroyed")
            try:
                while self._old:
                    self._vault.destroy(self._old[-1:])
                    self._old.pop()
            except ResourceError as error:
                logger.error("Used key could not be destroyed yet: %s", error)  # noqa: TRY400 - one sentence

    def roll_back(self, *, was_committing: bool) -> None:
        """Forget the transaction.

        Args:
            was_committing: Whether its commit failed. Then it may yet turn up after a crash, and what it wrote has to
                stay until the store is opened again.
        """
        for chunk in self._open.values():
            wipe(chunk.piece)
        self._open.clear()
        if not was_committing:
            self._vault.destroy(self._new)
        self._old, self._new = [], []

    def _write(self, block: int, index: int, piece: bytearray, left_bits: int) -> None:
        self._trace("slot written")
        slot, sealed = self._vault.seal(piece, _name(block, index))
        self._new.append(slot)
        self._trace("chunk written")
        self._tables.put_chunk(block, index, slot, left_bits, sealed)

    def _ranges(self, block: int, first: int, n_bits: int) -> list[tuple[_Chunk, int, int]]:
        """Chunks that a range of bits touches, with the bytes within each."""
        start, end = first // 8, (first + n_bits) // 8
        return [
            (
                self._chunk(block, index),
                max(start - index * CHUNK_BYTES, 0),
                min(end - index * CHUNK_BYTES, CHUNK_BYTES),
            )
            for index in range(start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES + 1)
        ]

    def _chunk(self, block: int, index: int) -> _Chunk:
        found = self._open.get((block, index))
        if found is None:
            found = self._open[block, index] = _Chunk(*self._read(block, index))
        return found

    def _read(self, block: int, index: int) -> tuple[int, int, bytearray]:
        """Slot, bits left and content of a chunk."""
        row = self._tables.chunk(block, index)
        if row is None:
            raise DataError("A piece of key that should be in the store is not there: the store is damaged.")
        slot, left_bits, sealed = row
        return slot, left_bits, self._vault.open(slot, sealed, _name(block, index))


def _name(block: int, index: int) -> bytes:
    return b"%d/%d" % (block, index)
