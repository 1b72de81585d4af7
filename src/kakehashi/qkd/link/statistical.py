"""The statistical mode: only slots in which something is detected are drawn, by the gaps between them."""

from __future__ import annotations

from kakehashi.qkd.link.pulses import NativeStream

__all__ = ["StatisticalStream"]


class StatisticalStream(NativeStream):
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

    is_statistical = True
