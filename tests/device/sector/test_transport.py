"""Errors carried to the end: exact where no rotation follows, close where some do."""

import json

import ffsim
import numpy as np
import pytest
from verification.transport import RESULTS, compare

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import PauliChannel
from kakehashi.device.sector.transport import TYPICAL_SHARE, transport_errors


def pauli(qubits, **rates):
    """A channel by the names of its operators, such as ``XI=0.1``, the first letter on the first qubit."""
    probabilities = np.zeros(4 ** len(qubits))
    for name, rate in rates.items():
        probabilities[sum("IXYZ".index(letter) * 4**j for j, letter in enumerate(name))] = rate
    probabilities[0] = 1 - probabilities.sum()
    return PauliChannel(qubits=qubits, probabilities=probabilities)


def givens(angle, qubits):
    return Operation(name="xx_plus_yy", qubits=qubits, parameters=(angle, -np.pi / 2))


def test_at_the_end_an_error_flips_its_own_bit():
    circuit = GateCircuit(n_qubits=4, operations=(Operation(name="x", qubits=(0,)),))
    transport = transport_errors(circuit, [[pauli((1,), X=1.0), pauli((2, 3), YX=1.0), pauli((0,), Z=1.0)]])
    bits = np.array([[True, False, False, False]] * 50)
    assert transport.disturb(bits, np.random.default_rng(1)) == 50
    assert (bits == [True, True, True, True]).all()


def test_a_change_spreads_as_one_electron_does():
    swap = GateCircuit(n_qubits=4, operations=(Operation(name="x", qubits=(0,)), givens(np.pi / 3, (0, 1))))
    # before the rotation X empties orbital 0; nothing is left, and bits of shots with the electron in 1 flip there
    transport = transport_errors(swap, [[pauli((0,), X=1.0)], []])
    place = transport.places[0]
    np.testing.assert_allclose(place.spread[0], [0.75, 0.25], atol=1e-12)


def test_a_reflection_swaps_two_halves():
    half = givens(np.pi / 2, (0, 1))
    circuit = GateCircuit(n_qubits=4, operations=(Operation(name="x", qubits=(0,)), half, half))
    # Z between two half swaps turns their product from a swap into none
    transport = transport_errors(circuit, [[], [pauli((0,), Z=1.0)], []])
    bits = np.array([[False, True, False, False]] * 20)
    transport.disturb(bits, np.random.default_rng(2))
    assert (bits == [True, False, False, False]).all()


def test_two_electrons_never_take_one_place():
    half = givens(np.pi / 2, (0, 1))
    circuit = GateCircuit(n_qubits=4, operations=(half,))
    transport = transport_errors(
        GateCircuit(n_qubits=4, operations=(Operation(name="p", qubits=(0,), parameters=(0.3,)), half)),
        [[pauli((0, 1), XX=1.0)], []],
    )
    bits = np.zeros((200, 4), dtype=bool)
    transport.disturb(bits, np.random.default_rng(3))
    assert (bits[:, :2] == [True, True]).all()
    assert len(circuit) == 1


def test_shots_without_errors_stay_and_the_rest_are_counted():
    circuit = GateCircuit(n_qubits=2, operations=(Operation(name="x", qubits=(0,)),))
    transport = transport_errors(circuit, [[pauli((0,), X=0.1), pauli((1,), Y=0.2)]])
    bits = np.array([[True, False]] * 100_000)
    touched = transport.disturb(bits, np.random.default_rng(4))
    assert transport.error_free_probability == pytest.approx(0.72)
    assert touched / len(bits) == pytest.approx(0.28, abs=0.01)
    assert (bits == [True, False]).all(axis=1).mean() == pytest.approx(0.72, abs=0.01)


def test_it_is_close_to_the_exact_noisy_distribution():
    pairs = interaction_pairs(3, "heavy-hex")
    operator = ffsim.random.random_ucj_op_spin_balanced(3, n_reps=1, interaction_pairs=pairs, seed=1)
    found = compare(Circuit(n_orb=3, n_elec=(1, 2), operator=operator), 0.03, n_patterns=400, n_shots=100_000)
    assert found["transport_distance"] < 0.25 * found["noise_distance"]
    assert found["uniform_distance"] > 0.6 * found["noise_distance"]
    assert found["in_sector_transport"] == pytest.approx(found["in_sector"], abs=0.02)


def test_the_stated_share_is_what_was_measured():
    rows = json.loads(RESULTS.read_text())["rows"]
    shares = [row["transport_distance"] / row["noise_distance"] for row in rows]
    assert max(shares) <= TYPICAL_SHARE
    assert max(abs(row["in_sector"] - row["in_sector_transport"]) for row in rows) < 0.015


def test_what_it_cannot_carry_is_said():
    with pytest.raises(InputError, match="There are 1 operations, but errors for 2"):
        transport_errors(GateCircuit(n_qubits=2, operations=(Operation(name="x", qubits=(0,)),)), [[], []])
    with pytest.raises(InputError, match="'h' on qubits \\[0\\] keeps no electron numbers"):
        transport_errors(GateCircuit(n_qubits=2, operations=(Operation(name="h", qubits=(0,)),)), [[]])
