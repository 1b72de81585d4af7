"""Trajectories shot by shot against density matrices and known protocols."""

import numpy as np
import pytest
from tests.device.sampler.cases import exact_density, noisy_steps, p_value

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit
from kakehashi.device.sampler import trajectories
from kakehashi.device.sampler.measurements import compact


def op(name, *qubits, bits=(), **more):
    return Operation(name=name, qubits=qubits, bits=bits, **more)


def run(steps, n_qubits, n_bits, n_shots, seed=1):
    circuit = compact(NoisyCircuit(n_qubits=n_qubits, n_bits=n_bits, steps=tuple(steps)))
    return trajectories.run_trajectories(circuit, n_shots, np.random.default_rng(seed))


def histogram(bits):
    return np.bincount(bits @ (1 << np.arange(bits.shape[1])), minlength=1 << bits.shape[1])


def damping(gamma, qubit):
    operators = np.array([[[1, 0], [0, np.sqrt(1 - gamma)]], [[0, np.sqrt(gamma)], [0, 0]]], dtype=complex)
    return KrausChannel(qubits=(qubit,), operators=operators)


@pytest.mark.parametrize("seed", range(6))
def test_the_distribution_is_that_of_the_density_matrix(seed, monkeypatch):
    monkeypatch.setattr(trajectories, "MAX_AMPLITUDES", 1 << 12)  # several batches
    rng = np.random.default_rng(seed)
    n = 3
    steps = []
    for step in noisy_steps(rng, n, 15):
        steps += [step, damping(0.2, int(rng.integers(n)))]
    everything = op("measure", *range(n), bits=tuple(range(n)))
    steps = [op("h", q) for q in range(n)] + steps
    counts = histogram(run([*steps, everything], n, n, 8000, seed))
    assert p_value(counts, np.diag(exact_density(steps, n)).real) > 1e-3


def test_measurements_within_the_circuit_give_the_same_as_at_the_end():
    rng = np.random.default_rng(7)
    steps = [op("h", 0), op("h", 1), *noisy_steps(rng, 2, 10), damping(0.3, 0)]
    within = [op("measure", 0, bits=(0,)), op("reset", 0), op("measure", 1, bits=(1,)), op("measure", 0, bits=(2,))]
    bits = run([*steps, *within], 2, 3, 8000)
    assert not bits[:, 2].any()
    assert p_value(histogram(bits[:, :2]), np.diag(exact_density(steps, 2)).real) > 1e-3


def test_teleportation():
    steps = [
        op("ry", 0, parameters=(0.8,)),
        op("h", 1),
        op("cx", 1, 2),
        op("cx", 0, 1),
        op("h", 0),
        op("measure", 0, bits=(0,)),
        op("measure", 1, bits=(1,)),
        op("x", 2, condition=(1, 1)),
        op("z", 2, condition=(0, 1)),
        op("ry", 2, parameters=(-0.8,)),
        op("measure", 2, bits=(2,)),
    ]
    bits = run(steps, 3, 3, 2000)
    assert not bits[:, 2].any()
    assert np.abs(bits[:, :2].mean(axis=0) - 0.5).max() < 0.06


def test_a_condition_that_does_not_hold_leaves_measurement_and_reset_out():
    steps = [op("x", 0), op("measure", 0, bits=(0,)), op("reset", 0, condition=(0, 0))]
    steps += [op("measure", 0, bits=(1,)), op("reset", 0), op("measure", 0, bits=(0,), condition=(1, 0))]
    assert run(steps, 1, 2, 5).tolist() == [[True, True]] * 5


def test_gates_on_three_qubits():
    toffoli = np.eye(8, dtype=complex)[[0, 1, 2, 7, 4, 5, 6, 3]]
    steps = [op("x", 2), op("x", 0), op("unitary", 0, 2, 1, matrix=toffoli), op("measure", 1, bits=(0,))]
    assert run(steps, 3, 1, 4).all()


def test_the_mean_of_the_projectors_is_the_density_matrix(monkeypatch):
    monkeypatch.setattr(trajectories, "MAX_AMPLITUDES", 1 << 14)  # several batches
    rng = np.random.default_rng(5)
    steps = [op("h", q) for q in range(3)]
    for step in noisy_steps(rng, 3, 20):
        steps += [step, damping(0.1, int(rng.integers(3)))]
    small = compact(NoisyCircuit(n_qubits=3, n_bits=0, steps=tuple(steps)), observed=range(3))
    n = 20_000
    states = np.concatenate(list(trajectories.run_states(small, n, rng)))
    np.testing.assert_allclose((np.abs(states) ** 2).sum(axis=1), 1.0, atol=1e-12)
    exact = exact_density(steps, 3)
    mean = np.einsum("ni,nj->ij", states, states.conj()) / n
    # An element of the mean has a standard deviation of at most 1/sqrt(n) = 0.007.
    assert np.abs(mean - exact).max() < 4.5 / np.sqrt(n)
    assert np.trace(exact @ exact).real < 0.8  # there was something to follow


def test_an_operator_that_cannot_happen_never_does():
    small = compact(NoisyCircuit(n_qubits=1, n_bits=0, steps=(damping(0.999, 0), damping(0.999, 0))), observed=[0])
    (states,) = trajectories.run_states(small, 1000, np.random.default_rng(1))
    np.testing.assert_allclose(np.abs(states[:, 0]), 1.0)
