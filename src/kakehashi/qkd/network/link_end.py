"""One end of a quantum link within a node: a thread that distils for as long as the node runs."""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

from kakehashi.core.errors import DeviceError, DistillationError, KakehashiError, ResourceError
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.drive import Channel, drive_receiver, drive_sender
from kakehashi.qkd.distill.events import Event, GivenUp, Made, Restarted
from kakehashi.qkd.distill.receiver_session import ReceiverSession
from kakehashi.qkd.distill.sender_session import SenderSession
from kakehashi.qkd.link.ends import ReceiverEnd, SenderEnd
from kakehashi.qkd.link.source import addresses_in
from kakehashi.qkd.network.messages import MAX_TEXT, LinkReport
from kakehashi.qkd.network.stock_file import StockFile

__all__ = ["LinkEnd"]

logger = logging.getLogger(__name__)

RETRY_S = 1.0
RATE_S = 60.0
"""Span of time over which a rate is taken."""
FEWEST_WATCHED = 1000
"""Test bits that say something of a link between blocks."""
SIGMAS = 5.0
"""By how much more than the limit may be wrong by chance."""


class LinkEnd(threading.Thread):
    """Distils, and hands on what it makes.

    The stock of tag key is on disk before a tag leaves, so that no pad is used twice whenever the program dies.

    Args:
        role: Which end.
        agreement: What both ends take for granted.
        stock_file: Where the stock is kept.
        photons: Folder with the sockets of the link's photons.
        open_channel: Gives a socket to the other end, waiting for it.
        on_event: Takes what happens; what it was given is safe when it returns.
        no_light: What is said where the photons do not answer; the address that was tried if not given.

    Raises:
        DataError: The stock cannot be read.
    """

    def __init__(
        self,
        *,
        role: Literal["sender", "receiver"],
        agreement: Agreement,
        stock_file: StockFile,
        photons: str,
        open_channel: Callable[[], socket.socket],
        on_event: Callable[[LinkEnd, Event], None],
        no_light: str = "",
    ) -> None:
        super().__init__(name=f"link {agreement.link}", daemon=True)
        self.agreement = agreement
        self.role = role
        self._photons = addresses_in(photons)[role]
        self._no_light = no_light
        self._open_channel = open_channel
        self._on_event = on_event
        self._stopping = threading.Event()
        self._is_to_call_anew = threading.Event()
        stock, last_block = stock_file.read(forgery=agreement.forgery)
        kind = SenderSession if role == "sender" else ReceiverSession
        self._session: SenderSession | ReceiverSession = kind(
            agreement,
            stock,
            last_block=last_block,
            on_stock=lambda changed: stock_file.write(changed, self._session.last_block),
        )
        self._state: Literal["waiting", "running", "stopped"] = "waiting"
        self._why = ""
        self._said: set[str] = set()
        self._qber: float | None = None
        self._made: deque[tuple[float, int]] = deque()
        self._waiting: deque[Event] = deque()
        self._n_blocks = self._n_given_up = 0
        self._made_utc = 0.0
        self._began = time.monotonic()
        self._watched: deque[tuple[int, int]] = deque([(0, 0)])

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()

    def call_anew(self) -> None:
        """Give up the channel for a new one: the other end may no longer be believed."""
        self._is_to_call_anew.set()

    @property
    def report(self) -> LinkReport:
        """How it does."""
        now = time.monotonic()
        recent = [bits for at, bits in list(self._made) if now - at <= RATE_S]
        return LinkReport(
            link=self.agreement.link,
            state=self._state,
            qber=self._qber,
            rate_bit_per_s=sum(recent) / max(1.0, min(RATE_S, now - self._began)),
            bound=self.agreement.bound,
            n_blocks=self._n_blocks,
            n_given_up=self._n_given_up,
            made_utc=self._made_utc,
            why=self._why[:MAX_TEXT],
        )

    def early_alarm(self) -> str | None:
        """Whether the newest test bits are wrong beyond chance, long before their block is whole.

        Only the receiver sees them, and only where the protocol has a test basis. Without new light there is no news.

        Returns:
            A sentence, or None.
        """
        session, limit = self._session, self.agreement.max_qber
        if not isinstance(session, ReceiverSession):
            return None
        now = session.tested
        if now == self._watched[-1]:
            return None
        while len(self._watched) > 1 and now[0] - self._watched[1][0] >= FEWEST_WATCHED:
            self._watched.popleft()
        n, wrong = (new - old for new, old in zip(now, self._watched[0], strict=True))
        self._watched.append(now)
        if n < FEWEST_WATCHED or wrong <= limit * n + SIGMAS * math.sqrt(limit * n):
            return None
        self._qber = wrong / n
        return f"{100 * wrong / n:.2f} % of the newest {n:,} test bits were wrong, more than {100 * limit:.2f} %."

    def run(self) -> None:
        """Distil until told to stop."""
        while not self._stopping.is_set():
            try:
                self._hand_on()
                for event in self._events():
                    self._note(event)
                    self._waiting.append(event)
                    self._hand_on()
            except DistillationError as error:
                self._state, self._why = "stopped", str(error)
                logger.error("Link '%s' has stopped: %s", self.agreement.link, error)  # noqa: TRY400
                self._on_event(self, Restarted(reason=f"The link has stopped: {error}", is_alarm=True))
                return
            except KakehashiError as error:
                self._wait(str(error))
            except Exception as error:
                if self._stopping.is_set():  # the node's loop may have gone already
                    return
                self._state, self._why = "stopped", f"a fault of kakehashi: {type(error).__name__}"
                logger.exception("Link '%s' has stopped.", self.agreement.link)
                with contextlib.suppress(Exception):  # what takes events may be what is at fault
                    self._on_event(self, Restarted(reason=f"The link has stopped: {self._why}.", is_alarm=True))
                return
            self._stopping.wait(RETRY_S)

    def _wait(self, why: str) -> None:
        """A link that is down tries again every second; each reason is said once until there is key again."""
        self._state, self._why = "waiting", why
        if why not in self._said:
            self._said.add(why)
            logger.warning("Link '%s' waits: %s", self.agreement.link, why)

    def _hand_on(self) -> None:
        """What cannot be put in a safe place, say on a full disk, is tried again before there is new light."""
        while self._waiting:
            event = self._waiting.popleft()
            try:
                self._on_event(self, event)
            except ResourceError:
                self._waiting.appendleft(event)
                raise

    def _events(self) -> Iterator[Event]:
        session = self._session
        self._is_to_call_anew.clear()
        # A new connection to the photons each time: a thread of the old one may still wait for an exposure. It comes
        # before the channel, for without photons the other end would be called in vain.
        if isinstance(session, SenderSession):
            with SenderEnd(self._photons) as sender:
                self._expect_light(sender)
                with self._call() as channel:
                    yield from drive_sender(session, sender, channel, should_stop=self._should_stop)
        else:
            with ReceiverEnd(self._photons) as receiver:
                self._expect_light(receiver)
                with self._call() as channel:
                    yield from drive_receiver(session, receiver, channel, should_stop=self._should_stop)

    def _expect_light(self, end: SenderEnd | ReceiverEnd) -> None:
        try:
            end.open()
        except DeviceError as error:
            raise DeviceError(self._no_light or str(error), transient=True) from error

    def _call(self) -> Channel:
        channel = Channel(self._open_channel())
        self._state, self._why = "running", ""
        return channel

    def _should_stop(self) -> bool:
        return self._stopping.is_set() or self._is_to_call_anew.is_set()

    def _note(self, event: Event) -> None:
        if isinstance(event, Made):
            if self._said:
                self._said.clear()
                logger.warning("Link '%s' makes key.", self.agreement.link)
            self._n_blocks += 1
            self._qber, self._made_utc = event.qber, time.time()
            self._made.append((time.monotonic(), event.key.n))
            while self._made[0][0] < time.monotonic() - RATE_S:
                self._made.popleft()
        elif isinstance(event, GivenUp):
            self._n_given_up += 1
            self._qber = event.qber if event.qber is not None else self._qber
