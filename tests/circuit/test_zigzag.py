import numpy as np
import pytest
from qiskit.quantum_info import Operator

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.zigzag import Ladder, bridge_rungs, find_ladder


def circuit_of(n, pairs):
    return GateCircuit(n_qubits=n, operations=tuple(Operation(name="cz", qubits=pair) for pair in pairs))


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
