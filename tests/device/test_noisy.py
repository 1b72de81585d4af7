"""Noise: each rate is recovered from the shots."""

import ffsim
import numpy as np
import pytest

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.exact import ExactDevice
from kakehashi.device.noisy import NoisyDevice

N_SHOTS = 100_000
HALF_FULL = Circuit(n_orb=4, n_elec=(2, 2))


def random_circuit():
    operator = ffsim.random.random_ucj_op_spin_balanced(3, n_reps=1, seed=2)
    return Circuit(n_orb=3, n_elec=(2, 1), operator=operator)


def within(found, probability, n, *, sigmas=4.5):
    return abs(found - probability) < sigmas * np.sqrt(probability * (1 - probability) / n)


def test_no_noise_is_exact():
    circuit = random_circuit()
    assert NoisyDevice().run(circuit, 1000, rng=4).to_counts() == ExactDevice().run(circuit, 1000, rng=4).to_counts()


def test_readout_rates_are_recovered_for_every_qubit():
    device = NoisyDevice(prob_meas1_prep0=0.02, prob_meas0_prep1=0.07)
    shots = device.run(HALF_FULL, N_SHOTS, rng=1)
    ones = shots.counts @ shots.to_matrix() / N_SHOTS
    for qubit, prepared in enumerate([1, 1, 0, 0, 1, 1, 0, 0]):
        assert within(ones[qubit], 0.93 if prepared else 0.02, N_SHOTS), qubit


def test_readout_errors_are_independent():
    shots = NoisyDevice(prob_meas1_prep0=0.1).run(HALF_FULL, N_SHOTS, rng=2)
    matrix = shots.to_matrix()
    both = shots.counts @ (matrix[:, 2] & matrix[:, 7]) / N_SHOTS
    assert within(both, 0.01, N_SHOTS)


def test_depolarizing_gives_uniform_bits():
    shots = NoisyDevice(depolarizing=0.4).run(HALF_FULL, N_SHOTS, rng=3)
    prepared = shots.to_counts()["00110011"]
    assert within(prepared / N_SHOTS, 0.6 + 0.4 / 256, N_SHOTS)
    others = np.array([count for bits, count in shots.to_counts().items() if bits != "00110011"])
    assert len(others) == 255
    assert abs(others - N_SHOTS * 0.4 / 256).max() < 5.5 * np.sqrt(N_SHOTS * 0.4 / 256)


def test_everything_is_lost():
    shots = NoisyDevice(depolarizing=1.0).run(HALF_FULL, N_SHOTS, rng=3)
    assert shots.n_distinct == 256


def test_error_per_gate():
    circuit = random_circuit()
    n_gates = circuit.count_two_qubit_gates()
    shots = NoisyDevice(two_qubit_error=0.01, depolarizing=0.1).run(circuit, N_SHOTS, rng=5)
    settings = shots.provenance["device_settings"]
    assert settings["n_two_qubit_gates"] == n_gates > 10
    expected = 1 - 0.9 * 0.99**n_gates
    assert settings["scrambled_probability"] == pytest.approx(expected)
    electrons = np.stack([shots.to_matrix()[:, :3].sum(axis=1), shots.to_matrix()[:, 3:].sum(axis=1)])
    right = shots.counts @ ((electrons[0] == 2) & (electrons[1] == 1)) / N_SHOTS
    assert within(right, 1 - expected + expected * 9 / 64, N_SHOTS)


def test_same_seed_same_shots():
    device = NoisyDevice(depolarizing=0.2, prob_meas1_prep0=0.05)
    first, second, other = (device.run(random_circuit(), 3000, rng=seed) for seed in (1, 1, 2))
    assert first.to_counts() == second.to_counts() != other.to_counts()


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("name", ["depolarizing", "two_qubit_error", "prob_meas1_prep0", "prob_meas0_prep1"])
def test_rates_are_probabilities(name, rate):
    with pytest.raises(InputError, match=name):
        NoisyDevice(**{name: rate})
