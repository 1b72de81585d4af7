"""The end that corrects its bits until they are those of the sender."""

from __future__ import annotations

from collections import deque

import numpy as np

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.amplify import amplify, n_seed_bits
from kakehashi.qkd.distill.correction import method_of
from kakehashi.qkd.distill.lanes import CorrectorLanes
from kakehashi.qkd.distill.lifecycle import RECEIVER, Stage
from kakehashi.qkd.distill.messages import Answer, Corrected, Message, Question, Seed, Sifting
from kakehashi.qkd.distill.session import MOST_UNANSWERED, Session
from kakehashi.qkd.distill.sifting import Noted, report, sift_at_receiver
from kakehashi.qkd.distill.verify import fingerprint
from kakehashi.qkd.link.model import Detections
from kakehashi.qkd.security.model import DecoyCounts, KeyLength

__all__ = ["ReceiverSession"]

FIRST_GUESS = 0.03
"""Error rate that correction begins with where nothing is known."""

FEWEST_TESTED = 1_000
"""Bits of the test basis from which their error rate is believed."""


class ReceiverSession(Session):
    """The receiver of a link, see :class:`~kakehashi.qkd.distill.session.Session`."""

    table = RECEIVER
    tested: tuple[int, int] = (0, 0)
    """Test bits that were compared since this end was started, of blocks that are not whole yet too, and how many of
    them were wrong. Both are set at once, since another thread may look at any time."""

    def _begin(self) -> None:
        self._noted: deque[Noted] = deque()
        self._corrector: CorrectorLanes | None = None
        self._key: Bits | None = None
        self._counts: DecoyCounts | None = None
        self._seed: Seed | None = None
        self._guess = FIRST_GUESS
        super()._begin()

    def detected(self, exposure: Detections) -> None:
        """Take what was detected in the next exposure, and report it."""
        reported, noted = report(exposure)
        self._noted.append(noted)
        self._say(reported)

    @property
    def wants_exposure(self) -> bool:
        """Whether the link may go on."""
        return super().wants_exposure and len(self._noted) < MOST_UNANSWERED

    def _is_sender(self) -> bool:
        return False

    def _take(self, message: Message) -> None:
        match message:
            case Sifting():
                if not self._noted:
                    raise DistillationError("The sender sifted an exposure that was not reported.")
                sifted = sift_at_receiver(message, self._noted.popleft())
                n, n_wrong = self.tested
                self.tested = n + len(sifted.test), n_wrong + sifted.test_errors.n_ones
                self._collect(sifted)
            case Answer():
                assert self._corrector is not None
                self._ask(self._corrector.take(message.lane, message.payload))
            case Seed():
                self._seed = message
                self.state = Stage.CONFIRMING

    def _open_block(self) -> None:
        block = self._block
        assert block is not None
        qber = None
        if len(block.test) >= FEWEST_TESTED:
            qber = self._guess = max(1e-4, block.test_errors.n_ones / len(block.test))
            if qber > self.agreement.max_qber:
                limit = f"{100 * self.agreement.max_qber:.2f} %"
                reason = f"{100 * qber:.2f} % of the test bits were wrong, more than {limit}."
                self._give_up(reason, tell=True, qber=qber, is_alarm=True)
                return
        method = method_of(self.agreement)
        self._corrector = CorrectorLanes(method, block.key, qber=self._guess)
        self._ask(self._corrector.begin())

    def _ask(self, questions: list[tuple[int, bytes]]) -> None:
        for lane, payload in questions:
            self._say(Question(lane=lane, payload=payload))
        corrector = self._corrector
        assert corrector is not None
        if not corrector.is_done:
            return
        block, n = self._block, len(self.agreement.intensities)
        assert block is not None
        self._key = corrector.corrected()
        wrong = self._key ^ block.key
        detections = [block.key_intensity.count(n), block.test_intensity.count(n)]
        errors = [block.key_intensity.count(n, wrong), block.test_intensity.count(n, block.test_errors)]
        self._counts = DecoyCounts(detections=np.array(detections, float), errors=np.array(errors, float))
        self._guess = max(1e-4, wrong.n_ones / wrong.n)
        hashed = fingerprint(self._key, failure=self.agreement.correctness)
        self._say(
            Corrected(
                point=hashed.point,
                value=hashed.value,
                detections=np.array(detections, np.int64),
                errors=np.array(errors, np.int64),
                leaked_bits=corrector.leaked_bits,
            )
        )
        self.state = Stage.AMPLIFYING

    def _take_tag(self) -> None:
        """All that the sender said is its own word: make the key, and say so with a tag."""
        seed, key, counts, corrector = self._seed, self._key, self._counts, self._corrector
        assert seed is not None
        assert key is not None
        assert counts is not None
        assert corrector is not None
        self._confirm(seed.last_block)
        length: KeyLength = self._length(counts, corrector.leaked_bits + self._verification_bits(key.n))
        if not 0 < seed.n_key <= length.bits or seed.n_key % 8 or seed.seed.n != n_seed_bits(key.n):
            raise DistillationError(f"The sender wants a key of {seed.n_key} bits where {length.bits} may be had.")
        self._send_tag()
        secret = amplify(key, seed.seed, seed.n_key, n_threads=self.n_threads)
        qber = float(counts.errors[0].sum() / max(1.0, counts.detections[0].sum()))
        account = self._account_of(leaked=corrector.leaked_bits, n_secret=secret.n)
        self._finish(secret, account, length, qber)
        self._on_stock(self.stock)
