import itertools

import networkx as nx
import numpy as np
import pytest
from qiskit.quantum_info import Operator

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.zigzag import Ladder, bridge_rungs, embed_ladder, find_ladder


def heavy_hex():
    edges, first = [], 0
    for row in range(8):
        edges += [(first + k, first + k + 1) for k in range(15)]
        if row < 7:
            for k, column in enumerate((3, 7, 11, 15) if row % 2 == 0 else (1, 5, 9, 13)):
                edges += [(first + column, first + 16 + k), (first + 16 + k, first + 20 + column)]
        first += 20
    return edges


def square(side):
    return [tuple(side * r + c for r, c in edge) for edge in nx.grid_2d_graph(side, side).edges]


def circuit_of(n, pairs):
    return GateCircuit(n_qubits=n, operations=tuple(Operation(name="cz", qubits=pair) for pair in pairs))


def check(place, length, edges):
    joined = {frozenset(edge) for edge in edges}
    for chain in (place.left, place.right):
        assert len(chain) == length
        assert all(frozenset(pair) in joined for pair in itertools.pairwise(chain))
    for p in place.direct:
        assert frozenset((place.left[p], place.right[p])) in joined
    for p, q in place.bridges:
        assert frozenset((place.left[p], q)) in joined
        assert frozenset((place.right[p], q)) in joined
    everything = [*place.left, *place.right, *(q for _, q in place.bridges)]
    assert len(set(everything)) == len(everything)


def test_all_rungs_of_a_26_orbital_circuit_lie_on_heron():
    edges = heavy_hex()
    place = embed_ladder(26, range(0, 26, 4), edges)
    check(place, 26, edges)
    assert len(place.bridges) == 7
    assert place.missing == ()


@pytest.mark.parametrize("length", [4, 8, 16])
def test_two_rows_of_a_square_lattice_hold_every_rung(length):
    place = embed_ladder(length, range(length), square(16))
    check(place, length, square(16))
    assert place.direct == tuple(range(length))


def test_a_dead_edge_costs_a_rung_and_nothing_else():
    edges = heavy_hex()
    place = embed_ladder(16, range(0, 16, 4), edges)
    dead = [(place.left[4], q) for p, q in place.bridges if p == 4]
    alive = [edge for edge in edges if frozenset(edge) != frozenset(dead[0])]
    again = embed_ladder(16, range(0, 16, 4), alive, weak=dead)
    check(again, 16, alive)
    assert len(again.bridges) >= 3


def test_no_room():
    assert embed_ladder(9, (0,), square(4)) is None
    line = [(k, k + 1) for k in range(7)]
    place = embed_ladder(4, (0, 2), line)
    assert place.missing  # a line has room for both chains but not for two rungs
    check(place, 4, line)


def test_ladders_are_found_in_any_numbering():
    model = Ladder(left=tuple(range(9)), right=tuple(range(9, 18)), rungs=(0, 4, 8))
    assert find_ladder(circuit_of(18, model.edges)) == model
    shuffled = np.random.default_rng(1).permutation(18)
    moved = [tuple(int(shuffled[q]) for q in pair) for pair in model.edges]
    found = find_ladder(circuit_of(18, moved))
    assert {frozenset(pair) for pair in found.edges} == {frozenset(pair) for pair in moved}


@pytest.mark.parametrize(
    "pairs", [[(0, 1)], [(k, k + 1) for k in range(7)], [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]]
)
def test_no_ladder(pairs):
    assert find_ladder(circuit_of(8, pairs)) is None


@pytest.mark.parametrize("gate", [("cp", (0.7,)), ("rzz", (-0.3,)), ("cz", ())])
def test_a_bridge_does_what_the_rung_does(gate):
    rung = GateCircuit(n_qubits=2, operations=(Operation(name=gate[0], qubits=(1, 0), parameters=gate[1]),))
    over = bridge_rungs(rung, Ladder(left=(0,), right=(1,), rungs=(0,)), (0,))
    wanted, got = Operator(to_qiskit(rung)).data, Operator(to_qiskit(over)).data
    np.testing.assert_allclose(got[:4, :4], wanted, atol=1e-12)  # the ancilla, the highest bit, in |0> before and after
    np.testing.assert_allclose(got[4:, :4], 0, atol=1e-12)


def test_a_rung_that_is_not_diagonal_has_no_bridge():
    assert bridge_rungs(circuit_of(2, [(0, 1)]), Ladder(left=(0,), right=(1,), rungs=(0,)), (0,)) is not None
    swap = GateCircuit(n_qubits=2, operations=(Operation(name="swap", qubits=(0, 1)),))
    assert bridge_rungs(swap, Ladder(left=(0,), right=(1,), rungs=(0,)), (0,)) is None
