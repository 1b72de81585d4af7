import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.qkd.network.routing import Edge, choose_routes, hop_cost

NAMES = "abcdef"
PAIRS = list(itertools.permutations(NAMES, 2))


@st.composite
def networks(draw):
    chosen = draw(st.lists(st.sampled_from(PAIRS), unique=True, max_size=18))
    return [
        Edge(
            source=a,
            target=b,
            stock_bits=float(draw(st.integers(0, 5000))),
            rate_bit_per_s=float(draw(st.integers(0, 100))),
            is_usable=draw(st.booleans()) or draw(st.booleans()),
        )
        for a, b in chosen
    ]


def every_route(edges, needed):
    """All simple paths from a to b with their costs: the slow way."""
    costs = {(e.source, e.target): hop_cost(e, needed) for e in edges}
    found = {}
    for n in range(len(NAMES) - 1):
        for between in itertools.permutations(NAMES[2:], n):
            nodes = ("a", *between, "b")
            cost = sum(costs.get(pair, math.inf) for pair in itertools.pairwise(nodes))
            if cost < math.inf:
                found[nodes] = cost
    return found


@given(networks(), st.integers(0, 3000))
def test_the_route_is_the_cheapest_of_all(edges, needed):
    routes = choose_routes(edges, "a", "b", needed_bits=needed)
    known = every_route(edges, needed)
    assert len(routes) == (1 if known else 0)
    if known:
        assert routes[0].cost == pytest.approx(known[routes[0].nodes])
        assert routes[0].cost == pytest.approx(min(known.values()))


@given(networks(), st.integers(0, 3000))
def test_two_routes_are_disjoint_and_found_wherever_there_are_two(edges, needed):
    routes = choose_routes(edges, "a", "b", needed_bits=needed, n_routes=2)
    known = every_route(edges, needed)
    pairs = {
        (one, other): known[one] + known[other]
        for one, other in itertools.combinations(known, 2)
        if not set(one[1:-1]) & set(other[1:-1])
    }
    assert len(routes) == min(len(known), 2 if pairs else 1)
    if pairs:
        one, other = (route.nodes for route in routes)
        assert not set(one[1:-1]) & set(other[1:-1])
        assert sum(route.cost for route in routes) == pytest.approx(min(pairs.values()))


@given(networks(), st.integers(1, 3000))
def test_no_hop_is_short_of_key_or_under_alarm(edges, needed):
    known = {(e.source, e.target): e for e in edges}
    for route in choose_routes(edges, "a", "b", needed_bits=needed, n_routes=3):
        for pair in itertools.pairwise(route.nodes):
            assert known[pair].is_usable
            assert known[pair].stock_bits + 10 * known[pair].rate_bit_per_s >= needed


def test_a_link_that_runs_dry_is_gone_around():
    def edges(direct):
        return [
            Edge(source="a", target="b", stock_bits=direct),
            *(Edge(source=x, target=y, stock_bits=1e6) for x, y in ("ac", "cb")),
        ]

    assert choose_routes(edges(1e6), "a", "b", needed_bits=1000)[0].nodes == ("a", "b")
    assert choose_routes(edges(900), "a", "b", needed_bits=1000)[0].nodes == ("a", "c", "b")


def test_a_route_to_oneself_is_refused():
    with pytest.raises(InputError):
        choose_routes([], "a", "a")
    with pytest.raises(InputError):
        choose_routes([], "a", "b", n_routes=0)
