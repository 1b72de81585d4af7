"""Sums over paths agree with density matrices; orders are found and cost what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.methods.model import Observable
from kakehashi.device.methods.network import Network, build_network, contract, find_order
from kakehashi.device.methods.reduce import reduce_for_expectation
from kakehashi.device.noise.model import NoisyCircuit


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_any_circuit_has_its_exact_value(exact, seed):
    rng = np.random.default_rng(seed)
    circuit = exact.random_circuit(rng, 4, 12, names=sorted(GATES), kraus=True, measure=False)
    steps = list(circuit.steps)
    steps.insert(6, Operation(name="reset", qubits=(2,)))
    circuit = NoisyCircuit(n_qubits=4, n_bits=0, steps=tuple(steps))
    observable = Observable(paulis=tuple((q, "XYZ"[rng.integers(3)]) for q in sorted(rng.choice(4, 2, replace=False))))
    network = build_network(circuit, observable)
    value = contract(network, find_order(network))
    assert value == pytest.approx(exact.expectation(circuit, observable), abs=1e-12)


def test_a_measurement_inside_leaves_the_diagonal(exact):
    steps = (
        Operation(name="h", qubits=(0,)),
        Operation(name="measure", qubits=(0, 1), bits=(0, 1)),
        Operation(name="h", qubits=(0,)),
        Operation(name="x", qubits=(1,)),
    )
    circuit = NoisyCircuit(n_qubits=2, n_bits=2, steps=steps)
    for letter, value in (("X", 0.0), ("Z", 0.0)):
        network = build_network(circuit, Observable(paulis=((0, letter), (1, "Z"))))
        assert contract(network, find_order(network)) == pytest.approx(value)


def test_wide_unitaries_of_three_qubits(exact):
    rng = np.random.default_rng(1)
    q, _ = np.linalg.qr(rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8)))
    steps = (Operation(name="unitary", qubits=(2, 0, 1), matrix=q), Operation(name="cx", qubits=(0, 2)))
    circuit = NoisyCircuit(n_qubits=3, n_bits=0, steps=steps)
    observable = Observable(paulis=((0, "Y"), (2, "X")))
    network = build_network(circuit, observable)
    assert contract(network, find_order(network)) == pytest.approx(exact.expectation(circuit, observable))


def test_diagonal_gates_take_no_new_variables():
    steps = tuple(Operation(name="rzz", qubits=(q, q + 1), parameters=(0.3,)) for q in range(5))
    circuit = NoisyCircuit(n_qubits=6, n_bits=0, steps=steps)
    assert build_network(circuit, Observable(paulis=((0, "X"),))).n_variables == 6


def test_an_order_that_is_too_wide_is_given_up():
    full = Network(n_variables=6, factors=tuple(((a, b), np.ones((4, 4))) for a in range(6) for b in range(a)))
    assert find_order(full).width == 6
    assert find_order(full, most_width=4).sliced != ()
    crowd = Network(n_variables=30, factors=tuple(((a, b), np.ones((4, 4))) for a in range(30) for b in range(a)))
    assert find_order(crowd, most_width=4).entries == np.inf
    assert find_order(Network(n_variables=10**6, factors=())).entries == np.inf


def test_what_it_cannot_do_is_said():
    wait = Operation(name="x", qubits=(0,), condition=(0, 1))
    wide = Operation(name="unitary", qubits=tuple(range(5)), matrix=np.eye(32, dtype=complex))
    for step, words in ((wait, "waits"), (wide, "too wide")):
        with pytest.raises(InputError, match=words):
            build_network(NoisyCircuit(n_qubits=5, n_bits=1, steps=(step,)), Observable(paulis=()))


def test_slices_add_up_to_the_whole(exact):
    circuit = exact.kicked_ising(exact.grid_edges(4), 16, 0.4, 4)
    reduced = reduce_for_expectation(circuit, Observable(paulis=((5, "Z"),)))
    network = build_network(reduced.circuit, reduced.observable)
    whole = find_order(network)
    sliced = find_order(network, most_width=whole.width - 2)
    assert sliced.width <= whole.width - 2
    assert len(sliced.sliced) >= 2
    assert contract(network, sliced) == pytest.approx(contract(network, whole), abs=1e-12)
