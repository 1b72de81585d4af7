"""Clause: every classical register has its bits, shot by shot, whatever its width and order."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.device.interfaces.sampler import SamplerV2


def test_registers_keep_their_names_and_bits(make_sampler):
    first, second = ClassicalRegister(2, "first"), ClassicalRegister(3, "second")
    circuit = QuantumCircuit(QuantumRegister(4), first, second)
    circuit.x([0, 3])
    circuit.measure([0, 1], [first[1], first[0]])
    circuit.measure([3, 2], [second[2], second[0]])
    data = make_sampler().run([circuit], shots=4).result()[0].data
    assert list(data) == ["first", "second"]
    assert data.first.get_counts() == {"10": 4}
    assert data.second.get_counts() == {"100": 4}  # bit 1 is never written
    assert (data.first.num_bits, data.second.num_bits) == (2, 3)


def test_shots_of_registers_belong_together(make_sampler):
    one, other = ClassicalRegister(1, "one"), ClassicalRegister(1, "other")
    circuit = QuantumCircuit(QuantumRegister(2), one, other)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [one[0], other[0]])
    data = make_sampler().run([circuit], shots=200).result()[0].data
    assert np.array_equal(data.one.array, data.other.array)
    assert 0 < data.one.array.sum() < 200


def test_shots_come_in_no_order(make_sampler):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    meas = make_sampler().run([circuit], shots=2000).result()[0].data.meas
    assert 400 < meas.slice_shots(range(1000)).get_counts()["1"] < 600


def test_wide_registers_fill_several_bytes(make_sampler):
    register = ClassicalRegister(19, "wide")
    circuit = QuantumCircuit(QuantumRegister(2), register)
    circuit.x(1)
    circuit.measure([0, 1], [register[3], register[17]])
    wide = make_sampler().run([circuit], shots=3).result()[0].data.wide
    assert wide.get_int_counts() == {2**17: 3}
    assert wide.array.shape == (3, 3)


def test_a_circuit_without_registers_warns_and_gives_nothing(make_sampler):
    with pytest.warns(UserWarning, match="no .*classical register"):
        job = make_sampler().run([QuantumCircuit(1)], shots=3)
    assert list(job.result()[0].data) == []


def test_measurements_in_the_middle_resets_and_conditions():
    """qiskit's own sampler refuses them: this clause is ours alone, with the known answer."""
    middle, last = ClassicalRegister(1, "middle"), ClassicalRegister(2, "last")
    circuit = QuantumCircuit(QuantumRegister(2), middle, last)
    circuit.h(0)
    circuit.measure(0, middle[0])
    with circuit.if_test((middle, 1)):
        circuit.x(1)
    circuit.reset(0)
    circuit.measure([0, 1], last)
    data = SamplerV2(DensityRunner(make_twin()), rng=3).run([circuit], shots=100).result()[0].data
    assert set(data.middle.get_counts()) == {"0", "1"}
    assert np.array_equal(data.last.array, 2 * data.middle.array)


def test_a_bit_in_two_registers_stands_in_both():
    whole = ClassicalRegister(2, "whole")
    circuit = QuantumCircuit(QuantumRegister(2), whole)
    circuit.add_register(ClassicalRegister(name="part", bits=[whole[1]]))
    circuit.x(1)
    circuit.measure([0, 1], whole)
    data = SamplerV2(DensityRunner(make_twin())).run([circuit], shots=2).result()[0].data
    assert (data.whole.get_counts(), data.part.get_counts()) == ({"10": 2}, {"1": 2})
