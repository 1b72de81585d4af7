"""The pulse mode: every pulse has its photon number, and every photon its fate."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from kakehashi import _native
from kakehashi.core.errors import InputError
from kakehashi.qkd.link.channel import Channel
from kakehashi.qkd.link.exposure import Exposure
from kakehashi.qkd.link.model import Detections, Preparations
from kakehashi.qkd.link.tables import native_channel

__all__ = ["NativeStream", "PulseStream", "checked_seed"]


class NativeStream:
    """Base of the two modes, whose numbers the kernel draws.

    Args:
        seed: Seed, 0 to 2^64 - 1.
        n_threads: Threads of the kernel.
    """

    is_statistical: ClassVar[bool]
    """Whether only slots with a click are drawn."""

    def __init__(self, seed: int, *, n_threads: int = 1) -> None:
        self._link = _native.PhotonLink(checked_seed(seed))
        self._next = 0
        self._n_threads = n_threads

    def run(self, channel: Channel, n_slots: int) -> Exposure:
        """The next ``n_slots`` slots; the sender's notes are kept where something was detected."""
        first, self._next = self._next, self._next + n_slots
        made = native_channel(channel, joined=self.is_statistical)
        n = self._link.run(made, first, self._next, self.is_statistical, self._n_threads)
        slot = np.empty(n, np.int64)
        intensity, sent_basis, sent_bit, seen_basis, seen_bit = (np.empty(n, np.uint8) for _ in range(5))
        self._link.fill(slot, intensity, sent_basis, sent_bit, seen_basis, seen_bit)
        return Exposure(
            preparations=Preparations(
                first_slot=first, n_slots=n_slots, slot=slot, basis=sent_basis, bit=sent_bit, intensity=intensity
            ),
            detections=Detections(first_slot=first, n_slots=n_slots, slot=slot, basis=seen_basis, bit=seen_bit),
        )


class PulseStream(NativeStream):
    """Exposures drawn pulse by pulse.

    The numbers of a slot are a function of seed and slot (Philox4x32-10, doi:10.1145/2063384.2063405): neither the
    length of the exposures nor the number of threads changes what is drawn.

    Args:
        seed: Seed, 0 to 2^64 - 1.
        n_threads: Threads of the scan.

    Example:
        >>> from kakehashi.qkd.link.channel import build_channel
        >>> from kakehashi.qkd.link.library import load_link
        >>> channel = build_channel(load_link("laboratory-50km"))
        >>> exposure = PulseStream(7).run(channel, 1_000_000)
        >>> len(exposure.preparations) == len(exposure.detections)
        True
    """

    is_statistical = False

    def prepare(self, channel: Channel, first_slot: int, n_slots: int) -> Preparations:
        """Everything that the sender prepared in some slots, detected or not, as a real sender notes it."""
        intensity, basis, bit = (np.empty(n_slots, np.uint8) for _ in range(3))
        self._link.fill_settings(native_channel(channel, joined=False), first_slot, intensity, basis, bit)
        slot = np.arange(first_slot, first_slot + n_slots)
        return Preparations(
            first_slot=first_slot, n_slots=n_slots, slot=slot, basis=basis, bit=bit, intensity=intensity
        )


def checked_seed(seed: int) -> int:
    """A seed of the kernels.

    Raises:
        InputError: It does not fit into 64 bits.
    """
    if not 0 <= seed < 2**64:
        raise InputError(f"The seed of a link must be a whole number from 0 to 2^64 - 1, but is {seed}.")
    return seed
