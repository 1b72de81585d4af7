"""The statistical mode: only slots in which something is detected are drawn, by the gaps between them."""

from __future__ import annotations

from kakehashi import _native
from kakehashi.qkd.link.channel import Channel
from kakehashi.qkd.link.exposure import Exposure
from kakehashi.qkd.link.pulses import checked_seed, run_native
from kakehashi.qkd.link.tables import native_channel

__all__ = ["StatisticalStream"]


class StatisticalStream:
    """Exposures drawn detection by detection: time and memory go with the clicks, not with the pulses.

    Whether a slot would make a click, were the detectors alive, does not depend on other slots: gaps are geometric, and
    the intensity, the number of detected photons and their fates follow from the distribution that they have given a
    click. Dead time and afterpulses are then as in the pulse mode. What is drawn depends on the lengths of the
    exposures, but not on the number of threads.

    Args:
        seed: Seed, 0 to 2^64 - 1.
        n_threads: Threads.

    Example:
        >>> from kakehashi.qkd.link.channel import build_channel
        >>> from kakehashi.qkd.link.library import load_link
        >>> exposure = StatisticalStream(7).run(build_channel(load_link("laboratory-50km")), 100_000_000)
        >>> 100_000 < len(exposure.detections) < 2_000_000
        True
    """

    def __init__(self, seed: int, *, n_threads: int = 1) -> None:
        self._link = _native.PhotonLink(checked_seed(seed))
        self._next = 0
        self._n_threads = n_threads

    def run(self, channel: Channel, n_slots: int) -> Exposure:
        """The next ``n_slots`` slots."""
        first, self._next = self._next, self._next + n_slots
        made = native_channel(channel, joined=True)
        return run_native(self._link, made, first, n_slots, statistical=True, n_threads=self._n_threads)
