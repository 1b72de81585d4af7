"""The states of a grant of key at the two ends of a pair, as a table without input or output.

A grant is what one request took: a number of keys of one size, cut from blocks. The node that owns the blocks is its
*owner*; every node at which one of its readers fetches is a *holder*. The owner may be both.

.. code-block:: text

    owner     (new) --allocate--> ALLOCATED --confirm--> DELIVERED
                                      |-----void-------> EXPIRED
    holder    (new) --announce--> ANNOUNCED --fetched--> DELIVERED
                                      |--expire, void--> EXPIRED
    spent     (new) --spend-----> SPENT

No arrow leads back, and none leaves DELIVERED, EXPIRED or SPENT: what is gone stays gone.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from kakehashi.core.errors import InputError

__all__ = ["FINAL", "TRANSITIONS", "GrantEvent", "GrantState", "advance"]


class GrantState(enum.StrEnum):
    """Where a grant stands at one node."""

    NEW = "new"
    """Not written anywhere."""
    ALLOCATED = "allocated"
    """Owner: cut from the blocks and erased there; the holders have not all said that they know of it."""
    ANNOUNCED = "announced"
    """Holder: kept for the readers that it names."""
    DELIVERED = "delivered"
    """Owner: every holder knows of it, so the master may have it. Holder: every reader has it."""
    EXPIRED = "expired"
    """Destroyed before it was of use."""
    SPENT = "spent"
    """Used by the network itself, as a pad or for tags."""


class GrantEvent(enum.StrEnum):
    """What can happen to a grant."""

    ALLOCATE = "allocate"
    ANNOUNCE = "announce"
    CONFIRM = "confirm"
    FETCHED = "fetched"
    EXPIRE = "expire"
    VOID = "void"
    SPEND = "spend"


TRANSITIONS: Mapping[tuple[GrantState, GrantEvent], GrantState] = MappingProxyType(
    {
        (GrantState.NEW, GrantEvent.ALLOCATE): GrantState.ALLOCATED,
        (GrantState.NEW, GrantEvent.ANNOUNCE): GrantState.ANNOUNCED,
        (GrantState.NEW, GrantEvent.VOID): GrantState.EXPIRED,
        (GrantState.NEW, GrantEvent.SPEND): GrantState.SPENT,
        (GrantState.ALLOCATED, GrantEvent.CONFIRM): GrantState.DELIVERED,
        (GrantState.ALLOCATED, GrantEvent.VOID): GrantState.EXPIRED,
        (GrantState.ANNOUNCED, GrantEvent.FETCHED): GrantState.DELIVERED,
        (GrantState.ANNOUNCED, GrantEvent.EXPIRE): GrantState.EXPIRED,
        (GrantState.ANNOUNCED, GrantEvent.VOID): GrantState.EXPIRED,
    }
)
"""Every change that may happen; what is not here may not."""

FINAL = frozenset({GrantState.DELIVERED, GrantState.EXPIRED, GrantState.SPENT})
"""States that nothing leaves."""


def advance(state: GrantState, event: GrantEvent) -> GrantState:
    """The state after an event.

    Raises:
        InputError: The event cannot happen in this state.

    Example:
        >>> advance(GrantState.ANNOUNCED, GrantEvent.FETCHED)
        <GrantState.DELIVERED: 'delivered'>
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise InputError(f"A grant that is {state} cannot take the event '{event}'.") from None
