"""Propagated observables against density matrices; what is left out bounds the error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.device.methods.graphs import heavy_hex

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.cone import LightConeMethod
from kakehashi.device.methods.model import Observable, Refusal
from kakehashi.device.methods.pauli_propagation import PauliPropagationMethod, propagate
from kakehashi.device.methods.reduce import reduce_for_expectation
from kakehashi.device.noise.model import NoisyCircuit


def z(q):
    return Observable(paulis=((q, "Z"),))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_any_circuit_has_its_exact_value(exact, seed):
    rng = np.random.default_rng(seed)
    circuit = exact.random_circuit(rng, 4, 12, names=sorted(GATES), kraus=True, measure=False)
    steps = list(circuit.steps)
    steps.insert(6, Operation(name="reset", qubits=(2,)))
    steps.insert(3, Operation(name="measure", qubits=(1,), bits=(0,)))
    circuit = NoisyCircuit(n_qubits=4, n_bits=1, steps=tuple(steps))
    observable = Observable(paulis=tuple((q, "XYZ"[rng.integers(3)]) for q in sorted(rng.choice(4, 2, replace=False))))
    done = propagate(circuit, observable, smallest=0.0)
    assert done.value == pytest.approx(exact.expectation(circuit, observable), abs=1e-12)
    assert done.discarded == 0


@pytest.mark.parametrize("max_terms", [20, 60, 200])
def test_what_is_left_out_bounds_the_error(exact, max_terms):
    rng = np.random.default_rng(3)
    circuit = exact.random_circuit(rng, 5, 60, names=["rx", "rzz", "cx", "u"], measure=False)
    observable = Observable(paulis=((0, "Z"), (3, "X")))
    done = propagate(circuit, observable, max_terms=max_terms)
    error = abs(done.value - exact.expectation(circuit, observable))
    assert done.discarded > 0
    assert error <= done.discarded


def test_words_of_many_qubits(exact):
    """Letters beyond the first 32 qubits lie in further words."""
    circuit = exact.kicked_ising(heavy_hex(156), 156, 0.3, 4)
    reference = LightConeMethod().expect_each(circuit, [z(q) for q in (30, 70, 140)])
    values = [propagate(circuit, z(q), smallest=0.0).value for q in (30, 70, 140)]
    assert values == pytest.approx([r.value for r in reference], abs=1e-10)


def test_the_published_case_of_127_qubits(exact):
    """Exact value 0.812607: qulacs on the cone of 19 qubits."""
    reduced = reduce_for_expectation(exact.kicked_ising(heavy_hex(127), 127, 0.3 * np.pi / 2, 5), z(63))
    done = PauliPropagationMethod(max_terms=20_000).expect(reduced.circuit, reduced.observable, reporter=Reporter())
    assert done.value == pytest.approx(0.812607, abs=2e-3)
    assert "left out sum to" in done.error


def test_a_sum_above_one_is_said_to_bound_nothing(exact):
    reduced = reduce_for_expectation(exact.kicked_ising(heavy_hex(127), 127, 0.7 * np.pi / 2, 5), z(63))
    method = PauliPropagationMethod(max_terms=500)
    done = method.expect(reduced.circuit, reduced.observable, reporter=Reporter())
    assert done.error_bound is None
    assert "above 1 this bounds nothing" in done.error
    assert PauliPropagationMethod().consider_expectation(reduced.circuit, reduced.observable).error_bound is None


def test_refusals(exact):
    circuit = exact.kicked_ising([(0, 1)], 2, 0.3, 2)
    method = PauliPropagationMethod()
    assert "not counts of 0 bits" in method.consider_shots(circuit, 10).reason
    with pytest.raises(InputError, match="not shots"):
        method.sample(circuit, 1, rng=np.random.default_rng(1), reporter=Reporter())
    wait = Operation(name="x", qubits=(0,), condition=(0, 1))
    assert isinstance(method.consider_expectation(NoisyCircuit(n_qubits=1, n_bits=1, steps=(wait,)), z(0)), Refusal)
    huge = PauliPropagationMethod(max_terms=10**12)
    assert "are free" in huge.consider_expectation(circuit, z(0)).reason
