"""What a user writes under ``[samples]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kakehashi.core.spec import Spec

__all__ = ["SamplesSpec"]


class SamplesSpec(Spec):
    """How raw shots become the strings of a subspace.

    Attributes:
        n_batches: Independent draws of strings in each turn of the loop; each is diagonalised on its own.
        recovery: Whether shots with a wrong number of electrons are repaired; if not, they are left out.
        carry_over_threshold: Least weight ``|c|^2`` with which a string goes from one turn's best state into
            the batches of the next.

    Example:
        >>> SamplesSpec(n_batches=2)
        SamplesSpec(n_batches=2, recovery=True, carry_over_threshold=1e-12)
    """

    n_batches: Annotated[int, Field(ge=1)] = 1
    recovery: bool = True
    carry_over_threshold: Annotated[float, Field(ge=0, le=1)] = 1e-12
