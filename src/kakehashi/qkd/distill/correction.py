"""The methods of error correction by name, and which of them suits a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kakehashi.core.errors import InputError
from kakehashi.core.registry import Registry
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.cascade import CascadeCorrector, CascadeReference
from kakehashi.qkd.distill.ldpc import LdpcCorrector, LdpcReference
from kakehashi.qkd.distill.model import Corrector, ReferenceSide

__all__ = ["CORRECTIONS", "Correction", "MakeCorrector", "MakeReference", "choose_correction", "method_of"]


class MakeReference(Protocol):
    """Makes the end whose bits are taken as right."""

    def __call__(self, bits: Bits, *, both_ways: bool = False) -> ReferenceSide:
        """From its string, and whether what the other end says counts as disclosed too."""
        ...


class MakeCorrector(Protocol):
    """Makes the end that corrects."""

    def __call__(self, bits: Bits, *, qber: float, both_ways: bool = False) -> Corrector:
        """From its string and the expected share of errors, and whether what it says counts as disclosed too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A method of error correction.

    Attributes:
        name: As in :data:`CORRECTIONS`.
        reference: Makes one end.
        corrector: Makes the other.
        typical_round_trips: How many a block takes, for planning; the measured ones are in the docs.

    Example:
        >>> corrector = CORRECTIONS["ldpc"].corrector(Bits.from_bytes(b"quantum"), qber=0.01)
        >>> corrector.is_done
        False
    """

    name: str
    reference: MakeReference
    corrector: MakeCorrector
    typical_round_trips: int


CORRECTIONS: Registry[Correction] = Registry("method of error correction")
"""The methods by name: ``"cascade"`` discloses least, ``"ldpc"`` takes few messages."""

CORRECTIONS.add(
    "cascade",
    Correction(name="cascade", reference=CascadeReference, corrector=CascadeCorrector, typical_round_trips=800),
)
CORRECTIONS.add(
    "ldpc", Correction(name="ldpc", reference=LdpcReference, corrector=LdpcCorrector, typical_round_trips=4)
)


def method_of(agreement: Agreement) -> Correction:
    """The method that was agreed on, which counts as disclosed what the agreement charges.

    Example:
        >>> method_of(Agreement(link="a", correction="ldpc")).name
        'ldpc'
    """
    method = CORRECTIONS[agreement.correction]
    if agreement.error_positions == "public":
        return method
    return replace(
        method,
        reference=partial(method.reference, both_ways=True),
        corrector=partial(method.corrector, both_ways=True),
    )


def choose_correction(*, round_trip_s: float, block_bits: int, sifted_bit_per_s: float) -> str:
    """The method that discloses least among those that keep up with the link, one block at a time.

    Args:
        round_trip_s: From a message to its answer, in seconds.
        block_bits: Sifted bits in a block.
        sifted_bit_per_s: How fast they come.

    Raises:
        InputError: An argument is negative, or the rate is 0.

    Example:
        >>> choose_correction(round_trip_s=0.001, block_bits=10**7, sifted_bit_per_s=1e6)
        'cascade'
        >>> choose_correction(round_trip_s=0.25, block_bits=10**7, sifted_bit_per_s=1e6)
        'ldpc'
    """
    if round_trip_s < 0 or block_bits < 0 or sifted_bit_per_s <= 0:
        raise InputError("Round trip, block and rate must not be negative, and there must be a rate.")
    waiting_s = CORRECTIONS["cascade"].typical_round_trips * round_trip_s
    return "cascade" if waiting_s <= block_bits / sifted_bit_per_s else "ldpc"
