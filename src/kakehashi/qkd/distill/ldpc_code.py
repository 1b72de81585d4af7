"""Low-density parity-check codes that both ends build from a few numbers: circulants, column after column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["LdpcBase", "build_base"]

_DEGREES = ((3, 60), (7, 13), (20, 13))
"""Weights of columns with more than two entries, found by trial at error rates of 1 to 10 %."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LdpcBase:
    """A parity-check matrix in short: which circulant stands where.

    Attributes:
        z: Size of the circulants, a power of two.
        n_bit_columns: Columns of circulants that stand for bits of the key: ``n_bit_columns * z`` bits.
        n_rows: Rows of circulants: ``n_rows * z`` checks.
        n_pairs: Rows ``2 j`` and ``2 j + 1`` for ``j < n_pairs`` share column ``n_bit_columns + j``, which stands for
            the syndrome of the second while only the sum of the two is known.
        row_start: Where each row's entries begin, and the end, shape ``(n_rows + 1,)``, dtype int32.
        column: Column of each entry, dtype int32.
        shift: Shift of each: check ``i`` touches bit ``(i + shift) % z``, dtype int32.
    """

    z: int
    n_bit_columns: int
    n_rows: int
    n_pairs: int
    row_start: NDArray[np.int32]
    column: NDArray[np.int32]
    shift: NDArray[np.int32]

    @property
    def n_columns(self) -> int:
        """Columns of bits and of pairs."""
        return self.n_bit_columns + self.n_pairs


class _Draws:
    """Numbers that are the same on every machine and in every version: SHAKE-128 of a name."""

    def __init__(self, name: str) -> None:
        self._name, self._block = name, 0
        self._words: Iterator[int] = iter(())

    def below(self, n: int) -> int:
        word = next(self._words, None)
        if word is None:
            octets = hashlib.shake_128(f"{self._name} {self._block}".encode()).digest(1 << 16)
            self._block += 1
            self._words = iter(np.frombuffer(octets, dtype="<u4").tolist())
            word = next(self._words)
        return word * n >> 32


def _degrees(n_columns: int, n_rows: int) -> list[int]:
    """Entries of each column, ascending. Columns of two entries help codes of low rate, and harm those of high rate."""
    n_twos = max(n_rows // 2, round(1.1 * n_rows - 0.1 * n_columns))
    total = sum(weight for _, weight in _DEGREES)
    counts = [round(weight * (n_columns - n_twos) / total) for _, weight in _DEGREES]
    counts[0] += n_columns - n_twos - sum(counts)
    degrees = [2] * n_twos
    for (degree, _), count in zip(_DEGREES, counts, strict=True):
        degrees += [min(degree, n_rows)] * count
    return degrees[:n_columns]


@lru_cache(maxsize=64)
def build_base(*, n_columns: int, n_rows: int, n_pairs: int, z: int, seed: int = 0) -> LdpcBase:
    """Build a code, the same wherever it is built.

    Columns are placed in the order of their degree. Each entry goes to one of the rows that have fewest, at a shift
    that closes no cycle of four where there is one: a plain relative of progressive edge growth (Hu, Eleftheriou and
    Arnold 2005, DOI 10.1109/TIT.2004.839541) on circulants.

    Args:
        n_columns: Columns of circulants for bits of the key, 64 to 256.
        n_rows: Rows of circulants, 8 to ``n_columns``.
        n_pairs: Pairs of rows that can be merged, at most ``n_rows // 2``.
        z: Size of the circulants, a power of two, 8 to 1024.
        seed: Another seed gives another code of the same family.

    Raises:
        InputError: An argument is out of range.

    Example:
        >>> base = build_base(n_columns=128, n_rows=24, n_pairs=4, z=64)
        >>> base.n_columns, int(base.row_start[-1]) == len(base.column)
        (132, True)
    """
    if not 64 <= n_columns <= 256 or not 8 <= n_rows <= n_columns or not 0 <= n_pairs <= n_rows // 2:
        raise InputError(
            f"A code has 64 to 256 columns, 8 rows or more, no more than columns, and at most half as many pairs, not "
            f"{n_columns}, {n_rows} and {n_pairs}."
        )
    if z not in {1 << exponent for exponent in range(3, 11)}:
        raise InputError(f"Circulants must have a size of 8 to 1024, a power of two, not {z}.")
    draws = _Draws(f"kakehashi ldpc {n_columns} {n_rows} {z} {seed}")
    rows: list[dict[int, int]] = [{} for _ in range(n_rows)]  # column to shift
    for column, degree in enumerate(_degrees(n_columns, n_rows)):
        taken: dict[int, int] = {}
        for _ in range(degree):
            row, shift = _place(rows, taken, z, draws)
            taken[row] = shift
        for row, shift in taken.items():
            rows[row][column] = shift
    for j in range(n_pairs):
        rows[2 * j][n_columns + j] = rows[2 * j + 1][n_columns + j] = 0
    entries = [sorted(row.items()) for row in rows]
    return LdpcBase(
        z=z,
        n_bit_columns=n_columns,
        n_rows=n_rows,
        n_pairs=n_pairs,
        row_start=np.cumsum([0, *map(len, entries)]).astype(np.int32),
        column=np.array([column for row in entries for column, _ in row], dtype=np.int32),
        shift=np.array([shift for row in entries for _, shift in row], dtype=np.int32),
    )


def _place(rows: list[dict[int, int]], taken: dict[int, int], z: int, draws: _Draws) -> tuple[int, int]:
    """Row and shift of a column's next entry: of twelve in the emptiest rows the first without a cycle of four."""
    free = [row for row in range(len(rows)) if row not in taken]
    least = min(len(rows[row]) for row in free)
    emptiest = [row for row in free if len(rows[row]) == least]
    places = []
    for _ in range(12):
        row, shift = emptiest[draws.below(len(emptiest))], draws.below(z)
        n_cycles = sum(
            (shift - rows[row][column]) % z == (taken[other] - rows[other][column]) % z
            for other in taken
            for column in rows[row].keys() & rows[other].keys()
        )
        if n_cycles == 0:
            return row, shift
        places.append((n_cycles, row, shift))
    return min(places)[1:]
