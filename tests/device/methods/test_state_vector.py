"""State vectors as a method."""

import numpy as np
import pytest
from tests.device.sampler.cases import exact_density, noisy_steps, on_all, p_value

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Method, Observable, Refusal
from kakehashi.device.methods.state_vector import StateVector, sample_noisy
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout


def op(name, *qubits, bits=(), **more):
    return Operation(name=name, qubits=qubits, bits=bits, **more)


def circuit(steps, n_qubits, bits=None, **more):
    bits = tuple(range(n_qubits)) if bits is None else bits
    measure = op("measure", *range(n_qubits), bits=bits)
    return NoisyCircuit(n_qubits=n_qubits, n_bits=max(bits) + 1, steps=(*steps, measure), **more)


def histogram(sampled, n_bits):
    rows = np.unpackbits(sampled.bits, axis=1, bitorder="little", count=n_bits)
    return np.bincount(rows @ (1 << np.arange(n_bits)), weights=sampled.counts, minlength=1 << n_bits)


def noisy(seed, n):
    return [*(op("h", q) for q in range(n)), *noisy_steps(np.random.default_rng(seed), n, 15)]


@pytest.mark.parametrize("precision", ["double", "single"])
def test_counts_with_readout_errors(precision):
    n = 3
    low, high = np.array([0.1, 0.0, 0.3]), np.array([0.2, 0.05, 0.0])
    steps = noisy(1, n)
    readout = Readout(prob_meas1_prep0=low, prob_meas0_prep1=high)
    sampled = sample_noisy(circuit(steps, n, readout=readout), 20_000, 3, precision=precision)
    matrix = np.eye(1)
    for p, q in zip(low, high, strict=True):
        matrix = np.kron(np.array([[1 - p, q], [p, 1 - q]]), matrix)
    wanted = matrix @ np.diag(exact_density(steps, n)).real
    assert p_value(histogram(sampled, n), wanted) > 1e-3
    assert sampled.error.startswith("exact")
    assert ("single" in sampled.error) == (precision == "single")


def test_qubits_are_measured_into_the_bits_named():
    both = circuit([op("x", 0)], 2, bits=(9, 2))
    sampled = sample_noisy(both, 4, 0)
    assert sampled.bits.shape == (4, 2)
    assert (sampled.bits == [[0, 2]]).all()


def test_wide_devices_cost_only_the_qubits_used():
    steps = (op("x", 999), op("measure", 999, bits=(0,)))
    assert sample_noisy(NoisyCircuit(n_qubits=1000, n_bits=1, steps=steps), 2, 0).bits.tolist() == [[1], [1]]


def test_bits_that_nothing_is_measured_into_stay_zero():
    readout = Readout(prob_meas1_prep0=np.array([1.0, 1.0]), prob_meas0_prep1=np.zeros(2))
    steps = (op("x", 0), op("measure", 0, bits=(1,)))
    sampled = sample_noisy(NoisyCircuit(n_qubits=1, n_bits=2, steps=steps, readout=readout), 3, 0)
    assert sampled.bits.ravel().tolist() == [2, 2, 2]


def test_kraus_operators_and_feedback_go_shot_by_shot():
    decay = KrausChannel(qubits=(0,), operators=np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=complex))
    sampled = sample_noisy(circuit([op("x", 0), decay], 1), 5, 0, precision="single")
    assert not sampled.bits.any()
    assert "single" not in sampled.error
    with pytest.raises(InputError, match="but there is a channel of Kraus operators"):
        StateVector().sample(circuit([op("x", 0), decay], 1), 5, rng=np.random.default_rng(0), reporter=Reporter())


def test_equal_seeds_give_equal_shots_on_any_number_of_threads():
    wanted = sample_noisy(circuit(noisy(4, 5), 5), 1000, 7, n_threads=1).bits
    for n_threads in (2, 4):
        np.testing.assert_array_equal(sample_noisy(circuit(noisy(4, 5), 5), 1000, 7, n_threads=n_threads).bits, wanted)


