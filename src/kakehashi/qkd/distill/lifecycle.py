"""What a block goes through, as a table: no input, no output.

One block is in hand at a time; clicks for the next ones are sifted meanwhile.

.. code-block:: text

    sender                                     receiver
    COLLECTING ── enough sifted ──▶ CORRECTING    COLLECTING ── enough sifted ──▶ CORRECTING
    CORRECTING ── question ──▶ CORRECTING         CORRECTING ── answer ──▶ CORRECTING
    CORRECTING ── corrected ──▶ CONFIRMING        CORRECTING ── nothing to ask ──▶ AMPLIFYING
    CONFIRMING ── tag is right ──▶ COLLECTING     AMPLIFYING ── seed ──▶ CONFIRMING
                                                  CONFIRMING ── tag is right ──▶ COLLECTING
    any ── abort ──▶ COLLECTING                   any ── abort ──▶ COLLECTING
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.distill.messages import Kind

__all__ = ["RECEIVER", "SENDER", "Stage", "expect"]


class Stage(enum.StrEnum):
    """Where the block in hand stands."""

    COLLECTING = "collecting"
    CORRECTING = "correcting"
    AMPLIFYING = "amplifying"
    CONFIRMING = "confirming"


Table = Mapping[Kind, frozenset[Stage]]

_ANY = frozenset(Stage)

SENDER: Table = MappingProxyType(
    {
        Kind.HELLO: _ANY,
        Kind.REPORTED: _ANY,
        Kind.QUESTION: frozenset({Stage.CORRECTING}),
        Kind.CORRECTED: frozenset({Stage.CORRECTING}),
        Kind.TAG: frozenset({Stage.CONFIRMING}),
        Kind.ABORT: frozenset({Stage.CORRECTING, Stage.CONFIRMING}),
    }
)
"""In which states a sender takes each kind of message; what is not here it never takes."""

RECEIVER: Table = MappingProxyType(
    {
        Kind.HELLO: _ANY,
        Kind.SIFTING: _ANY,
        Kind.ANSWER: frozenset({Stage.CORRECTING}),
        Kind.SEED: frozenset({Stage.AMPLIFYING}),
        Kind.TAG: frozenset({Stage.CONFIRMING}),
        Kind.ABORT: frozenset({Stage.CORRECTING, Stage.AMPLIFYING, Stage.CONFIRMING}),
    }
)
"""The same for a receiver."""


def expect(table: Table, state: Stage, kind: Kind) -> None:
    """Refuse a message that has no place in a state.

    Raises:
        DistillationError: The other end sent it all the same.

    Example:
        >>> expect(SENDER, Stage.CORRECTING, Kind.QUESTION)
        >>> expect(SENDER, Stage.COLLECTING, Kind.QUESTION)
        Traceback (most recent call last):
        kakehashi.core.errors.DistillationError: The other end sent 'question' while this end was collecting.
    """
    if state not in table.get(kind, frozenset()):
        raise DistillationError(f"The other end sent {kind.name.lower()!r} while this end was {state}.")
