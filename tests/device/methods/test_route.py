"""The router chooses what the facts say, joins parts rightly, and refuses with reasons and a way out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.device.methods.graphs import heavy_hex

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.cone import LightConeMethod
from kakehashi.device.methods.density import DensityMatrix
from kakehashi.device.methods.model import Cost, Observable, Refusal, Sampled
from kakehashi.device.methods.pauli_propagation import PauliPropagationMethod
from kakehashi.device.methods.route import (
    Limits,
    default_methods,
    plan_expectation,
    plan_shots,
    run_expectation,
    run_expectations,
    run_shots,
)
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.channels import relaxation_kraus
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout
from kakehashi.device.noise.options import NoiseOptions


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def z(q):
    return Observable(paulis=((q, "Z"),))


def measured(circuit):
    n = circuit.n_qubits
    end = gate("measure", *range(n), bits=tuple(range(n)))
    return NoisyCircuit(n_qubits=n, n_bits=n, steps=(*circuit.steps, end), readout=circuit.readout)


def noisy_ghz(n):
    p1, p2 = np.r_[0.999, np.full(3, 0.001 / 3)], np.r_[0.99, np.full(15, 0.01 / 15)]
    steps = [gate("h", 0), PauliChannel(qubits=(0,), probabilities=p1)]
    for q in range(n - 1):
        steps += [gate("cx", q, q + 1), PauliChannel(qubits=(q, q + 1), probabilities=p2)]
    flips = np.full(n, 0.01)
    readout = Readout(prob_meas1_prep0=flips, prob_meas0_prep1=2 * flips)
    return measured(NoisyCircuit(n_qubits=n, n_bits=0, steps=tuple(steps), readout=readout))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_shots_of_any_small_circuit_have_the_exact_distribution(exact, seed):
    rng = np.random.default_rng(seed)
    names = (["h", "cx", "s", "cz"], ["h", "rx", "cx", "u"], ["xx_plus_yy", "rz", "cp"])[seed % 3]
    circuit = exact.random_circuit(rng, 4, 8, names=names, noise=seed % 2 == 0, readout=True)
    shots, plan = run_shots(circuit, 4000, rng=seed)
    assert plan.method is not None
    assert shots.counts.sum() == 4000
    assert exact.distance(exact.histogram(shots, 4), exact.distribution(circuit)) < 0.06


def test_what_is_chosen_for_which_circuit(exact):
    for n, n_shots in ((2, 100), (3, 100_000), (100, 10_000), (1000, 10_000)):
        assert plan_shots(noisy_ghz(n), n_shots).method == "stabilizer"
    hops = [gate("x", 0), gate("x", 5)]
    hops += [gate("xx_plus_yy", q, q + 1, parameters=(0.3 + q, 0.0)) for _ in range(8) for q in range(11)]
    conserving = measured(NoisyCircuit(n_qubits=12, n_bits=0, steps=tuple(hops)))
    assert plan_shots(conserving, 1000).method == "number-conserving"
    bonds = [gate("rzz", q, q + 1, parameters=(0.4,)) for q in range(99)]
    line = NoisyCircuit(
        n_qubits=100, n_bits=0, steps=tuple([*bonds, *(gate("rx", q, parameters=(0.3,)) for q in range(100))] * 4)
    )
    # Where clifft is installed it is quicker still.
    plain = [method for method in default_methods() if method.name != "near-clifford"]
    assert plan_shots(measured(line), 1000, plain).method == "front"
    lattice = exact.kicked_ising(heavy_hex(127), 127, 0.4, 4)
    assert plan_shots(measured(lattice), 1000).method == "front"
    assert plan_expectation(exact.kicked_ising(heavy_hex(127), 127, 0.4, 5), z(63)).method == "light-cone"
    assert plan_expectation(exact.kicked_ising(exact.grid_edges(16), 256, 0.4, 8), z(136)).method == "pauli-propagation"


def brickwork(n, *, channel=None):
    """Ten layers of random gates on one qubit and of cz, each followed by an error."""
    rng = np.random.default_rng(1)
    p1, p2 = np.r_[1 - 2.5e-4, np.full(3, 2.5e-4 / 3)], np.r_[1 - 2.5e-3, np.full(15, 2.5e-3 / 15)]
    steps = []
    for layer in range(10):
        for q in range(n):
            steps.append(gate("u", q, parameters=tuple(rng.uniform(0, 2 * np.pi, 3))))
            steps.append(PauliChannel(qubits=(q,), probabilities=p1) if channel is None else channel(q))
        for q in range(layer % 2, n - 1, 2):
            steps += [gate("cz", q, q + 1), PauliChannel(qubits=(q, q + 1), probabilities=p2)]
    readout = Readout(prob_meas1_prep0=np.full(n, 0.01), prob_meas0_prep1=np.full(n, 0.01))
    return measured(NoisyCircuit(n_qubits=n, n_bits=0, steps=tuple(steps), readout=readout))


def relaxation(q):
    return KrausChannel(qubits=(q,), operators=relaxation_kraus(100.0, 80.0, 100.0))


@pytest.mark.parametrize(("n", "method"), [(12, "state-vector"), (20, "front")])
def test_state_vectors_or_sweeps_draw_shots_of_deep_noisy_circuits(n, method):
    # Ten qubits of a line are alive at once, however long it is.
    for n_shots in (100, 100_000):
        assert plan_shots(brickwork(n), n_shots).method == method


@pytest.mark.parametrize("n", [12, 20])
def test_light_cones_give_expectation_values_of_noisy_circuits(n):
    assert plan_expectation(brickwork(n), z(n // 2)).method == "light-cone"


@pytest.mark.parametrize("n", [3, 6, 8])
def test_density_matrices_take_any_noise_of_a_few_qubits(n):
    assert plan_shots(brickwork(n, channel=relaxation), 1000).method == "density-matrix"


def test_exact_trajectories_take_it_where_a_density_matrix_is_too_large():
    # Gates on far qubits, so that no matrix product state is small.
    steps = [gate("cz", a, b) for a in range(14) for b in range(a)] + [relaxation(q) for q in range(14)]
    steps = [step for q in range(14) for step in (gate("ry", q, parameters=(0.3,)), *steps)]
    plan = plan_shots(measured(NoisyCircuit(n_qubits=14, n_bits=0, steps=tuple(steps))), 100)
    assert plan.method == "trajectories"
    assert any(refusal.method == "density-matrix" for refusal in plan.refused)


def test_expectation_values_see_waits_that_were_folded_into_the_readout():
    """The first qubits wait in a superposition for the last; errors of gates aside, nothing else is twirled."""
    twin = line_twin(3)
    gates = (gate("sx", 0), gate("cz", 0, 1), gate("sx", 1), gate("cz", 1, 2), gate("sx", 2), gate("x", 2))
    wait = (gate("delay", 0, parameters=(50_000.0,)), gate("barrier", 0, 1, 2))
    ends = tuple(gate("measure", q, bits=(q,)) for q in range(3))
    circuit = GateCircuit(n_qubits=3, n_bits=3, operations=(*gates, *wait, *ends))
    folded = attach_noise(circuit, twin, options=NoiseOptions(gates=False))
    assert folded.folded
    written_out = attach_noise(circuit, twin, options=NoiseOptions(gates=False, twirl=False, fold=False))
    ideal = NoisyCircuit(n_qubits=3, n_bits=0, steps=gates)
    for observable in (z(0), Observable(paulis=((0, "Y"),)), Observable(paulis=((0, "Y"), (1, "X")))):
        exact = DensityMatrix().expect(written_out, observable, reporter=Reporter()).value
        for methods in (None, [DensityMatrix()], [LightConeMethod()], [PauliPropagationMethod()]):
            assert run_expectation(folded, observable, methods)[0].value == pytest.approx(exact, abs=1e-12)
        without = run_expectation(ideal, observable)[0].value
        if observable.paulis[0][1] == "Z" or abs(without) > 0.1:
            assert abs(without - exact) > 0.05


def test_shots_of_a_lattice_are_refused_with_reasons_and_a_way_out(exact):
    circuit = measured(exact.kicked_ising(exact.grid_edges(16), 256, 0.4, 5))
    plan = plan_shots(circuit, 1000)
    assert plan.method is None
    assert {refusal.method for refusal in plan.refused} == {method.name for method in default_methods()}
    assert "one <Z> by light-cone" in plan.nearest
    with pytest.raises(
        ResourceError, match=r"No method can draw 1,000 shots .* 256 qubits.*stabilizer: 1,280 gates .*Nearest"
    ):
        run_shots(circuit, 1000)


def test_kraus_noise_is_not_twirled_silently():
    decay = KrausChannel(
        qubits=(0,), operators=np.array([[[1, 0], [0, 0.9**0.5]], [[0, 0.1**0.5], [0, 0]]], dtype=complex)
    )
    ring = (
        [gate("h", 0), decay]
        + [gate("cz", a, b) for a in range(20) for b in range(a)]
        + [gate("h", q) for q in range(20)]
    )
    end = gate("measure", *range(20), bits=tuple(range(20)))
    plan = plan_shots(NoisyCircuit(n_qubits=20, n_bits=20, steps=(*ring, gate("h", 0), decay, gate("h", 0), end)), 100)
    assert any("1 channels" in r.reason or "2 channels" in r.reason for r in plan.refused if r.method == "stabilizer")
    assert plan.method is not None or "twirled" in plan.nearest


def test_parts_are_sampled_one_by_one_and_joined(exact):
    """A Clifford part and one that is not; the readout comes after the parts are joined."""
    rng = np.random.default_rng(1)
    a = exact.random_circuit(rng, 2, 8, names=["h", "cx"], measure=False).steps
    b = (gate("rx", 2, parameters=(0.7,)), gate("cx", 2, 3), gate("rx", 4, parameters=(0.4,)))
    readout = Readout(
        prob_meas1_prep0=np.full(5, 0.02),
        prob_meas0_prep1=np.full(5, 0.1),
        line=np.array([0, 1, 0, 1, -1]),
        line_crosstalk=0.05,
    )
    circuit = NoisyCircuit(
        n_qubits=7, n_bits=5, steps=(*a, *b, gate("measure", 0, 1, 2, 3, 4, bits=(4, 1, 2, 3, 0))), readout=readout
    )

    class OnlyParts:
        """Takes two qubits at most, so that the whole must be split."""

        name = "small"

        def consider_shots(self, circuit, n_shots):
            if circuit.n_qubits > 2:
                return Refusal(method=self.name, reason="too large.")
            return Cost(time_s=1.0, memory_bytes=1, error="exact", error_bound=0.0, reason="small")

        def sample(self, circuit, n_shots, *, rng, reporter):
            p = exact.distribution(circuit)
            counts = rng.multinomial(n_shots, p / p.sum())
            values = np.flatnonzero(counts)
            return Sampled(bits=values[:, None].astype(np.uint8), counts=counts[values].astype(np.int64), error="exact")

    shots, plan = run_shots(circuit, 100_000, [OnlyParts()], rng=2)
    assert "Split into 3 parts of 2, 2, 1 qubits" in plan.reductions[-1]
    small = NoisyCircuit(n_qubits=5, n_bits=5, steps=circuit.steps, readout=readout)
    assert exact.distance(exact.histogram(shots, 5), exact.distribution(small)) < 0.015


def test_nothing_to_simulate():
    circuit = NoisyCircuit(n_qubits=3, n_bits=2, steps=(gate("h", 0),))
    shots, plan = run_shots(circuit, 7, rng=1)
    assert plan.method == "constant"
    assert shots.bits.shape == (7, 1)
    assert not shots.bits.any()


def test_limits():
    circuit = noisy_ghz(100)
    slow = plan_shots(circuit, 10_000, limits=Limits(max_wall_s=1e-6))
    assert slow.method is None
    assert "more than the" in slow.refused[0].reason
    small = plan_shots(circuit, 10_000, limits=Limits(memory_bytes=1000))
    assert "1000 B are free" in small.refused[0].reason


def test_a_bounded_error_goes_before_an_unbounded_one(exact):
    circuit = exact.kicked_ising(exact.grid_edges(16), 256, 0.1, 5)
    rough = PauliPropagationMethod(max_terms=3000, smallest=1e-3)
    value, plan = run_expectation(circuit, z(136), [rough, *default_methods()])
    assert plan.method == "light-cone"
    assert value.error == "exact"
    assert [name for name, _ in plan.slower].count("pauli-propagation") == 2


def test_all_expectation_values_at_once(exact):
    circuit = exact.kicked_ising(exact.grid_edges(4), 16, 0.4, 3)
    values, plans = run_expectations(measured(circuit), [z(q) for q in range(16)])
    alone = [run_expectation(circuit, z(q))[0].value for q in (0, 5)]
    assert [values[0].value, values[5].value] == pytest.approx(alone, abs=1e-12)
    assert "Light cone" in plans[0].reductions[0]


def test_an_observable_too_large_is_refused(exact):
    wait = (gate("measure", 0, bits=(0,)), gate("h", 1, condition=(0, 1)), gate("h", 0))
    circuit = NoisyCircuit(n_qubits=2, n_bits=1, steps=(gate("h", 0), *wait))
    without = [method for method in default_methods() if method.name not in ("density-matrix", "trajectories")]
    with pytest.raises(ResourceError, match=r"No method can give the expectation value.*Nearest: fewer layers"):
        run_expectation(circuit, z(1), without)
    flip = (gate("h", 0), gate("measure", 0, bits=(0,)), gate("x", 1, condition=(0, 1)))
    plan = plan_expectation(NoisyCircuit(n_qubits=2, n_bits=1, steps=flip), z(1), without)
    assert plan.method is None
    assert "the mean of 10,000 shots by stabilizer" in plan.nearest


def test_feedback_on_a_few_qubits_is_exact(exact):
    steps = (gate("ry", 0, parameters=(0.9,)), gate("measure", 0, bits=(0,)), gate("h", 1, condition=(0, 1)))
    circuit = NoisyCircuit(n_qubits=2, n_bits=1, steps=(*steps, gate("h", 0)))
    value, plan = run_expectation(circuit, Observable(paulis=((1, "X"),)))
    assert plan.method == "density-matrix"
    assert value.value == pytest.approx(np.sin(0.45) ** 2, abs=1e-12)


def test_bad_input():
    circuit = NoisyCircuit(n_qubits=1, n_bits=0, steps=())
    with pytest.raises(InputError, match="measures nothing"):
        plan_shots(circuit, 10)
    with pytest.raises(InputError, match="must be positive"):
        plan_shots(circuit, 0)
    with pytest.raises(InputError, match="acts on qubit 4"):
        plan_expectation(circuit, z(4))
