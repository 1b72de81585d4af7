"""What both ends of a link have in common: the wire, the tags, the block in hand.

Messages are hashed as they go, in both directions. When a block is about to become key, each end sends one tag over all
that it has said since its last one; only a right tag makes the block. That is enough: nothing that was said before
is of use to anybody until then, and a changed message costs the block and no more.
"""

from __future__ import annotations

import abc
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterator

from kakehashi.core.errors import DeviceError, DistillationError, KakehashiError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.events import Event, GivenUp, Made, Restarted, Retracted
from kakehashi.qkd.distill.lifecycle import Stage, Table, expect
from kakehashi.qkd.distill.messages import Abort, Hello, Kind, Message, Tag, decode, encode
from kakehashi.qkd.distill.sifting import Sifted
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.distill.verify import verification_bits
from kakehashi.qkd.distill.wire import Wire
from kakehashi.qkd.security.bounds import BOUNDS
from kakehashi.qkd.security.model import DecoyCounts, KeyLength

__all__ = ["MOST_UNANSWERED", "NO_BLOCK", "Session"]

NO_BLOCK = "0" * 32

MOST_UNANSWERED = 8
"""Exposures that the receiver reports ahead of the sender's answers."""


class Session(abc.ABC):
    """One end of a link. It does no input or output: datagrams and times go in, datagrams and events come out.

    A fault of the other end, or of somebody on the wire, restarts it. A fault that no restart can mend stops it:
    ``failure`` then holds the sentence.

    Args:
        agreement: What both ends take for granted.
        stock: What their tags are made with.
        last_block: The newest block that this end counts as made, see :attr:`last_block`.
        n_threads: Threads of privacy amplification.
        on_stock: Called with the stock before a tag leaves that was made from it: where the stock must survive a
            crash, its state is written there.
    """

    table: Table

    def __init__(
        self,
        agreement: Agreement,
        stock: Stock,
        *,
        last_block: str = NO_BLOCK,
        n_threads: int = 1,
        on_stock: Callable[[Stock], None] = lambda _: None,
    ) -> None:
        self.agreement = agreement
        self.stock = stock
        self.last_block = last_block
        self.n_threads = n_threads
        self._on_stock = on_stock
        self._n_disagreements = 0
        self.failure: str | None = None
        self._events: list[Event] = []
        self._bound = BOUNDS[agreement.bound]
        self._begin()

    def _begin(self) -> None:
        """Begin anew: a fresh wire, fresh transcripts, nothing sifted."""
        self.wire = Wire()
        self.state = Stage.COLLECTING
        self._is_greeted = False
        self._put_off: Callable[[], None] | None = None
        self._n_blocks = 0
        self._sifted: deque[Sifted] = deque()
        self._n_sifted = 0
        self._block: Sifted | None = None
        self._said = self.stock.listen_to_own(self._context(is_own=True))
        self._heard = self.stock.listen_to_other(self._context(is_own=False))
        self._say(Hello(agreement=self.agreement.digest()))

    # What a driver calls.

    def receive(self, datagram: bytes, now: float) -> None:
        """Take a datagram that came over the wire."""
        if self.failure is not None:
            return
        with self._faults():
            messages = self.wire.receive(datagram, now)
            if self.wire.was_restarted:
                self._restart("The other end began anew.", is_alarm=False)
                messages = self.wire.receive(datagram, now)
            for message in messages:
                self._hear(message)

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams to send now."""
        if self.failure is not None:
            return []
        if self.wire.is_stalled(now):
            self._restart("The other end has not answered for too long.", is_alarm=False)
        return self.wire.outgoing(now)

    def work(self) -> None:
        """Do what was put off until what :meth:`outgoing` gave was on its way, so that both ends work at once.

        Who never calls this loses time and nothing else.
        """
        task, self._put_off = self._put_off, None
        if task is not None:
            with self._faults():
                task()

    def next_time(self) -> float | None:
        """When :meth:`outgoing` should be called again though nothing came in."""
        return self.wire.next_time()

    def events(self) -> list[Event]:
        """What has happened since the last call."""
        events, self._events = self._events, []
        return events

    def raise_failure(self) -> None:
        """Raise what has stopped this end, where something has.

        Raises:
            DistillationError: As said.
        """
        if self.failure is not None:
            raise DistillationError(self.failure, fault="local")

    @property
    def n_sifted(self) -> int:
        """Sifted bits of the key basis that wait for a block."""
        return self._n_sifted

    @property
    def wants_exposure(self) -> bool:
        """Whether the link may go on: not where two blocks' bits wait already."""
        return self.n_sifted < 2 * self.agreement.block_bits and self.wire.n_unsent < 1024

    # What the two roles share.

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Around all that may be a fault of the other end, or that leaves this one half way, such as a full disk."""
        try:
            yield
        except DistillationError as error:
            if error.fault == "local":
                self.failure = str(error)
            self._restart(str(error), is_alarm=error.fault == "remote")
        except KakehashiError as error:
            self._restart(str(error), is_alarm=False)
            raise

    def _say(self, message: Message) -> None:
        data = encode(message)
        self._said.update(data)
        self.wire.send(data)

    def _hear(self, data: bytes) -> None:
        message = decode(data)
        expect(self.table, self.state, Kind(data[0]))
        if isinstance(message, Hello):
            if message.agreement != self.agreement.digest():
                # Somebody on the wire may have said this, so it must not stop the link for good. Or a file is wrong:
                # after some alarms the channel is given up, lest two ends answer each other without a pause.
                self._n_disagreements = (self._n_disagreements + 1) % 3
                reason = "The two ends do not hold the same agreement."
                if not self._n_disagreements:
                    raise DeviceError(reason, transient=True)
                raise DistillationError(reason)
            self._is_greeted = True
        elif not self._is_greeted:
            raise DistillationError("The other end spoke before it said hello.")
        if isinstance(message, Tag):
            self._check_tag(message)
            self._take_tag()
            return
        self._heard.update(data)
        if isinstance(message, Abort):
            self._give_up(f"The other end gave the block up: {message.reason}", tell=False)
            return
        self._take(message)

    @abc.abstractmethod
    def _take(self, message: Message) -> None: ...

    @abc.abstractmethod
    def _take_tag(self) -> None: ...

    @abc.abstractmethod
    def _open_block(self) -> None:
        """Begin with error correction of ``self._block``."""

    def _context(self, *, is_own: bool) -> bytes:
        return f"{self.agreement.link}, {'sender' if self._is_sender() is is_own else 'receiver'}".encode()

    def _send_tag(self) -> None:
        # Both identities are under the tag, so nothing of another connection can be passed off as this one's.
        self._said.update(self.wire.identity + (self.wire.peer or b""))
        index, tag = self.stock.sign(self._said)
        self._on_stock(self.stock)
        self._said = self.stock.listen_to_own(self._context(is_own=True))
        self.wire.send(encode(Tag(index=index, tag=tag)))

    def _check_tag(self, message: Tag) -> None:
        self._heard.update((self.wire.peer or b"") + self.wire.identity)
        heard, self._heard = self._heard, self.stock.listen_to_other(self._context(is_own=False))
        if not self.stock.check(heard, message.index, message.tag):
            self._on_stock(self.stock)
            raise DistillationError("A tag was wrong: what was heard is not what the other end said.")
        self._n_disagreements = 0

    def _collect(self, sifted: Sifted) -> None:
        self._sifted.append(sifted)
        self._n_sifted += len(sifted)
        self._open_if_enough()

    def _open_if_enough(self) -> None:
        """Take the sifted exposures, whole ones in order, until they fill a block. Both ends count the same."""
        if self.state is not Stage.COLLECTING or self.n_sifted < self.agreement.block_bits:
            return
        parts: list[Sifted] = []
        n = 0
        while n < self.agreement.block_bits:
            parts.append(self._sifted.popleft())
            n += len(parts[-1])
        self._n_sifted -= n
        self._block = Sifted.join(parts)
        self.state = Stage.CORRECTING
        self._n_blocks += 1
        self._open_block()

    def _block_id(self) -> str:
        ids = b"".join(sorted((self.wire.identity, self.wire.peer or b"")))
        return hashlib.sha256(ids + self._n_blocks.to_bytes(8, "little")).hexdigest()[:32]

    def _length(self, counts: DecoyCounts, leaked_bits: int) -> KeyLength:
        return self._bound(counts, self.agreement.settings, leak_bits=leaked_bits, failure=self.agreement.failure)

    def _finish(self, secret: Bits, account: Distilled, length: KeyLength, qber: float) -> None:
        """A block is made: fill up the stock for tags from its front, hand out the rest."""
        block_id = self._block_id()
        for_sender, for_receiver = self._refill(secret.n)
        n_tag_bits = for_sender + for_receiver
        pads = secret.slice(0, for_sender), secret.slice(for_sender, for_receiver)
        own, other = pads if self._is_sender() else pads[::-1]
        failure = self.agreement.block_failure + self.stock.failure
        # The failures of earlier tags and pads are in the stock already: with them, each filling would triple the sum.
        self.stock.hold(block_id, own, other, self.agreement.block_failure)
        self._events.append(
            Made(
                block_id=block_id,
                key=secret.slice(n_tag_bits, secret.n - n_tag_bits),
                n_tag_bits=n_tag_bits,
                account=account,
                length=length,
                qber=qber,
                failure=failure,
            )
        )
        self.last_block = block_id
        self._close()

    def _refill(self, n: int) -> tuple[int, int]:
        """Bits for the sender's and the receiver's tags, as both ends compute them: whole pads, and a whole byte.

        Every filling brings the failure of its block, so there are few of them, and each is large: to twice what the
        reserve must be, though no more than a quarter of the block for each direction.
        """
        reserve = self.agreement.reserve_tags
        haves = self.stock.n_own, self.stock.n_other
        lacks = [2 * reserve - have if have < reserve else 0 for have in haves]
        in_order = lacks if self._is_sender() else lacks[::-1]
        # Eight pads are whole bytes whatever a tag's length, which keeps the rest of the key on bytes too.
        eight = 8 * self.stock.n_bits
        sender, receiver = (min(-(-lack // 8), max(1, n // 4 // eight)) * eight for lack in in_order)
        if sender + receiver > n:
            return 0, 0
        return sender, receiver

    @abc.abstractmethod
    def _is_sender(self) -> bool: ...

    def _verification_bits(self, n_key: int) -> int:
        """What the last question discloses: a hash, whether it fits, and how many bits of each intensity were wrong."""
        hashed = verification_bits(n_key, self.agreement.correctness)
        return hashed + 1 + len(self.agreement.intensities) * n_key.bit_length()

    def _account_of(self, *, leaked: int, n_secret: int) -> Distilled:
        block = self._block
        assert block is not None
        n_key, n_test = len(block.key), len(block.test)
        verification = self._verification_bits(n_key)
        return Distilled(
            sifted=n_key + n_test,
            estimation=n_test,
            correction=leaked,
            verification=verification,
            amplification=n_key - leaked - verification - n_secret,
            secret=n_secret,
        )

    def _give_up(self, reason: str, *, tell: bool, qber: float | None = None, is_alarm: bool = False) -> None:
        if tell:
            self._say(Abort(reason=reason))
        lost = 0 if self._block is None else len(self._block.key) + len(self._block.test)
        self._events.append(
            GivenUp(reason=reason, account=Distilled(sifted=lost, aborted=lost), qber=qber, is_alarm=is_alarm)
        )
        self._close()

    def _close(self) -> None:
        self._block = self._put_off = None
        self.state = Stage.COLLECTING
        self._open_if_enough()

    def _restart(self, reason: str, *, is_alarm: bool) -> None:
        lost = sum(len(part.key) + len(part.test) for part in self._sifted)
        if self._block is not None:
            lost += len(self._block.key) + len(self._block.test)
        if lost:
            account = Distilled(sifted=lost, aborted=lost)
            self._events.append(GivenUp(reason=reason, account=account, is_alarm=is_alarm))
        self._events.append(Restarted(reason=reason, is_alarm=is_alarm))
        self._begin()

    def _confirm(self, last_block: str) -> None:
        """What the other end counts as its newest block decides over what is held here."""
        for block_id in self.stock.held:
            if block_id == last_block:
                self.stock.release(block_id)
            else:
                self.stock.forget(block_id)
                self._events.append(Retracted(block_id=block_id))
        self._on_stock(self.stock)
