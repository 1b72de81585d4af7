"""Clause: the shape of a result is the shape of the bindings."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector


def circuit():
    angles = ParameterVector("a", 2)
    made = QuantumCircuit(2)
    made.rx(angles[0], 0)
    made.rx(angles[1], 1)
    made.measure_all()
    return made


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_bindings_of_any_shape(make_sampler, shape):
    values = np.zeros((*shape, 2))
    values[..., 1] = np.pi
    data = make_sampler().run([(circuit(), values)], shots=6).result()[0].data
    assert data.shape == shape
    assert data.meas.shape == shape
    assert data.meas.array.shape == (*shape, 6, 1)
    assert (data.meas.array == 2).all()


def test_each_binding_has_its_own_shots(make_sampler):
    values = [[0, 0], [np.pi, 0], [0, np.pi], [np.pi, np.pi]]
    meas = make_sampler().run([(circuit(), values)], shots=6).result()[0].data.meas
    assert [meas.get_counts(k) for k in range(4)] == [{"00": 6}, {"01": 6}, {"10": 6}, {"11": 6}]


def test_named_arrays_are_broadcast(make_sampler):
    made = circuit()
    values = {made.parameters[0]: np.zeros(2), made.parameters[1]: np.full(2, np.pi)}
    meas = make_sampler().run([(made, values)], shots=6).result()[0].data.meas
    assert meas.shape == (2,)
    assert meas.get_counts() == {"10": 12}
