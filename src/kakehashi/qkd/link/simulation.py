"""A link that runs: exposure after exposure, under the conditions of its time line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.qkd.link.bbm92 import PairStream, build_pair_channel
from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.events import Conditions, Timeline
from kakehashi.qkd.link.exposure import Exposure, Stream, join, tally
from kakehashi.qkd.link.pair_rates import expect_pairs
from kakehashi.qkd.link.pulses import PulseStream
from kakehashi.qkd.link.rates import Counts, Expected, expect
from kakehashi.qkd.link.spec import LinkSpec
from kakehashi.qkd.link.statistical import StatisticalStream

__all__ = ["Comparison", "Mode", "Simulation", "compare", "expect_link"]

Mode: TypeAlias = Literal["pulse", "statistical"]

EXPOSURE_S = 0.1


def expect_link(link: LinkSpec, conditions: Conditions | None = None) -> Expected:
    """Expectations of a link of any protocol, for one slot."""
    if link.protocol == "bbm92":
        return expect_pairs(build_pair_channel(link, conditions))
    return expect(build_channel(link, conditions))


class Simulation:
    """The photons of a link.

    Args:
        link: The link; its events are the first of the time line.
        mode: ``"statistical"`` draws only what is detected, ``"pulse"`` every pulse.
        exposure_s: Length of an exposure.
        rng: Seed or generator of the physics. It never makes a key: bits and bases that a real sender must draw from
            hardware are simulated here because the photons are.
        n_threads: Threads.

    Raises:
        InputError: An exposure would be shorter than one slot, or longer than 2^32 of them.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> simulation = Simulation(load_link("laboratory-50km"), rng=1)
        >>> exposure = simulation.next()
        >>> exposure.detections.n_slots, simulation.time_s
        (100000000, 0.1)
    """

    def __init__(
        self,
        link: LinkSpec,
        *,
        mode: Mode = "statistical",
        exposure_s: float = EXPOSURE_S,
        rng: RngLike = None,
        n_threads: int = 1,
    ) -> None:
        rate_hz = link.source.pulse_rate_hz
        self._n_slots = round(exposure_s * rate_hz)
        if not 1 <= self._n_slots < 2**32:
            raise InputError(
                f"An exposure of {exposure_s:g} s holds {self._n_slots} slots, but must hold 1 to {2**32 - 1}."
            )
        self.link = link
        self.timeline = Timeline(link.event)
        seed = int(as_generator(rng).integers(2**63))
        self._pairs = PairStream(seed, mode=mode) if link.protocol == "bbm92" else None
        kind = PulseStream if mode == "pulse" else StatisticalStream
        self._stream: Stream = kind(seed, n_threads=n_threads)
        self._next = 0

    @property
    def time_s(self) -> float:
        """Simulated time at which the next exposure begins."""
        return self._next / self.link.source.pulse_rate_hz

    @property
    def exposure_s(self) -> float:
        """Length of an exposure."""
        return self._n_slots / self.link.source.pulse_rate_hz

    def next(self) -> Exposure:
        """The next exposure; where conditions change within it, each part has its own."""
        parts = [self._run(conditions, n) for n, conditions in self._pieces()]
        return join(parts)

    def expected(self) -> Counts:
        """Expected counts of the exposure that comes next."""
        found = [expect_link(self.link, conditions).counts(n) for n, conditions in self._pieces()]
        detections, errors = (sum(getattr(c, name) for c in found) for name in ("detections", "errors"))
        return Counts(detections=np.asarray(detections), errors=np.asarray(errors))

    def _pieces(self) -> list[tuple[int, Conditions]]:
        rate_hz = self.link.source.pulse_rate_hz
        end = self._next + self._n_slots
        pieces, at = [], self._next
        spans = self.timeline.spans(self._next / rate_hz, end / rate_hz)
        for k, (_, stop_s, conditions) in enumerate(spans):
            stop = end if k == len(spans) - 1 else min(end, round(stop_s * rate_hz))
            if stop > at:
                pieces.append((stop - at, conditions))
                at = stop
        return pieces

    def _run(self, conditions: Conditions, n_slots: int) -> Exposure:
        self._next += n_slots
        if self._pairs is not None:
            return self._pairs.run(build_pair_channel(self.link, conditions), n_slots)
        return self._stream.run(build_channel(self.link, conditions), n_slots)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What was drawn beside what was to be expected.

    Attributes:
        seconds: Simulated time.
        n_slots: Slots in it.
        n_clicks: Clicks that the receiver accepted.
        drawn: Counts that were drawn.
        expected: Counts that were to be expected.
    """

    seconds: float
    n_slots: int
    n_clicks: int
    drawn: Counts
    expected: Counts


def compare(simulation: Simulation, seconds: float) -> Comparison:
    """Run a link for some time and count what both ends have.

    Raises:
        InputError: The time is not positive.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> found = compare(Simulation(load_link("laboratory-50km"), rng=1), 0.1)
        >>> bool(abs(found.drawn.detections.sum() / found.expected.detections.sum() - 1) < 0.02)
        True
    """
    if not seconds > 0:
        raise InputError(f"A simulation must last longer than 0 s, but {seconds:g} s were asked for.")
    n_intensities = len(simulation.link.source.intensities)
    shape = (2, n_intensities)
    drawn = Counts(detections=np.zeros(shape), errors=np.zeros(shape))
    expected = Counts(detections=np.zeros(shape), errors=np.zeros(shape))
    n_clicks = n_slots = 0
    for _ in range(max(1, round(seconds / simulation.exposure_s))):
        hoped = simulation.expected()
        exposure = simulation.next()
        counted = tally(exposure, n_intensities)
        drawn = Counts(detections=drawn.detections + counted.detections, errors=drawn.errors + counted.errors)
        expected = Counts(detections=expected.detections + hoped.detections, errors=expected.errors + hoped.errors)
        n_clicks += len(exposure.detections)
        n_slots += exposure.detections.n_slots
    return Comparison(
        seconds=n_slots / simulation.link.source.pulse_rate_hz,
        n_slots=n_slots,
        n_clicks=n_clicks,
        drawn=drawn,
        expected=expected,
    )
