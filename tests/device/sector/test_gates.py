"""The circuit as number-conserving gates prepares the same state."""

import ffsim
import numpy as np
import pytest

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.model import Circuit
from kakehashi.device.sector.gates import CONSERVING_GATES, conserving_gates
from kakehashi.device.sector.vector import address_bits, state_vector


@pytest.mark.parametrize(("n_orb", "n_elec"), [(3, (1, 2)), (4, (2, 2))])
def test_the_state_is_the_same(n_orb, n_elec):
    pairs = interaction_pairs(n_orb, "heavy-hex")
    operator = ffsim.random.random_ucj_op_spin_balanced(
        n_orb, n_reps=1, interaction_pairs=pairs, with_final_orbital_rotation=True, seed=2
    )
    circuit = Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)
    gates = conserving_gates(circuit)
    assert set(gates.count()) <= set(CONSERVING_GATES)
    state = np.zeros((2,) * gates.n_qubits, dtype=np.complex128)
    state[(0,) * gates.n_qubits] = 1
    for operation in gates:
        axes = [gates.n_qubits - 1 - q for q in reversed(operation.qubits)]
        k = len(axes)
        moved = np.tensordot(operation.unitary().reshape((2,) * (2 * k)), state, axes=(range(k, 2 * k), axes))
        state = np.moveaxis(moved, range(k), axes)
    expected = state_vector(circuit)
    bits = address_bits(np.arange(len(expected)), n_orb, n_elec)
    found = state.ravel()[bits @ (1 << np.arange(2 * n_orb))]
    assert abs(np.vdot(found, expected)) == pytest.approx(1.0, abs=1e-10)


def test_same_spin_gates_act_on_neighbours():
    operator = ffsim.random.random_ucj_op_spin_balanced(5, n_reps=1, interaction_pairs=interaction_pairs(5, "square"))
    for operation in conserving_gates(Circuit(n_orb=5, n_elec=(2, 2), operator=operator)):
        if operation.name == "xx_plus_yy":
            assert abs(operation.qubits[0] - operation.qubits[1]) == 1
            assert operation.qubits[0] // 5 == operation.qubits[1] // 5
