"""The runner that the tests of this folder use is right itself."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, random_unitary
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.circuit.gates import GateCircuit, Operation, from_qiskit
from kakehashi.device.interfaces.runner import Runner
from kakehashi.device.methods.model import Observable


def test_the_runner_of_the_tests_is_a_runner_and_agrees_with_qiskit():
    circuit = QuantumCircuit(4)
    for k, pair in enumerate([(0, 2), (3, 1), (2, 3), (1, 0)]):
        circuit.unitary(random_unitary(4, seed=k), pair)
        circuit.ry(0.3 * k, k)
    runner: Runner = DensityRunner(make_twin())
    ((_, rho),) = runner.evolve(from_qiskit(circuit))
    assert rho == pytest.approx(DensityMatrix(circuit).data)
    observable = Observable(paulis=((0, "X"), (1, "Y"), (3, "Z")))
    from qiskit.quantum_info import Pauli

    expected = DensityMatrix(circuit).expectation_value(Pauli("ZIYX"))
    assert runner.expect(from_qiskit(circuit), [observable])[0].value == pytest.approx(expected.real)


def test_its_shots_follow_measurements_resets_and_conditions():
    circuit = GateCircuit(
        n_qubits=2,
        n_bits=2,
        operations=(
            Operation(name="x", qubits=(0,)),
            Operation(name="measure", qubits=(0,), bits=(0,)),
            Operation(name="x", qubits=(1,), condition=(0, 1)),
            Operation(name="reset", qubits=(0,)),
            Operation(name="measure", qubits=(1,), bits=(1,)),
            Operation(name="measure", qubits=(0,), bits=(0,)),
        ),
    )
    assert DensityRunner(make_twin(2)).run_gates(circuit, 10).to_counts() == {"10": 10}


def test_its_misreading_has_the_rates_of_the_twin():
    circuit = GateCircuit(
        n_qubits=1,
        n_bits=1,
        operations=(Operation(name="x", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,))),
    )
    shots = DensityRunner(make_twin(1, misread=(0.1, 0.3))).run_gates(circuit, 10_000, rng=1)
    assert shots.counts == pytest.approx(np.array([3000, 7000]), abs=200)
