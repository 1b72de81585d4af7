"""Sectors against full vectors; what does not conserve particles is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.circuit.gates import Operation, from_qiskit
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.methods.number_conserving import NumberConservingMethod, find_registers, weight_strings
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Readout
from kakehashi.device.sector.vector import address_bits, state_vector

METHOD = NumberConservingMethod()


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def conserving(rng, n, depth):
    steps = []
    for _ in range(depth):
        name = str(rng.choice(["xx_plus_yy", "rzz", "cp", "rz", "swap", "iswap", "x", "cz"]))
        angles = {"xx_plus_yy": 2, "rzz": 1, "cp": 1, "rz": 1}.get(name, 0)
        width = 1 if name in ("rz", "x") else 2
        start = int(rng.integers(2)) * (n // 2)
        moving = name in ("xx_plus_yy", "swap", "iswap")
        pool = np.arange(start, start + n // 2) if moving else np.arange(n)
        qubits = tuple(int(q) for q in rng.choice(pool, width, replace=False))
        if name == "x" and len(steps) > depth // 3:
            continue
        steps.append(gate(name, *qubits, parameters=tuple(rng.uniform(0, 6, angles).tolist())))
    # Flips of a qubit that has moved are no preparation.
    moved, kept = set(), []
    for step in steps:
        if step.name in ("xx_plus_yy", "swap", "iswap"):
            moved |= set(step.qubits)
        if step.name != "x" or step.qubits[0] not in moved:
            kept.append(step)
    kept.append(gate("xx_plus_yy", 0, 1, parameters=(0.7, 0.2)))
    return kept


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_diagonal_observables_are_exact(exact, seed):
    rng = np.random.default_rng(seed)
    circuit = NoisyCircuit(n_qubits=6, n_bits=0, steps=tuple(conserving(rng, 6, 25)))
    for qubits in ((0,), (1, 4), (0, 2, 5)):
        observable = Observable(paulis=tuple((q, "Z") for q in qubits))
        done = METHOD.expect(circuit, observable, reporter=Reporter())
        expected = exact.expectation_of_state(exact.state_of(circuit), observable)
        assert done.value == pytest.approx(expected, abs=1e-12)


def test_shots_with_readout_errors(exact):
    rng = np.random.default_rng(3)
    steps = (gate("x", 0), gate("x", 3), *conserving(rng, 4, 20), gate("measure", 0, 1, 2, 3, bits=(3, 1, 0, 2)))
    for readout in (None, Readout(prob_meas1_prep0=np.full(4, 0.1), prob_meas0_prep1=np.full(4, 0.2))):
        circuit = NoisyCircuit(n_qubits=4, n_bits=4, steps=steps, readout=readout)
        assert isinstance(METHOD.consider_shots(circuit, 10), Cost)
        done = METHOD.sample(circuit, 100_000, rng=np.random.default_rng(1), reporter=Reporter())
        assert done.counts.sum() == 100_000
        assert exact.distance(exact.histogram(done, 4), exact.distribution(circuit)) < 0.01


def test_a_cluster_circuit_as_gates_is_the_one_as_an_operator():
    """The gates of ffsim's LUCJ circuit against ffsim's own state of the operator."""
    import ffsim
    from qiskit import QuantumCircuit

    from kakehashi.circuit.model import Circuit

    n_orb, n_elec = 4, (2, 1)
    operator = ffsim.random.random_ucj_op_spin_balanced(n_orb, n_reps=2, with_final_orbital_rotation=True, seed=1)
    made = QuantumCircuit(2 * n_orb)
    made.append(ffsim.qiskit.PrepareHartreeFockJW(n_orb, n_elec), made.qubits)
    made.append(ffsim.qiskit.UCJOpSpinBalancedJW(operator), made.qubits)
    gates = from_qiskit(made.decompose(reps=2))
    circuit = NoisyCircuit(n_qubits=8, n_bits=0, steps=gates.operations)
    registers = find_registers(circuit)
    assert registers.n_ones == n_elec
    weight = np.abs(state_vector(Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator))) ** 2
    occupied = address_bits(np.arange(len(weight)), n_orb, n_elec)
    for qubits in ((0,), (1, 6), (3, 4, 5)):
        expected = float((weight * np.prod(1 - 2 * occupied[:, list(qubits)].astype(float), axis=1)).sum())
        done = METHOD.expect(circuit, Observable(paulis=tuple((q, "Z") for q in qubits)), reporter=Reporter())
        assert done.value == pytest.approx(expected, abs=1e-10)


def test_strings_of_a_weight():
    assert weight_strings(5, 0).tolist() == [0]
    assert weight_strings(5, 5).tolist() == [31]
    strings = weight_strings(10, 4)
    assert len(strings) == 210
    assert (np.diff(strings) > 0).all()


def test_refusals_name_the_sector():
    steps = [gate("x", q) for q in (*range(10), *range(30, 40))]
    steps += [gate("xx_plus_yy", q, q + 1, parameters=(1.0, 0.0)) for q in (*range(29), *range(30, 59))]
    big = NoisyCircuit(n_qubits=60, n_bits=0, steps=tuple(steps))
    reason = METHOD.consider_shots(big, 10).reason
    assert "C(30, 10) x C(30, 10) = 902,702,926,350,225 amplitudes; at most 50,000,000" in reason
    with pytest.raises(ResourceError, match="amplitudes"):
        METHOD.sample(big, 10, rng=np.random.default_rng(1), reporter=Reporter())

    def refused(*steps):
        verdict = METHOD.consider_shots(NoisyCircuit(n_qubits=2, n_bits=1, steps=steps), 10)
        assert isinstance(verdict, Refusal)
        return verdict.reason

    hop = gate("xx_plus_yy", 0, 1, parameters=(1.0, 0.0))
    assert "does not conserve" in refused(hop, gate("h", 0))
    assert "does not conserve" in refused(hop, gate("x", 0))
    assert "No gate moves" in refused(gate("x", 0))
    assert "may change" in refused(hop, PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0])))
    assert "not supported" in refused(hop, gate("measure", 0, bits=(0,)), hop)
    with pytest.raises(InputError, match="Only products of Z"):
        METHOD.expect(
            NoisyCircuit(n_qubits=2, n_bits=0, steps=(hop,)), Observable(paulis=((0, "X"),)), reporter=Reporter()
        )
