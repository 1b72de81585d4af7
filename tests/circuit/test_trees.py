import itertools

import networkx as nx
import pytest
import stim
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.trees import FanOut, find_fan_outs, graph_centre, grow_tree, tree_depth
from kakehashi.core.errors import InputError


def lattice(side):
    return [tuple(side * r + c for r, c in edge) for edge in nx.grid_2d_graph(side, side).edges]


def circuit_of(n, *operations):
    return GateCircuit(n_qubits=n, operations=tuple(Operation(name=name, qubits=qubits) for name, qubits in operations))


@pytest.mark.parametrize(("side", "size", "depth"), [(16, 100, 9), (16, 256, 16), (32, 1000, 30)])
def test_trees_are_as_deep_as_the_facts_say(side, size, depth):
    edges = lattice(side)
    depths = [
        tree_depth(grow_tree(edges, root, size, open_first=first))
        for root in graph_centre(edges)[:4]
        for first in (True, False)
    ]
    assert min(depths) == depth


@given(root=st.integers(0, 24), size=st.integers(1, 25), first=st.booleans())
def test_a_tree_reaches_each_vertex_once_from_one_that_was_reached(root, size, first):
    edges = lattice(5)
    tree = grow_tree(edges, root, size, open_first=first)
    reached = {root}
    for a, b in tree:
        assert a in reached
        assert b not in reached
        assert (a, b) in edges or (b, a) in edges
        reached.add(b)
    assert len(reached) == size


def test_too_few_vertices_and_too_small_a_tree():
    assert grow_tree([(0, 1), (2, 3)], 0, 3) is None
    with pytest.raises(InputError, match="at least one vertex"):
        grow_tree([(0, 1)], 0, 0)


def test_the_centre_of_an_empty_graph():
    assert graph_centre([]) == ()


def test_fan_outs_end_where_something_else_happens():
    chain = circuit_of(4, ("h", (0,)), ("cx", (0, 1)), ("x", (1,)), ("cx", (1, 2)), ("cx", (0, 3)))
    assert find_fan_outs(chain) == (FanOut(root=0, members=(0, 1, 3), operations=(1, 4)),)
    touched = circuit_of(2, ("h", (0,)), ("h", (1,)), ("cx", (0, 1)))
    assert find_fan_outs(touched) == ()
    star = circuit_of(3, ("h", (1,)), ("cx", (1, 0)), ("cx", (1, 2)))
    assert find_fan_outs(star)[0].members == (1, 0, 2)
    two = circuit_of(4, ("h", (0,)), ("h", (2,)), ("cx", (0, 1)), ("cx", (2, 3)), ("cx", (1, 2)))
    assert [fan_out.operations for fan_out in find_fan_outs(two)] == [(2,), (3,)]
    plain = circuit_of(2, ("cx", (0, 1)))  # of |0>, which a CX copies too, but nothing is gained
    assert find_fan_outs(plain) == ()


@pytest.mark.parametrize("size", [5, 60, 400])
def test_a_tree_prepares_the_chain_s_state(size):
    """Stabilizers of the GHZ state: X on all, and ZZ on each neighbouring pair, each +1."""
    side = 32
    tree = grow_tree(lattice(side), side * side // 2, size)
    simulator = stim.TableauSimulator()
    simulator.h(tree[0][0])
    for a, b in tree:
        simulator.cx(a, b)
    nodes = [tree[0][0], *(b for _, b in tree)]
    everywhere = stim.PauliString(side * side)
    for q in nodes:
        everywhere[q] = "X"
    assert simulator.peek_observable_expectation(everywhere) == 1
    for a, b in itertools.pairwise(nodes):
        pair = stim.PauliString(side * side)
        pair[a] = pair[b] = "Z"
        assert simulator.peek_observable_expectation(pair) == 1
