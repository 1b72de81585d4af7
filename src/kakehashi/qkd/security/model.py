"""What a bound on a key's length needs, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["Bound", "DecoyCounts", "DecoySettings", "Failure", "KeyLength"]

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How often a key may fail, composably: ``secrecy + correctness`` bounds the distance from an ideal key.

    Attributes:
        secrecy: Probability bound of the secrecy criterion.
        correctness: Probability that the two ends hold different keys.
    """

    secrecy: float = 1e-10
    correctness: float = 1e-15

    def __post_init__(self) -> None:
        for name in ("secrecy", "correctness"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"`{name}` must lie between 0 and 1, but is {getattr(self, name)}.")

    @property
    def total(self) -> float:
        """Failure probability of a key: what is added up when keys are used together."""
        return self.secrecy + self.correctness


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoySettings:
    """What the sender chose.

    Attributes:
        intensities: Mean photon numbers, falling: the signal first.
        probabilities: How often each is sent; they sum to 1.
    """

    intensities: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.intensities) != len(self.probabilities):
            raise InputError("There must be one probability for each intensity.")
        if (
            any(x <= y for x, y in zip(self.intensities, self.intensities[1:], strict=False))
            or self.intensities[-1] < 0
        ):
            raise InputError(f"Intensities must fall and not be negative, but are {self.intensities}.")
        if min(self.probabilities) <= 0 or abs(sum(self.probabilities) - 1) > 1e-9:
            raise InputError(f"Probabilities must be positive and sum to 1, but are {self.probabilities}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecoyCounts:
    """Counts where both ends used the same basis.

    Attributes:
        detections: Shape ``(2, n_intensities)``: row :data:`~kakehashi.qkd.link.model.KEY_BASIS`, then the test basis.
        errors: Wrong bits among them, likewise. Real numbers are taken, so that expected counts can be put in.
    """

    detections: Numbers
    errors: Numbers

    def __post_init__(self) -> None:
        if self.detections.shape != self.errors.shape or self.detections.ndim != 2 or len(self.detections) != 2:
            raise InputError("Counts must have shape (2, n_intensities).")
        if np.any(self.errors < 0) or np.any(self.errors > self.detections):
            raise InputError("There cannot be more errors than detections, nor fewer than none.")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLength:
    """How long a key may be, with every term that was charged.

    Attributes:
        exact: Length before rounding down, for comparison with published figures; negative where nothing can be had.
        bound: Name of the proof.
        failure: Failure probabilities that the key carries.
        terms: Every term by name, in bits unless the name says otherwise.
    """

    exact: float
    bound: str
    failure: Failure
    terms: Mapping[str, float] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        """Length: a whole number, 0 where nothing can be had."""
        return max(0, math.floor(self.exact))


class Bound(Protocol):
    """A proof, as a function of counts."""

    def __call__(
        self, counts: DecoyCounts, settings: DecoySettings, *, leak_bits: float, failure: Failure
    ) -> KeyLength:
        """The length of the key.

        Args:
            counts: What was counted.
            settings: What was sent.
            leak_bits: Bits that error correction and verification really disclosed.
            failure: What is asked for.

        Raises:
            InputError: The settings are not those that the proof covers, such as two intensities where it needs three.
        """
        ...
