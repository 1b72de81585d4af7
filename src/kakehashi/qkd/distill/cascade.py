"""Error correction by Cascade: many short messages, and hardly more disclosed than information theory asks for.

The string is cut into frames of 2^14 bits, and every frame is a Cascade of its own: in each pass its bits are
permuted and cut into blocks, parities of blocks are compared, odd blocks are halved until an error is found, and each
corrected error makes blocks of other passes odd. Sub-blocks that a search has cut off stay known and are halved
further when they turn odd (high-efficiency Cascade, Martinez-Mateo et al., arXiv:1407.3257). At the end parities of
random halves of 37 frames together are compared; where one is odd the frame is found by halving, and goes on. So no
frame is left behind: errors that remain are missed with a probability of about 2^-37 for each group, and the hash of
the whole block, which is compared elsewhere, practically never finds one.

**On the wire** both ends keep the same state: which blocks are known, and which of them are odd. A message therefore
needs no numbers of blocks. The reference sends one parity for each block in question, the corrector one bit for each
that says whether its own parity differs, and both know what is asked next. All frames go in lock step, so that they
share round trips: as many as the frame that needs most.

**What leaks.** :attr:`CascadeReference.leaked_bits` is the number of parities that the reference has sent, or the
length of the string if that is less. Parities that follow from earlier ones are not sent: the other half of a halved
block, the last block of a pass, bits whose partner is already known. The string's min-entropy given everything that
the reference sent falls by no more than that number. The corrector's messages say which parities differ, so they are a
function of the positions of the errors and of nothing else. A proof of security must allow for that: either the
positions of the errors may be public, or both directions must be charged, which doubles the number (Tupkary and
Lütkenhaus, arXiv:2307.00576, who find the same key rate in many practical situations, and a smaller one in others).
With ``both_ways`` the number is doubled here.
LDPC codes (:mod:`~kakehashi.qkd.distill.ldpc`) do not raise the question.
"""

from __future__ import annotations

import secrets

import numpy as np

from kakehashi._native import CascadeEnd, make_cascade
from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.cascade_plan import CascadePlan, plan_cascade
from kakehashi.qkd.distill.numbered import check_bits, number_message, read_body

__all__ = ["CascadeCorrector", "CascadeReference"]


class CascadeReference:
    """The end whose bits are taken as right; see :class:`~kakehashi.qkd.distill.model.ReferenceSide`.

    Args:
        bits: The string.
        both_ways: Whether the corrector's bits count as disclosed too: one for each parity.

    Example:
        >>> import numpy as np
        >>> reference = CascadeReference(Bits.pack(np.zeros(1000)))
        >>> corrector = CascadeCorrector(Bits.pack(np.arange(1000) % 50 == 0), qber=0.02)
        >>> while not corrector.is_done:
        ...     corrector.take(reference.answer(corrector.question()))
        >>> corrector.n_errors, corrector.corrected() == Bits.pack(np.zeros(1000))
        (20, True)
        >>> corrector.leaked_bits == reference.leaked_bits < 300
        True
    """

    def __init__(self, bits: Bits, *, both_ways: bool = False) -> None:
        self._bits = bits
        self._n_ways = 1 + both_ways
        self._end: CascadeEnd | None = None
        self._n_answered = 0
        self._n_sent = 0
        self._is_broken = False

    @property
    def leaked_bits(self) -> int:
        """Parities disclosed so far, at most the length of the string; twice that where both ways count."""
        return self._n_ways * min(self._n_sent, self._bits.n)

    def answer(self, message: bytes) -> bytes:
        """The parities that a question asks for.

        Raises:
            DistillationError: The message is not the next question of this exchange, or contradicts the parities that
                came before; nothing is disclosed.
        """
        if self._is_broken:
            raise DistillationError("Error correction ended with a contradiction and answers nothing more.")
        body = read_body(message, self._n_answered, "question")
        if self._end is None:
            plan = CascadePlan.from_bytes(body)
            if plan.n_bits != self._bits.n or plan.n_bits == 0:
                raise DistillationError(
                    f"Error correction was begun for {plan.n_bits} bits, but this end holds {self._bits.n}."
                )
            self._end = _make_end(self._bits, plan, corrects=False)
            parities = self._end.begin()
        else:
            check_bits(body, self._end.n_pending, "question")
            parities = self._advance(self._end, body)
        self._n_sent += self._end.n_pending
        self._n_answered += 1
        return number_message(self._n_answered - 1, parities)

    def _advance(self, end: CascadeEnd, body: bytes) -> bytes:
        try:
            parities = end.answer(body)
        except RuntimeError as error:
            self._is_broken = True
            raise DistillationError("A question contradicts the parities that came before.") from error
        if end.n_pending == 0:
            self._is_broken = True
            raise DistillationError("A question came after everything had been answered.")
        return parities


