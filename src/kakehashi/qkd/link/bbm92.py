"""Links with a source of entangled pairs (BBM92): both ends detect, and what only one of them sees is no coincidence.

The pairs of a slot are Poisson distributed, as those of a source of many modes are. Each photon of a pair goes its own way,
so that pairs of which both, one or none is detected are independent of each other, and dark counts of all that: a slot is a
superposition of independent processes, which the statistical mode draws as such.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.core.errors import InputError
from kakehashi.core.rng import named_stream
from kakehashi.qkd.link.channel import Channel, build_channel, transmission_of
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.exposure import Exposure
from kakehashi.qkd.link.model import KEY_BASIS, TEST_BASIS, Detections, Preparations
from kakehashi.qkd.link.pulses import checked_seed
from kakehashi.qkd.link.rates import Expected, expect
from kakehashi.qkd.link.spec import DetectorSpec, LinkSpec
from kakehashi.qkd.link.tables import native_channel

__all__ = ["PairChannel", "PairStream", "PairWay", "build_pair_channel", "expect_pairs"]

Numbers = NDArray[np.float64]
Slots = NDArray[np.int64]
Small = NDArray[np.uint8]

CHUNK = 1 << 20
"""Slots that the pulse mode holds in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairWay:
    """One way of the receiver's photons.

    Attributes:
        share: Share of the photons that take it.
        transmission: Probability that such a photon is detected.
        scramble: Probability that it no longer agrees with its partner.
    """

    share: float
    transmission: float
    scramble: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairChannel:
    """A link with entangled pairs under given conditions.

    Attributes:
        pairs: Mean number of pairs in a slot.
        sender_transmission: Probability that the sender detects its photon of a pair.
        ways: Those of the receiver's photons.
        flip: Probability that the bits of a pair differ in the same basis.
        sender: The sender's end as a channel by itself.
        receiver: The receiver's end, likewise.
    """

    pairs: float
    sender_transmission: float
    ways: tuple[PairWay, ...]
    flip: float
    sender: Channel
    receiver: Channel

    @property
    def receiver_transmission(self) -> float:
        """Probability that the receiver detects its photon of a pair."""
        return sum(way.share * way.transmission for way in self.ways)


def build_pair_channel(link: LinkSpec, conditions: Conditions | None = None) -> PairChannel:
    """The tables of a link with entangled pairs. An eavesdropper sits on the receiver's side.

    Raises:
        InputError: The link has no pairs, or its photons are to be split: of a pair there is one on each side.
    """
    now = conditions or Conditions()
    if link.sender_detector is None or link.sender_fibre is None:
        raise InputError("A link with entangled pairs needs a sender that detects.")
    if now.split:
        raise InputError("Photon-number splitting is no attack on entangled pairs, of which each end has one photon.")
    mine = link.model_copy(update={"fibre": link.sender_fibre, "detector": link.sender_detector})
    sender = build_channel(mine)
    receiver = build_channel(link, now)  # for what it sees by itself: being intercepted takes no photon away
    a = _seen(link.sender_fibre.total_loss_db, link.sender_detector)
    b = 0.0 if now.is_cut else _seen(link.fibre.total_loss_db + now.loss_db, link.detector)
    scale = 1 / max(1.0, now.intercepted + now.blinded)
    blinded = PairWay(
        share=now.blinded * scale,
        transmission=b * transmission_of(now.blinded_loss_db),
        scramble=2 * now.blinded_error,
    )
    ways = [PairWay(share=now.intercepted * scale, transmission=b, scramble=0.5), blinded]
    left = PairWay(share=1 - sum(way.share for way in ways), transmission=b, scramble=0.0)
    f, g = sender.flip, receiver.flip
    return PairChannel(
        pairs=link.source.intensities[0],
        sender_transmission=a,
        ways=tuple(way for way in (left, *ways) if way.share > 1e-12),
        flip=f + g - 2 * f * g,
        sender=replace(sender, receiver_key=link.sender_detector.key_basis_probability),
        receiver=receiver,
    )


