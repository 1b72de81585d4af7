"""Gates on two qubits, put together again from their parts."""

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import unitary_group
from tests.device.sampler.cases import on_all, seeds

from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.sampler.canonical import decompose_two_qubits

TWO_QUBITS = sorted(name for name, kind in GATES.items() if kind.n_qubits == 2)


def assert_same(matrix, parts):
    product = np.eye(4)
    for qubits, part in parts:
        if len(qubits) == 2:
            assert np.abs(part - np.diag(np.diag(part))).max() < 1e-12
        product = on_all(part, qubits, 2) @ product
    overlap = np.trace(matrix.conj().T @ product) / 4
    assert abs(abs(overlap) - 1) < 1e-13
    np.testing.assert_allclose(product, overlap * matrix, atol=1e-11)


@pytest.mark.parametrize("name", TWO_QUBITS)
def test_every_gate(name):
    for angles in ([0.3, 1.1], [-2.0, 0.4], [np.pi, np.pi / 2], [0.0, 0.0], [1e-9, 1e-9]):
        matrix = GATES[name].matrix(*angles[: GATES[name].n_parameters])
        assert_same(matrix, decompose_two_qubits(matrix))


@given(seed=seeds)
def test_random_matrices(seed):
    matrix = unitary_group.rvs(4, random_state=np.random.default_rng(seed))
    assert_same(matrix, decompose_two_qubits(matrix))


@given(seed=seeds)
def test_matrices_that_are_nearly_a_gate_of_one_qubit_each(seed):
    rng = np.random.default_rng(seed)
    one, two = (unitary_group.rvs(2, random_state=rng) for _ in range(2))
    nearly = np.kron(one, two) @ GATES["rzz"].matrix(10.0 ** -rng.integers(1, 16))
    assert_same(nearly, decompose_two_qubits(nearly))


@pytest.mark.parametrize("name", ["cx", "cy", "ch", "crx", "cry"])
def test_a_controlled_gate_takes_one_diagonal_gate(name):
    matrix = GATES[name].matrix(*[0.7] * GATES[name].n_parameters)
    for order in ([0, 1, 2, 3], [0, 2, 1, 3]):  # control first, control second
        swapped = matrix[np.ix_(order, order)]
        assert_same(swapped, decompose_two_qubits(swapped))
        assert [len(qubits) for qubits, _ in decompose_two_qubits(swapped)] == [1, 2, 1]


def test_refuses_what_is_not_unitary():
    with pytest.raises(InputError, match="must be unitary"):
        decompose_two_qubits(np.ones((4, 4), dtype=complex))
