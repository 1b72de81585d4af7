"""Strings of bits, packed: what keys, messages and pads are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["Bits"]

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bits:
    r"""``n`` bits, packed: bit ``i`` is bit ``i % 8`` of byte ``i // 8``.

    A representation shows the number of bits and never the bits: what is written to a log must not hold key.

    Args:
        data: Packed bits, dtype uint8, shape ``(ceil(n / 8),)``; the bits beyond ``n`` in the last byte are 0.
        n: Number of bits.

    Raises:
        InputError: The length does not belong to ``n``, or spare bits are set.

    Example:
        >>> key = Bits.from_bytes(bytes([0b101, 255]))
        >>> key, [int(bit) for bit in key.unpack()[:4]]
        (Bits(n=16), [1, 0, 1, 0])
        >>> (key ^ key).to_bytes()
        b'\x00\x00'
    """

    data: Bytes
    n: int

    def __post_init__(self) -> None:
        if self.data.dtype != np.uint8 or self.data.shape != ((self.n + 7) // 8,):
            raise InputError(
                f"{self.n} bits take {(self.n + 7) // 8} bytes, but the array has shape {self.data.shape}."
            )
        if self.n % 8 and self.data[-1] >> (self.n % 8):
            raise InputError(f"Bits beyond the {self.n} of the string must be 0.")

    @classmethod
    def from_bytes(cls, data: bytes) -> Bits:
        """All bits of ``data``."""
        return cls(np.frombuffer(data, dtype=np.uint8), 8 * len(data))

    @classmethod
    def pack(cls, values: NDArray[np.generic]) -> Bits:
        """Pack an array of zeros and ones, shape ``(n,)``, any integer or bool dtype."""
        plain = values.view(np.uint8) if values.dtype.itemsize == 1 else values.astype(bool)
        return cls(np.packbits(plain, bitorder="little"), len(values))

    @classmethod
    def concatenate(cls, parts: Iterable[Bits]) -> Bits:
        """One string after the other."""
        parts = [part for part in parts if part.n]
        n = sum(part.n for part in parts)
        data, at = np.zeros((n + 7) // 8 + 1, np.uint8), 0
        for part in parts:
            first, shift = divmod(at, 8)
            data[first : first + len(part.data)] |= part.data << np.uint8(shift)
            if shift:
                data[first + 1 : first + 1 + len(part.data)] |= part.data >> np.uint8(8 - shift)
            at += part.n
        return cls(data[: (n + 7) // 8], n)

    def unpack(self) -> NDArray[np.uint8]:
        """The bits, one a byte, shape ``(n,)``."""
        return np.unpackbits(self.data, count=self.n, bitorder="little")

    def to_bytes(self) -> bytes:
        """The packed bytes."""
        return self.data.tobytes()

    def slice(self, first: int, n: int) -> Bits:
        """``n`` bits from ``first``.

        Raises:
            InputError: There are not so many.
        """
        if first < 0 or n < 0 or first + n > self.n:
            raise InputError(f"Bits {first} to {first + n} were asked of a string of {self.n}.")
        shift = first % 8
        data = self.data[first // 8 : first // 8 + (n + 7) // 8].copy()
        if shift:
            data >>= np.uint8(shift)
            after = self.data[first // 8 + 1 : first // 8 + 1 + len(data)]
            data[: len(after)] |= after << np.uint8(8 - shift)
        if n % 8:
            data[-1] &= (1 << n % 8) - 1
        return Bits(data, n)

    @property
    def n_ones(self) -> int:
        """How many of the bits are 1.

        Example:
            >>> Bits.from_bytes(bytes([0b101, 255])).n_ones
            10
        """
        whole = len(self.data) // 8 * 8
        words = np.bitwise_count(self.data[:whole].view(np.uint64)).sum(dtype=np.int64)
        return int(words + np.bitwise_count(self.data[whole:]).sum(dtype=np.int64))

    def __xor__(self, other: Bits) -> Bits:
        if other.n != self.n:
            raise InputError(f"Strings of {self.n} and {other.n} bits have no exclusive or.")
        return Bits(self.data ^ other.data, self.n)

    def __and__(self, other: Bits) -> Bits:
        if other.n != self.n:
            raise InputError(f"Strings of {self.n} and {other.n} bits have no common bits.")
        return Bits(self.data & other.data, self.n)

    def __invert__(self) -> Bits:
        data = ~self.data
        if self.n % 8:
            data[-1] &= (1 << self.n % 8) - 1
        return Bits(data, self.n)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bits) and other.n == self.n and bool(np.array_equal(other.data, self.data))

    __hash__ = None  # type: ignore[assignment]  # a key is no key of a dictionary

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"Bits(n={self.n})"
