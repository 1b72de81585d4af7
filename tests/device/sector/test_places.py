"""Errors of a compiled circuit find their gate in the logical one."""

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel
from kakehashi.device.sector.places import place_channels


def gate(name, *qubits):
    return Operation(name=name, qubits=qubits, parameters=(0.5,) if name in ("cp", "p") else ())


def flip(*qubits, operator=1, rate=0.1):
    probabilities = np.zeros(4 ** len(qubits))
    probabilities[operator] = rate
    probabilities[0] = 1 - rate
    return PauliChannel(qubits=qubits, probabilities=probabilities)


def circuits(steps, *operations, n_qubits=2):
    return GateCircuit(n_qubits=n_qubits, operations=operations), NoisyCircuit(n_qubits=9, n_bits=0, steps=tuple(steps))


def test_native_gates_are_dealt_out_in_order():
    cz = gate("cz", 3, 5)
    logical, noisy = circuits(
        [flip(3), cz, flip(3, 5), cz, flip(5), cz, flip(3), cz, flip(3, 5)],
        gate("x", 0),
        gate("cp", 0, 1),
        gate("p", 0),
        gate("cp", 1, 0),
    )
    found = place_channels(logical, noisy, [3, 5])
    assert [[channel.qubits for channel in at] for at in found] == [
        [(0,)],
        [(0, 1), (1,)],
        [],
        [(0,), (0, 1)],
    ]
    assert found[1][0].probabilities[1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [(1, 0), (2, 3), (3, 3)],  # X on a bridge is nothing, Y and Z are Z of alpha
)
def test_errors_of_a_bridge_are_phases_of_its_first_end(operator, expected):
    steps = [gate("cz", 3, 8), gate("cz", 8, 5), flip(8, operator=operator), gate("cz", 8, 5), gate("cz", 3, 8)]
    logical, noisy = circuits(steps, gate("cp", 0, 1))
    (channel,) = place_channels(logical, noisy, [3, 5])[0]
    assert channel.qubits == (0,)
    assert channel.probabilities[expected] == pytest.approx(1.0 if expected == 0 else 0.1)


def test_an_error_of_bridge_and_end_together():
    both = flip(8, 5, operator=3 + 4 * 1)  # Z on the bridge, X on beta
    same = flip(8, 3, operator=3 + 4 * 1)  # Z on the bridge, X on alpha: Y of alpha
    steps = [gate("cz", 3, 8), same, gate("cz", 8, 5), both, gate("cz", 8, 5), gate("cz", 3, 8)]
    logical, noisy = circuits(steps, gate("cp", 0, 1))
    first, second = place_channels(logical, noisy, [3, 5])[0]
    assert (first.qubits, int(np.argmax(first.probabilities[1:])) + 1) == ((0,), 2)
    assert (second.qubits, int(np.argmax(second.probabilities[1:])) + 1) == ((0, 1), 3 + 4 * 1)


def test_what_cannot_be_placed_is_said():
    logical, noisy = circuits([gate("cz", 3, 5), gate("cz", 5, 7)], gate("cp", 0, 1), gate("x", 2), n_qubits=3)
    with pytest.raises(InputError, match="qubits are moved"):
        place_channels(logical, noisy, [3, 5, 7])
    decay = KrausChannel(qubits=(3,), operators=np.eye(2, dtype=np.complex128)[None])
    logical, noisy = circuits([gate("cz", 3, 5), decay], gate("cp", 0, 1))
    with pytest.raises(InputError, match="twirl"):
        place_channels(logical, noisy, [3, 5])
