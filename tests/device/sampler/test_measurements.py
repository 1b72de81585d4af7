"""Used qubits, and measurements at the end."""

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel
from kakehashi.device.sampler.measurements import compact

FLIP = np.array([0.9, 0.1, 0, 0])


def op(name, *qubits, bits=(), **more):
    return Operation(name=name, qubits=qubits, bits=bits, **more)


def small(*steps, n_qubits=50, n_bits=4):
    return compact(NoisyCircuit(n_qubits=n_qubits, n_bits=n_bits, steps=steps))


def test_unused_qubits_and_their_errors_are_dropped():
    idle = PauliChannel(qubits=(9,), probabilities=FLIP)
    result = small(op("h", 40), idle, op("barrier", 1, 2), op("cx", 40, 3), op("measure", 3, bits=(1,)))
    assert result.n_qubits == 2
    assert result.outputs == {1: 0}
    assert [step.name for step in result.steps] == ["h", "cx"]
    assert result.is_rotational


def test_a_channel_that_joins_a_used_and_an_unused_qubit_stays():
    both = PauliChannel(qubits=(40, 9), probabilities=np.full(16, 1 / 16))
    result = small(op("h", 40), both, op("measure", 40, bits=(0,)))
    assert result.n_qubits == 2
    assert result.steps[1].qubits == (0, 1)


def test_what_follows_a_last_measurement_does_not_matter():
    after = PauliChannel(qubits=(0,), probabilities=FLIP)
    result = small(op("x", 0), op("measure", 0, bits=(0,)), after, op("h", 1), op("measure", 1, bits=(1,)))
    assert result.outputs == {0: 0, 1: 1}
    assert [step.name for step in result.steps] == ["x", "h"]


def test_a_reset_at_the_beginning_does_nothing():
    assert small(op("reset", 0), op("h", 0), op("measure", 0, bits=(0,))).outputs == {0: 0}


@pytest.mark.parametrize(
    "steps",
    [
        [op("h", 0), op("measure", 0, bits=(0,)), op("x", 0), op("measure", 0, bits=(1,))],
        [op("h", 0), op("measure", 0, bits=(0,)), op("cx", 0, 1), op("measure", 1, bits=(1,))],
        [op("h", 0), op("reset", 0), op("measure", 0, bits=(0,))],
        [op("h", 0), op("measure", 0, bits=(0,)), op("x", 1, condition=(0, 1)), op("measure", 1, bits=(1,))],
    ],
)
def test_measurements_within_the_circuit_are_seen(steps):
    result = small(*steps)
    assert result.outputs is None
    assert not result.is_rotational
    assert len(result.steps) == len(steps)


def test_wide_gates_and_kraus_operators_are_not_rotational():
    wide = op("unitary", 0, 1, 2, matrix=np.eye(8, dtype=complex))
    assert not small(wide, op("measure", 0, bits=(0,))).is_rotational
    kraus = KrausChannel(qubits=(0,), operators=np.eye(2, dtype=complex)[None])
    assert not small(op("h", 0), kraus, op("measure", 0, bits=(0,))).is_rotational


def test_refuses_a_circuit_that_measures_nothing():
    with pytest.raises(InputError, match="measures nothing"):
        small(op("h", 0))
