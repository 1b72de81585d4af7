"""Which clicks both ends can use, and what becomes of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.messages import Reported, Sifting
from kakehashi.qkd.link.model import KEY_BASIS, Detections, Preparations

__all__ = ["Sifted", "count_each", "sift_at_receiver", "sift_at_sender"]

Small = NDArray[np.uint8]

INTENSITY, BASIS = np.uint8(1), np.uint8(3)
"""Where the intensity and the basis of a click begin in its byte; the bit is the lowest."""

INTENSITIES = np.uint8(3)
"""The bits that an intensity takes."""

ONE = np.uint8(1)


class Sifted:
    """Sifted bits of one exposure or of several, at one end.

    Attributes:
        key: Bits of the key basis, one a byte.
        key_intensity: Intensity of each of them.
        test: Bits of the test basis, likewise.
        test_intensity: Intensity of each of those.
        test_errors: At the receiver: whether each of those differs from the sender's.
    """

    __slots__ = ("key", "key_intensity", "test", "test_errors", "test_intensity")

    def __init__(
        self, key: Small, key_intensity: Small, test: Small, test_intensity: Small, test_errors: Small
    ) -> None:
        self.key, self.key_intensity = key, key_intensity
        self.test, self.test_intensity, self.test_errors = test, test_intensity, test_errors

    @classmethod
    def join(cls, parts: list[Sifted]) -> Sifted:
        """All of ``parts``, in order."""
        return cls(*(np.concatenate([np.zeros(0, np.uint8), *(getattr(p, n) for p in parts)]) for n in _ORDER))

    def __len__(self) -> int:
        return len(self.key)


_ORDER = ("key", "key_intensity", "test", "test_intensity", "test_errors")


def sift_at_sender(reported: Reported, prepared: Preparations) -> tuple[Sifting, Sifted]:
    """The sender's answer to reported clicks, and what it keeps.

    A click counts if the sender has a bit for its slot and used the same basis. Bits of the test basis are disclosed
    here, once: they never become key.

    Raises:
        DistillationError: The report is of another exposure.
    """
    if (reported.first_slot, reported.n_slots) != (prepared.first_slot, prepared.n_slots):
        raise DistillationError(f"Clicks of slot {reported.first_slot} were reported for {prepared.first_slot}.")
    known, packed = _look_up(prepared, reported.slot)
    keep = known & (packed >> BASIS == reported.basis)
    kept = packed[keep]
    sifted = _split(kept, np.zeros(0, np.uint8))
    answer = Sifting(
        first_slot=reported.first_slot,
        keep=keep.view(np.uint8),
        intensity=kept >> INTENSITY & INTENSITIES,
        test=Bits.pack(sifted.test),
    )
    return answer, sifted


def _look_up(prepared: Preparations, slot: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Small]:
    """Whether the sender has anything for each slot, and what: bit, intensity and basis in one byte.

    A sender that notes every slot, and a simulation that notes those with a click, are found without a search.
    """
    packed = prepared.bit | prepared.intensity << INTENSITY | prepared.basis << BASIS
    if np.array_equal(prepared.slot, slot):
        return np.ones(len(slot), dtype=bool), packed
    if len(prepared) == prepared.n_slots:
        return np.ones(len(slot), dtype=bool), packed[slot - prepared.first_slot]
    if len(prepared) == 0:
        return np.zeros(len(slot), dtype=bool), np.zeros(len(slot), np.uint8)
    at = np.minimum(np.searchsorted(prepared.slot, slot), len(prepared) - 1)
    return prepared.slot[at] == slot, packed[at]


def _split(kept: Small, sent: Small) -> Sifted:
    """Packed clicks by basis; ``sent`` holds the sender's bits of the test basis, nothing at the sender itself.

    Picking by a mask takes longest of all that is done to a click, so it is done to one byte and not to three.
    """
    is_test = kept >> BASIS != KEY_BASIS
    key, test = kept[~is_test], kept[is_test]
    bit = test & ONE
    return Sifted(
        key & ONE,
        key >> INTENSITY & INTENSITIES,
        bit,
        test >> INTENSITY & INTENSITIES,
        bit ^ sent if len(sent) else 0 * bit,
    )


def count_each(intensity: Small, n: int) -> NDArray[np.int64]:
    """How often each of ``n`` intensities stands in an array.

    Example:
        >>> count_each(np.array([0, 2, 0], np.uint8), 3)
        array([2, 0, 1])
    """
    # np.bincount makes eight bytes of each first.
    return np.array([np.count_nonzero(intensity == k) for k in range(n)], dtype=np.int64)


def sift_at_receiver(answer: Sifting, detected: Detections) -> Sifted:
    """What the receiver keeps.

    Raises:
        DistillationError: The answer is not to these detections.
    """
    if answer.first_slot != detected.first_slot or len(answer.keep) != len(detected):
        raise DistillationError(f"The answer for slot {answer.first_slot} does not belong to the clicks reported.")
    kept = (detected.bit | detected.basis << BASIS)[answer.keep.view(bool)]
    if answer.test.n != int(np.count_nonzero(kept >> BASIS != KEY_BASIS)):
        raise DistillationError("The sender disclosed another number of test bits than were kept.")
    return _split(kept | answer.intensity << INTENSITY, answer.test.unpack())
