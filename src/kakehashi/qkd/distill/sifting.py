"""Which clicks both ends can use, and what becomes of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.messages import Reported, Sifting
from kakehashi.qkd.link.model import KEY_BASIS, Detections, Preparations

__all__ = ["Sifted", "sift_at_receiver", "sift_at_sender"]

Small = NDArray[np.uint8]


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
    at = np.searchsorted(prepared.slot, reported.slot)
    known = at < len(prepared)
    known[known] = prepared.slot[at[known]] == reported.slot[known]
    keep = known.copy()
    keep[known] = prepared.basis[at[known]] == reported.basis[known]
    at = at[keep]
    bit, intensity, is_key = prepared.bit[at], prepared.intensity[at], prepared.basis[at] == KEY_BASIS
    sifted = Sifted(
        bit[is_key], intensity[is_key], bit[~is_key], intensity[~is_key], np.zeros(int((~is_key).sum()), np.uint8)
    )
    answer = Sifting(
        first_slot=reported.first_slot, keep=keep.view(np.uint8), intensity=intensity, test=Bits.pack(sifted.test)
    )
    return answer, sifted


def sift_at_receiver(answer: Sifting, detected: Detections) -> Sifted:
    """What the receiver keeps.

    Raises:
        DistillationError: The answer is not to these detections.
    """
    if answer.first_slot != detected.first_slot or len(answer.keep) != len(detected):
        raise DistillationError(f"The answer for slot {answer.first_slot} does not belong to the clicks reported.")
    keep = answer.keep.astype(bool)
    bit, is_key = detected.bit[keep], detected.basis[keep] == KEY_BASIS
    if answer.test.n != int((~is_key).sum()):
        raise DistillationError("The sender disclosed another number of test bits than were kept.")
    test = bit[~is_key]
    return Sifted(bit[is_key], answer.intensity[is_key], test, answer.intensity[~is_key], test ^ answer.test.unpack())
