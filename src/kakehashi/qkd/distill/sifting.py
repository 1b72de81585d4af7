"""Which clicks both ends can use, and what becomes of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kakehashi import _native
from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.messages import Reported, Sifting
from kakehashi.qkd.distill.planes import Intensities, pick
from kakehashi.qkd.link.model import Detections, Preparations

__all__ = ["Noted", "Sifted", "report", "sift_at_receiver", "sift_at_sender"]

PLANES = 5
"""What the sender looks up for a click: whether it has anything, bit, basis, and the two bits of the intensity."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noted:
    """What the receiver keeps of an exposure until the sender has sifted it.

    Attributes:
        first_slot: Where it begins.
        basis: Basis of each click.
        bit: Bit of each.
    """

    first_slot: int
    basis: Bits
    bit: Bits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sifted:
    """Sifted bits of one exposure or of several, at one end.

    Attributes:
        key: Bits of the key basis.
        key_intensity: Intensity of each of them.
        test: Bits of the test basis, likewise.
        test_intensity: Intensity of each of those.
        test_errors: At the receiver: whether each of those differs from the sender's; zeros at the sender.
    """

    key: Bits
    key_intensity: Intensities
    test: Bits
    test_intensity: Intensities
    test_errors: Bits

    @classmethod
    def join(cls, parts: list[Sifted]) -> Sifted:
        """All of ``parts``, in order."""
        return cls(
            key=Bits.concatenate(part.key for part in parts),
            key_intensity=Intensities.concatenate([part.key_intensity for part in parts]),
            test=Bits.concatenate(part.test for part in parts),
            test_intensity=Intensities.concatenate([part.test_intensity for part in parts]),
            test_errors=Bits.concatenate(part.test_errors for part in parts),
        )

    def __len__(self) -> int:
        return len(self.key)


def report(detected: Detections) -> tuple[Reported, Noted]:
    """What the receiver says of an exposure, and what it keeps of it."""
    width = _native.gap_width(detected.slot, detected.first_slot)
    gaps = np.empty(len(detected) * width, np.uint8)
    _native.fill_gaps(detected.slot, detected.first_slot, width, gaps)
    basis = Bits.pack(detected.basis)
    reported = Reported(
        first_slot=detected.first_slot, n_slots=detected.n_slots, gap_bytes=width, gaps=gaps, basis=basis
    )
    return reported, Noted(first_slot=detected.first_slot, basis=basis, bit=Bits.pack(detected.bit))


def sift_at_sender(reported: Reported, prepared: Preparations) -> tuple[Sifting, Sifted]:
    """The sender's answer to reported clicks, and what it keeps.

    A click counts if the sender has a bit for its slot and used the same basis. Bits of the test basis are disclosed
    here, once: they never become key.

    Raises:
        DistillationError: The report is of another exposure.
    """
    if (reported.first_slot, reported.n_slots) != (prepared.first_slot, prepared.n_slots):
        raise DistillationError(f"Clicks of slot {reported.first_slot} were reported for {prepared.first_slot}.")
    known, bit, basis, low, high = _look_up(reported, prepared)
    keep = known & ~(basis ^ reported.basis)
    intensity = Intensities(low, high).pick(keep)
    sifted = _split(pick(bit, keep), pick(basis, keep), intensity, None)
    return Sifting(first_slot=reported.first_slot, keep=keep, intensity=intensity, test=sifted.test), sifted


def sift_at_receiver(answer: Sifting, noted: Noted) -> Sifted:
    """What the receiver keeps.

    Raises:
        DistillationError: The answer is not to these detections.
    """
    keep = answer.keep
    if answer.first_slot != noted.first_slot or keep.n != noted.bit.n:
        raise DistillationError(f"The answer for slot {answer.first_slot} does not belong to the clicks reported.")
    basis = pick(noted.basis, keep)
    if answer.test.n != basis.n_ones:
        raise DistillationError("The sender disclosed another number of test bits than were kept.")
    return _split(pick(noted.bit, keep), basis, answer.intensity, answer.test)


def _look_up(reported: Reported, prepared: Preparations) -> list[Bits]:
    """What the sender has for each click, in :data:`PLANES`."""
    n = reported.basis.n
    planes = np.empty((PLANES, (n + 7) // 8), np.uint8)
    _native.look_up_clicks(
        prepared.slot,
        prepared.bit,
        prepared.basis,
        prepared.intensity,
        prepared.first_slot,
        len(prepared) == prepared.n_slots,
        reported.gaps,
        reported.gap_bytes,
        planes,
    )
    return [Bits(plane, n) for plane in planes]


def _split(bit: Bits, basis: Bits, intensity: Intensities, sent: Bits | None) -> Sifted:
    """Kept clicks by basis; ``sent`` holds the sender's bits of the test basis, and nothing at the sender itself."""
    in_key = ~basis
    test = pick(bit, basis)
    return Sifted(
        key=pick(bit, in_key),
        key_intensity=intensity.pick(in_key),
        test=test,
        test_intensity=intensity.pick(basis),
        test_errors=test ^ (test if sent is None else sent),
    )
