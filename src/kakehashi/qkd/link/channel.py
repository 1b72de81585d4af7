"""A link at one moment as tables of probabilities: what the simulations draw from, and the formulas sum over."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.spec import LinkSpec

__all__ = ["MAX_PHOTONS", "Channel", "Way", "build_channel", "thinned", "transmission_of"]

Numbers = NDArray[np.float64]

MAX_PHOTONS = 15
"""The last row of every table: this many photons or more."""

ANY_BASIS_IS_LOST = 0.5
"""Share of an eavesdropper's measurements that are in the other basis and leave nothing of the bit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """One way in which pulses come to the detectors.

    Attributes:
        share: Share of the pulses that come so.
        scramble: Probability that the photons of such a pulse have forgotten their bit.
        detected: Probability of ``m`` detected photons where ``n`` were sent, shape ``(n, m)``.
    """

    share: float
    scramble: float
    detected: Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channel:
    """A link under given conditions.

    Attributes:
        intensities: Mean photon numbers, shape ``(n_intensities,)``.
        probabilities: How often each is sent.
        photons: Poisson distribution of each intensity's photon number, shape ``(n_intensities, MAX_PHOTONS + 1)``.
        ways: How pulses come to the detectors; their shares sum to 1.
        flip: Probability that a photon goes to the wrong detector of its basis.
        dark: Probability that one detector clicks in a slot without a photon.
        n_detectors: 2, or 4 where the choice of basis is passive.
        sender_key: Probability that the sender chooses the key basis.
        receiver_key: Likewise for the receiver.
        dead_slots: Slots after a click in which no detector clicks.
        afterpulse: Probability that a click leaves a carrier behind.
        decay_slots: Mean number of slots until it is freed.
        is_differential: Whether bits are changes of phase from slot to slot.
    """

    intensities: Numbers
    probabilities: Numbers
    photons: Numbers
    ways: tuple[Way, ...]
    flip: float
    dark: float
    n_detectors: int
    sender_key: float
    receiver_key: float
    dead_slots: int
    afterpulse: float
    decay_slots: float
    is_differential: bool

    @property
    def is_passive(self) -> bool:
        """Whether each photon chooses its basis at a beam splitter."""
        return self.n_detectors == 4

    @property
    def dark_any(self) -> float:
        """Probability that any detector clicks in a slot without a photon."""
        return -math.expm1(self.n_detectors * math.log1p(-self.dark))

    @property
    def stay(self) -> float:
        """Probability that a carrier stays one more slot."""
        return math.exp(-1 / self.decay_slots)


def transmission_of(loss_db: float) -> float:
    """Share of the light that passes.

    Example:
        >>> round(transmission_of(3.0), 3)
        0.501
    """
    return float(10 ** (-loss_db / 10))


def thinned(transmission: float, *, kept: int = 0) -> Numbers:
    """Probability that ``m`` of ``n`` photons pass, shape ``(MAX_PHOTONS + 1, MAX_PHOTONS + 1)``.

    Args:
        transmission: Probability that one photon passes.
        kept: Photons that somebody keeps before; where there are not so many, none is left.

    Example:
        >>> thinned(0.5)[2, :3].tolist()
        [0.25, 0.5, 0.25]
    """
    table = np.zeros((MAX_PHOTONS + 1, MAX_PHOTONS + 1))
    for n in range(MAX_PHOTONS + 1):
        left = max(0, n - kept)
        m = np.arange(left + 1)
        ways = np.array([math.comb(left, int(k)) for k in m], dtype=float)
        table[n, : left + 1] = ways * transmission**m * (1 - transmission) ** (left - m)
    return table


def build_channel(link: LinkSpec, conditions: Conditions | None = None) -> Channel:
    """The tables of a link with a sender that prepares; those of BBM92 are made from them, end by end.

    Args:
        link: The link.
        conditions: What differs from it at the moment.

    Example:
        >>> link = LinkSpec.model_validate({
        ...     "protocol": "dps", "source": {"pulse_rate_hz": 1e9, "intensities": (0.2,)},
        ...     "fibre": {"length_km": 90.0, "loss_db": 27.0}, "detector": {"efficiency": 0.1}})
        >>> channel = build_channel(link)
        >>> channel.n_detectors, len(channel.ways), float(channel.photons[0, 0].round(4))
        (2, 1, 0.8187)
    """
    now = conditions or Conditions()
    detector, rate_hz = link.detector, link.source.pulse_rate_hz
    single = link.protocol == "dps"
    intensities = np.array(link.source.intensities)
    photons = _poisson(intensities)
    loss_db = link.fibre.total_loss_db + now.loss_db
    at_door = detector.efficiency * transmission_of(detector.receiver_loss_db)
    whole = 0.0 if now.is_cut else transmission_of(loss_db) * at_door
    ways = _ways(now, whole=whole, at_door=0.0 if now.is_cut else at_door, signal=photons[0], coherent=single)
    return Channel(
        intensities=intensities,
        probabilities=np.array(link.source.probabilities),
        photons=photons,
        ways=ways,
        flip=min(0.5, link.fibre.misalignment + now.misalignment),
        dark=detector.dark_probability(rate_hz, light_hz=link.fibre.light_hz + now.light_hz),
        n_detectors=4 if detector.basis_choice == "passive" else 2,
        sender_key=1.0 if single else link.source.key_basis_probability,
        receiver_key=1.0 if single else detector.key_basis_probability,
        dead_slots=detector.dead_slots(rate_hz),
        afterpulse=detector.afterpulse_probability,
        decay_slots=detector.afterpulse_decay_ns * 1e-9 * rate_hz,
        is_differential=single,
    )


def _poisson(intensities: Numbers) -> Numbers:
    n = np.arange(MAX_PHOTONS + 1)
    factorials = np.array([math.factorial(int(k)) for k in n], dtype=float)
    table: Numbers = np.exp(-intensities[:, None]) * intensities[:, None] ** n / factorials
    table[:, -1] = np.maximum(0.0, 1 - table[:, :-1].sum(axis=1))
    return table


def _ways(now: Conditions, *, whole: float, at_door: float, signal: Numbers, coherent: bool) -> tuple[Way, ...]:
    """Pulses left alone, and those of each attack. Attacks that are more than everything are scaled down."""
    scale = 1 / max(1.0, now.intercepted + now.split + now.blinded)
    usual = thinned(whole)
    ways = [Way(share=now.intercepted * scale, scramble=ANY_BASIS_IS_LOST, detected=usual)]
    split = thinned(at_door, kept=1)
    passed = (1 - now.blocked, 1.0) if now.blocked is not None else _hiding(signal, usual, split)
    split = np.concatenate([split[:1], passed[0] * usual[1:2], passed[1] * split[2:]])
    split[:, 0] = 1 - split[:, 1:].sum(axis=1)
    # Whoever counts the photons of single pulses in a train destroys the phase between them.
    ways.append(Way(share=now.split * scale, scramble=1.0 if coherent else 0.0, detected=split))
    blinded = thinned(whole * transmission_of(now.blinded_loss_db))
    ways.append(Way(share=now.blinded * scale, scramble=2 * now.blinded_error, detected=blinded))
    left = Way(share=1 - sum(way.share for way in ways), scramble=0.0, detected=usual)
    return tuple(way for way in (left, *ways) if way.share > 1e-12)


def _hiding(signal: Numbers, usual: Numbers, split: Numbers) -> tuple[float, float]:
    """Shares of single and of several photons to let pass, so that the signal's rate is that without an attack.

    Several photons over a line without loss may be more than that: then no single photon passes, and not all others.
    """
    wanted = float(signal[1:] @ (1 - usual[1:, 0]))
    several = float(signal[2:] @ (1 - split[2:, 0]))
    single = float(signal[1] * (1 - usual[1, 0]))
    if several >= wanted:
        return 0.0, wanted / several if several > 0 else 1.0
    return (wanted - several) / single, 1.0
