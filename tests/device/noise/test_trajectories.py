"""Trajectories average to the density matrix."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.channels import relaxation_kraus
from kakehashi.device.noise.density import evolve_density
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.trajectories import draw_trajectories, measure_states


@pytest.mark.parametrize("twirl", [False, True])
def test_the_mean_of_the_projectors_is_the_density_matrix(uneven_twin, random_circuit, twirl):
    twin = uneven_twin(3, zz_khz=60.0, relaxed=True)
    circuit = random_circuit(twin, 60, seed=2)
    options = NoiseOptions(twirl=twirl, crosstalk="coherent", coherent_share=0.5, leakage=True)
    noisy = attach_noise(circuit, twin, options=options)
    n = 20_000
    states, _ = draw_trajectories(noisy, n, rng=5)
    flat = states.reshape(n, 8)
    assert np.sum(np.abs(flat) ** 2, axis=1) == pytest.approx(np.ones(n))
    mean = np.einsum("ni,nj->ij", flat, flat.conj()) / n
    (exact,) = evolve_density(noisy).values()
    # An element of the mean has a standard deviation of at most 1/sqrt(n) = 0.007.
    assert np.abs(mean - exact.reshape(8, 8)).max() < 4.5 / np.sqrt(n)
    purity = np.einsum("ij,ji->", exact.reshape(8, 8), exact.reshape(8, 8)).real
    assert purity < 0.8  # there was something to follow


def test_measurements_in_the_middle_and_conditions():
    steps = (
        Operation(name="ry", qubits=(0,), parameters=(1.0,)),
        Operation(name="measure", qubits=(0,), bits=(0,)),
        Operation(name="x", qubits=(1,), condition=(0, 1)),
        Operation(name="reset", qubits=(0,)),
        Operation(name="measure", qubits=(1,), bits=(1,), condition=(0, 1)),
        Operation(name="h", qubits=(1,)),
    )
    states, bits = draw_trajectories(NoisyCircuit(n_qubits=2, n_bits=2, steps=steps), 4000, rng=3)
    assert np.array_equal(bits[:, 0], bits[:, 1])
    assert bits[:, 0].mean() == pytest.approx(np.sin(0.5) ** 2, abs=0.03)
    assert np.abs(states[:, :, 1]).max() == 0  # qubit 0, the last axis, was reset


def test_an_operator_that_cannot_happen_never_does():
    decay = KrausChannel(qubits=(0,), operators=relaxation_kraus(10.0, 10.0, 50_000.0))
    states, _ = draw_trajectories(NoisyCircuit(n_qubits=1, n_bits=0, steps=(decay, decay)), 1000, rng=1)
    assert np.abs(states[:, 0]) == pytest.approx(np.ones(1000))


def test_outcomes_follow_the_squares():
    state = np.sqrt(np.array([0.1, 0.2, 0.3, 0.4])).astype(complex).reshape(1, 2, 2)
    outcomes = measure_states(np.repeat(state, 50_000, axis=0), np.random.default_rng(2))
    assert np.bincount(outcomes) / 50_000 == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)
