"""A block corrected in two halves at once, so that each end works on one while the other half waits for the wire.

A method of error correction is a conversation: an end that has spoken waits. With two conversations, each over half of
the block, neither end waits for long. Nothing else of a block is doubled: its counts, its hash and its tags are those
of the whole, and so is what has leaked, which is the sum.

Whole blocks in flight side by side would do the same, at a price that lanes do not have: each block would need a state,
a transcript and a place in the order of the stock of pads, and a crash would find several of them half made.
"""

from __future__ import annotations

from typing import TypeVar

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.correction import Correction
from kakehashi.qkd.distill.model import Corrector, ReferenceSide

__all__ = ["CorrectorLanes", "ReferenceLanes", "cut"]

Lane = TypeVar("Lane")

FEWEST_BITS = 1 << 16
"""Bits of a block that is worth being cut: below it each half would pay for the places of half a frame."""


def cut(bits: Bits) -> list[Bits]:
    """The lanes of a block, as both ends cut it: on a whole byte, the first no longer than the second.

    Example:
        >>> [len(lane) for lane in cut(Bits.from_bytes(bytes(12_501)))]
        [50000, 50008]
        >>> [len(lane) for lane in cut(Bits.from_bytes(bytes(100)))]
        [800]
    """
    if bits.n < FEWEST_BITS:
        return [bits]
    first = bits.n // 2 // 8 * 8
    return [bits.slice(0, first), bits.slice(first, bits.n - first)]


class ReferenceLanes:
    """The lanes of the end whose bits are taken as right.

    Args:
        method: Of error correction.
        bits: The block.

    Example:
        >>> import numpy as np
        >>> from kakehashi.qkd.distill.correction import CORRECTIONS
        >>> right, errors = np.zeros(100_000, np.uint8), np.arange(100_000) % 50 == 0
        >>> here = ReferenceLanes(CORRECTIONS["cascade"], Bits.pack(right))
        >>> there = CorrectorLanes(CORRECTIONS["cascade"], Bits.pack(right ^ errors), qber=0.02)
        >>> waiting = there.begin()
        >>> while waiting:
        ...     lane, question = waiting.pop(0)
        ...     waiting += there.take(lane, here.answer(lane, question))
        >>> there.is_done, there.corrected() == Bits.pack(right), there.leaked_bits == here.leaked_bits
        (True, True, True)
    """

    def __init__(self, method: Correction, bits: Bits) -> None:
        self._lanes: list[ReferenceSide] = [method.reference(lane) for lane in cut(bits)]

    @property
    def leaked_bits(self) -> int:
        """Bits that answers have disclosed so far."""
        return sum(lane.leaked_bits for lane in self._lanes)

    def answer(self, lane: int, question: bytes) -> bytes:
        """The answer to one question.

        Raises:
            DistillationError: It is no question, or there is no such lane; nothing is disclosed.
        """
        return _pick(self._lanes, lane).answer(question)


class CorrectorLanes:
    """The lanes of the end that corrects, see :class:`ReferenceLanes`.

    Args:
        method: Of error correction.
        bits: The block, with errors.
        qber: Expected share of them.
    """

    def __init__(self, method: Correction, bits: Bits, *, qber: float) -> None:
        self._lanes: list[Corrector] = [method.corrector(lane, qber=qber) for lane in cut(bits)]

    @property
    def leaked_bits(self) -> int:
        """As :attr:`ReferenceLanes.leaked_bits`."""
        return sum(lane.leaked_bits for lane in self._lanes)

    @property
    def is_done(self) -> bool:
        """Whether no lane has anything to ask."""
        return all(lane.is_done for lane in self._lanes)

    def begin(self) -> list[tuple[int, bytes]]:
        """The first question of each lane that has one."""
        return [(number, lane.question()) for number, lane in enumerate(self._lanes) if not lane.is_done]

    def take(self, lane: int, answer: bytes) -> list[tuple[int, bytes]]:
        """Take an answer; gives the lane's next question, or nothing where it is done.

        Raises:
            DistillationError: It does not belong to the lane's last question, or there is no such lane.
        """
        corrector = _pick(self._lanes, lane)
        corrector.take(answer)
        return [] if corrector.is_done else [(lane, corrector.question())]

    def corrected(self) -> Bits:
        """The block after correction."""
        return Bits.concatenate(lane.corrected() for lane in self._lanes)


def _pick(lanes: list[Lane], lane: int) -> Lane:
    if lane >= len(lanes):
        raise DistillationError(f"Error correction has {len(lanes)} lanes, and there is no lane {lane}.")
    return lanes[lane]
