"""The budget adds up, and counts each source as its twirl would."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.budget import error_budget, success_probability
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Readout
from kakehashi.device.noise.options import NoiseOptions


def measure(q):
    return Operation(name="measure", qubits=(q,), bits=(q,))


def test_the_sources_multiply_to_the_success(uneven_twin, random_circuit):
    twin = uneven_twin(4, zz_khz=30.0)
    noisy = attach_noise(random_circuit(twin, 60, seed=4), twin)
    budget = error_budget(noisy)
    assert list(budget) == ["one-qubit gates", "two-qubit gates", "idling", "crosstalk", "readout"]
    assert np.prod([1 - p for p in budget.values()]) == pytest.approx(success_probability(noisy))
    blind = attach_noise(random_circuit(twin, 60, seed=4), twin, options=NoiseOptions(readout=False))
    assert success_probability(blind) == pytest.approx(blind.error_free_probability)


def test_exact_and_coherent_errors_count_as_their_twirl(uneven_twin, random_circuit):
    twin = uneven_twin(3, zz_khz=30.0)
    circuit = random_circuit(twin, 40, seed=5)
    twirled = error_budget(attach_noise(circuit, twin))
    turned = error_budget(attach_noise(circuit, twin, options=NoiseOptions(crosstalk="coherent")))
    assert turned["crosstalk"] == pytest.approx(twirled["crosstalk"])
    exact = error_budget(attach_noise(circuit, twin, options=NoiseOptions(twirl=False)))
    assert exact["idling"] == pytest.approx(twirled["idling"])
    # Relaxation and the rest of a gate are counted one by one: both may happen, and may cancel, at second order.
    assert exact["two-qubit gates"] == pytest.approx(twirled["two-qubit gates"], rel=0.01)


def test_readout_counts_the_mean_of_both_flips_and_half_the_crosstalk():
    readout = Readout(
        prob_meas1_prep0=np.array([0.01, 0.02, 0.5]),
        prob_meas0_prep1=np.array([0.03, 0.04, 0.5]),
        line=np.array([0, 0, 0]),
        line_crosstalk=0.01,
    )
    noisy = NoisyCircuit(n_qubits=3, n_bits=3, steps=(measure(0), measure(1)), readout=readout)
    assert error_budget(noisy) == {"readout": pytest.approx(1 - (1 - 0.025) * (1 - 0.035))}


def test_without_errors_it_is_empty():
    noisy = NoisyCircuit(n_qubits=1, n_bits=1, steps=(Operation(name="x", qubits=(0,)), measure(0)))
    assert error_budget(noisy) == {}
    assert success_probability(noisy) == 1


def test_what_always_errs_never_succeeds():
    flip = PauliChannel(qubits=(0,), probabilities=np.array([0.0, 1.0, 0.0, 0.0]), origin="my own")
    noisy = NoisyCircuit(n_qubits=1, n_bits=0, steps=(flip,))
    assert error_budget(noisy) == {"my own": 1.0}
    assert success_probability(noisy) == 0


def test_folding_moves_nothing_from_one_source_to_another(uneven_twin):
    twin = uneven_twin(3)
    wait = Operation(name="delay", qubits=(0,), parameters=(9000.0,))
    sx = tuple(Operation(name="sx", qubits=(q,)) for q in range(3))
    operations = (*sx, wait, Operation(name="barrier", qubits=(0, 1, 2)), *(measure(q) for q in range(3)))
    circuit = GateCircuit(n_qubits=3, n_bits=3, operations=operations)
    folded = attach_noise(circuit, twin)
    assert len(folded.folded) == 1
    plain = attach_noise(circuit, twin, options=NoiseOptions(fold=False))
    assert error_budget(folded) == pytest.approx(error_budget(plain))
