"""What nodes and the operator tell the management server, its answers, and those of nodes. No key is in them.

Whoever sends one may be in an attacker's hands. So everything has a bound, and what cannot be is refused whole.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from kakehashi.core.errors import InputError
from kakehashi.core.spec import Spec
from kakehashi.qkd.network.relay import MAX_NODES, MAX_SHARES, PROOF
from kakehashi.qkd.network.spec import NetworkSpec

__all__ = [
    "MAX_NOTES",
    "MAX_TEXT",
    "Acknowledged",
    "LinkReport",
    "NodeReport",
    "Note",
    "Orders",
    "Outcome",
    "reason_of",
]

MAX_TEXT = 400
MAX_NOTES = 200
"""Notes of one report."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(max_length=40)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=1e15)]
Seconds = Annotated[float, Field(ge=0, le=1e12)]
Proof = Annotated[str, Field(pattern=f"^{PROOF}$")]
Way = Annotated[tuple[Name, ...], Field(max_length=MAX_NODES)]


class Outcome(Spec):
    """What a node answers to another that asked something about a relayed key.

    Attributes:
        ok: Whether it did what was asked.
        why: Why not.
        is_changed: Whether the key was changed on its way.
        failure: With what probability a share that has arrived may fail.
        bound: Name of the proof by which that holds.
    """

    ok: bool
    why: Text = ""
    is_changed: bool = False
    failure: Annotated[float, Field(ge=0, lt=1)] | None = None
    bound: Proof = ""


class LinkReport(Spec):
    """How one end of a link does.

    Attributes:
        link: Its name.
        state: ``waiting`` for the other end or for photons, ``running``, or ``stopped`` for good.
        qber: Error rate of the last block, whether it gave key or not, or of newer test bits that raised an alarm.
        rate_bit_per_s: Key of the last minute, for each second of the clock.
        bound: Name of the proof by which its keys are secret.
        n_blocks: Blocks made.
        n_given_up: Blocks given up.
        made_utc: When the last block was made; 0 where none was.
        why: Why it waits or has stopped.
    """

    link: Name
    state: Literal["waiting", "running", "stopped"]
    qber: Share | None = None
    rate_bit_per_s: Rate = 0.0
    bound: Proof = ""
    n_blocks: Count = 0
    n_given_up: Count = 0
    made_utc: Seconds = 0.0
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
    at_utc: Seconds
    text: Text
    link: Name = ""
    route: Way = ()
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

    node: Name
    at_utc: Seconds
    stock_bits: dict[Name, Count]
    oldest_utc: Seconds = 0.0
    links: tuple[LinkReport, ...] = ()
    notes: Annotated[tuple[Note, ...], Field(max_length=MAX_NOTES)] = ()

    def expect_own(self, spec: NetworkSpec) -> None:
        """See that the node speaks of itself and its own links alone.

        Raises:
            InputError: It is no node of the network, or speaks of what is not its own.
        """
        if self.node not in spec.names:
            raise InputError(f"'{self.node}' is no node of this network.")
        own = {link.name for link in spec.link if self.node in link.ends}
        said = {link.link for link in self.links} | {note.link for note in self.notes} - {""}
        if not said <= own or not self.stock_bits.keys() <= set(spec.names):
            raise InputError(f"'{self.node}' reports of what is not its own.")


class Orders(Spec):
    """What the management server answers to one node.

    Attributes:
        routes: By peer, the routes over which keys for it shall travel, this node first; for a neighbour none as long
            as their own link does.
        max_key_age_s: Key that is older shall be destroyed.
    """

    routes: dict[Name, Annotated[tuple[Way, ...], Field(min_length=1, max_length=MAX_SHARES)]] = Field(
        default_factory=dict
    )
    max_key_age_s: Annotated[float, Field(gt=0)] = 86_400.0

    def expect_sane(self, node: str, spec: NetworkSpec) -> None:
        """See that a node can follow them, and that shares stay apart as the network's file demands.

        Args:
            node: Whose orders they are.
            spec: The network.

        Raises:
            InputError: A route does not lead from the node to its peer over links of the network, or a key would meet
                all of itself in one node though it shall travel in shares.
        """
        for peer, routes in self.routes.items():
            between = [name for route in routes for name in route[1:-1]]
            is_apart = len(set(between)) == len(between) and not {node, peer} & set(between)
            is_cut = spec.relay.n_routes == 1 or len(routes) > 1 or not between
            if not is_apart or not is_cut or not all(_leads(route, node, peer, spec) for route in routes):
                raise InputError(f"The orders for keys of '{peer}' do not fit this network.")


def _leads(route: tuple[str, ...], node: str, peer: str, spec: NetworkSpec) -> bool:
    hops = pairwise(route)
    return node != peer and (route[:1], route[-1:]) == ((node,), (peer,)) and all(spec.links_of(*hop) for hop in hops)


class Acknowledged(Spec):
    """What the operator tells the management server of an alarm.

    Attributes:
        subject: That of the alarm.
    """

    subject: Text


class _Refusal(BaseModel):
    message: Text


def reason_of(body: bytes) -> str:
    """Why a server refuses, in its words; empty where it gives no reason that could be shown.

    Example:
        >>> reason_of(b'{"message": "there is no such node"}'), reason_of(b"<html>")
        ('there is no such node', '')
    """
    try:
        return _Refusal.model_validate_json(body).message
    except ValidationError:
        return ""
