"""What happens to a link in the course of time: drift, a cut fibre, other light, and an eavesdropper."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from kakehashi.core.errors import InputError
from kakehashi.core.spec import Spec

__all__ = [
    "Blinding",
    "Conditions",
    "Cut",
    "Drift",
    "Event",
    "InterceptResend",
    "Light",
    "PhotonNumberSplitting",
    "Sway",
    "Timeline",
    "event_from",
]

Share: TypeAlias = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The state of a link at one time, as far as it differs from its spec.

    Attributes:
        loss_db: Further loss of the fibre.
        misalignment: Further probability that a photon goes to the wrong detector.
        is_cut: Whether no light comes through.
        light_hz: Further clicks a second of each detector, from other light.
        intercepted: Share of the pulses that an eavesdropper measures and sends again.
        split: Share of the pulses of which she counts the photons and keeps one.
        blocked: Share of the single photons among those split that she blocks; None: as many as hide her.
        blinded: Share of the time in which she has the detectors in her hand.
        blinded_loss_db: Loss that this shows as.
        blinded_error: Probability of a wrong bit that it shows as.
    """

    loss_db: float = 0.0
    misalignment: float = 0.0
    is_cut: bool = False
    light_hz: float = 0.0
    intercepted: float = 0.0
    split: float = 0.0
    blocked: float | None = None
    blinded: float = 0.0
    blinded_loss_db: float = 0.0
    blinded_error: float = 0.0


class _Event(Spec):
    """What all events have.

    Attributes:
        at_s: When it begins, in seconds since the link was started.
        until_s: When it ends; never where not given.
    """

    at_s: Annotated[float, Field(ge=0)] = 0.0
    until_s: float | None = None

    @model_validator(mode="after")
    def _check_times(self) -> _Event:
        if self.until_s is not None and self.until_s <= self.at_s:
            raise ValueError(f"an event must end after it begins at {self.at_s:g} s, but until_s is {self.until_s:g}")
        return self

    def is_active(self, time_s: float) -> bool:
        """Whether it changes the link at a time."""
        return self.at_s <= time_s and (self.until_s is None or time_s < self.until_s)

    def is_gradual(self, time_s: float) -> bool:  # noqa: ARG002 - for those that are
        """Whether what it does changes from moment to moment."""
        return False

    def change(self, conditions: Conditions, time_s: float) -> Conditions:
        """The conditions of the link when this is so too."""
        raise NotImplementedError


class Drift(_Event):
    """Loss and misalignment grow evenly from ``at_s`` to ``until_s``, and stay.

    Attributes:
        loss_db: By how much in the end.
        misalignment: Likewise.
    """

    kind: Literal["drift"]
    loss_db: Annotated[float, Field(ge=0)] = 0.0
    misalignment: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    @model_validator(mode="after")
    def _check_end(self) -> Drift:
        if self.until_s is None:
            raise ValueError("a drift needs until_s, the time at which it is complete")
        return self

    def is_active(self, time_s: float) -> bool:
        """It stays."""
        return self.at_s <= time_s

    def is_gradual(self, time_s: float) -> bool:
        """Until it is complete."""
        return self.until_s is not None and self.at_s <= time_s < self.until_s

    def change(self, conditions: Conditions, time_s: float) -> Conditions:
        """Add its share of loss and misalignment."""
        share = min(1.0, (time_s - self.at_s) / ((self.until_s or math.inf) - self.at_s))
        return _moved(conditions, share * self.loss_db, share * self.misalignment)


class Sway(_Event):
    """Loss and misalignment come and go, as those of aerial fibre do in the wind.

    Attributes:
        loss_db: At the worst; at the best nothing is added.
        misalignment: Likewise.
        period_s: From one worst time to the next.
    """

    kind: Literal["sway"]
    loss_db: Annotated[float, Field(ge=0)] = 0.0
    misalignment: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    period_s: Annotated[float, Field(gt=0)]

    def is_gradual(self, time_s: float) -> bool:
        """All the time."""
        return self.is_active(time_s)

    def change(self, conditions: Conditions, time_s: float) -> Conditions:
        """Add what the moment has."""
        share = math.sin(math.pi * (time_s - self.at_s) / self.period_s) ** 2
        return _moved(conditions, share * self.loss_db, share * self.misalignment)


class Cut(_Event):
    """The fibre is cut, and repaired at ``until_s``: no light comes through, dark counts stay."""

    kind: Literal["cut"]

    def change(self, conditions: Conditions, time_s: float) -> Conditions:  # noqa: ARG002
        """Cut it."""
        return replace(conditions, is_cut=True)


class Light(_Event):
    """Light of neighbouring fibres or from elsewhere reaches the detectors.

    Attributes:
        light_hz: Clicks a second that it causes in each detector, were its gate always open.
    """

    kind: Literal["light"]
    light_hz: Annotated[float, Field(gt=0)]

    def change(self, conditions: Conditions, time_s: float) -> Conditions:  # noqa: ARG002
        """Add the light."""
        return replace(conditions, light_hz=conditions.light_hz + self.light_hz)


class InterceptResend(_Event):
    """An eavesdropper measures pulses in a basis of her choice and sends on what she found.

    A quarter of the bits is wrong.

    Attributes:
        fraction: Share of the pulses.
    """

    kind: Literal["intercept-resend"]
    fraction: Share = 1.0

    def change(self, conditions: Conditions, time_s: float) -> Conditions:  # noqa: ARG002
        """Intercept."""
        return replace(conditions, intercepted=min(1.0, conditions.intercepted + self.fraction))


