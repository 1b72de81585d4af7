"""Matrices of the standard gates agree with qiskit's."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit.library import get_standard_gate_name_mapping

from kakehashi.circuit.unitaries import GATES

ANGLES = (0.7, -1.3, 2.1)


@pytest.mark.parametrize("name", sorted(GATES))
def test_matrix_is_that_of_qiskit(name):
    kind = GATES[name]
    angles = ANGLES[: kind.n_parameters]
    expected = type(get_standard_gate_name_mapping()[name])(*angles).to_matrix()
    np.testing.assert_allclose(kind.matrix(*angles), expected, atol=1e-14)
    assert expected.shape == (2**kind.n_qubits, 2**kind.n_qubits)


@pytest.mark.parametrize("name", sorted(GATES))
def test_diagonal_and_clifford_are_as_stated(name):
    kind = GATES[name]
    matrix = kind.matrix(*ANGLES[: kind.n_parameters])
    assert kind.diagonal == bool(np.abs(matrix - np.diag(np.diag(matrix))).max() < 1e-14)
    if kind.clifford:
        from qiskit.quantum_info import Clifford, Operator

        assert Clifford.from_operator(Operator(matrix)) is not None
