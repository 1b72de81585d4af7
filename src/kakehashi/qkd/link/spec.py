"""What a user writes to describe a quantum link."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from kakehashi.core.spec import Spec
from kakehashi.qkd.link.events import Event

__all__ = ["DetectorSpec", "FibreSpec", "Grade", "LinkSpec", "Protocol", "Reported", "SourceSpec", "SourcedNumber"]

Protocol: TypeAlias = Literal["decoy-bb84", "dps", "bbm92"]

Grade: TypeAlias = Literal["published", "unverified", "derived", "assumed"]
"""How a number is known: read at its source; told by somebody and not read there; arithmetic on others; a guess."""

Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]

MAX_INTENSITY = 2.0
"""Photons a pulse. The tables end at 15 photons, beyond which a pulse of this intensity goes once in 2e9."""


class SourceSpec(Spec):
    """What the sender sends.

    Attributes:
        pulse_rate_hz: Pulses a second.
        intensities: Mean photon numbers, falling: the signal first; in BBM92 the mean number of pairs in a slot.
        probabilities: How often each is sent; they sum to 1.
        key_basis_probability: How often the sender chooses the key basis.
    """

    pulse_rate_hz: Annotated[float, Field(gt=0, le=1e11)]
    intensities: Annotated[tuple[float, ...], Field(min_length=1, max_length=4)]
    probabilities: Annotated[tuple[float, ...], Field(min_length=1, max_length=4)] = (1.0,)
    key_basis_probability: Probability = 0.5

    @model_validator(mode="after")
    def _check(self) -> SourceSpec:
        if len(self.intensities) != len(self.probabilities):
            raise ValueError(
                f"there are {len(self.intensities)} intensities, but {len(self.probabilities)} probabilities"
            )
        if any(x <= y for x, y in zip(self.intensities, self.intensities[1:], strict=False)):
            raise ValueError(f"intensities must fall, the signal first, but are {self.intensities}")
        if self.intensities[-1] < 0 or not 0 < self.intensities[0] <= MAX_INTENSITY:
            raise ValueError(f"intensities must lie between 0 and {MAX_INTENSITY:g} photons a pulse")
        if min(self.probabilities) <= 0 or abs(sum(self.probabilities) - 1) > 1e-9:
            raise ValueError(f"probabilities must be positive and sum to 1, but are {self.probabilities}")
        return self


class FibreSpec(Spec):
    """What lies between the two ends.

    Attributes:
        length_km: Length of the fibre.
        loss_db: Loss from end to end, as measured; instead of ``loss_db_per_km``.
        loss_db_per_km: Loss of a kilometre.
        misalignment: Probability that a photon goes to the wrong detector of its basis; in DPS (1 - visibility) / 2.
        light_hz: Clicks a second that light of other fibres causes in each detector, while its gate is open.
    """

    length_km: NotNegative
    loss_db: NotNegative | None = None
    loss_db_per_km: NotNegative | None = None
    misalignment: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    light_hz: NotNegative = 0.0

    @model_validator(mode="after")
    def _check(self) -> FibreSpec:
        if (self.loss_db is None) == (self.loss_db_per_km is None):
            raise ValueError("a fibre has either loss_db, from end to end, or loss_db_per_km")
        return self

    @property
    def total_loss_db(self) -> float:
        """Loss from end to end."""
        return self.loss_db if self.loss_db is not None else self.length_km * (self.loss_db_per_km or 0.0)


MOST_DEAD_SLOTS = 1 << 48
"""A detector that is dead for longer than any link runs."""


class DetectorSpec(Spec):
    """One end's detectors, all alike.

    Attributes:
        efficiency: Probability that a photon that arrives makes a click.
        dark_count_hz: Clicks a second without light, of one detector whose gate is always open.
        gate_ns: How long a detector is open in each slot; the whole slot where not given.
        dead_time_ns: How long after a click no detector of this end clicks again.
        afterpulse_probability: Probability that a click leaves a carrier behind, which makes a click later unless it is
            freed in the dead time.
        afterpulse_decay_ns: Mean time until the carrier is freed.
        receiver_loss_db: Loss between the fibre and the detectors.
        basis_choice: ``"active"``: the end chooses for each slot and has 2 detectors; ``"passive"``: a beam splitter
            chooses for each photon, and each basis has 2.
        n_detectors: 2 or 4; stated only to be checked.
        key_basis_probability: How often the key basis is chosen.
    """

    efficiency: Annotated[float, Field(gt=0, le=1)]
    dark_count_hz: NotNegative = 0.0
    gate_ns: Positive | None = None
    dead_time_ns: NotNegative = 0.0
    afterpulse_probability: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    afterpulse_decay_ns: Positive = 1000.0
    receiver_loss_db: NotNegative = 0.0
    basis_choice: Literal["active", "passive"] = "active"
    n_detectors: Literal[2, 4] | None = None
    key_basis_probability: Probability = 0.5

    @model_validator(mode="after")
    def _check(self) -> DetectorSpec:
        needed = 4 if self.basis_choice == "passive" else 2
        if self.n_detectors not in (None, needed):
            raise ValueError(f"a receiver with {self.basis_choice} choice of basis has {needed} detectors")
        return self

    def dark_probability(self, pulse_rate_hz: float, *, light_hz: float = 0.0) -> float:
        """Probability that one detector clicks in one slot without a photon of the source; never quite 1."""
        gate_s = 1 / pulse_rate_hz if self.gate_ns is None else self.gate_ns * 1e-9
        return min(-math.expm1(-(self.dark_count_hz + light_hz) * gate_s), 1 - 1e-12)

    def dead_slots(self, pulse_rate_hz: float) -> int:
        """Slots after a click in which no other can be."""
        n_slots = min(self.dead_time_ns * 1e-9 * pulse_rate_hz, float(MOST_DEAD_SLOTS))
        return max(0, math.ceil(n_slots - 1e-9) - 1)


class SourcedNumber(Spec):
    """Where a number comes from.

    Attributes:
        grade: How it is known.
        text: From whom, or from which others it follows.
    """

    grade: Grade
    text: str


class Reported(Spec):
    """What was reported of the real link. Whether anybody has read it at its source, `numbers` says.

    Attributes:
        sifted_kbit_per_s: Rate of sifted key.
        qber: Share of wrong bits in it.
        secure_kbit_per_s: Rate of secret key.
    """

    sifted_kbit_per_s: Positive | None = None
    qber: Probability | None = None
    secure_kbit_per_s: Positive | None = None


class LinkSpec(Spec):
    """A quantum link.

    Attributes:
        protocol: ``"decoy-bb84"``, ``"dps"`` (differential phase shift) or ``"bbm92"`` (entangled pairs).
        title: One line for people.
        source: What is sent.
        fibre: What lies between; in BBM92 between the source of pairs and the receiver.
        detector: The receiver's detectors.
        sender_fibre: In BBM92: what lies between the source of pairs and the sender.
        sender_detector: In BBM92: the sender's detectors.
        event: What happens to the link, see :mod:`kakehashi.qkd.link.events`.
        reported: What was reported of the real one.
        numbers: Where each number comes from, by its key, such as ``"fibre.loss_db"``.

    Example:
        >>> link = LinkSpec.model_validate({
        ...     "protocol": "dps", "source": {"pulse_rate_hz": 1e9, "intensities": (0.2,)},
        ...     "fibre": {"length_km": 90.0, "loss_db": 27.0}, "detector": {"efficiency": 0.1}})
        >>> link.fibre.total_loss_db
        27.0
    """

    protocol: Protocol
    title: str = ""
    source: SourceSpec
    fibre: FibreSpec
    detector: DetectorSpec
    sender_fibre: FibreSpec | None = None
    sender_detector: DetectorSpec | None = None
    event: tuple[Event, ...] = ()
    reported: Reported | None = None
    numbers: dict[str, SourcedNumber] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> LinkSpec:
        if self.protocol != "decoy-bb84" and len(self.source.intensities) != 1:
            raise ValueError(f"a link of protocol {self.protocol} has one intensity")
        if self.protocol == "dps" and self.detector.basis_choice != "active":
            raise ValueError("dps has no bases: its receiver has 2 detectors behind one interferometer")
        pairs = self.sender_detector is not None and self.sender_fibre is not None
        if pairs != (self.protocol == "bbm92") or (not pairs and (self.sender_detector or self.sender_fibre)):
            raise ValueError(
                "sender_detector and sender_fibre belong to bbm92, where both ends detect, and are needed there"
            )
        for name, detector in (("detector", self.detector), ("sender_detector", self.sender_detector)):
            if detector and detector.gate_ns and detector.gate_ns * 1e-9 * self.source.pulse_rate_hz > 1 + 1e-9:
                slot_ns = 1e9 / self.source.pulse_rate_hz
                raise ValueError(f"{name}.gate_ns is {detector.gate_ns:g}, but a slot lasts {slot_ns:g} ns")
        return self
