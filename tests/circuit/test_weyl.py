import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit.library import CPhaseGate, CXGate, CZGate, RXXGate, RZZGate, SwapGate, XXPlusYYGate, iSwapGate
from qiskit.quantum_info import random_unitary
from qiskit.synthesis import TwoQubitBasisDecomposer, TwoQubitWeylDecomposition

from kakehashi.circuit.weyl import commuting_axes, native_counts, weyl_coordinates

SWAP = SwapGate().to_matrix()
SYNTHESIS = TwoQubitBasisDecomposer(CXGate())


@given(st.integers(0, 2**31), st.integers(0, 3))
def test_coordinates_and_counts_are_those_of_qiskit(seed, kind):
    """Source: qiskit's own decomposition, which is another code."""
    rng = np.random.default_rng(seed)
    middle = [np.eye(4), CXGate().to_matrix(), RXXGate(rng.uniform(0.1, 3)).to_matrix(), random_unitary(4, rng).data]
    around = [np.kron(random_unitary(2, rng).data, random_unitary(2, rng).data) for _ in range(2)]
    gate = around[0] @ middle[kind] @ around[1]
    known = TwoQubitWeylDecomposition(gate)
    np.testing.assert_allclose(weyl_coordinates(gate[None])[0], [known.a, known.b, abs(known.c)], atol=1e-6)
    alone, swapped = native_counts(gate[None])
    assert alone[0] == SYNTHESIS.num_basis_gates(gate)
    assert swapped[0] == SYNTHESIS.num_basis_gates(SWAP @ gate)


@pytest.mark.parametrize(
    ("gate", "alone", "swapped"),
    [
        (CZGate(), 1, 2),
        (SwapGate(), 3, 0),
        (iSwapGate(), 2, 1),
        (RZZGate(0.7), 2, 3),
        (CPhaseGate(1e-6), 0, 3),
        (CPhaseGate(1e-3), 2, 3),
        (XXPlusYYGate(0.4, 0.1), 2, 3),
    ],
    ids=lambda gate: getattr(gate, "name", gate),
)
def test_native_gates_of_known_gates(gate, alone, swapped):
    counts = native_counts(gate.to_matrix()[None])
    assert [int(n[0]) for n in counts] == [alone, swapped]


def test_axes_say_what_commutes():
    gates = [CXGate(), CZGate(), RZZGate(0.3), RXXGate(0.3), XXPlusYYGate(0.4)]
    axes = commuting_axes(np.array([gate.to_matrix() for gate in gates])).tolist()
    assert axes == [[3, 1], [3, 3], [3, 3], [1, 1], [0, 0]]
    turns = np.array([[[1, 0], [0, 1j]], [[0, 1], [1, 0]], [[1, 1], [1, -1]] / np.float64(math.sqrt(2))])
    assert commuting_axes(turns).tolist() == [[3], [1], [0]]
