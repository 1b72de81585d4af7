"""Gates are recognised by what they do, and bits find their measurements."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.methods.stim_program import clifford_gates, find_obstacle, packed_bits, to_stim
from kakehashi.device.noise.model import NoisyCircuit


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


@pytest.mark.parametrize("name", sorted(GATES))
def test_angles_of_quarter_turns_are_recognised(name):
    kind = GATES[name]
    quarter = gate(name, *range(kind.n_qubits), parameters=(np.pi / 2,) * kind.n_parameters)
    eighth = gate(name, *range(kind.n_qubits), parameters=(np.pi / 4,) * kind.n_parameters)
    controlled = name in ("cp", "crx", "cry", "crz", "ch", "t", "tdg", "xx_plus_yy")
    assert (clifford_gates(quarter) is None) == controlled
    assert (clifford_gates(eighth) is None) == (controlled or kind.n_parameters > 0)


def test_measurements_at_the_end_come_in_the_order_of_their_bits():
    steps = (gate("measure", 0, bits=(2,)), gate("h", 1), gate("measure", 1, 2, bits=(1, 0)))
    program = to_stim(NoisyCircuit(n_qubits=3, n_bits=3, steps=steps))
    assert program.text.splitlines()[-1] == "M 2 1 0"
    assert program.records.tolist() == [0, 1, 2]


def test_the_last_measurement_of_a_bit_counts():
    steps = (gate("measure", 0, bits=(1,)), gate("x", 0), gate("measure", 0, bits=(1,)))
    program = to_stim(NoisyCircuit(n_qubits=1, n_bits=9, steps=steps))
    assert program.text.splitlines() == ["M 0", "X 0", "M 0"]
    assert program.records.tolist() == [-1, 1, *[-1] * 7]
    assert packed_bits(np.array([[2], [1]], dtype=np.uint8), program).tolist() == [[2, 0], [0, 0]]


def test_what_is_no_clifford_gate_is_said():
    turn = gate("rz", 1, parameters=(0.3,))
    circuit = NoisyCircuit(n_qubits=2, n_bits=0, steps=(turn,))
    assert find_obstacle(circuit) == "1 gates are not Clifford, the first of them rz(0.3) on qubits [1]."
    with pytest.raises(InputError, match="no gate that is understood"):
        to_stim(circuit)
