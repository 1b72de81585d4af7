"""Maps of density matrices against Qiskit's."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Kraus, Operator, SuperOp, random_unitary

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.channels import relaxation_kraus
from kakehashi.device.noise.model import KrausChannel, PauliChannel
from kakehashi.device.noise.superoperators import apply_matrix, kraus_of, superoperator


def test_maps_are_those_of_qiskit():
    gate = Operation(name="cx", qubits=(0, 1))
    assert superoperator(gate) == pytest.approx(SuperOp(Operator(gate.unitary())).data)
    kraus = relaxation_kraus(50.0, 60.0, 2000.0)
    decay = KrausChannel(qubits=(0,), operators=kraus)
    assert superoperator(decay) == pytest.approx(SuperOp(Kraus(list(kraus))).data)


def test_every_channel_keeps_the_trace():
    mixed = PauliChannel(qubits=(0, 1), probabilities=np.random.default_rng(1).dirichlet(np.ones(16)))
    for step in (mixed, Operation(name="reset", qubits=(0, 1)), Operation(name="h", qubits=(0,))):
        kraus = kraus_of(step)
        assert np.einsum("kij,kil->jl", kraus.conj(), kraus) == pytest.approx(np.eye(kraus.shape[1]))


def test_a_measurement_is_no_map():
    with pytest.raises(InputError, match="no Kraus operators"):
        kraus_of(Operation(name="measure", qubits=(0,), bits=(0,)))


def test_a_matrix_acts_on_the_axes_that_it_is_given():
    unitary = random_unitary(4, seed=3).data
    state = np.random.default_rng(2).normal(size=(2, 2, 2)).astype(complex)
    # Qubits 2 and 0 of three, lowest bit first; qubit q is axis 2 - q.
    found = apply_matrix(unitary, state, [0, 2])
    tensor = unitary.reshape(2, 2, 2, 2)  # (out 0, out 2, in 0, in 2)
    assert found == pytest.approx(np.einsum("acbd,dxb->cxa", tensor, state))
