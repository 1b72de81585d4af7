"""Links with a source of entangled pairs (BBM92): both ends detect, and what only one of them sees is no coincidence.

The pairs of a slot are Poisson distributed, as those of a source of many modes are. Each photon of a pair goes its own
way, so that pairs of which both, one or none is detected are independent of each other, and dark counts of all that: a
slot is a superposition of independent processes, which the statistical mode draws as such.
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
from kakehashi.qkd.link.model import Detections, Preparations
from kakehashi.qkd.link.pulses import checked_seed
from kakehashi.qkd.link.spec import DetectorSpec, LinkSpec
from kakehashi.qkd.link.tables import native_channel

__all__ = ["PairChannel", "PairStream", "PairWay", "build_pair_channel"]

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
            halves = (_joined([chunk[0] for chunk in chunks]), _joined([chunk[1] for chunk in chunks]))
        else:
            lit = self._lit(channel, first, n_slots)
            dark = [self._dark(end, first, n_slots) for end in (channel.sender, channel.receiver)]
            halves = self._fire(channel, lit, dark)
        end = first + n_slots
        a = _accept(self._sender, channel.sender, halves[0], end)
        b = _accept(self._receiver, channel.receiver, halves[1], end)
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


def _joined(parts: list[tuple[Slots, Small, Small]]) -> tuple[Slots, Small, Small]:
    slot, mask, basis = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return slot, mask, basis


def _accept(
    receiver: _native.PhotonReceiver, end: Channel, columns: tuple[Slots, Small, Small], end_slot: int
) -> tuple[Slots, Small, Small]:
    n = receiver.accept(native_channel(end, joined=True), *columns, end_slot)
    slot, basis, bit = np.empty(n, np.int64), np.empty(n, np.uint8), np.empty(n, np.uint8)
    receiver.fill(slot, basis, bit)
    return slot, basis, bit
