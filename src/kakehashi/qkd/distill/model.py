"""What the stages of distillation hand to each other."""

from __future__ import annotations

from typing import Protocol

from kakehashi.qkd.bits import Bits

__all__ = ["Corrector", "ReferenceSide"]


class ReferenceSide(Protocol):
    """The end whose bits are taken as right. It answers questions and learns nothing but them.

    No input or output happens here: messages go in and come out as bytes.
    """

    @property
    def leaked_bits(self) -> int:
        """Bits of information about the string that answers have disclosed so far.

        Where the end was made to count both ways, with those that questions have disclosed about the errors.
        """
        ...

    def answer(self, message: bytes) -> bytes:
        """The answer to one question.

        Raises:
            DistillationError: The message is no question of this protocol; nothing is disclosed.
        """
        ...


class Corrector(Protocol):
    """The end that asks, and changes its own bits until they agree."""

    @property
    def leaked_bits(self) -> int:
        """As :attr:`ReferenceSide.leaked_bits`; both ends count the same."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to ask."""
        ...

    def question(self) -> bytes:
        """The next question; the same one again until it has been answered."""
        ...

    def take(self, answer: bytes) -> None:
        """Take the answer to the last question.

        Raises:
            DistillationError: The answer does not belong to the question.
        """
        ...

    def corrected(self) -> Bits:
        """The bits after correction. Whether they are right is for verification to say."""
        ...

    @property
    def n_errors(self) -> int:
        """Number of bits that were changed."""
        ...
