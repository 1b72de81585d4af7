"""The management server's mind: reports go in, orders and alarms come out. It does no input or output."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.qkd.network.messages import LinkReport, NodeReport, Orders
from kakehashi.qkd.network.relay import HOP_BITS
from kakehashi.qkd.network.routing import Edge, Route, choose_routes, hop_cost
from kakehashi.qkd.network.spec import LinkOfNetwork, NetworkSpec
from kakehashi.qkd.security.bounds import weakest

__all__ = ["SCHEMA", "Alarm", "Entry", "Management"]

SCHEMA = "kakehashi.qkd.network/1"
"""What the state of a network says of itself."""

CLEAR_S = 2.0
"""How long after the last word of an alarm a block must be made to end it: one that was under way says nothing."""

LOOK_S = 0.1
"""How soon after its last report another one of a node makes the server look at the network, but for a new alarm: one
that reports without a pause would else have it do nothing but search."""

RELAYS = "relays of "
"""Before a node's name: subject of an alarm about keys that were changed on their way to it or from it."""

KEPT = 1000
"""Entries of the log that are kept in memory."""


@dataclass(slots=True, kw_only=True)
class Alarm:
    """Something that somebody should look at.

    Attributes:
        subject: Link, node, or relays of a node.
        text: One sentence.
        at_utc: When it was reported here.
        cleared_utc: When it was over; None as long as it is not.
    """

    subject: str
    text: str
    at_utc: float
    cleared_utc: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the log.

    Attributes:
        at_utc: When.
        kind: ``alarm``, ``cleared``, ``route``, ``relay``, ``deletion`` or ``link``.
        subject: Link, node, or pair of nodes.
        text: One sentence.
        route: Nodes of a route.
    """

    at_utc: float
    kind: str
    subject: str
    text: str
    route: tuple[str, ...] = ()


@dataclass(slots=True)
class _Heard:
    report: NodeReport
    at: float
    links: dict[str, LinkReport] = field(default_factory=dict)


class Management:
    """What is known of the network, and what follows from it.

    Args:
        spec: The network.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.log: deque[Entry] = deque(maxlen=KEPT)
        self.alarms: dict[str, Alarm] = {}
        self.past: deque[Alarm] = deque(maxlen=KEPT)
        self.routes: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {}
        self.n_entries = 0
        self._heard: dict[str, _Heard] = {}
        self._costs: dict[tuple[str, str], tuple[float, bool]] = {}

    def report(self, report: NodeReport, now: float) -> Orders:
        """Take a report and give the orders for its node.

        Raises:
            InputError: There is no such node, or it speaks of what is not its own.
        """
        report.expect_own(self.spec)
        before, known = self._heard.get(report.node), set(self.alarms)
        self._heard[report.node] = _Heard(report, now, {link.link: link for link in report.links})
        for note in report.notes:
            if note.kind == "alarm":
                # by itself: it stays open, and the node must still be missed when it falls silent
                self._raise(note.link or RELAYS + report.node, note.text, now)
            else:
                subject = note.link or report.node
                self._enter(Entry(at_utc=now, kind=note.kind, subject=subject, text=note.text, route=note.route))
        if before is None or now >= before.at + LOOK_S or not known >= self.alarms.keys():
            self.look(now)
        return self.orders(report.node)

    def look(self, now: float) -> None:
        """Notice what time alone brings: silent nodes, links that are well again, and better routes."""
        for name in self.spec.names:
            is_lost = self._is_lost(name, now)
            if is_lost and name in self._heard and name not in self.alarms:
                self._raise(name, f"Node {name} has not reported for {self.spec.management.silent_s:g} s.", now)
            elif not is_lost and name in self.alarms:
                self._clear(name, now)
        for link in self.spec.link:
            alarm = self.alarms.get(link.name)
            if alarm is not None and all(
                found is not None and found.made_utc > alarm.at_utc + CLEAR_S for found in self._ends(link.name)
            ):
                self._clear(link.name, now)
        self._choose(now)

    def acknowledge(self, subject: str, now: float) -> None:
        """Close an alarm that ends only when somebody has looked: that of a node's relays.

        Args:
            subject: Of the alarm.
            now: Time, seconds since 1970.

        Raises:
            InputError: There is no such alarm, or it ends by itself.
        """
        if subject not in self.alarms:
            known = ", ".join(f"'{name}'" for name in sorted(self.alarms)) or "none"
            raise InputError(f"There is no alarm of '{subject}'; open are: {known}.")
        if not subject.startswith(RELAYS):
            raise InputError(f"The alarm of '{subject}' ends by itself when its cause does.")
        self._clear(subject, now, "somebody has looked.")

    def orders(self, node: str) -> Orders:
        """Orders for a node as things are."""
        routes = {pair[1]: found for pair, found in self.routes.items() if pair[0] == node and found}
        return Orders(
            routes={peer: found for peer, found in routes.items() if any(len(route) > 2 for route in found)},
            max_key_age_s=self.spec.management.max_key_age_s,
        )

    def edges(self, now: float) -> list[Edge]:
        """The network as the router sees it."""
        found = []
        for one in self.spec.names:
            for other in self.spec.neighbours(one):
                links = self.spec.links_of(one, other)
                heard = self._heard.get(one)
                is_well = self._is_well(links)
                found.append(
                    Edge(
                        source=one,
                        target=other,
                        stock_bits=float(heard.report.stock_bits.get(other, 0)) if heard else 0.0,
                        rate_bit_per_s=sum(self._rate(link.name) for link in links if link.name not in self.alarms) / 2,
                        is_usable=is_well and not self._is_lost(one, now) and not self._is_lost(other, now),
                    )
                )
        return found

    def state(self, now: float) -> dict[str, Any]:
        """All that the page shows; numbers and names, no key."""
        return {
            "schema": SCHEMA,
            "title": self.spec.title,
            "at_utc": now,
            "nodes": [self._node_state(node.name, now) for node in self.spec.node],
            "links": [self._link_state(link.name, now) for link in self.spec.link],
            "routes": [
                {"source": pair[0], "target": pair[1], "routes": [list(route) for route in found]}
                for pair, found in sorted(self.routes.items())
            ],
            "alarms": [_alarm_json(alarm) for alarm in [*self.past, *self.alarms.values()]],
            "log": [_entry_json(entry) for entry in self.log],
            "n_entries": self.n_entries,
        }

    def _node_state(self, name: str, now: float) -> dict[str, Any]:
        node = next(node for node in self.spec.node if node.name == name)
        heard = self._heard.get(name)
        return {
            "name": name,
            "title": node.title or name,
            "x": node.x,
            "y": node.y,
            "is_up": not self._is_lost(name, now),
            "stock_bits": dict(heard.report.stock_bits) if heard else {},
            "oldest_s": now - heard.report.oldest_utc if heard and heard.report.oldest_utc else None,
        }

    def _link_state(self, name: str, now: float) -> dict[str, Any]:
        link = next(link for link in self.spec.link if link.name == name)
        ends = [found for found in self._ends(name) if found is not None]
        known = [found.qber for found in ends if found.qber is not None]
        state = self._state_of(name, is_run=bool(ends))
        return {
            "name": name,
            "sender": link.sender,
            "receiver": link.receiver,
            "photons": link.photons,
            "pace": link.pace,
            "state": state,
            "why": "; ".join(sorted({found.why.rstrip(".") for found in ends if found.why})),
            # What a link gave before it was down, or before its alarm, is no news of it.
            "qber": max(known) if known and state in ("running", "alarm") else None,
            "rate_bit_per_s": self._rate(name) if state == "running" else 0.0,
            "bound": weakest(found.bound for found in ends),
            "n_blocks": min((found.n_blocks for found in ends), default=0),
            "n_given_up": max((found.n_given_up for found in ends), default=0),
            "last_key_s": now - max(f.made_utc for f in ends) if any(f.made_utc for f in ends) else None,
        }

    def _state_of(self, name: str, *, is_run: bool) -> str:
        if name in self.alarms:
            return "alarm"
        if self._is_running(name):
            return "running"
        return "down" if is_run else "not run"

    def _ends(self, name: str) -> list[LinkReport | None]:
        link = next(link for link in self.spec.link if link.name == name)
        return [self._heard[end].links.get(name) if end in self._heard else None for end in link.ends]

    def _is_well(self, links: tuple[LinkOfNetwork, ...]) -> bool:
        """Whether a pair may be relied on: no link has an alarm, or one that has none makes key."""
        sound = [link.name for link in links if link.name not in self.alarms]
        return len(sound) == len(links) or any(self._is_running(name) for name in sound)

    def _is_running(self, name: str) -> bool:
        return all(found is not None and found.state == "running" for found in self._ends(name))

    def _rate(self, name: str) -> float:
        return min((found.rate_bit_per_s for found in self._ends(name) if found is not None), default=0.0)

    def _is_lost(self, name: str, now: float) -> bool:
        heard = self._heard.get(name)
        return heard is None or heard.at + self.spec.management.silent_s < now

    def _choose(self, now: float) -> None:
        edges, relay = self.edges(now), self.spec.relay
        bits = relay.block_bits + HOP_BITS
        costs = {(e.source, e.target): (round(hop_cost(e, bits), 1), _is_direct(e)) for e in edges}
        if costs == self._costs:  # the search takes seconds where there are many nodes
            return
        self._costs = costs
        for one in self.spec.names:
            for other in self.spec.names:
                if one != other:
                    self._choose_for(one, other, edges, bits, relay.n_routes, now)

    def _choose_for(self, one: str, other: str, edges: list[Edge], bits: int, n_routes: int, now: float) -> None:
        direct = next((e for e in edges if (e.source, e.target) == (one, other)), None)
        if direct is not None and _is_direct(direct):
            found: tuple[Route, ...] = (Route(nodes=(one, other), cost=0.0),)
        else:
            found = choose_routes(edges, one, other, needed_bits=bits, n_routes=n_routes)
        if n_routes > 1 and len(found) == 1 and found[0].n_hops > 1:
            found = ()  # shares over one route are no shares
        nodes = tuple(route.nodes for route in found)
        before = self.routes.get((one, other), ())
        if nodes == before or (before and nodes and not self._is_better(before, nodes, edges, bits)):
            return
        self.routes[one, other] = nodes
        text = " and ".join("-".join(route) for route in nodes) or "no route"
        was = " and ".join("-".join(route) for route in before) or "no route"
        self._enter(
            Entry(
                at_utc=now,
                kind="route",
                subject=f"{one} to {other}",
                text=f"{one} to {other}: {text} instead of {was}.",
                route=nodes[0] if nodes else (),
            )
        )

    def _is_better(
        self,
        before: tuple[tuple[str, ...], ...],
        now: tuple[tuple[str, ...], ...],
        edges: list[Edge],
        bits: int,
    ) -> bool:
        """Whether a change is worth it: routes that waver serve nobody."""
        known = {(e.source, e.target): e for e in edges}
        old, new = ([Route(nodes=nodes, cost=0.0) for nodes in routes] for routes in (before, now))
        hops = [known[pair] for route in old for pair in zip(route.nodes, route.nodes[1:], strict=False)]
        if len(old) != len(new) or any(not e.is_usable or e.stock_bits + 10 * e.rate_bit_per_s < bits for e in hops):
            return True
        return sum(route.n_hops for route in new) < sum(route.n_hops for route in old)

    def _raise(self, subject: str, text: str, now: float) -> None:
        if subject in self.alarms:
            self.alarms[subject].at_utc = max(self.alarms[subject].at_utc, now)
            return
        self.alarms[subject] = Alarm(subject=subject, text=text, at_utc=now)
        self._enter(Entry(at_utc=now, kind="alarm", subject=subject, text=text))

    def _clear(self, subject: str, now: float, why: str = "well again.") -> None:
        alarm = self.alarms.pop(subject)
        alarm.cleared_utc = now
        self.past.append(alarm)
        self._enter(Entry(at_utc=now, kind="cleared", subject=subject, text=f"{subject}: {why}"))

    def _enter(self, entry: Entry) -> None:
        self.log.append(entry)
        self.n_entries += 1


def _is_direct(edge: Edge) -> bool:
    """Whether two neighbours need nobody between them."""
    return edge.is_usable and edge.stock_bits + edge.rate_bit_per_s > 0


def _alarm_json(alarm: Alarm) -> dict[str, Any]:
    return {
        "subject": alarm.subject,
        "text": alarm.text,
        "at_utc": alarm.at_utc,
        "cleared_utc": alarm.cleared_utc,
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "at_utc": entry.at_utc,
        "kind": entry.kind,
        "subject": entry.subject,
        "text": entry.text,
        "route": list(entry.route),
    }
