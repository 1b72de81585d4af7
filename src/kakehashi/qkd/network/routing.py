"""Routes through a network of trusted nodes, chosen by what the links hold and make.

A relay spends one key of every hop, so a hop costs more the less is there: ``1 + needed / available``, where what is
available is the stock, and what the link will make within a horizon. With enough of everything this counts hops; a
link that runs dry is gone around. Several routes are disjoint: they have no node in common but their ends, and no link.
They are found together, as a flow of least cost, so that two are found wherever there are two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from kakehashi.core.errors import InputError

__all__ = ["Edge", "Route", "choose_routes", "hop_cost"]

HORIZON_S = 10.0
"""For how long ahead a link's rate counts as if it were stock."""

Vertex: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a router knows of two neighbours, in one direction.

    Attributes:
        source: Node that sends.
        target: Node that receives.
        stock_bits: Key in common that is the sender's to spend.
        rate_bit_per_s: Rate at which such key comes.
        is_usable: Whether it may be used: not where there is an alarm and the stock is not trusted, nor where a node
            does not answer.
    """

    source: str
    target: str
    stock_bits: float
    rate_bit_per_s: float = 0.0
    is_usable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way from node to node.

    Attributes:
        nodes: All of them, the ends included.
        cost: Sum of its hops' costs.
    """

    nodes: tuple[str, ...]
    cost: float

    @property
    def n_hops(self) -> int:
        """Number of links."""
        return len(self.nodes) - 1


def hop_cost(edge: Edge, needed_bits: float, *, horizon_s: float = HORIZON_S) -> float:
    """What a hop costs; infinite where it cannot give what is needed.

    Example:
        >>> hop_cost(Edge(source="a", target="b", stock_bits=1000.0), 500.0)
        1.5
        >>> hop_cost(Edge(source="a", target="b", stock_bits=100.0), 500.0)
        inf
    """
    available = edge.stock_bits + horizon_s * edge.rate_bit_per_s
    if not edge.is_usable or available <= 0 or available < needed_bits:
        return math.inf
    return 1.0 + needed_bits / available


def choose_routes(
    edges: Iterable[Edge],
    source: str,
    target: str,
    *,
    needed_bits: float = 0.0,
    n_routes: int = 1,
    horizon_s: float = HORIZON_S,
) -> tuple[Route, ...]:
    """The cheapest disjoint routes, cheapest first; fewer where there are no more, none where there is none.

    Args:
        edges: Neighbours, each direction by itself.
        source: Where a key starts.
        target: Where it must arrive.
        needed_bits: Bits that each hop must spend.
        n_routes: How many disjoint routes are wanted.
        horizon_s: As :data:`HORIZON_S`.

    Raises:
        InputError: The ends are one node, or no route is wanted.

    Example:
        >>> edges = [Edge(source=a, target=b, stock_bits=9000.0) for a, b in ("ab", "bc", "ad", "de", "ec")]
        >>> [route.nodes for route in choose_routes(edges, "a", "c", needed_bits=1000, n_routes=2)]
        [('a', 'b', 'c'), ('a', 'd', 'e', 'c')]
    """
    if source == target or n_routes < 1:
        raise InputError(f"A route leads from one node to another, but was asked for from '{source}' to '{target}'.")
    costs: dict[tuple[str, str], float] = {}
    for edge in edges:
        cost = hop_cost(edge, needed_bits, horizon_s=horizon_s)
        if math.isfinite(cost):
            pair = (edge.source, edge.target)
            costs[pair] = min(cost, costs.get(pair, math.inf))
    flow: set[tuple[Vertex, Vertex]] = set()
    for _ in range(n_routes):
        path = _augment(costs, flow, source, target)
        if path is None:
            break
        for step in path:
            if step[::-1] in flow:
                flow.discard(step[::-1])
            else:
                flow.add(step)
    found = [Route(nodes=nodes, cost=_total(costs, nodes)) for nodes in _walk(flow, source, target)]
    return tuple(sorted(found, key=lambda route: (route.cost, route.nodes)))


def _total(costs: Mapping[tuple[str, str], float], nodes: tuple[str, ...]) -> float:
    return math.fsum(costs[pair] for pair in pairwise(nodes))


def _arcs(
    costs: Mapping[tuple[str, str], float], flow: set[tuple[Vertex, Vertex]]
) -> list[tuple[Vertex, Vertex, float]]:
    """What may still flow. Each node is two vertices with one arc between, so that it lies on one route at most."""
    names = sorted({name for pair in costs for name in pair})
    forward: list[tuple[Vertex, Vertex, float]] = [((n, "in"), (n, "out"), 0.0) for n in names]
    forward += [((a, "out"), (b, "in"), cost) for (a, b), cost in sorted(costs.items())]
    return [(b, a, -cost) if (a, b) in flow else (a, b, cost) for a, b, cost in forward]


def _augment(
    costs: Mapping[tuple[str, str], float], flow: set[tuple[Vertex, Vertex]], source: str, target: str
) -> list[tuple[Vertex, Vertex]] | None:
    """The cheapest way to add one route, by Bellman and Ford, since undoing an earlier step costs less than 0."""
    start, goal = (source, "out"), (target, "in")
    arcs = [arc for arc in _arcs(costs, flow) if arc[1] != start and arc[0] != goal]
    distance: dict[Vertex, float] = {start: 0.0}
    before: dict[Vertex, Vertex] = {}
    for _ in range(2 * len(costs) + 2):
        changed = False
        for a, b, cost in arcs:
            if a in distance and distance[a] + cost < distance.get(b, math.inf) - 1e-12:
                distance[b], before[b], changed = distance[a] + cost, a, True
        if not changed:
            break
    if goal not in before:
        return None
    path, at = [], goal
    while at != start:
        path.append((before[at], at))
        at = before[at]
    return path[::-1]


def _walk(flow: set[tuple[Vertex, Vertex]], source: str, target: str) -> list[tuple[str, ...]]:
    hops: dict[str, list[str]] = {}
    for (a, side), (b, _) in flow:
        if side == "out":
            hops.setdefault(a, []).append(b)
    routes = []
    for first in sorted(hops.get(source, [])):
        nodes = [source, first]
        while nodes[-1] != target:
            nodes.append(hops[nodes[-1]][0])
        routes.append(tuple(nodes))
    return routes
