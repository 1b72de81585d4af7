import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.parity import find_odd_cycle, interaction_pairs_of, why_no_embedding

GRID = [tuple(4 * r + c for r, c in edge) for edge in nx.grid_2d_graph(4, 4).edges]

graphs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda e: e[0] != e[1]), max_size=25)


@given(edges=graphs)
def test_an_odd_cycle_is_found_where_the_graph_is_not_bipartite(edges):
    graph = nx.Graph(edges)
    cycle = find_odd_cycle(edges)
    assert (cycle is None) == nx.is_bipartite(graph)
    if cycle is not None:
        assert len(cycle) % 2 == 1
        assert len(set(cycle)) == len(cycle)
        assert all(graph.has_edge(a, b) for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True))


@given(edges=graphs)
def test_a_proof_is_never_wrong(edges):
    import rustworkx

    why = why_no_embedding(edges, GRID)
    pattern = rustworkx.networkx_converter(nx.Graph(edges))
    host = rustworkx.networkx_converter(nx.Graph(GRID))
    if why is not None:
        assert not rustworkx.is_subgraph_isomorphic(host, pattern, induced=False)


@pytest.mark.parametrize("size", [20, 128, 512])
def test_random_cubic_graphs_lie_on_no_lattice(size):
    graph = nx.random_regular_graph(3, size, seed=1)
    side = 32
    lattice = [tuple(side * r + c for r, c in edge) for edge in nx.grid_2d_graph(side, side).edges]
    assert "odd cycle" in why_no_embedding(graph.edges, lattice)


def test_the_other_proofs():
    assert why_no_embedding([(0, k) for k in range(1, 6)], GRID).startswith("1 qubits have 5 partners")
    assert why_no_embedding([(k, k + 1) for k in range(20)], GRID).startswith("21 qubits interact")
    assert why_no_embedding([], GRID) is None
    assert why_no_embedding([(0, 1), (1, 2), (2, 0)], [(0, 1), (1, 2), (2, 0)]) is None


def test_wide_gates_count_for_each_pair():
    circuit = GateCircuit(n_qubits=3, operations=(Operation(name="barrier", qubits=(0, 1, 2)),))
    assert interaction_pairs_of(circuit) == {}
