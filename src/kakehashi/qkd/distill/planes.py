"""Clicks as planes of bits: one string for the bits, one for the bases, one for each bit of the intensities.

A million clicks a second are too many for arrays with a byte or eight for each: most of the time would go into memory
that is written once and read once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.core.errors import InputError
from kakehashi.qkd.bits import Bits

__all__ = ["Intensities", "pick"]


def pick(bits: Bits, mask: Bits) -> Bits:
    """The bits at which ``mask`` is set, close together.

    Raises:
        InputError: The two are not equally long.

    Example:
        >>> import numpy as np
        >>> picked = pick(Bits.pack(np.array([1, 0, 1, 1])), Bits.pack(np.array([0, 1, 1, 1])))
        >>> [int(bit) for bit in picked.unpack()]
        [0, 1, 1]
    """
    if bits.n != mask.n:
        raise InputError(f"Bits of a string of {bits.n} cannot be picked by a mask of {mask.n}.")
    out = np.empty(len(mask.data) + 8, np.uint8)
    n = _native.pick_bits(np.ascontiguousarray(bits.data), np.ascontiguousarray(mask.data), out)
    return Bits(out[: (n + 7) // 8], n)


class Intensities:
    """The intensity of each of some clicks, 0 to 3, as two planes.

    Args:
        low: The lower bit of each.
        high: The higher one.

    Example:
        >>> drawn = Intensities.pack(np.array([0, 2, 0, 1], np.uint8))
        >>> len(drawn), drawn.count(3)
        (4, array([2, 1, 1]))
    """

    __slots__ = ("high", "low")

    def __init__(self, low: Bits, high: Bits) -> None:
        self.low, self.high = low, high

    @classmethod
    def pack(cls, values: NDArray[np.uint8]) -> Intensities:
        """From one byte for each."""
        return cls(Bits.pack(values & np.uint8(1)), Bits.pack(values & np.uint8(2)))

    @classmethod
    def concatenate(cls, parts: list[Intensities]) -> Intensities:
        """One after the other."""
        return cls(Bits.concatenate(p.low for p in parts), Bits.concatenate(p.high for p in parts))

    def pick(self, mask: Bits) -> Intensities:
        """Those at which ``mask`` is set."""
        return Intensities(pick(self.low, mask), pick(self.high, mask))

    def count(self, n: int, among: Bits | None = None) -> NDArray[np.int64]:
        """How often each of ``n`` intensities stands here, all told or where ``among`` is set."""
        low, high = (self.low, self.high) if among is None else (self.low & among, self.high & among)
        total = low.n if among is None else among.n_ones
        both = (low & high).n_ones
        counts = [total - low.n_ones - high.n_ones + both, low.n_ones - both, high.n_ones - both, both]
        return np.array(counts[:n], dtype=np.int64)

    def unpack(self) -> NDArray[np.uint8]:
        """One byte for each."""
        return self.low.unpack() | self.high.unpack() << np.uint8(1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intensities) and other.low == self.low and other.high == self.high

    __hash__ = None  # type: ignore[assignment]  # as those of Bits

    def __len__(self) -> int:
        return self.low.n