def test_verdicts():
    method: Method = StateVector(memory_bytes=1 << 30)
    verdict = method.consider_shots(circuit(noisy(1, 4), 4), 1000)
    assert isinstance(verdict, Cost)
    assert verdict.error_bound == 0
    assert 0 < verdict.time_s < 1
    wide = circuit([op("h", q) for q in range(28)], 28)
    refusal = method.consider_shots(wide, 10)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "A state of 28 qubits takes 4.0 GiB, but 1.0 GiB is free, which is enough for 26 qubits."
    assert isinstance(StateVector(memory_bytes=1 << 31, precision="single").consider_shots(wide, 10), Cost)
    with pytest.raises(ResourceError, match="28 qubits"):
        method.sample(wide, 10, rng=np.random.default_rng(0), reporter=Reporter())
    nothing = NoisyCircuit(n_qubits=1, n_bits=0, steps=(op("h", 0),))
    assert isinstance(method.consider_shots(nothing, 1), Refusal)
    for n in (100, 1024):
        refusal = method.consider_shots(circuit([op("h", q) for q in range(n)], n), 1)
        assert isinstance(refusal, Refusal)
        assert f"A state of {n} qubits takes 2^{n} amplitudes, but 1.0 GiB is free" in refusal.reason


def test_refuses_no_shots():
    with pytest.raises(InputError, match="n_shots"):
        sample_noisy(circuit([op("h", 0)], 1), 0)


def expectation(steps, n, paulis):
    density = exact_density(steps, n)
    matrix = np.eye(2**n)
    for q, name in paulis:
        matrix = matrix @ on_all(GATES[name.lower()].matrix(), (q,), n)
    return np.trace(matrix @ density).real


@pytest.mark.parametrize("paulis", [((0, "Z"),), ((0, "X"), (2, "Y")), ((0, "Y"), (1, "Z"), (2, "X"))])
def test_expectation_values(paulis):
    n = 3
    steps = noisy(6, n)
    gates = [step for step in steps if not isinstance(step, PauliChannel)]
    observable = Observable(paulis=paulis)
    exact = StateVector().expect(circuit(gates, n), observable, reporter=Reporter())
    assert exact.value == pytest.approx(expectation(gates, n, paulis), abs=1e-12)
    assert exact.error_bound <= 1e-12
    averaged = StateVector(n_trajectories=20_000).expect(circuit(steps, n), observable, reporter=Reporter())
    assert abs(averaged.value - expectation(steps, n, paulis)) < averaged.error_bound < 0.03
    assert "standard error" in averaged.error


def test_expectation_values_of_other_circuits_are_refused():
    steps = (op("h", 0), op("measure", 0, bits=(0,)), op("x", 0, condition=(0, 1)))
    feedback = NoisyCircuit(n_qubits=2, n_bits=1, steps=steps)
    assert isinstance(StateVector().consider_expectation(feedback, Observable(paulis=((1, "Z"),))), Refusal)
    verdict = StateVector().consider_expectation(feedback, Observable(paulis=((9, "Z"),)))
    assert verdict == Refusal(method="state-vector", reason="Qubits [9] are observed, but there are 2.")
    with pytest.raises(InputError, match="within the circuit"):
        StateVector().expect(feedback, Observable(paulis=((0, "Z"),)), reporter=Reporter())


def test_what_follows_a_measurement_is_observed_too():
    within = NoisyCircuit(n_qubits=1, n_bits=1, steps=(op("h", 0), op("measure", 0, bits=(0,)), op("h", 0)))
    x = Observable(paulis=((0, "X"),))
    assert isinstance(StateVector().consider_expectation(within, x), Refusal)
    at_end = NoisyCircuit(n_qubits=1, n_bits=1, steps=within.steps[:2])
    assert StateVector().expect(at_end, x, reporter=Reporter()).value == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("pauli", "value"), [("Z", 1.0), ("X", 0.0)])
def test_a_qubit_that_no_gate_touches_can_be_observed(pauli, value):
    nothing = NoisyCircuit(n_qubits=900, n_bits=0, steps=(op("x", 0),))
    result = StateVector().expect(nothing, Observable(paulis=((0, "Z"), (899, pauli))), reporter=Reporter())
    assert result.value == pytest.approx(-value, abs=1e-12)


def test_an_error_that_never_came_has_an_error_bar():
    rare = PauliChannel(qubits=(0,), probabilities=np.array([1 - 1e-9, 1e-9, 0, 0]))
    result = StateVector().expect(circuit([op("x", 0), rare], 1), Observable(paulis=((0, "Z"),)), reporter=Reporter())
    assert result.value == -1
    assert result.error_bound > 0


def test_progress_is_told():
    events = []
    method = StateVector(n_threads=1)
    method.sample(circuit(noisy(2, 4), 4), 100, rng=np.random.default_rng(0), reporter=Reporter(events.append))
    assert events[-1].step == events[-1].total > 1
