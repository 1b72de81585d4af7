"""Circuits as rotations: the same state, and errors in the right places."""

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import unitary_group
from tests.device.sampler.cases import on_all, random_gates, seeds

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, PauliChannel
from kakehashi.device.sampler.rotations import ErrorPlace, Rotation, RotationCircuit, euler_angles, to_rotations

PAULI = {"Y": GATES["y"].matrix(), "Z": GATES["z"].matrix(), "ZZ": np.kron(GATES["z"].matrix(), GATES["z"].matrix())}


def state_of(circuit):
    """By the meaning of the rotations, the final operator and the positions."""
    n = circuit.n_qubits
    state = np.zeros(2**n, dtype=complex)
    state[0] = 1
    for rotation in circuit.rotations:
        assert abs(rotation.angle) <= np.pi / 2 + 1e-12
        pauli = PAULI[rotation.kind]
        matrix = np.cos(rotation.angle / 2) * np.eye(len(pauli)) - 1j * np.sin(rotation.angle / 2) * pauli
        state = on_all(matrix, rotation.qubits, n) @ state
    index = np.arange(2**n)
    state = state * (1 - 2 * (np.bitwise_count(index & circuit.phases) & 1).astype(float))
    flipped = np.empty_like(state)
    flipped[index ^ circuit.flips] = state
    moved = np.empty_like(state)
    moved[sum(((index >> at) & 1) << q for q, at in enumerate(circuit.position))] = flipped
    return moved


def assert_same_state(a, b):
    assert abs(np.vdot(a, b)) == pytest.approx(1, abs=1e-11)


@given(seed=seeds)
def test_the_state_is_that_of_the_gates(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    gates = random_gates(rng, n, 12)
    state = np.zeros(2**n, dtype=complex)
    state[0] = 1
    for gate in gates:
        state = on_all(gate.unitary(), gate.qubits, n) @ state
    assert_same_state(state_of(to_rotations(gates, n_qubits=n)), state)


@given(seed=seeds)
def test_euler_angles_give_the_matrix_back(seed):
    rng = np.random.default_rng(seed)
    matrix = unitary_group.rvs(2, random_state=rng)
    lam, theta, phi = euler_angles(matrix)
    again = GATES["rz"].matrix(phi) @ GATES["ry"].matrix(theta) @ GATES["rz"].matrix(lam)
    assert abs(np.trace(again.conj().T @ matrix)) / 2 == pytest.approx(1, abs=1e-13)


def test_gates_on_one_qubit_are_merged_up_to_the_next_error():
    gates = [Operation(name="u", qubits=(0,), parameters=(0.3, 0.2, 0.1)) for _ in range(3)]
    assert len(to_rotations(gates, n_qubits=1).rotations) == 3
    channel = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))
    circuit = to_rotations([gates[0], channel, gates[1]], n_qubits=1)
    assert len(circuit.rotations) == 6
    assert [place.after for place in circuit.places] == [3]


def test_swaps_cost_nothing_and_errors_follow_them():
    channel = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))
    circuit = to_rotations([Operation(name="swap", qubits=(0, 1)), channel], n_qubits=2)
    assert circuit.rotations == []
    assert circuit.position == [1, 0]
    assert circuit.places[0].qubits == (1,)


def test_clifford_gates_become_quarter_turns():
    for name, kind in GATES.items():
        if kind.clifford and name not in ("iswap", "ecr"):
            circuit = to_rotations([Operation(name=name, qubits=tuple(range(kind.n_qubits)))], n_qubits=kind.n_qubits)
            assert all(rotation.is_clifford for rotation in circuit.rotations), name


def test_a_half_turn_is_an_operator_and_turns_what_follows():
    circuit = RotationCircuit(n_qubits=1, position=[0])
    circuit.rotate("Y", (0,), np.pi)
    circuit.rotate("Z", (0,), 0.3)
    assert circuit.rotations == [Rotation("Z", (0,), -0.3)]
    assert (circuit.flips, circuit.phases) == (1, 1)


@pytest.mark.parametrize(
    "step",
    [
        Operation(name="reset", qubits=(0,)),
        Operation(name="x", qubits=(0,), condition=(0, 1)),
        Operation(name="unitary", qubits=(0, 1, 2), matrix=np.eye(8, dtype=complex)),
        KrausChannel(qubits=(0,), operators=np.eye(2, dtype=complex)[None]),
    ],
)
def test_refuses_what_is_no_rotation(step):
    with pytest.raises(InputError, match="is no rotation"):
        to_rotations([step], n_qubits=3)


def test_a_channel_that_never_errs_is_no_place():
    never = PauliChannel(qubits=(0,), probabilities=np.array([1.0, 0, 0, 0]))
    assert to_rotations([never], n_qubits=1).places == []
    assert ErrorPlace(0, (0,), never).after == 0
