"""Clause: what a pub may be, and what is refused before anything runs."""

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub


def flipped():
    circuit = QuantumCircuit(2)
    circuit.x(1)
    circuit.measure_all()
    return circuit


def turned():
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.ry(theta, 0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("wrap", [lambda c: c, lambda c: (c,), lambda c: (c, None), lambda c: (c, None, 9), SamplerPub])
def test_every_form_of_a_pub_is_taken(make_sampler, wrap):
    result = make_sampler().run([wrap(flipped())], shots=9).result()
    assert isinstance(result, PrimitiveResult)
    assert isinstance(result[0], SamplerPubResult)
    assert result[0].data.meas.get_counts() == {"10": 9}


def test_several_pubs_give_results_in_their_order(make_sampler):
    result = make_sampler().run([flipped(), (turned(), [3.141592653589793]), flipped()], shots=5).result()
    assert [pub.data.meas.get_counts() for pub in result] == [{"10": 5}, {"1": 5}, {"10": 5}]
    assert len(result) == 3


def test_values_may_be_named(make_sampler):
    circuit = turned()
    for values in ({"theta": 3.141592653589793}, BindingsArray({("theta",): [3.141592653589793]})):
        assert make_sampler().run([(circuit, values)], shots=5).result()[0].data.meas.get_counts() == {"1": 5}


def test_no_pubs_give_no_results(make_sampler):
    assert len(make_sampler().run([]).result()) == 0


@pytest.mark.parametrize("pub", [(turned(),), (flipped(), [1.0]), (flipped(), None, 1, 2), (flipped(), None, 0)])
def test_pubs_that_are_wrong_are_refused_at_once(make_sampler, pub):
    with pytest.raises(ValueError):  # noqa: PT011 - qiskit's own sentences
        make_sampler().run([pub])


def test_a_bare_circuit_is_refused(make_sampler):
    with pytest.raises((ValueError, TypeError)):
        make_sampler().run(flipped())
    with pytest.raises(TypeError):
        make_sampler().run([(flipped(), None, 1.5)])
