"""A refusal names what could be done instead, and what it would take."""

from __future__ import annotations

import numpy as np

from kakehashi.circuit.gates import Operation
from kakehashi.device.methods.choose import Limits
from kakehashi.device.methods.clifford import StabilizerMethod
from kakehashi.device.methods.cone import LightConeMethod
from kakehashi.device.methods.model import Observable
from kakehashi.device.methods.nearest import nearest_to_shots, nearest_to_value
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def test_shots_with_twirled_noise_or_a_value():
    decay = np.array([[[1, 0], [0, 0.9**0.5]], [[0, 0.1**0.5], [0, 0]]], dtype=complex)
    steps = (
        *(gate("h", q) for q in range(30)),
        *(KrausChannel(qubits=(q,), operators=decay) for q in range(30)),
        *(gate("cz", a, b) for a in range(30) for b in range(a)),
        *(gate("h", q) for q in range(30)),
        gate("measure", *range(30), bits=tuple(range(30))),
    )
    circuit = NoisyCircuit(n_qubits=30, n_bits=30, steps=steps)
    words = nearest_to_shots(circuit, 1000, [StabilizerMethod(), LightConeMethod()], Limits())
    assert "with its noise twirled to Pauli channels, stabilizer draws them" in words
    assert "a matrix product state that is cut short" in words


def test_a_value_from_the_mean_of_shots():
    steps = (gate("h", 0), gate("measure", 0, bits=(0,)), gate("z", 1, condition=(0, 1)))
    circuit = NoisyCircuit(n_qubits=2, n_bits=1, steps=steps)
    words = nearest_to_value(circuit, Observable(paulis=((0, "X"), (1, "Y"))), [StabilizerMethod()], Limits())
    assert "the mean of 10,000 shots by stabilizer" in words