class CascadeCorrector:
    """The end that asks and corrects; see :class:`~kakehashi.qkd.distill.model.Corrector`.

    Args:
        bits: The string with errors.
        qber: Expected share of wrong bits, 0 to 0.5; a wrong guess costs efficiency, not correctness.
        frame_bits: Places of a frame, a power of two.
        seed: Public seed of the permutations; by default 64 bits of the system's randomness. It need not be secret,
            but whoever makes errors must not have known it before.
        both_ways: As for :class:`CascadeReference`.

    Raises:
        InputError: An argument is out of range.

    Example:
        >>> corrector = CascadeCorrector(Bits.from_bytes(bytes(1000)), qber=0.01)
        >>> corrector.is_done, len(corrector.question())
        (False, 33)
    """

    def __init__(
        self, bits: Bits, *, qber: float, frame_bits: int = 2**14, seed: int | None = None, both_ways: bool = False
    ) -> None:
        seed = secrets.randbits(64) if seed is None else seed
        self._plan = plan_cascade(n_bits=bits.n, qber=qber, seed=seed, frame_bits=frame_bits)
        self._bits = bits
        self._end = _make_end(bits, self._plan, corrects=True)
        self._n_ways = 1 + both_ways
        self._n_taken = 0
        self._n_received = 0
        self._body = self._plan.to_bytes()
        self._is_broken = False

    @property
    def plan(self) -> CascadePlan:
        """Frames and blocks."""
        return self._plan

    @property
    def leaked_bits(self) -> int:
        """As :attr:`CascadeReference.leaked_bits`."""
        return self._n_ways * min(self._n_received, self._bits.n)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to ask."""
        return self._end.n_pending == 0

    @property
    def n_errors(self) -> int:
        """Number of bits that were changed."""
        return self._end.n_flips

    @property
    def n_rounds(self) -> int:
        """Questions that were answered: round trips so far."""
        return self._n_taken

    @property
    def n_resumed(self) -> int:
        """Frames in which the checks at the end found errors that the passes had left."""
        return self._end.n_resumed

    def question(self) -> bytes:
        """The next question; the same one again until it has been answered.

        Raises:
            DistillationError: There is nothing more to ask.
        """
        if self._is_broken or self.is_done:
            raise DistillationError("Error correction has nothing more to ask.", fault="local")
        return number_message(self._n_taken, self._body)

    def take(self, answer: bytes) -> None:
        """Take the answer to the last question.

        Raises:
            DistillationError: It does not belong to the question, or contradicts the parities that came before.
        """
        if self._is_broken or self.is_done:
            raise DistillationError("Error correction has asked nothing.")
        n_pending = self._end.n_pending
        body = read_body(answer, self._n_taken, "answer")
        check_bits(body, n_pending, "answer")
        self._n_received += n_pending
        self._n_taken += 1
        try:
            self._body = self._end.take(body)
        except RuntimeError as error:
            self._is_broken = True
            raise DistillationError("An answer contradicts the parities that came before.") from error

    def corrected(self) -> Bits:
        """The bits after correction. Whether they are right is for verification to say.

        Raises:
            DistillationError: There is more to ask.
        """
        if self._is_broken or not self.is_done:
            raise DistillationError("Error correction has not come to its end.", fault="local")
        words = np.empty((self._bits.n + 63) // 64, dtype=np.uint64)
        self._end.copy_bits(words, self._bits.n)
        data = words.astype("<u8", copy=False).view(np.uint8)[: (self._bits.n + 7) // 8]
        return Bits(data, self._bits.n)


def _make_end(bits: Bits, plan: CascadePlan, *, corrects: bool) -> CascadeEnd:
    octets = np.zeros((bits.n + 63) // 64 * 8, dtype=np.uint8)
    octets[: len(bits.data)] = bits.data
    return make_cascade(
        octets.view("<u8").astype(np.uint64, copy=False),
        n_bits=bits.n,
        n_frames=plan.n_frames,
        log_frame=plan.log_frame,
        log_blocks=list(plan.log_blocks),
        n_halves=plan.n_halves,
        n_checks=plan.n_checks,
        group_frames=plan.group_frames,
        seed=plan.seed,
        corrects=corrects,
    )
