"""Places of ladders: right, and with as few rungs missing as can be."""

from itertools import pairwise

import networkx as nx
import pytest

from kakehashi.circuit.ladder_search import embed_ladder
from kakehashi.device.twins.lattice import heavy_hex_lattice


def heavy_hex():
    return [tuple(edge) for edge in heavy_hex_lattice().edges.tolist()]


def square(side):
    return [tuple(side * r + c for r, c in edge) for edge in nx.grid_2d_graph(side, side).edges]


def check(place, length, edges):
    joined = {frozenset(edge) for edge in edges}
    for chain in (place.left, place.right):
        assert len(chain) == length
        assert all(frozenset(pair) in joined for pair in pairwise(chain))
    for p in place.direct:
        assert frozenset((place.left[p], place.right[p])) in joined
    for p, q in place.bridges:
        assert frozenset((place.left[p], q)) in joined
        assert frozenset((place.right[p], q)) in joined
    everything = [*place.left, *place.right, *(q for _, q in place.bridges)]
    assert len(set(everything)) == len(everything)


def test_all_rungs_of_a_26_orbital_circuit_lie_on_heron():
    edges = heavy_hex()
    place = embed_ladder(26, range(0, 26, 4), edges)[0]
    check(place, 26, edges)
    assert len(place.bridges) == 7
    assert place.missing == ()


@pytest.mark.parametrize("length", [4, 8, 16])
def test_two_rows_of_a_square_lattice_hold_every_rung(length):
    place = embed_ladder(length, range(length), square(16))[0]
    check(place, length, square(16))
    assert place.direct == tuple(range(length))


def test_a_dead_coupling_of_a_bridge_costs_no_more_than_its_rung():
    edges = heavy_hex()
    for place in embed_ladder(26, range(0, 26, 4), edges, n_most=3):
        check(place, 26, edges)
        dead = frozenset((place.left[4], dict(place.bridges)[4]))
        again = embed_ladder(26, range(0, 26, 4), [edge for edge in edges if frozenset(edge) != dead])[0]
        check(again, 26, edges)
        assert len(again.missing) <= 1


def test_no_room():
    assert embed_ladder(9, (0,), square(4)) == ()
    line = [(k, k + 1) for k in range(8)]
    place = embed_ladder(4, (0, 2), line)[0]
    assert (place.direct, place.missing) == ((0,), (2,))  # folded once, a line has one rung
    check(place, 4, line)


def test_as_few_rungs_as_can_be_are_missing():
    """Two rows of four with one step cut: the search that knows nothing of ladders agrees."""
    rows = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (0, 4), (3, 7)]
    assert embed_ladder(4, (0, 1, 3), rows)[0].missing == (1,)
    assert embed_ladder(4, (0, 3), rows)[0].missing == ()


def test_all_places_have_the_fewest_rungs_missing():
    places = embed_ladder(8, range(0, 8, 4), heavy_hex(), n_most=20)
    assert len(places) == 20
    assert {place.missing for place in places} == {()}


def test_a_search_that_would_not_end_is_cut_off():
    place = embed_ladder(16, range(16), heavy_hex())[0]
    check(place, 16, heavy_hex())
    assert len(place.missing) < 16
