import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import Operator

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.compile.twirling import PAULIS, flip_back, partners, twirl_gates, twirl_readout

TWO = ("cx", "cz", "ecr", "swap", "iswap", "cy")


@pytest.mark.parametrize("name", TWO)
def test_partners_undo_what_stands_before(name):
    gate = GATES[name].matrix()
    for k, (c, d) in enumerate(partners(name)):
        whole = np.kron(PAULIS[d], PAULIS[c]) @ gate @ np.kron(PAULIS[k // 4], PAULIS[k % 4])
        assert abs(np.trace(whole @ gate.conj().T)) == pytest.approx(4)


@given(
    seed=st.integers(0, 10_000),
    names=st.lists(st.tuples(st.sampled_from([*TWO, "rzz"]), st.permutations(range(3))), max_size=8),
)
def test_a_twirled_circuit_does_the_same(seed, names):
    circuit = GateCircuit(
        n_qubits=3,
        operations=tuple(
            Operation(name=name, qubits=tuple(on[:2]), parameters=(0.3,) * GATES[name].n_parameters)
            for name, on in names
        ),
    )
    twirled = twirl_gates(circuit, rng=seed)
    assert twirled.n_two_qubit_gates == circuit.n_two_qubit_gates
    assert Operator(to_qiskit(twirled)).equiv(Operator(to_qiskit(circuit)))


def test_twirls_differ():
    circuit = GateCircuit(n_qubits=2, operations=(Operation(name="cz", qubits=(0, 1)),) * 10)
    counts = {twirl_gates(circuit, rng=seed).count().get("x", 0) for seed in range(5)}
    assert len(counts) > 1


def test_readouts_are_flipped_and_flipped_back():
    reads = tuple(Operation(name="measure", qubits=(q,), bits=(q,)) for q in range(8))
    circuit = GateCircuit(n_qubits=8, n_bits=8, operations=(Operation(name="x", qubits=(2,)), *reads))
    flipped, back = twirl_readout(circuit, rng=1)
    state = np.zeros(8, dtype=bool)
    bits = np.zeros((1, 8), dtype=bool)
    for operation in flipped:
        if operation.name == "x":
            state[operation.qubits[0]] ^= True
        else:
            bits[0, operation.bits[0]] = state[operation.qubits[0]]
    assert back.any()
    assert flip_back(bits, back)[0].tolist() == [False, False, True, False, False, False, False, False]


def test_bits_that_decide_are_left_alone():
    operations = (
        Operation(name="measure", qubits=(0,), bits=(0,)),
        Operation(name="x", qubits=(1,), condition=(0, 1)),
        Operation(name="measure", qubits=(1,), bits=(1,)),
    )
    for seed in range(8):
        flipped, back = twirl_readout(GateCircuit(n_qubits=2, n_bits=2, operations=operations), rng=seed)
        assert not back[0]
        assert flipped.count()["measure"] == 2


def test_a_qubit_that_goes_on_is_turned_back():
    operations = (Operation(name="measure", qubits=(0,), bits=(0,)), Operation(name="h", qubits=(0,)))
    turned = [twirl_readout(GateCircuit(n_qubits=1, n_bits=1, operations=operations), rng=s)[0] for s in range(6)]
    assert {circuit.count().get("x", 0) for circuit in turned} == {0, 2}


def test_wrong_input():
    with pytest.raises(InputError, match="'rzz' cannot be twirled"):
        partners("rzz")
    with pytest.raises(InputError, match=r"\(n_shots, 2\)"):
        flip_back(np.zeros((1, 3), dtype=bool), np.zeros(2, dtype=bool))