class PhotonNumberSplitting(_Event):
    """She counts the photons of each pulse, and keeps one of several.

    The rest she sends on without loss, and blocks single ones.

    Attributes:
        fraction: Share of the pulses.
        block: Share of the single photons that she blocks; where not given she blocks what hides her: as many single
        photons
            as keep the signal's rate, and where all are not enough, some of the others.
    """

    kind: Literal["photon-number-splitting"]
    fraction: Share = 1.0
    block: Annotated[float, Field(ge=0, le=1)] | None = None

    def change(self, conditions: Conditions, time_s: float) -> Conditions:  # noqa: ARG002
        """Split."""
        return replace(conditions, split=min(1.0, conditions.split + self.fraction), blocked=self.block)


class Blinding(_Event):
    """She holds the detectors in her hand by bright light, as it shows in the counts: loss, and errors.

    Attributes:
        fraction: Share of the pulses.
        loss_db: Loss that it shows as: half the pulses meet the other basis than hers and make no click.
        error: Probability of a wrong bit in the rest.
    """

    kind: Literal["blinding"]
    fraction: Share = 1.0
    loss_db: Annotated[float, Field(ge=0)] = 3.0
    error: Annotated[float, Field(ge=0, le=0.5)] = 0.05

    def change(self, conditions: Conditions, time_s: float) -> Conditions:  # noqa: ARG002
        """Blind."""
        blinded = min(1.0, conditions.blinded + self.fraction)
        return replace(conditions, blinded=blinded, blinded_loss_db=self.loss_db, blinded_error=self.error)


Event: TypeAlias = Annotated[
    Drift | Sway | Cut | Light | InterceptResend | PhotonNumberSplitting | Blinding, Field(discriminator="kind")
]
AnyEvent: TypeAlias = Drift | Sway | Cut | Light | InterceptResend | PhotonNumberSplitting | Blinding

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(Event)


def event_from(table: dict[str, object]) -> AnyEvent:
    """An event from a table such as ``{"kind": "cut", "at_s": 5.0}``.

    Raises:
        InputError: It is none.

    Example:
        >>> event_from({"kind": "cut", "at_s": 5.0})
        Cut(at_s=5.0, until_s=None, kind='cut')
    """
    try:
        return _ADAPTER.validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        where = ".".join(map(str, first["loc"][1:]))
        raise InputError(f"This is no event: {f'{where}: ' if where else ''}{message}.") from None


def _moved(conditions: Conditions, loss_db: float, misalignment: float) -> Conditions:
    moved = conditions.misalignment + misalignment
    return replace(conditions, loss_db=conditions.loss_db + loss_db, misalignment=moved)


def _conditions(events: Iterable[AnyEvent], time_s: float) -> Conditions:
    conditions = Conditions()
    for event in events:
        if event.is_active(time_s):
            conditions = event.change(conditions, time_s)
    return conditions


class Timeline:
    """The events of a link, and the conditions that follow from them.

    Args:
        events: Those known beforehand.

    Example:
        >>> line = Timeline([Cut(kind="cut", at_s=2.0, until_s=3.0)])
        >>> [line.at(t).is_cut for t in (1.0, 2.0, 3.0)]
        [False, True, False]
    """

    STEP_S = 0.1
    """Conditions that change from moment to moment are held this long."""

    def __init__(self, events: Iterable[AnyEvent] = ()) -> None:
        self._events = tuple(events)

    @property
    def events(self) -> tuple[AnyEvent, ...]:
        """All events."""
        return self._events

    def add(self, event: AnyEvent) -> None:
        """Add an event."""
        self._events = (*self._events, event)

    def end(self, kind: str, time_s: float) -> int:
        """End the events of a kind that are active; gives their number. A drift is undone."""
        kept: list[AnyEvent] = []
        n_ended = 0
        for event in self._events:
            if event.kind != kind or not event.is_active(time_s):
                kept.append(event)
                continue
            n_ended += 1
            if event.kind != "drift" and event.at_s < time_s:
                kept.append(event.model_copy(update={"until_s": time_s}))
        self._events = tuple(kept)
        return n_ended

    def at(self, time_s: float) -> Conditions:
        """Conditions at one time."""
        return _conditions(self._events, time_s)

    def spans(self, first_s: float, end_s: float) -> list[tuple[float, float, Conditions]]:
        """Spans of time with the same conditions: begin, end, conditions. Gradual ones are taken at the middle."""
        events = self._events  # others may be added meanwhile
        edges = {first_s, end_s}
        for event in events:
            edges.update(t for t in (event.at_s, event.until_s) if t is not None and first_s < t < end_s)
        ordered = sorted(edges)
        found: list[tuple[float, float, Conditions]] = []
        for begin, end in pairwise(ordered):
            gradual = any(event.is_gradual(begin) for event in events)
            n = max(1, math.ceil((end - begin) / self.STEP_S - 1e-9)) if gradual else 1
            for i in range(n):
                low = begin + (end - begin) * i / n
                high = begin + (end - begin) * (i + 1) / n if i < n - 1 else end
                conditions = _conditions(events, (low + high) / 2)
                if found and found[-1][2] == conditions:
                    found[-1] = (found[-1][0], high, conditions)
                else:
                    found.append((low, high, conditions))
        return found
