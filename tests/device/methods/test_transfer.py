"""The Heisenberg picture of each kind of step, against traces of full matrices."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.methods.transfer import channel_factors, heisenberg_matrix, pauli_products
from kakehashi.device.noise.model import KrausChannel, PauliChannel


@pytest.mark.parametrize("name", sorted(GATES))
def test_of_a_gate_it_is_conjugation(name):
    kind = GATES[name]
    angles = tuple(np.random.default_rng(1).uniform(0, 6, kind.n_parameters).tolist())
    operation = Operation(name=name, qubits=tuple(range(kind.n_qubits)), parameters=angles)
    u, products = operation.unitary(), pauli_products(kind.n_qubits)
    matrix = heisenberg_matrix(operation)
    for c, product in enumerate(products):
        image = np.einsum("d,dij->ij", matrix[:, c], products)
        assert np.allclose(image, u.conj().T @ product @ u)


def test_of_channels_it_agrees_with_their_kraus_operators():
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(16))
    channel = PauliChannel(qubits=(0, 1), probabilities=p)
    kraus = KrausChannel(qubits=(0, 1), operators=np.sqrt(p)[:, None, None] * pauli_products(2))
    assert np.allclose(heisenberg_matrix(channel), heisenberg_matrix(kraus))
    assert np.allclose(np.diag(heisenberg_matrix(channel)), channel_factors(channel))


def test_after_a_reset_z_is_one_and_the_rest_nothing():
    matrix = heisenberg_matrix(Operation(name="reset", qubits=(0,)))
    assert matrix[:, 3].tolist() == [1, 0, 0, 0]
    assert not matrix[:, 1:3].any()


def test_wide_steps_are_refused():
    wide = Operation(name="unitary", qubits=tuple(range(5)), matrix=np.eye(32, dtype=complex))
    with pytest.raises(InputError, match="too wide"):
        heisenberg_matrix(wide)
