"""One exposure as the simulation sees it: both ends' halves, which part ways afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kakehashi.qkd.link.channel import Channel
from kakehashi.qkd.link.model import Detections, Preparations
from kakehashi.qkd.link.rates import Counts

__all__ = ["Exposure", "Stream", "join", "tally"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """What both ends noted in the same slots.

    Attributes:
        preparations: The sender's half.
        detections: The receiver's half.
    """

    preparations: Preparations
    detections: Detections


class Stream(Protocol):
    """Exposures one after the other; a stream remembers dead times and afterpulses from one to the next."""

    def run(self, channel: Channel, n_slots: int) -> Exposure:
        """The next ``n_slots`` slots under the conditions of ``channel``."""
        ...


def join(parts: Sequence[Exposure]) -> Exposure:
    """Exposures that follow on each other as one."""
    if len(parts) == 1:
        return parts[0]
    first, n = parts[0].preparations.first_slot, sum(part.preparations.n_slots for part in parts)
    sent = [part.preparations for part in parts]
    seen = [part.detections for part in parts]
    return Exposure(
        preparations=Preparations(
            first_slot=first,
            n_slots=n,
            slot=np.concatenate([part.slot for part in sent]),
            basis=np.concatenate([part.basis for part in sent]),
            bit=np.concatenate([part.bit for part in sent]),
            intensity=np.concatenate([part.intensity for part in sent]),
        ),
        detections=Detections(
            first_slot=first,
            n_slots=n,
            slot=np.concatenate([part.slot for part in seen]),
            basis=np.concatenate([part.basis for part in seen]),
            bit=np.concatenate([part.bit for part in seen]),
        ),
    )


def tally(exposure: Exposure, n_intensities: int) -> Counts:
    """Count detections and errors by basis and intensity, both ends' notes side by side: for tests and tables alone.

    Real ends never do this: they would have no secret left.
    """
    sent, seen = exposure.preparations, exposure.detections
    _, mine, theirs = np.intersect1d(sent.slot, seen.slot, assume_unique=True, return_indices=True)
    matched = sent.basis[mine] == seen.basis[theirs]
    mine, theirs = mine[matched], theirs[matched]
    cell = sent.basis[mine].astype(np.int64) * n_intensities + sent.intensity[mine]
    wrong = sent.bit[mine] != seen.bit[theirs]
    shape = (2, n_intensities)
    return Counts(
        detections=np.bincount(cell, minlength=2 * n_intensities).reshape(shape).astype(float),
        errors=np.bincount(cell[wrong], minlength=2 * n_intensities).reshape(shape).astype(float),
    )
