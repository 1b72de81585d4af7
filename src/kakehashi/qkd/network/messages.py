"""What nodes tell the management server, and what it answers. No key is in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kakehashi.core.spec import Spec

__all__ = ["LinkReport", "NodeReport", "Note", "Orders"]

Text = Annotated[str, Field(max_length=400)]
Count = Annotated[int, Field(ge=0)]


class LinkReport(Spec):
    """How one end of a link does.

    Attributes:
        link: Its name.
        state: ``waiting`` for the other end or for photons, ``running``, or ``stopped`` for good.
        qber: Error rate of the last block, whether it gave key or not, or of newer test bits that raised an alarm.
        rate_bit_per_s: Key of the last minute, for each second of the clock.
        n_blocks: Blocks made.
        n_given_up: Blocks given up.
        made_utc: When the last block was made; 0 where none was.
        why: Why it waits or has stopped.
    """

    link: str
    state: Literal["waiting", "running", "stopped"]
    qber: float | None = None
    rate_bit_per_s: float = 0.0
    n_blocks: Count = 0
    n_given_up: Count = 0
    made_utc: float = 0.0
    why: Text = ""


class Note(Spec):
    """Something that happened at a node.

    Attributes:
        kind: ``alarm``: somebody should look; ``relay``: a key came or went over others; ``deletion``; ``link``.
        at_utc: When.
        text: One sentence.
        link: The link concerned.
        route: The nodes concerned.
        bits: The bits concerned.
    """

    kind: Literal["alarm", "relay", "deletion", "link"]
    at_utc: float
    text: Text
    link: str = ""
    route: tuple[str, ...] = ()
    bits: Count = 0


class NodeReport(Spec):
    """What a node reports.

    Attributes:
        node: Its name.
        at_utc: When.
        stock_bits: By peer, key in common that is this node's to hand out.
        oldest_utc: When the oldest key in store came; 0 where there is none.
        links: Its ends of links.
        notes: What has happened since the last report that was answered.
    """

    node: str
    at_utc: float
    stock_bits: dict[str, Count]
    oldest_utc: float = 0.0
    links: tuple[LinkReport, ...] = ()
    notes: tuple[Note, ...] = ()


class Orders(Spec):
    """What the management server answers to one node.

    Attributes:
        routes: By peer, the routes over which keys for it shall travel, this node first; for a neighbour none as long
            as their own link does.
        max_key_age_s: Key that is older shall be destroyed.
    """

    routes: dict[str, tuple[tuple[str, ...], ...]] = Field(default_factory=dict)
    max_key_age_s: float = 86_400.0
