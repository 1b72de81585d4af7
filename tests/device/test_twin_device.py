"""A twin as a device: compiled, with its errors, by the method that suits."""

from dataclasses import replace

import ffsim
import numpy as np
import pytest
import qiskit

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.interfaces.backend import TwinBackend
from kakehashi.device.methods.model import Observable
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.sector.vector import state_vector
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.twins.library import load_twin

PERFECT = NoiseOptions(gates=False, idle=False, fold=False, readout=False, crosstalk="off")


@pytest.fixture(scope="module")
def kobe():
    return TwinDevice(load_twin("ibm-kobe"))


def ghz(n):
    chain = [Operation(name="cx", qubits=(q, q + 1)) for q in range(n - 1)]
    measure = Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n)))
    return GateCircuit(n_qubits=n, n_bits=n, operations=(Operation(name="h", qubits=(0,)), *chain, measure))


def ansatz(n_orb, n_elec, lattice="heavy-hex"):
    operator = ffsim.random.random_ucj_op_spin_balanced(
        n_orb, n_reps=1, interaction_pairs=interaction_pairs(n_orb, lattice), seed=1
    )
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


def share(shots, keep):
    return shots.counts[keep(shots.to_matrix())].sum() / shots.n_shots


@pytest.mark.parametrize("name", ["ibm-kobe", "fujitsu-256"])
def test_a_ghz_state_without_noise_is_perfect(name):
    device = TwinDevice(twin=load_twin(name), noise=PERFECT)
    counts = device.run(ghz(12), 1000, rng=1).to_counts()
    assert set(counts) == {12 * "0", 12 * "1"}
    assert abs(counts[12 * "0"] - 500) < 100


def test_noise_of_a_ghz_state_is_that_of_the_budget(kobe):
    shots = kobe.run(ghz(20), 20_000, rng=1)
    told = shots.provenance["twin"]
    good = share(shots, lambda m: m.all(axis=1) | ~m.any(axis=1))
    assert told["success_probability"] < good < told["success_probability"] + 0.1  # some errors are not noticed
    assert told["plan"]["method"] == "stabilizer"
    assert told["compiled"]["two_qubit_depth"] < 12
    assert kobe.run(ghz(20), 20_000, rng=1).to_counts() == shots.to_counts()


def test_a_qiskit_circuit_runs(kobe):
    circuit = qiskit.QuantumCircuit(3)
    circuit.h(0)
    circuit.ccx(0, 1, 2)
    circuit.x(2)
    circuit.measure_all()
    counts = kobe.run(circuit, 2000, rng=1).to_counts()
    assert counts["100"] + counts["101"] > 1700


def compiled_bell(device, *, delay=0):
    """On physical qubits, by qiskit; with a delay in steps of the clock, as qiskit's schedulers write them."""
    circuit = qiskit.QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.delay(delay, [0, 1], unit="dt")
    circuit.measure_all()
    return qiskit.transpile(circuit, TwinBackend(device), initial_layout=[4, 5], seed_transpiler=1)


def test_what_qiskit_compiled_is_run_as_it_is(kobe):
    prepared = kobe.prepare(compiled_bell(kobe), 10)
    assert prepared.compiled is None
    assert {q for step in prepared.noisy.steps if isinstance(step, Operation) for q in step.qubits} == {4, 5}


@pytest.mark.parametrize("compiled", [True, False])
def test_delays_in_steps_of_the_clock_last_as_many_nanoseconds(kobe, compiled):
    steps = 10_000
    assert kobe.twin.clock_ns == 4
    made = [compiled_bell(kobe, delay=delay) for delay in (0, steps)]
    if not compiled:
        made = [circuit.copy_empty_like() for circuit in made]
        for circuit, delay in zip(made, (0, steps), strict=True):
            circuit.h(4)  # which the twin has to be compiled to
            circuit.delay(delay, 4, unit="dt")
            circuit.measure(4, 0)
    short, long = (kobe.prepare(circuit, 10) for circuit in made)
    assert (short.compiled is None) == compiled
    assert long.noisy.duration_ns - short.noisy.duration_ns == pytest.approx(4 * steps)
    assert long.success_probability < short.success_probability


