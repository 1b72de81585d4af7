"""A key, what happened when, and what came of it."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from kakehashi.core.errors import InputError

__all__ = ["KEY_ID", "Key", "Moment", "Outcome", "Timeline"]

PATIENCE_S = 3.0
"""Time after which it is said what a run is waiting for."""

KEY_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""A UUID in its usual form, which ETSI 014 demands of key IDs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A delivered key; its bits are in no representation.

    Attributes:
        key_id: Its public name, a UUID.
        secret: Its bytes.

    Raises:
        InputError: The name is no UUID, or there are no bits. Names go into settings and commands of other programs.

    Example:
        >>> key = Key(key_id="9f3c8a52-0000-4000-8000-000000000001", secret=b"ab")
        >>> key
        Key(key_id='9f3c8a52-0000-4000-8000-000000000001')
        >>> key.hex, key.base64
        ('6162', 'YWI=')
    """

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if KEY_ID.fullmatch(self.key_id) is None or not self.secret:
            raise InputError("A key has a UUID for its name, and bits.")

    @property
    def hex(self) -> str:
        """The key in hexadecimal digits."""
        return self.secret.hex()

    @property
    def base64(self) -> str:
        """The key in base64."""
        return base64.b64encode(self.secret).decode()

    def spoilt(self) -> Key:
        """The same name with one bit of the key turned over: what a wrong key is, at its mildest.

        Example:
            >>> Key(key_id="9f3c8a52-0000-4000-8000-000000000001", secret=b"ab").spoilt().hex
            '6062'
        """
        return Key(key_id=self.key_id, secret=bytes([self.secret[0] ^ 1]) + self.secret[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step of a run.

    Attributes:
        at_s: When it was done, seconds from the beginning.
        took_s: How long it took, seconds.
        side: Who did it: an SAE's ID.
        step: What was done.
    """

    at_s: float
    took_s: float
    side: str
    step: str


class Timeline:
    """Collects moments, from any thread.

    Args:
        say: Gets a sentence about a step that takes long, every few seconds.

    Example:
        >>> timeline = Timeline()
        >>> with timeline.step("alice", "fetch"):
        ...     pass
        >>> [(moment.side, moment.step) for moment in timeline.moments]
        [('alice', 'fetch')]
    """

    def __init__(self, say: Callable[[str], None] = lambda _sentence: None) -> None:
        self._say = say
        self._began = time.monotonic()
        self._moments: list[Moment] = []
        self._awaited: list[object] = []

    @property
    def moments(self) -> tuple[Moment, ...]:
        """All so far, by time."""
        return tuple(sorted(self._moments, key=lambda moment: moment.at_s))

    def note(self, side: str, step: str, *, took_s: float = 0.0) -> None:
        """Note that something is done."""
        at_s = time.monotonic() - self._began
        self._moments.append(Moment(at_s=round(at_s, 4), took_s=round(took_s, 4), side=side, step=step))

    @contextlib.contextmanager
    def step(self, side: str, step: str) -> Iterator[None]:
        """Note what the block does once it is done; nothing where it fails."""
        began = time.monotonic()
        with self.awaiting(side, step):
            yield
        self.note(side, step, took_s=time.monotonic() - began)

    @contextlib.contextmanager
    def awaiting(self, side: str, step: str) -> Iterator[None]:
        """Say every few seconds what the block still has to do, unless it waits for a step that began later."""
        this, is_over = object(), threading.Event()

        def tell() -> None:
            n_s = 0.0
            while not is_over.wait(PATIENCE_S):
                n_s += PATIENCE_S
                if self._awaited[-1:] == [this]:
                    self._say(f"{n_s:g} s, and still to come: {side} {step}.")

        teller = threading.Thread(target=tell, daemon=True)
        self._awaited.append(this)
        teller.start()
        try:
            yield
        finally:
            is_over.set()
            self._awaited.remove(this)
            teller.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a consumer.

    Attributes:
        consumer: ``tls``, ``wireguard`` or ``ipsec``.
        wrong_from: Index of the first key that was spoilt at one side on purpose; None where all were equal.
        is_connected: Whether both sides agreed on the key.
        sent: Messages that were sent through.
        received: Messages that came through and, for a ping, back.
        suite: What protects them, in the consumer's own words; empty without a connection.
        refusal: The consumer's own words where it did not connect.
        key_ids: Names of the keys that were used, in order.
        moments: What happened when.
    """

    consumer: str
    wrong_from: int | None
    is_connected: bool
    sent: int
    received: int
    suite: str = ""
    refusal: str = ""
    key_ids: tuple[str, ...]
    moments: tuple[Moment, ...]

    @property
    def is_right(self) -> bool:
        """Whether it came as it must: all of the traffic with equal keys, none of it with a wrong one.

        Where a key was spoilt later than the first, traffic must have stopped.

        Example:
            >>> counts = {"consumer": "tls", "is_connected": False, "sent": 1, "received": 0}
            >>> [Outcome(wrong_from=w, key_ids=(), moments=(), **counts).is_right for w in (0, None)]
            [True, False]
        """
        if self.wrong_from == 0:
            return not self.is_connected and self.received == 0
        if self.wrong_from is not None:
            return self.received < self.sent
        return self.is_connected and self.received == self.sent > 0

    def to_json(self) -> dict[str, Any]:
        """As plain values; no key is among them."""
        return {**asdict(self), "is_right": self.is_right}
