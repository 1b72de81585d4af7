"""Clause: a pub's shots go before the call's, and those before the default; the distribution is the circuit's."""

import pytest
from qiskit import QuantumCircuit


def coin():
    circuit = QuantumCircuit(1)
    circuit.ry(1.0, 0)
    circuit.measure_all()
    return circuit


def test_whose_number_of_shots_counts(make_sampler):
    sampler = make_sampler(default_shots=11)
    taken = [
        [pub.data.meas.num_shots for pub in sampler.run([coin(), (coin(), None, 5)], shots=shots).result()]
        for shots in (None, 7)
    ]
    assert taken == [[11, 5], [7, 5]]


@pytest.mark.parametrize("shots", [0, -1])
def test_shots_are_positive(make_sampler, shots):
    with pytest.raises(ValueError, match="positive"):
        make_sampler().run([coin()], shots=shots)


def test_the_distribution_is_that_of_the_circuit(make_sampler):
    counts = make_sampler().run([coin()], shots=20_000).result()[0].data.meas.get_counts()
    assert counts["1"] / 20_000 == pytest.approx(0.2298, abs=0.015)  # sin(1/2)**2


def test_equal_seeds_give_equal_shots(make_sampler):
    one, other = (make_sampler(seed=5).run([coin()], shots=100).result()[0].data.meas for _ in range(2))
    assert one == other
    assert make_sampler(seed=6).run([coin()], shots=100).result()[0].data.meas != one
