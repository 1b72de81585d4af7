"""What is to be expected of a link with entangled pairs: coincidences and their errors, in closed form."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kakehashi.qkd.link.bbm92 import PairChannel
from kakehashi.qkd.link.channel import Channel
from kakehashi.qkd.link.model import KEY_BASIS, TEST_BASIS
from kakehashi.qkd.link.rates import Expected, expect

__all__ = ["expect_pairs"]

Numbers = NDArray[np.float64]


def expect_pairs(channel: PairChannel) -> Expected:
    """Expectations of a link with entangled pairs: coincidences, accidental ones included.

    Pairs and dark counts are summed exactly, over all sets of detectors that may fire. That both ends are alive takes
    their dead times as independent, but for those that one pair began at both; afterpulses are taken as independent of
    the other end. ``gain`` is the probability of a coincidence.

    Example:
        >>> from kakehashi.qkd.link.bbm92 import build_pair_channel
        >>> from kakehashi.qkd.link.library import load_link
        >>> expected = expect_pairs(build_pair_channel(load_link("tokyo-koganei-vienna")))
        >>> bool(0.02 < expected.qber[0, 0] < 0.04)
        True
    """
    a, b = channel.sender, channel.receiver
    ends = (expect(a), expect(b))
    sifted, wrong, together = np.zeros((2, 1)), np.zeros((2, 1)), 0.0
    for setting_a, chance_a in _settings(a):
        for setting_b, chance_b in _settings(b):
            patterns = _patterns(channel, setting_a, setting_b)
            for fired_a in range(1, 1 << a.n_detectors):
                for fired_b in range(1, 1 << b.n_detectors):
                    p = chance_a * chance_b * float(patterns[fired_a, fired_b])
                    together += p
                    for basis in (KEY_BASIS, TEST_BASIS):
                        one, two = (
                            _reading(end, fired, setting, basis)
                            for end, fired, setting in ((a, fired_a, setting_a), (b, fired_b, setting_b))
                        )
                        sifted[basis, 0] += p * one.sum() * two.sum()
                        wrong[basis, 0] += p * (one[0] * two[1] + one[1] * two[0])
    dead = [end.click * c.dead_slots for end, c in zip(ends, (a, b), strict=True)]
    both_dead = dead[0] * dead[1] + together * min(a.dead_slots, b.dead_slots)
    alive = 1 - dead[0] - dead[1] + both_dead
    lone = [end.afterpulses * end.click for end in ends]
    strays = lone[0] * ends[1].click + lone[1] * ends[0].click - lone[0] * lone[1]
    shares = [np.array([end.receiver_key, 1 - end.receiver_key]) for end in (a, b)]
    stray = (shares[0] * shares[1])[:, None] * strays
    return Expected(
        click=ends[1].click,
        live=ends[1].live,
        afterpulses=ends[1].afterpulses,
        gain=np.array([alive * together + strays]),
        sifted=alive * sifted + stray,
        wrong=alive * wrong + stray / 2,
    )


def _settings(end: Channel) -> list[tuple[int, float]]:
    if end.is_passive:
        return [(KEY_BASIS, 1.0)]
    return [(KEY_BASIS, end.receiver_key), (TEST_BASIS, 1 - end.receiver_key)]


def _reading(end: Channel, fired: int, setting: int, basis: int) -> Numbers:
    """Probability that the detectors that fired are read as this basis and bit 0 or 1."""
    if not end.is_passive:
        pair, chance = fired, float(setting == basis)
    else:
        pair, other = (fired >> 2 * basis) & 3, (fired >> 2 * (1 - basis)) & 3
        chance = 0.0 if not pair else 0.5 if other else 1.0
    readings = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    return np.asarray(chance * readings[pair], dtype=np.float64)


def _patterns(channel: PairChannel, setting_a: int, setting_b: int) -> Numbers:
    """Probability of each set of detectors that fire at the two ends."""
    a, b = channel.sender, channel.receiver
    rates = _hits(channel, setting_a, setting_b)
    n_a, n_b = a.n_detectors, b.n_detectors
    silent = np.empty((1 << n_a, 1 << n_b))
    for x in range(1 << n_a):
        for y in range(1 << n_b):  # detectors that are silent, whatever the others do
            of_a = np.array([*(bool(x >> i & 1) for i in range(n_a)), False])
            of_b = np.array([*(bool(y >> j & 1) for j in range(n_b)), False])
            hit = rates[of_a[:, None] | of_b[None, :]].sum()
            silent[x, y] = math.exp(-hit) * (1 - a.dark) ** of_a.sum() * (1 - b.dark) ** of_b.sum()
    # From "these are silent" to "exactly these fire", detector by detector.
    fires = silent[::-1, ::-1].copy()  # index: those that may fire
    for axis, n in ((0, n_a), (1, n_b)):
        for i in range(n):
            view = np.moveaxis(fires, axis, 0).reshape(-1, 2, 1 << i, fires.shape[1 - axis])
            view[:, 1] -= view[:, 0]
            fires = np.moveaxis(view.reshape(1 << n, -1), 0, axis).copy()
    return fires


def _hits(channel: PairChannel, setting_a: int, setting_b: int) -> Numbers:
    """Mean number of pairs that reach detector ``i`` of one end and ``j`` of the other; the last is no detector."""
    a, b = channel.sender, channel.receiver
    rates = np.zeros((a.n_detectors + 1, b.n_detectors + 1))
    split_a, split_b = _bases(a, setting_a), _bases(b, setting_b)
    for way in channel.ways:
        t = channel.sender_transmission
        pairs = channel.pairs * way.share
        for (basis_a, at_a, share_a), (basis_b, at_b, share_b) in ((x, y) for x in split_a for y in split_b):
            wrong = (1 - way.scramble) * channel.flip + way.scramble / 2 if basis_a == basis_b else 0.5
            both = pairs * t * way.transmission * share_a * share_b
            for i in range(2):
                for j in range(2):
                    rates[at_a + i, at_b + j] += both / 2 * (wrong if i != j else 1 - wrong)
        for _, at_a, share_a in split_a:
            rates[at_a : at_a + 2, -1] += pairs * t * (1 - way.transmission) * share_a / 2
        for _, at_b, share_b in split_b:
            rates[-1, at_b : at_b + 2] += pairs * (1 - t) * way.transmission * share_b / 2
    return rates


def _bases(end: Channel, setting: int) -> list[tuple[int, int, float]]:
    """Basis, first detector and share of an end's photons."""
    if not end.is_passive:
        return [(setting, 0, 1.0)]
    return [(KEY_BASIS, 0, end.receiver_key), (TEST_BASIS, 2, 1 - end.receiver_key)]
