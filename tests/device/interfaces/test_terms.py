"""Terms, bases and sums over shots."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparseObservable, SparsePauliOp
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.interfaces.terms import combine, group_terms, read_observable, signs, with_measurement
from kakehashi.device.methods.model import Observable
from kakehashi.device.model import Shots


@given(st.dictionaries(st.text("IXYZ01+-rl", min_size=3, max_size=3), st.floats(0.1, 2), min_size=1, max_size=4))
def test_projectors_are_expanded(labels):
    observable = SparseObservable.from_list(list(labels.items()))
    expected = SparsePauliOp.from_sparse_observable(observable.as_paulis()).to_matrix()
    weights = read_observable(observable)
    labels_again = []
    for term, weight in weights.items():
        letters = dict(term.paulis)
        labels_again.append(("".join(letters.get(q, "I") for q in (2, 1, 0)), weight))
    assert SparsePauliOp.from_list(labels_again).to_matrix() == pytest.approx(expected)


PRODUCTS = [
    Observable(paulis=tuple((q, letter) for q, letter in enumerate(word) if letter != "I"))
    for word in itertools.product("IXYZ", repeat=3)
]


@given(st.sets(st.sampled_from(PRODUCTS)))
def test_every_term_is_in_one_basis_that_measures_it(terms):
    bases = group_terms(terms)
    assert sorted((t for basis in bases for t in basis.terms), key=str) == sorted(
        (t for t in terms if t.paulis), key=str
    )
    assert all(basis.letters[q] == letter for basis in bases for term in basis.terms for q, letter in term.paulis)


def test_27_bases_give_all_terms_on_three_qubits():
    assert len(group_terms(PRODUCTS)) == 27


@pytest.mark.parametrize("letter", "XYZ")
def test_a_measurement_in_a_basis_gives_the_expectation_value(letter):
    preparation = (
        Operation(name="ry", qubits=(1,), parameters=(0.7,)),
        Operation(name="rz", qubits=(1,), parameters=(0.4,)),
    )
    circuit = GateCircuit(n_qubits=2, n_bits=1, operations=preparation)
    term = Observable(paulis=((1, letter),))
    (basis,) = group_terms([term])
    runner = DensityRunner(make_twin(2))
    shots = runner.run_gates(with_measurement(circuit, basis), 40_000, rng=1)
    value, error = combine({term: 2.0}, [(basis, shots, signs(shots, basis))])
    plain = GateCircuit(n_qubits=2, operations=preparation)
    assert value == pytest.approx(2 * runner.expect(plain, [term])[0].value, abs=5 * error)
    assert error == pytest.approx(2 * np.sqrt((1 - (value / 2) ** 2) / 40_000), rel=0.02)


def test_the_error_knows_that_terms_of_one_basis_vary_together():
    """Of a Bell pair, Z on each qubit is a coin, and their difference is nothing."""
    shots = Shots.from_counts({"00": 50, "11": 50})
    one, other = Observable(paulis=((0, "Z"),)), Observable(paulis=((1, "Z"),))
    (basis,) = group_terms([one, other])
    measured = [(basis, shots, signs(shots, basis))]
    assert combine({one: 1.0, other: -1.0}, measured) == (0.0, 0.0)
    assert combine({one: 1.0, other: 1.0}, measured)[1] == pytest.approx(2 / np.sqrt(99))


def test_shots_with_too_few_bits_are_refused():
    (basis,) = group_terms([Observable(paulis=((0, "Z"), (1, "Z")))])
    with pytest.raises(InputError, match="have 1 bits, but 2 qubits"):
        signs(Shots.from_counts({"0": 1}), basis)
