"""Shots by trajectories have the exact distribution."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.density import DensityMatrix
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.methods.trajectories import Trajectories
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.density import exact_distribution
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.options import NoiseOptions


def noisy_chain(n, *, twirl, bits=None):
    rng = np.random.default_rng(2)
    operations = []
    for _ in range(4):
        operations += [Operation(name="sx", qubits=(q,)) for q in range(n)]
        operations += [Operation(name="rz", qubits=(q,), parameters=(float(rng.uniform(0, 3)),)) for q in range(n)]
        operations += [Operation(name="cz", qubits=(q, q + 1)) for q in range(n - 1)]
        operations += [Operation(name="delay", qubits=(q,), parameters=(5000.0,)) for q in range(n)]
    operations += [Operation(name="sx", qubits=(q,)) for q in range(n)]
    operations += [Operation(name="measure", qubits=(q,), bits=(b,)) for q, b in enumerate(bits or range(n))]
    circuit = GateCircuit(n_qubits=n, n_bits=12 if bits else n, operations=tuple(operations))
    return attach_noise(circuit, line_twin(n, line_crosstalk=0.02), options=NoiseOptions(twirl=twirl))


@pytest.mark.parametrize("twirl", [True, False])
def test_shots_follow_the_exact_distribution(twirl):
    circuit = noisy_chain(4, twirl=twirl)
    n_shots = 15_000
    drawn = Trajectories().sample(circuit, n_shots, rng=np.random.default_rng(3), reporter=Reporter())
    expected = n_shots * exact_distribution(circuit).probabilities
    found = np.bincount(drawn.bits[:, 0], weights=drawn.counts, minlength=16)
    assert ((found - expected) ** 2 / expected).sum() < 38  # chi square, 15 degrees of freedom: 1e-3


def test_bits_go_where_the_measurements_say():
    circuit = noisy_chain(3, twirl=True, bits=[9, 0, 4])
    drawn = Trajectories().sample(circuit, 2000, rng=np.random.default_rng(3), reporter=Reporter())
    assert drawn.bits.shape == (2000, 2)
    used = np.unpackbits(drawn.bits, axis=1, bitorder="little", count=12).any(axis=0)
    assert np.flatnonzero(used).tolist() == [0, 4, 9]


def test_feed_forward():
    steps = (
        Operation(name="h", qubits=(0,)),
        Operation(name="measure", qubits=(0,), bits=(0,)),
        Operation(name="x", qubits=(1,), condition=(0, 1)),
        Operation(name="measure", qubits=(1,), bits=(1,)),
    )
    circuit = NoisyCircuit(n_qubits=2, n_bits=2, steps=steps)
    drawn = Trajectories().sample(circuit, 500, rng=np.random.default_rng(3), reporter=Reporter())
    assert set(drawn.bits[:, 0].tolist()) == {0, 3}


def test_expectation_values_have_a_standard_error():
    circuit = noisy_chain(3, twirl=False)
    observable = Observable(paulis=((0, "Z"), (2, "X")))
    exact = DensityMatrix().expect(circuit, observable, reporter=Reporter()).value
    found = Trajectories(n_averaged=8000).expect(circuit, observable, reporter=Reporter())
    assert found.value == pytest.approx(exact, abs=4 / np.sqrt(8000))
    assert found.error_bound is None
    assert "from 8000 runs" in found.error


def test_costs_and_refusals():
    circuit = noisy_chain(3, twirl=True)
    cost, more = (Trajectories().consider_shots(circuit, n) for n in (10**5, 10**7))
    assert isinstance(cost, Cost)
    assert more.time_s == pytest.approx(100 * cost.time_s, rel=0.1)
    assert isinstance(Trajectories().consider_expectation(circuit, Observable(paulis=((0, "Z"),))), Cost)
    steps = tuple(Operation(name="x", qubits=(q,)) for q in range(25))
    wide = Trajectories().consider_shots(NoisyCircuit(n_qubits=25, n_bits=0, steps=steps), 1)
    assert wide == Refusal(method="trajectories", reason="25 qubits need 2^25 amplitudes a shot; the limit is 24.")
    poor = Trajectories(memory_bytes=1000).consider_shots(circuit, 10)
    assert "1000 B are free" in poor.reason


def test_no_shot_is_no_row():
    drawn = Trajectories().sample(noisy_chain(3, twirl=True), 0, rng=np.random.default_rng(3), reporter=Reporter())
    assert drawn.bits.shape == (0, 1)
