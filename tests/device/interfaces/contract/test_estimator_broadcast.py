"""Clause: observables and parameter values are broadcast against each other as arrays."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp


def turned():
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("t"), 0)
    circuit.cx(0, 1)
    return circuit


ANGLES = np.array([0.0, 0.4, 1.3])


@pytest.mark.parametrize("precision", [0.0, 0.02])
def test_a_column_of_observables_meets_a_row_of_values(make_estimator, precision):
    pub = (turned(), [["ZZ"], ["IZ"], ["XX"], ["YY"]], ANGLES.reshape(3, 1))
    data = make_estimator().run([pub], precision=precision).result()[0].data
    expected = [np.ones(3), np.cos(ANGLES), np.sin(ANGLES), -np.sin(ANGLES)]
    assert data.evs.shape == data.stds.shape == (4, 3)
    assert data.shape == (4, 3)
    assert data.evs == pytest.approx(np.array(expected), abs=max(5 * precision, 1e-9))


def test_pairs_go_elementwise(make_estimator):
    pub = (turned(), ["IZ", "XX", "ZZ"], ANGLES.reshape(3, 1))
    evs = make_estimator().run([pub]).result()[0].data.evs
    assert evs == pytest.approx([1.0, np.sin(0.4), 1.0])


def test_one_observable_and_one_binding_are_numbers(make_estimator):
    data = make_estimator().run([(turned(), "IZ", [0.4])]).result()[0].data
    assert data.evs.shape == ()
    assert float(data.evs) == pytest.approx(np.cos(0.4))


@pytest.mark.parametrize(
    "observable",
    [
        "IZ",
        Pauli("IZ"),
        SparsePauliOp(["IZ", "XX"], [1.0, 0.0]),
        {"IZ": 1.0},
        SparseObservable.from_list([("IZ", 1.0)]),
        SparsePauliOp(["II", "IZ"], [0.0, 1.0]),
    ],
)
def test_observables_of_every_kind(make_estimator, observable):
    assert make_estimator().run([(turned(), observable, [0.4])]).result()[0].data.evs == pytest.approx(np.cos(0.4))


@pytest.mark.parametrize("precision", [0.0, 0.02])
def test_sums_with_a_constant(make_estimator, precision):
    observable = SparsePauliOp(["II", "IZ", "XX", "YY"], [0.5, -1.0, 0.25, 2.0])
    evs = make_estimator().run([(turned(), observable, [0.4])], precision=precision).result()[0].data.evs
    assert evs == pytest.approx(0.5 - np.cos(0.4) - 1.75 * np.sin(0.4), abs=max(15 * precision, 1e-9))


@pytest.mark.parametrize("pub", [(turned(), "Z", [0.4]), (turned(), "IZ"), (turned(), ["IZ"] * 2, np.zeros((3, 1)))])
def test_what_does_not_fit_is_refused_at_once(make_estimator, pub):
    with pytest.raises(ValueError):  # noqa: PT011 - qiskit's own sentences
        make_estimator().run([pub]).result()
