"""What the two ends of a quantum link hold after an exposure, and the seam behind which hardware may stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["KEY_BASIS", "TEST_BASIS", "Detections", "Preparations", "Receiver", "Sender"]

Slots: TypeAlias = NDArray[np.int64]
Small: TypeAlias = NDArray[np.uint8]

KEY_BASIS: Literal[0] = 0
"""Basis whose bits become key."""

TEST_BASIS: Literal[1] = 1
"""Basis whose errors bound the phase errors of the key basis."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections:
    """What a receiver noted: one entry for each pulse slot in which it accepted a click.

    Two detectors that click in one slot give one entry with a random bit, drawn by the receiver.

    Attributes:
        first_slot: Number of the exposure's first pulse slot; slots count from 0 since the link was started.
        n_slots: Number of slots of the exposure.
        slot: Slots with a click, ascending, shape ``(n,)``, dtype int64, within the exposure.
        basis: :data:`KEY_BASIS` or :data:`TEST_BASIS`, shape ``(n,)``, dtype uint8; all 0 where there are no bases.
        bit: The bits, likewise.
    """

    first_slot: int
    n_slots: int
    slot: Slots = field(repr=False)
    basis: Small = field(repr=False)
    bit: Small = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.first_slot, self.n_slots, self.slot, self.basis, self.bit)

    def __len__(self) -> int:
        return len(self.slot)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preparations:
    """What a sender noted, for every slot of an exposure that can matter.

    A simulation that draws only what is detected keeps only those slots; a real sender keeps all. A receiver's slot
    that is not among them is a fault of the link. In BBM92 the sender detects too: slots are those of its own clicks,
    and a slot of the receiver that is not among them is no fault but no coincidence.

    Attributes:
        first_slot: As in :class:`Detections`.
        n_slots: Likewise.
        slot: Slots, ascending, shape ``(n,)``, dtype int64.
        basis: Basis of each, shape ``(n,)``, dtype uint8.
        bit: Bit of each, likewise. In DPS: the phase against the slot before, 0 or 1 for 0 or pi.
        intensity: Index into the source's intensities, likewise; all 0 where there is one.
    """

    first_slot: int
    n_slots: int
    slot: Slots = field(repr=False)
    basis: Small = field(repr=False)
    bit: Small = field(repr=False)
    intensity: Small = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.first_slot, self.n_slots, self.slot, self.basis, self.bit, self.intensity)

    def __len__(self) -> int:
        return len(self.slot)


class Sender(Protocol):
    """One end of a link: hands out what it prepared, exposure by exposure, in order."""

    def prepare(self) -> Preparations:
        """The next exposure, waiting for it where it must.

        Raises:
            DeviceError: The link is down; ``transient`` says whether waiting can help.
        """
        ...


class Receiver(Protocol):
    """The other end of a link: hands out what it detected, exposure by exposure, in order."""

    def detect(self) -> Detections:
        """The next exposure, as :meth:`Sender.prepare`."""
        ...


def _check(first_slot: int, n_slots: int, slot: Slots, *columns: Small) -> None:
    if any(column.shape != slot.shape or column.dtype != np.uint8 for column in columns):
        raise InputError("Every column of an exposure must have dtype uint8 and the shape of its slots.")
    if slot.dtype != np.int64 or slot.ndim != 1:
        raise InputError("Slots must be an array of int64 with one dimension.")
    if len(slot) and (slot[0] < first_slot or slot[-1] >= first_slot + n_slots or np.any(slot[1:] <= slot[:-1])):
        raise InputError(f"Slots must ascend within {first_slot} to {first_slot + n_slots - 1}.")
