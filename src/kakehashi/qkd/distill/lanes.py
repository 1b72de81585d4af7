"""A block corrected in lanes, two at once, so that each end works on one while the other waits for the wire.

A method of error correction is a conversation: an end that has spoken waits. With two conversations, each over a part
of the block, neither end waits for long. Nothing else of a block is doubled: its counts, its hash and its tags are
those of the whole, and so is what has leaked, which is the sum.

Whole blocks in flight side by side would do the same, at a price that lanes do not have: each block would need a state,
a transcript and a place in the order of the stock of pads, and a crash would find several of them half made.
"""

from __future__ import annotations

from collections import deque
from functools import partial

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.correction import Correction
from kakehashi.qkd.distill.model import Corrector, ReferenceSide

__all__ = ["CorrectorLanes", "ReferenceLanes", "cut"]

FEWEST_BITS = 1 << 16
"""Bits of a block that is worth being cut: below it each half would pay for the places of half a frame."""

MOST_BITS = 1 << 24
"""Bits of a lane: longer ones share round trips, shorter ones share the processor's cache.

``benchmarks/qkd_correction.py`` measures a lane of this size beside 1e8 bits in one piece, and no size between.
"""

AT_ONCE = 2


def cut(bits: Bits) -> list[Bits]:
    """The lanes of a block, as both ends cut it: whole bytes but for the last, which is the longest.

    Example:
        >>> [len(lane) for lane in cut(Bits.from_bytes(bytes(12_501)))]
        [50000, 50008]
        >>> [len(lane) for lane in cut(Bits.from_bytes(bytes(100)))]
        [800]
    """
    if bits.n < FEWEST_BITS:
        return [bits]
    n_lanes = max(AT_ONCE, -(-bits.n // MOST_BITS))
    size = bits.n // n_lanes // 8 * 8
    last = (n_lanes - 1) * size
    return [*(bits.slice(first, size) for first in range(0, last, size)), bits.slice(last, bits.n - last)]


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
        if lane >= len(self._lanes):
            raise DistillationError(f"Error correction has {len(self._lanes)} lanes, and there is no lane {lane}.")
        return self._lanes[lane].answer(question)


class CorrectorLanes:
    """The lanes of the end that corrects, see :class:`ReferenceLanes`.

    Args:
        method: Of error correction.
        bits: The block, with errors.
        qber: Expected share of them.
    """

    def __init__(self, method: Correction, bits: Bits, *, qber: float) -> None:
        lanes = cut(bits)
        self._start = partial(method.corrector, qber=qber)
        self._waiting = deque(enumerate(lanes))
        self._under_way: dict[int, Corrector] = {}
        self._right: list[Bits | None] = [None] * len(lanes)
        self._leaked = 0

    @property
    def leaked_bits(self) -> int:
        """As :attr:`ReferenceLanes.leaked_bits`."""
        return self._leaked + sum(lane.leaked_bits for lane in self._under_way.values())

    @property
    def is_done(self) -> bool:
        """Whether no lane has anything to ask."""
        return not self._under_way and not self._waiting

    def begin(self) -> list[tuple[int, bytes]]:
        """The first question of as many lanes as go at once."""
        questions: list[tuple[int, bytes]] = []
        while self._waiting and len(self._under_way) < AT_ONCE:
            number, bits = self._waiting.popleft()
            self._under_way[number] = self._start(bits)
            questions += self._go_on(number)
        return questions

    def take(self, lane: int, answer: bytes) -> list[tuple[int, bytes]]:
        """Take an answer; gives the lane's next question, or the first one of the next lane where it is done.

        Raises:
            DistillationError: It does not belong to the last question of a lane that is under way.
        """
        corrector = self._under_way.get(lane)
        if corrector is None:
            raise DistillationError(f"Error correction got an answer for lane {lane}, which has asked nothing.")
        corrector.take(answer)
        return self._go_on(lane) or self.begin()

    def corrected(self) -> Bits:
        """The block after correction.

        Raises:
            DistillationError: There is more to ask.
        """
        if not self.is_done:
            raise DistillationError("Error correction has not come to its end.", fault="local")
        return Bits.concatenate(bits for bits in self._right if bits is not None)

    def _go_on(self, lane: int) -> list[tuple[int, bytes]]:
        corrector = self._under_way[lane]
        if not corrector.is_done:
            return [(lane, corrector.question())]
        self._right[lane] = corrector.corrected()
        self._leaked += corrector.leaked_bits
        del self._under_way[lane]  # what it has noted is many times as long as its bits
        return []