def test_a_native_circuit_keeps_its_qubits(kobe):
    made = kobe.compile(ghz(3))
    again = kobe.prepare(made.circuit, 10)
    assert again.compiled is None
    assert again.noisy.n_qubits == kobe.twin.n_qubits


def test_expectations_come_from_the_compiled_circuit(kobe):
    made = kobe.compile(ghz(3))
    physical = sorted(made.final_layout)
    pairs = [Observable(paulis=tuple((q, "Z") for q in physical[:2])), Observable(paulis=((physical[0], "Z"),))]
    both, one = kobe.expect(made.circuit, pairs)
    assert 0.95 < both.value < 1
    assert abs(one.value) < 0.01


def test_a_small_ansatz_is_sampled_with_its_exact_noise():
    device = TwinDevice(twin=load_twin("ibm-kobe"), noise=PERFECT)
    circuit = ansatz(3, (1, 2))
    shots = device.run(circuit, 50_000, rng=1)
    assert "transport" not in shots.provenance["twin"]["plan"]["method"]
    matrix = shots.to_matrix()
    assert (matrix[:, :3].sum(axis=1) == 1).all()
    assert (matrix[:, 3:].sum(axis=1) == 2).all()
    expected = np.sort(np.abs(state_vector(circuit)) ** 2)[::-1]
    found = np.sort(shots.counts / shots.n_shots)[::-1]
    np.testing.assert_allclose(found, expected[: len(found)], atol=0.015)


@pytest.mark.parametrize("name", ["ibm-kobe", "fujitsu-256"])
def test_a_wide_ansatz_is_sampled_in_its_sector(name):
    device = TwinDevice(twin=load_twin(name))
    shots = device.run(ansatz(12, (2, 2)), 20_000, rng=1)
    told = shots.provenance["twin"]
    assert told["plan"]["method"] == "state-vector + transport"
    assert "measured at 6 to 10 qubits" in told["plan"]["cost"]["error"]
    inside = share(shots, lambda m: (m[:, :12].sum(axis=1) == 2) & (m[:, 12:].sum(axis=1) == 2))
    assert told["success_probability"] < inside < 0.9
    quiet = TwinDevice(twin=device.twin, noise=PERFECT).run(ansatz(12, (2, 2)), 20_000, rng=1)
    assert quiet.provenance["twin"]["plan"]["method"] == "state-vector"
    assert quiet.provenance["twin"]["plan"]["cost"]["error"] == "exact"
    assert share(quiet, lambda m: (m[:, :12].sum(axis=1) == 2) & (m[:, 12:].sum(axis=1) == 2)) == 1


def test_what_a_processor_has_no_room_for_is_left_out_and_said():
    cut = load_twin("fake-fez")
    shots = TwinDevice(twin=cut).run(ansatz(16, (2, 2)), 1000, rng=1)
    (change,) = shots.provenance["twin"]["changes"]
    assert "room for 3 of 4 couplings" in change
    assert len(shots.provenance["twin"]["compiled"]["layout"]) == 32


def test_a_plan_is_made_without_running(kobe):
    plan = kobe.explain(ansatz(26, (5, 5)), n_shots=1000)
    assert plan.method == "spin-factored + transport"
    assert plan.cost.error_bound < 0.21


def test_what_does_not_fit_is_said(kobe):
    with pytest.raises(InputError, match="157 qubits"):
        kobe.run(ghz(157), 10)
    with pytest.raises(InputError, match="n_shots"):
        kobe.run(ghz(3), 0)
    silent = replace(ghz(3), operations=ghz(3).operations[:-1])
    with pytest.raises(InputError, match="measures nothing"):
        kobe.run(silent, 10)
