"""Fewer qubits, the same circuit; and which measurements can wait."""

from __future__ import annotations

import numpy as np

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.channels import relaxation_kraus
from kakehashi.device.noise.compact import before_measurement, compact, final_measurements, renumber, touched_qubits
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel


def circuit(*steps, n_qubits=100, n_bits=4):
    return NoisyCircuit(n_qubits=n_qubits, n_bits=n_bits, steps=steps)


def measure(q, bit, **more):
    return Operation(name="measure", qubits=(q,), bits=(bit,), **more)


def test_untouched_qubits_go_and_shared_steps_stay_shared():
    flip = PauliChannel(qubits=(40,), probabilities=np.array([0.9, 0.1, 0, 0]), origin="idling")
    decay = KrausChannel(qubits=(7,), operators=relaxation_kraus(100.0, 80.0, 50.0), origin="idling")
    barrier = Operation(name="barrier", qubits=(1, 2, 3))
    given = circuit(Operation(name="cx", qubits=(40, 7)), flip, barrier, decay, flip, measure(40, 2))
    small, qubits = compact(given)
    assert touched_qubits(given) == qubits == (7, 40)
    assert [step.qubits for step in small.steps] == [(1, 0), (1,), (0,), (1,), (1,)]
    assert small.steps[1] is small.steps[3]
    assert small.steps[1].origin == "idling"
    assert small.n_bits == 4


def test_measurements_that_something_follows_are_not_final():
    x = Operation(name="x", qubits=(0,))
    assert final_measurements(circuit(measure(0, 0), x)) == frozenset()
    assert final_measurements(circuit(measure(0, 0), measure(1, 0))) == {1}
    assert final_measurements(circuit(measure(0, 0), measure(1, 1))) == {0, 1}
    flip = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))
    assert final_measurements(circuit(measure(0, 0), flip)) == frozenset()


def test_measurements_that_conditions_depend_on_are_not_final():
    told = Operation(name="x", qubits=(1,), condition=(0, 1))
    assert final_measurements(circuit(measure(0, 0), told, measure(1, 1))) == {2}
    assert final_measurements(circuit(told, measure(0, 0))) == {1}
    assert final_measurements(circuit(measure(0, 0), measure(1, 1, condition=(0, 1)))) == frozenset()


def test_expectation_values_come_before_the_last_measurements_and_only_those():
    h = Operation(name="h", qubits=(0,))
    told = Operation(name="x", qubits=(1,), condition=(0, 1))
    again = circuit(h, measure(0, 0), measure(0, 1))
    assert before_measurement(again).steps == (h,)
    used = circuit(h, measure(0, 0), told, measure(0, 0))
    assert before_measurement(used).steps == used.steps[:3]
    followed = circuit(h, measure(0, 0), h, measure(0, 0))
    for given in (again, used, followed):
        once = before_measurement(given)
        assert before_measurement(once).steps == once.steps


def test_steps_get_new_numbers():
    told = measure(5, 3, condition=(2, 1))
    moved = renumber(told, {5: 0}, {2: 0, 3: 1})
    assert (moved.name, moved.qubits, moved.bits, moved.condition) == ("measure", (0,), (1,), (0, 1))
    assert renumber(told, {5: 5}) is told
    assert renumber(told, {5: 0}).condition == (2, 1)
    assert told.qubits == (5,)
