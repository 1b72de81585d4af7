"""What is to be expected of a link: gains, errors, and counts for the bounds, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.qkd.link.channel import Channel
from kakehashi.qkd.link.model import KEY_BASIS, TEST_BASIS

__all__ = ["Counts", "Expected", "expect"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """Detections and errors where both ends used one basis: what a ``DecoyCounts`` takes.

    Attributes:
        detections: Shape ``(2, n_intensities)``: key basis, test basis.
        errors: Wrong bits among them, likewise.
    """

    detections: Numbers
    errors: Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """Expectations for one slot.

    Attributes:
        click: Probability that a click is accepted, dead time and afterpulses included.
        live: Share of the slots in which the detectors are alive.
        afterpulses: Share of the clicks that are nothing but afterpulses.
        gain: Probability of an accepted click, given the intensity, shape ``(n_intensities,)``.
        sifted: Probability that a slot has this intensity, both ends use this basis, and a click is accepted, shape
            ``(2, n_intensities)``.
        wrong: Likewise, and the bits differ.
    """

    click: float
    live: float
    afterpulses: float
    gain: Numbers
    sifted: Numbers
    wrong: Numbers

    def counts(self, n_slots: float) -> Counts:
        """Expected counts of an exposure."""
        return Counts(detections=n_slots * self.sifted, errors=n_slots * self.wrong)

    @property
    def qber(self) -> Numbers:
        """Share of wrong bits by basis and intensity, 0 where nothing is detected."""
        return np.divide(self.wrong, self.sifted, out=np.zeros_like(self.wrong), where=self.sifted > 0)


def expect(channel: Channel) -> Expected:
    """Expectations of a link whose sender prepares.

    Photons and dark counts are summed exactly over photon numbers and attacks. Dead time is exact without afterpulses:
    an accepted click costs ``dead_slots`` and the next one takes ``1/q`` live slots. Of the time since a click an
    afterpulse knows only whether the detectors are still dead or have been alive for less than a dead time.
    docs/explanations/photons.md derives it.

    Example:
        >>> from kakehashi.qkd.link.channel import build_channel
        >>> from kakehashi.qkd.link.library import load_link
        >>> expected = expect(build_channel(load_link("laboratory-50km")))
        >>> f"{expected.qber[0, 0]:.2f}"
        '0.01'
    """
    gain, sifted, wrong = _raw(channel)
    p = channel.probabilities
    seen = float(p @ gain)
    own = 1 / (1 + seen * channel.dead_slots)
    found = channel.afterpulse * _found_alive(channel, seen, own)
    click = seen / (1 + seen * channel.dead_slots - found)
    live = 1 - click * channel.dead_slots
    # What is nothing but an afterpulse knows neither intensity nor bit. All intensities share it, but for those slots
    # in which something else was seen.
    extra = click * found
    quiet = p * (1 - gain)
    quiet /= quiet.sum()
    sender = np.array([channel.sender_key, 1 - channel.sender_key])
    receiver = np.array([channel.receiver_key, 1 - channel.receiver_key])
    if channel.is_passive:  # it comes from a detector that clicked before
        clicked = _passive_shares(channel)
        receiver = clicked / clicked.sum()
    matched = (sender * receiver)[:, None] * extra * quiet
    # An afterpulse in a slot in which a photon is seen too: where the other detector of the basis fires, the bit is
    # drawn.
    met = extra / ((1 - seen) * live) if live > 0 else 0.0
    spoilt = met * (receiver if channel.is_passive else np.ones(2))[:, None] * (sifted - 2 * wrong) / 4
    return Expected(
        click=click,
        live=live,
        afterpulses=extra / click if click else 0.0,
        gain=live * gain + extra * quiet / p,
        sifted=live * sifted + matched,
        wrong=live * (wrong + spoilt) + matched / 2,
    )


def _found_alive(channel: Channel, seen: float, live: float) -> float:
    """Probability that a carrier is freed while the detectors are alive and see nothing else.

    In the first ``dead_slots`` slots they are dead; in as many after that they are alive if nothing has been seen
    since; later they have forgotten.
    """
    stay, dead = channel.stay, channel.dead_slots
    after_dead = stay**dead
    ratio = stay * (1 - seen)
    early = (1 - stay) * after_dead * (1 - ratio ** (dead + 1)) / (1 - ratio)
    late = after_dead * stay ** (dead + 1) * live
    return (early + late) * (1 - seen)


def _raw(channel: Channel) -> tuple[Numbers, Numbers, Numbers]:
    """Gain, sifted and wrong per slot, were the detectors always alive and without afterpulses."""
    n_intensities = len(channel.intensities)
    gain = np.zeros(n_intensities)
    sifted, wrong = np.zeros((2, n_intensities)), np.zeros((2, n_intensities))
    sender = (channel.sender_key, 1 - channel.sender_key)
    receiver = (channel.receiver_key, 1 - channel.receiver_key)
    for way in channel.ways:
        detected = channel.photons @ way.detected  # (intensity, number of detected photons)
        m = np.arange(detected.shape[1])
        quiet = detected[:, 0] * (1 - channel.dark_any)
        gain += way.share * (1 - quiet)
        for basis in (KEY_BASIS, TEST_BASIS):
            for scrambled, chance in ((False, 1 - way.scramble), (True, way.scramble)):
                flip = 0.5 if scrambled else channel.flip
                here = receiver[basis]
                weights = _outcomes(channel, m, flip=flip, here=here)
                shares = sender[basis] * channel.probabilities * way.share * chance
                if not channel.is_passive:
                    shares = shares * here
                sifted[basis] += shares * (detected @ weights[0])
                wrong[basis] += shares * (detected @ weights[1])
    return gain, sifted, wrong


def _outcomes(channel: Channel, m: NDArray[np.int64], *, flip: float, here: float) -> tuple[Numbers, Numbers]:
    """Probabilities, given ``m`` detected photons, that this basis gives the bit at all, and that it is wrong."""
    lit = 1 - channel.dark
    if not channel.is_passive:
        only_right = lit * (_power(1 - flip, m) - lit * (m == 0))
        only_wrong = lit * (_power(flip, m) - lit * (m == 0))
        none = lit * lit * (m == 0)
        any_ = 1 - none
        both = any_ - only_right - only_wrong
        return any_, only_wrong + both / 2
    # Of four detectors: those of this basis, right and wrong, and the two of the other one.
    quiet_other = _other_quiet(lit, m, here)  # photons all in this basis, the other one dark
    none_here = lit**2 * _power(1 - here, m)
    none = lit**4 * (m == 0)
    only_here = quiet_other - none
    crossed = 1 - quiet_other - none_here + none
    any_ = only_here + crossed / 2
    # Wrong detector of this basis silent, or right one silent; with the other basis silent or not.
    right_silent = lit * _power(1 - here * (1 - flip), m) - none_here
    wrong_silent = lit * _power(1 - here * flip, m) - none_here
    right_silent_alone = lit**3 * _power(here * flip, m) - none
    wrong_silent_alone = lit**3 * _power(here * (1 - flip), m) - none
    both_alone = only_here - right_silent_alone - wrong_silent_alone
    right_silent_crossed = right_silent - right_silent_alone
    both_crossed = crossed - right_silent_crossed - (wrong_silent - wrong_silent_alone)
    wrong = right_silent_alone + both_alone / 2 + (right_silent_crossed + both_crossed / 2) / 2
    return any_, wrong


def _other_quiet(lit: float, m: NDArray[np.int64], here: float) -> Numbers:
    return lit**2 * _power(here, m)


def _power(base: float, m: NDArray[np.int64]) -> Numbers:
    return np.asarray(float(base) ** m, dtype=np.float64)


def _passive_shares(channel: Channel) -> Numbers:
    """How the clicks of four detectors are shared between the bases: by photons, and evenly by dark counts."""
    light = sum(
        float(channel.probabilities @ (channel.photons @ way.detected) @ np.arange(way.detected.shape[1])) * way.share
        for way in channel.ways
    )
    key = light * channel.receiver_key + 2 * channel.dark
    test = light * (1 - channel.receiver_key) + 2 * channel.dark
    return np.array([key, test]) if key + test > 0 and math.isfinite(key + test) else np.array([0.5, 0.5])
