"""The end whose bits are the key: it answers questions and draws the hash."""

from __future__ import annotations

from collections import deque
from functools import partial

import numpy as np

from kakehashi.core.errors import DistillationError
from kakehashi.core.numbers import percent
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.amplify import amplify, draw_seed
from kakehashi.qkd.distill.correction import method_of
from kakehashi.qkd.distill.lanes import ReferenceLanes
from kakehashi.qkd.distill.lifecycle import SENDER, Stage
from kakehashi.qkd.distill.messages import Answer, Corrected, Message, Question, Reported, Seed
from kakehashi.qkd.distill.session import MOST_UNANSWERED, Session
from kakehashi.qkd.distill.sifting import Sifted, sift_at_sender
from kakehashi.qkd.distill.verify import Fingerprint, matches
from kakehashi.qkd.link.model import Preparations
from kakehashi.qkd.security.model import DecoyCounts, KeyLength

__all__ = ["SenderSession"]


class SenderSession(Session):
    """The sender of a link, see :class:`~kakehashi.qkd.distill.session.Session`."""

    table = SENDER

    def _begin(self) -> None:
        self._prepared: deque[Preparations] = deque()
        self._early: deque[Reported] = deque()
        self._reference: ReferenceLanes | None = None
        self._secret: Bits | None = None
        self._found: tuple[KeyLength, float] | None = None
        super()._begin()

    def prepared(self, exposure: Preparations) -> None:
        """Take what was prepared in the next exposure."""
        with self._faults():  # what was reported of it before it came here may be wrong
            self._prepared.append(exposure)
            self._match()

    @property
    def wants_exposure(self) -> bool:
        """Whether the link may go on; reports that came early ask for it."""
        return bool(self._early) or (super().wants_exposure and len(self._prepared) < MOST_UNANSWERED)

    def _is_sender(self) -> bool:
        return True

    def _take(self, message: Message) -> None:
        match message:
            case Reported():
                self._early.append(message)
                self._match()
                if len(self._early) > MOST_UNANSWERED:
                    raise DistillationError("More was reported than a receiver reports: one of it is of no exposure.")
            case Question():
                assert self._reference is not None
                self._say(Answer(lane=message.lane, payload=self._reference.answer(message.lane, message.payload)))
            case Corrected():
                self._judge(message)

    def _match(self) -> None:
        """Sift every exposure that both ends have spoken of."""
        while self._early and self._prepared:
            first = self._early[0].first_slot
            if self._prepared[0].first_slot < first:
                self._prepared.popleft()  # the receiver has lost it
                continue
            if self._prepared[0].first_slot > first:
                # This end has lost it: nothing of it counts.
                reported = self._early.popleft()
                nothing = np.zeros(0, np.uint8)
                exposure = Preparations(
                    first_slot=reported.first_slot,
                    n_slots=reported.n_slots,
                    slot=np.zeros(0, np.int64),
                    basis=nothing,
                    bit=nothing,
                    intensity=nothing,
                )
            else:
                reported, exposure = self._early.popleft(), self._prepared.popleft()
            answer, sifted = sift_at_sender(reported, exposure)
            self._say(answer)
            self._collect(sifted)

    def _open_block(self) -> None:
        assert self._block is not None
        self._reference = ReferenceLanes(method_of(self.agreement), self._block.key)

    def _judge(self, message: Corrected) -> None:
        """Compare the hash; where it agrees, compute the key's length, draw the seed, and answer with a tag."""
        block, reference = self._block, self._reference
        assert block is not None
        assert reference is not None
        counts = self._check_counts(block, message, reference.leaked_bits)
        key = block.key
        qber = float(counts.errors[0].sum() / max(1.0, counts.detections[0].sum()))
        fingerprint = Fingerprint(n=key.n, point=message.point, value=message.value)
        if not matches(key, fingerprint, failure=self.agreement.correctness):
            self._give_up("The two ends' bits differ after error correction.", tell=True)
            return
        if qber > self.agreement.max_qber:
            self._give_up(f"{percent(qber)} of the bits were wrong.", tell=True, qber=qber, is_alarm=True)
            return
        length = self._length(counts, message.leaked_bits + self._verification_bits(key.n))
        # One bit less and whole bytes: what the other end computes on another processor is never below it.
        n_secret = max(0, (length.bits - 1) // 8 * 8)
        if n_secret == 0:
            self._give_up("The counts leave no bit of key.", tell=True, qber=qber)
            return
        seed = draw_seed(key.n)
        self._say(Seed(last_block=self.last_block, n_key=n_secret, seed=seed))
        self._send_tag()
        self._found = length, qber
        self._put_off = partial(self._hash, seed, n_secret)
        self.state = Stage.CONFIRMING

    def _hash(self, seed: Bits, n_secret: int) -> None:
        """Make the key, while the other end makes it too."""
        assert self._block is not None
        self._secret = amplify(self._block.key, seed, n_secret, n_threads=self.n_threads)

    def _check_counts(self, block: Sifted, message: Corrected, leaked_bits: int) -> DecoyCounts:
        """The receiver's counts are its own word, but for what this end can count too."""
        n = len(self.agreement.intensities)
        mine = np.array([block.key_intensity.count(n), block.test_intensity.count(n)])
        if message.detections.shape != mine.shape or not np.array_equal(message.detections, mine):
            raise DistillationError("The two ends counted different detections.")
        if message.leaked_bits != leaked_bits:
            raise DistillationError("The two ends counted different numbers of disclosed bits.")
        return DecoyCounts(detections=mine.astype(float), errors=message.errors.astype(float))

    def _take_tag(self) -> None:
        self.work()
        secret, found = self._secret, self._found
        assert secret is not None
        assert found is not None
        length, qber = found
        account = self._account_of(leaked=self._leaked(), n_secret=secret.n)
        self._finish(secret, account, length, qber)
        # The receiver has made it, or it would not have sent a tag.
        self.stock.release(self.last_block)
        self._on_stock(self.stock)

    def _leaked(self) -> int:
        assert self._reference is not None
        return self._reference.leaked_bits
