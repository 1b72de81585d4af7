"""What became of the sifted bits of a block."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.core.errors import InputError

__all__ = ["Distilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """What became of the sifted bits of one block: the first lines of its account.

    Attributes:
        sifted: Bits of the key and the test basis that both ends held.
        estimation: Bits that were disclosed to count errors.
        correction: Bits that error correction disclosed.
        verification: Bits that verification disclosed.
        amplification: The rest that was given up.
        aborted: All of it, where the block was given up.
        secret: Bits of the key.
    """

    sifted: int
    estimation: int = 0
    correction: int = 0
    verification: int = 0
    amplification: int = 0
    aborted: int = 0
    secret: int = 0

    def __post_init__(self) -> None:
        spent = self.estimation + self.correction + self.verification + self.amplification + self.aborted
        if (
            spent + self.secret != self.sifted
            or min(self.estimation, self.correction, self.verification, self.amplification, self.aborted, self.secret)
            < 0
        ):
            raise InputError(f"An account of {self.sifted} sifted bits does not balance: {self}.")
