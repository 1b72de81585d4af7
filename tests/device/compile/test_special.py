import pytest
from qiskit.quantum_info import Statevector

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.trees import find_fan_outs
from kakehashi.circuit.zigzag import Ladder
from kakehashi.device.compile.coupling import build_region
from kakehashi.device.compile.example import example_twin, twin_of_graph
from kakehashi.device.compile.score import Scorer
from kakehashi.device.compile.special import as_ladder, as_tree, rewrite_fan_out


def fan_out(n, *more):
    star = [Operation(name="cx", qubits=(0, q)) for q in range(1, n)]
    first = Operation(name="ry", qubits=(0,), parameters=(0.7,))
    return GateCircuit(n_qubits=n + 1, operations=(first, *star, *more))


def test_another_tree_makes_the_same_state():
    circuit = fan_out(5, Operation(name="x", qubits=(2,)), Operation(name="h", qubits=(5,)))
    (found,) = find_fan_outs(circuit)
    other = rewrite_fan_out(circuit, found, ((0, 3), (3, 1), (0, 2), (1, 4)))
    assert Statevector(to_qiskit(other)).equiv(Statevector(to_qiskit(circuit)))


def test_a_fan_out_from_any_state_becomes_a_tree():
    twin = example_twin(4, spread=0.3)
    placed = as_tree(fan_out(9), build_region(twin), Scorer(twin))
    assert len(set(placed.layout)) == 10
    assert "8 qubits" in placed.note
    joined = {frozenset(pair) for pair in twin.edges.tolist()}
    pairs = [o.qubits for o in placed.circuit if o.name == "cx"]
    assert all(frozenset(placed.layout[q] for q in pair) in joined for pair in pairs)


@pytest.mark.parametrize(
    "more",
    [Operation(name="cz", qubits=(1, 2)), Operation(name="cx", qubits=(2, 1))],
    ids=["another gate", "a copy taken back"],
)
def test_other_gates_on_two_qubits_are_not_overlooked(more):
    twin = example_twin(4)
    assert as_tree(fan_out(5, more), build_region(twin), Scorer(twin)) is None


def test_a_tree_that_does_not_fit():
    twin = twin_of_graph([(0, 1), (1, 2)], 3)
    assert as_tree(fan_out(5), build_region(twin), Scorer(twin)) is None


def test_ladders_lie_between_neighbours_or_over_bridges(heavy_hex):
    ladder = Ladder(left=tuple(range(6)), right=tuple(range(6, 12)), rungs=(0, 4))
    flat = GateCircuit(
        n_qubits=12, operations=tuple(Operation(name="cp", qubits=pair, parameters=(0.3,)) for pair in ladder.edges)
    )
    square = example_twin(6)
    placed = as_ladder(ladder, lambda: flat, build_region(square), Scorer(square), n_qubits=12)
    assert placed.circuit is None
    assert "2 between neighbours, 0 over an ancilla, 0 by swaps" in placed.note
    heron = twin_of_graph(heavy_hex, 156)
    placed = as_ladder(ladder, lambda: flat, build_region(heron), Scorer(heron), n_qubits=12)
    assert placed.circuit.n_qubits == 14
    assert len(set(placed.layout)) == 14
    assert "2 over an ancilla, 0 by swaps" in placed.note
