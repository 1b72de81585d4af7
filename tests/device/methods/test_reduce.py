"""Reductions change nothing in the result, and find the cones that the facts state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.device.methods.graphs import heavy_hex

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.methods.model import Observable
from kakehashi.device.methods.reduce import (
    has_feedback,
    merge_channels,
    reduce_for_expectation,
    reduce_for_shots,
    split,
)
from kakehashi.device.noise.channels import relaxation_kraus
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel

NAMES = ["h", "s", "rx", "rz", "cx", "cz", "rzz", "u", "id", "rxx", "ecr"]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_the_distribution_of_shots_stays(exact, seed):
    rng = np.random.default_rng(seed)
    circuit = exact.random_circuit(rng, 4, 14, names=NAMES, kraus=bool(seed % 2), readout=bool(seed % 3))
    steps = list(circuit.steps)
    steps.insert(7, Operation(name="reset", qubits=(int(rng.integers(4)),)))
    steps.insert(9, Operation(name="measure", qubits=(1,), bits=(0,)))
    steps.insert(11, Operation(name="x", qubits=(2,), condition=(0, 1)))
    circuit = NoisyCircuit(n_qubits=4, n_bits=4, steps=tuple(steps), readout=circuit.readout if seed % 2 else None)
    reduced = reduce_for_shots(circuit)
    assert exact.distribution(reduced.circuit) == pytest.approx(exact.distribution(circuit), abs=1e-12)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_expectation_values_stay(exact, seed):
    rng = np.random.default_rng(seed)
    circuit = exact.random_circuit(rng, 4, 14, names=NAMES, kraus=bool(seed % 2), measure=False)
    observable = Observable(paulis=tuple((q, "XYZ"[rng.integers(3)]) for q in sorted(rng.choice(4, 2, replace=False))))
    reduced = reduce_for_expectation(circuit, observable)
    value = exact.expectation(reduced.circuit, reduced.observable)
    assert value == pytest.approx(exact.expectation(circuit, observable), abs=1e-12)


def test_last_errors_move_into_the_readout(exact):
    rng = np.random.default_rng(3)
    circuit = exact.random_circuit(rng, 3, 4, names=["h", "cx"], readout=True)
    noise = tuple(PauliChannel(qubits=(q,), probabilities=exact.pauli(rng, 1, 0.3)) for q in range(3))
    circuit = NoisyCircuit(
        n_qubits=3, n_bits=3, steps=(*circuit.steps[:-1], *noise, circuit.steps[-1]), readout=circuit.readout
    )
    reduced = reduce_for_shots(circuit)
    assert any("readout error" in note for note in reduced.notes)
    assert exact.distribution(reduced.circuit) == pytest.approx(exact.distribution(circuit), abs=1e-12)


def test_merged_channels_multiply():
    rng = np.random.default_rng(4)
    one = PauliChannel(qubits=(1,), probabilities=rng.dirichlet(np.ones(4)))
    two = PauliChannel(qubits=(0, 1), probabilities=rng.dirichlet(np.ones(16)))
    back = PauliChannel(qubits=(1, 0), probabilities=rng.dirichlet(np.ones(16)))
    from kakehashi.device.methods.transfer import heisenberg_matrix

    (merged,) = merge_channels([one, two, back])
    swapped = np.einsum("abcd->badc", heisenberg_matrix(back).reshape(4, 4, 4, 4)).reshape(16, 16)
    expected = np.kron(heisenberg_matrix(one), np.eye(4)) @ heisenberg_matrix(two) @ swapped
    if merged.qubits == (1, 0):
        expected = np.einsum("abcd->badc", expected.reshape(4, 4, 4, 4)).reshape(16, 16)
    assert np.allclose(heisenberg_matrix(merged), expected)
    gate = Operation(name="h", qubits=(1,))
    assert len(merge_channels([one, gate, two])) == 3


def test_parts_that_nothing_links_are_split(exact):
    rng = np.random.default_rng(5)
    a = exact.random_circuit(rng, 2, 6, names=["h", "cx", "rx"], measure=False).steps
    b = tuple(
        Operation(name=s.name, qubits=tuple(q + 2 for q in s.qubits), parameters=s.parameters)
        for s in exact.random_circuit(rng, 2, 6, names=["h", "cx", "rx"], measure=False, noise=False).steps
    )
    measure = Operation(name="measure", qubits=(0, 1, 2, 3), bits=(3, 1, 0, 2))
    whole = NoisyCircuit(n_qubits=4, n_bits=4, steps=(*a, *b, measure))
    parts = split(whole)
    assert [part.qubits for part in parts] == [(0, 1), (2, 3)]
    assert [part.bits for part in parts] == [(1, 3), (0, 2)]
    joint = exact.distribution(whole).reshape(2, 2, 2, 2)  # axes: bits 3, 2, 1, 0
    first, second = (exact.distribution(part.circuit).reshape(2, 2) for part in parts)
    assert np.allclose(joint, np.einsum("db,ca->dcba", first, second))


def test_a_classical_bit_links(exact):
    steps = (
        Operation(name="measure", qubits=(0,), bits=(0,)),
        Operation(name="x", qubits=(1,), condition=(0, 1)),
    )
    circuit = NoisyCircuit(n_qubits=2, n_bits=1, steps=steps)
    assert has_feedback(circuit)
    assert len(split(circuit)) == 1


@pytest.mark.parametrize(
    ("graph", "n_steps", "median", "largest"),
    # Facts measured by program on the graphs of FakeFez and of a 16 x 16 lattice.
    [("hh156", 3, 7, 7), ("hh156", 4, 11, 13), ("hh156", 5, 17, 19), ("grid", 3, 13, 13), ("grid", 5, 37, 41)],
)
def test_cones_of_the_kicked_ising_model_are_balls(exact, graph, n_steps, median, largest):
    n, edges = (156, heavy_hex(156)) if graph == "hh156" else (256, exact.grid_edges(16))
    circuit = exact.kicked_ising(edges, n, 0.3, n_steps)
    asked = range(0, n, 1 if n_steps < 5 else 3)
    sizes = [len(reduce_for_expectation(circuit, Observable(paulis=((q, "Z"),))).qubits) for q in asked]
    assert max(sizes) == largest
    assert abs(np.median(sizes) - median) <= 1


def test_the_cone_of_127_qubits_has_19(exact):
    circuit = exact.kicked_ising(heavy_hex(127), 127, 0.3, 5)
    reduced = reduce_for_expectation(circuit, Observable(paulis=((63, "Z"),)))
    assert len(reduced.qubits) <= 19
    assert "Light cone" in reduced.notes[0]


def test_an_observable_must_fit():
    circuit = NoisyCircuit(n_qubits=2, n_bits=0, steps=())
    with pytest.raises(InputError, match="acts on qubit 2"):
        reduce_for_expectation(circuit, Observable(paulis=((2, "Z"),)))
    with pytest.raises(InputError, match="product of"):
        reduce_for_expectation(circuit, Observable(paulis=((1, "W"),)))


def test_what_says_numbers_of_steps_does_not_outlive_them():
    turn = Operation(name="rzz", qubits=(1, 2), parameters=(0.1,))
    measure = Operation(name="measure", qubits=(1, 2), bits=(0, 1))
    decay = KrausChannel(qubits=(1,), operators=relaxation_kraus(100.0, 80.0, 50.0))
    steps = (Operation(name="h", qubits=(0,)), Operation(name="h", qubits=(1,)), turn, measure)
    circuit = NoisyCircuit(n_qubits=3, n_bits=2, steps=steps, coherent={2: "crosstalk"}, folded={0: decay})
    cone = reduce_for_expectation(circuit, Observable(paulis=((1, "X"),)))
    assert any(isinstance(step, KrausChannel) for step in cone.circuit.steps)
    reduced = reduce_for_shots(circuit).circuit
    for made in (cone.circuit, reduced, *(part.circuit for part in split(reduced))):
        assert not made.coherent
        assert not made.folded