def _seen(loss_db: float, detector: DetectorSpec) -> float:
    return detector.efficiency * transmission_of(loss_db + detector.receiver_loss_db)


@dataclass(frozen=True, slots=True, eq=False)
class _Photons:
    """What is detected, before detectors are dead: one entry a pair or dark count.

    Attributes:
        slot: Its slot.
        sender: Whether the sender detects its photon.
        receiver: Whether the receiver detects its photon.
        scrambled: Whether they no longer agree.
    """

    slot: Slots
    sender: NDArray[np.bool_]
    receiver: NDArray[np.bool_]
    scrambled: NDArray[np.bool_]


class PairStream:
    """Exposures of a link with entangled pairs.

    Args:
        seed: Seed, 0 to 2^64 - 1.
        mode: ``"pulse"``: pairs and dark counts of every slot; ``"statistical"``: detected ones alone.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> channel = build_pair_channel(load_link("tokyo-koganei-vienna"))
        >>> exposure = PairStream(7).run(channel, 100_000_000)
        >>> len(np.intersect1d(exposure.preparations.slot, exposure.detections.slot)) > 100
        True
    """

    def __init__(self, seed: int, *, mode: Literal["pulse", "statistical"] = "statistical") -> None:
        self._rng = named_stream(checked_seed(seed), "pairs", mode)
        ends = (int(self._rng.integers(2**63)) for _ in range(2))
        self._sender, self._receiver = (_native.PhotonReceiver(end) for end in ends)
        self._mode = mode
        self._next = 0

    def run(self, channel: PairChannel, n_slots: int) -> Exposure:
        """The next ``n_slots`` slots."""
        first, self._next = self._next, self._next + n_slots
        if self._mode == "pulse":
            chunks = [self._chunk(channel, first + at, min(CHUNK, n_slots - at)) for at in range(0, n_slots, CHUNK)]
            columns = [
                tuple(np.concatenate(part) for part in zip(*end, strict=True)) for end in zip(*chunks, strict=True)
            ]
        else:
            lit = self._lit(channel, first, n_slots)
            dark = [self._dark(end, first, n_slots) for end in (channel.sender, channel.receiver)]
            columns = list(self._fire(channel, lit, dark))
        end = first + n_slots
        a = _accept(self._sender, channel.sender, columns[0], end)
        b = _accept(self._receiver, channel.receiver, columns[1], end)
        return Exposure(
            preparations=Preparations(
                first_slot=first,
                n_slots=n_slots,
                slot=a[0],
                basis=a[1],
                bit=a[2],
                intensity=np.zeros(len(a[0]), np.uint8),
            ),
            detections=Detections(first_slot=first, n_slots=n_slots, slot=b[0], basis=b[1], bit=b[2]),
        )

    def _lit(self, channel: PairChannel, first: int, n_slots: int) -> _Photons:
        """Pairs of which something is detected, as a superposition of Poisson processes."""
        a, rate = channel.sender_transmission, channel.pairs * n_slots
        parts = [(rate * a * (1 - channel.receiver_transmission), True, False, 0.0)]
        for way in channel.ways:
            hits = rate * way.share * way.transmission
            parts += [(hits * a, True, True, way.scramble), (hits * (1 - a), False, True, way.scramble)]
        counts = [int(self._rng.poisson(mean)) for mean, *_ in parts]
        scrambled = [self._rng.random(n) < part[3] for n, part in zip(counts, parts, strict=True)]
        return _Photons(
            first + self._rng.integers(n_slots, size=sum(counts)),
            np.repeat([part[1] for part in parts], counts),
            np.repeat([part[2] for part in parts], counts),
            np.concatenate(scrambled),
        )

    def _dark(self, end: Channel, first: int, n_slots: int) -> tuple[Slots, Small]:
        """Slots and detectors of dark counts; a detector that fires twice in a slot fires."""
        mean = -math.log1p(-end.dark) * n_slots
        counts = self._rng.poisson(mean, end.n_detectors)
        slot = first + self._rng.integers(n_slots, size=int(counts.sum()))
        return slot, np.repeat(np.arange(end.n_detectors), counts).astype(np.uint8)

    def _chunk(
        self, channel: PairChannel, first: int, n: int
    ) -> tuple[tuple[Slots, Small, Small], tuple[Slots, Small, Small]]:
        """The pulse mode: every slot has its pairs, every photon its fate, every detector its chance."""
        rng = self._rng
        slot = first + np.repeat(np.arange(n), rng.poisson(channel.pairs, n))
        way = rng.choice(len(channel.ways), size=len(slot), p=[way.share for way in channel.ways])
        passes = np.array([way.transmission for way in channel.ways])[way]
        scramble = np.array([way.scramble for way in channel.ways])[way]
        sender = rng.random(len(slot)) < channel.sender_transmission
        receiver, scrambled = rng.random(len(slot)) < passes, rng.random(len(slot)) < scramble
        dark = []
        for end in (channel.sender, channel.receiver):
            fired = [np.flatnonzero(rng.random(n) < end.dark) for _ in range(end.n_detectors)]
            which = np.repeat(np.arange(end.n_detectors), [len(at) for at in fired]).astype(np.uint8)
            dark.append((first + np.concatenate(fired), which))
        keep = sender | receiver
        return self._fire(channel, _Photons(slot[keep], sender[keep], receiver[keep], scrambled[keep]), dark)

    def _fire(
        self, channel: PairChannel, lit: _Photons, dark: list[tuple[Slots, Small]]
    ) -> tuple[tuple[Slots, Small, Small], tuple[Slots, Small, Small]]:
        """Slot, mask of detectors and basis of each end."""
        rng, n = self._rng, len(lit.slot)
        slots = np.unique(np.concatenate([lit.slot, dark[0][0], dark[1][0]]))
        at = np.searchsorted(slots, lit.slot)
        bases, settings = [], []
        for end in (channel.sender, channel.receiver):
            per_slot = (rng.random(len(slots)) >= end.receiver_key).astype(np.uint8)
            per_photon = (rng.random(n) >= end.receiver_key).astype(np.uint8)
            settings.append(per_slot)
            bases.append(per_photon if end.is_passive else per_slot[at])
        bit = rng.integers(2, size=n, dtype=np.uint8)
        agree = (bases[0] == bases[1]) & ~lit.scrambled
        other = np.where(agree, bit ^ (rng.random(n) < channel.flip), rng.integers(2, size=n, dtype=np.uint8))
        found = []
        for k, (end, seen, bits) in enumerate(
            ((channel.sender, lit.sender, bit), (channel.receiver, lit.receiver, other.astype(np.uint8)))
        ):
            detector = 2 * bases[k] + bits if end.is_passive else bits
            mask = np.zeros(len(slots), np.uint8)
            np.bitwise_or.at(mask, at[seen], np.left_shift(np.uint8(1), detector[seen]))
            np.bitwise_or.at(mask, np.searchsorted(slots, dark[k][0]), np.left_shift(np.uint8(1), dark[k][1]))
            fired = mask > 0
            found.append((slots[fired], mask[fired], settings[k][fired]))
        return found[0], found[1]


def _accept(
    receiver: _native.PhotonReceiver, end: Channel, columns: tuple[Slots, Small, Small], end_slot: int
) -> tuple[Slots, Small, Small]:
    n = receiver.accept(native_channel(end, joined=True), *columns, end_slot)
    slot, basis, bit = np.empty(n, np.int64), np.empty(n, np.uint8), np.empty(n, np.uint8)
    receiver.fill(slot, basis, bit)
    return slot, basis, bit


def expect_pairs(channel: PairChannel) -> Expected:
    """Expectations of a link with entangled pairs: coincidences, accidental ones included.

    Pairs and dark counts are summed exactly, over all sets of detectors that may fire. That both ends are alive takes their
    dead times as independent, but for those that one pair began at both; afterpulses are taken as independent of the other
    end. ``gain`` is the probability of a coincidence.

    Example:
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
    return chance * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])[pair]


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
    """Mean number of pairs that reach detector ``i`` of the sender and ``j`` of the receiver; the last is no detector."""
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
