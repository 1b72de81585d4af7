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
        return cls(np.packbits(values.astype(bool), bitorder="little"), len(values))

    @classmethod
    def concatenate(cls, parts: Iterable[Bits]) -> Bits:
        """One string after the other."""
        parts = list(parts)
        if all(part.n % 8 == 0 for part in parts[:-1]):
            data = np.concatenate([np.zeros(0, np.uint8), *(part.data for part in parts)])
            return cls(data, sum(part.n for part in parts))
        return cls.pack(np.concatenate([part.unpack() for part in parts]))

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
        if first % 8 == 0:
            data = self.data[first // 8 : (first + n + 7) // 8].copy()
            if n % 8:
                data[-1] &= (1 << n % 8) - 1
            return Bits(data, n)
        return Bits.pack(np.unpackbits(self.data[first // 8 :], count=first % 8 + n, bitorder="little")[first % 8 :])

    def __xor__(self, other: Bits) -> Bits:
        if other.n != self.n:
            raise InputError(f"Strings of {self.n} and {other.n} bits have no exclusive or.")
        return Bits(self.data ^ other.data, self.n)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bits) and other.n == self.n and bool(np.array_equal(other.data, self.data))

    __hash__ = None  # type: ignore[assignment]  # a key is no key of a dictionary

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"Bits(n={self.n})"
