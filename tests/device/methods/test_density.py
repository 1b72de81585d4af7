"""The method draws from the exact distribution, and says what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.density import DensityMatrix
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.density import exact_distribution
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.options import NoiseOptions


def ghz(n, *, measured=True):
    operations = []
    for q in range(n):
        operations += [
            Operation(name="rz", qubits=(q,), parameters=(np.pi / 2,)),
            Operation(name="sx", qubits=(q,)),
            Operation(name="rz", qubits=(q,), parameters=(np.pi / 2,)),
        ]
        if q:
            operations.append(Operation(name="cz", qubits=(q - 1, q)))
            operations += operations[-4:-1]
    measures = [Operation(name="measure", qubits=(q,), bits=(q,)) for q in range(n)] if measured else []
    return GateCircuit(n_qubits=n, n_bits=n if measured else 0, operations=(*operations, *measures))


def noisy_ghz(n, **options):
    return attach_noise(ghz(n, measured=options.pop("measured", True)), line_twin(n), options=NoiseOptions(**options))


def test_shots_follow_the_exact_distribution():
    circuit = noisy_ghz(4, twirl=False)
    exact = exact_distribution(circuit).probabilities
    drawn = DensityMatrix().sample(circuit, 100_000, rng=np.random.default_rng(1), reporter=Reporter())
    assert drawn.counts.sum() == 100_000
    found = np.zeros(16)
    found[drawn.bits[:, 0]] = drawn.counts
    likely = exact > 1e-5
    assert np.all(np.abs(found - 1e5 * exact)[likely] < 5 * np.sqrt(1e5 * exact[likely]) + 1)
    assert exact[0] + exact[15] > 0.9


@pytest.mark.parametrize("measured", [True, False])
def test_expectation_values_come_before_the_measurement_and_its_misreading(measured):
    ideal = noisy_ghz(3, gates=False, idle=False, crosstalk="off", measured=measured)
    for paulis, value in (("XXX", 1.0), ("ZZI", 1.0), ("ZII", 0.0), ("YYX", -1.0)):
        observable = Observable(paulis=tuple((q, p) for q, p in enumerate(paulis) if p != "I"))
        found = DensityMatrix().expect(ideal, observable, reporter=Reporter())
        assert found.value == pytest.approx(value, abs=1e-12)
        assert found.error_bound == 0


def test_an_observable_may_lie_on_an_untouched_qubit():
    circuit = NoisyCircuit(n_qubits=50, n_bits=0, steps=(Operation(name="x", qubits=(3,)),))
    found = DensityMatrix().expect(circuit, Observable(paulis=((3, "Z"), (40, "Z"))), reporter=Reporter())
    assert found.value == pytest.approx(-1)


def test_costs_and_refusals():
    cost = DensityMatrix().consider_shots(noisy_ghz(6), 1000)
    assert isinstance(cost, Cost)
    assert (cost.error_bound, cost.memory_bytes >= 16 * 4**6) == (0.0, True)
    wide = DensityMatrix().consider_shots(noisy_ghz(13), 1000)
    assert wide == Refusal(method="density-matrix", reason="13 qubits need 4^13 elements; the limit is 12 qubits.")
    poor = DensityMatrix(memory_bytes=10_000).consider_expectation(noisy_ghz(6), Observable(paulis=((0, "Z"),)))
    assert isinstance(poor, Refusal)
    assert "9.8 KiB are free" in poor.reason
    reused = tuple(Operation(name="measure", qubits=(0,), bits=(b,)) for b in range(25))
    many = DensityMatrix().consider_shots(NoisyCircuit(n_qubits=1, n_bits=25, steps=reused), 10)
    assert many == Refusal(method="density-matrix", reason="25 measured bits have 2^25 outcomes; 2^24 can be.")


def test_measurements_in_the_middle_cost_a_branch_each():
    middle = (Operation(name="measure", qubits=(0,), bits=(0,)), Operation(name="x", qubits=(0,)))
    one = DensityMatrix().consider_shots(NoisyCircuit(n_qubits=6, n_bits=1, steps=middle), 1)
    none = DensityMatrix().consider_shots(NoisyCircuit(n_qubits=6, n_bits=1, steps=middle[::-1]), 1)
    assert one.memory_bytes > none.memory_bytes


def test_the_same_seed_gives_the_same_shots():
    circuit = noisy_ghz(3)
    one, two = (
        DensityMatrix().sample(circuit, 500, rng=np.random.default_rng(9), reporter=Reporter()) for _ in range(2)
    )
    assert np.array_equal(one.bits, two.bits)
    assert np.array_equal(one.counts, two.counts)
