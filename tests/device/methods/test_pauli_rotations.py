"""A circuit without its Clifford gates is the same circuit, whatever signs errors give its rotations."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.device.methods.pauli_rotations import PauliRotation, unravel
from kakehashi.device.methods.transfer import pauli_products
from kakehashi.device.sampler.rotations import Rotation, RotationCircuit, to_rotations

KINDS = {"Y": (2,), "Z": (3,), "ZZ": (3, 3)}


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def turned(state, qubits, letters, angle):
    """``exp(-i angle/2 P)`` on a state whose axis k is qubit k."""
    product = state
    for q, letter in zip(qubits, letters, strict=True):
        product = np.moveaxis(np.tensordot(pauli_products(1)[letter], product, axes=(1, q)), 0, q)
    return np.cos(angle / 2) * state - 1j * np.sin(angle / 2) * product


def zero(n):
    state = np.zeros((2,) * n, dtype=complex)
    state[(0,) * n] = 1
    return state


def probabilities(state, letters, flipped):
    """Of what is measured: each qubit in the basis of a letter."""
    for q, letter in enumerate(letters):
        values, vectors = np.linalg.eigh(pauli_products(1)[letter])
        basis = vectors[:, ::-1] if values[0] < values[1] else vectors
        state = np.moveaxis(np.tensordot(basis.conj().T, state, axes=(1, q)), 0, q)
        if flipped[q]:
            state = np.flip(state, axis=q)
    return np.abs(state) ** 2


def random_circuit(rng, n, n_blocks):
    """Rotations, Clifford gates, and what compilers make of a rotation about ZZ."""
    circuit = []
    for _ in range(n_blocks):
        a, b = (int(q) for q in rng.permutation(n)[:2])
        angle = (float(rng.uniform(0.1, 1.4)),)
        blocks = [
            [gate("rx", a, parameters=angle)],
            [gate("h", a)],
            [gate("s", a)],
            [gate("cz", a, b)],
            [gate("rzz", a, b, parameters=angle)],
            [gate("cx", a, b), gate("rz", b, parameters=angle), gate("cx", a, b)],
            [gate("cx", a, b), gate("x", a), gate("rz", b, parameters=angle), gate("z", b), gate("cx", a, b)],
            [gate("cz", a, b), gate("sx", b), gate("rz", b, parameters=angle), gate("sx", b), gate("cz", b, a)],
            [gate("cz", a, b), gate("rx", a, parameters=angle), gate("ry", b, parameters=angle), gate("cz", a, b)],
            [gate("cz", a, b), gate("h", a), gate("cz", a, b), gate("sx", b), gate("cz", a, b)],
        ]
        circuit += blocks[rng.integers(len(blocks))]
    return to_rotations(circuit, n_qubits=n)


@pytest.mark.parametrize("seed", range(25))
def test_nothing_changes(seed):
    rng = np.random.default_rng(seed)
    n = 2 + seed % 4
    circuit = random_circuit(rng, n, 3 + seed)
    plain = unravel(circuit)
    signs = rng.choice([-1, 1], size=len(circuit.rotations))
    for use in (np.ones_like(signs), signs):
        before, after = zero(n), zero(n)
        for sign, rotation in zip(use, circuit.rotations, strict=True):
            angle = rotation.angle * (1 if rotation.is_clifford else sign)
            before = turned(before, rotation.qubits, KINDS[rotation.kind], angle)
        for rotation in plain.rotations:
            sign = 1 if rotation.source is None else use[rotation.source]
            after = turned(after, rotation.qubits, rotation.letters, sign * rotation.angle)
        wanted = probabilities(before, (3,) * n, [circuit.flips >> q & 1 for q in range(n)])
        np.testing.assert_allclose(probabilities(after, plain.measured, plain.flipped), wanted, atol=1e-12)


@pytest.mark.parametrize(
    "steps",
    [
        [gate("rzz", 0, 1, parameters=(0.3,))],
        [gate("cx", 0, 1), gate("rz", 1, parameters=(0.3,)), gate("cx", 0, 1)],
        [
            gate("h", 1),
            gate("cz", 1, 0),
            gate("rx", 1, parameters=(0.3,)),
            gate("x", 0),
            gate("cz", 0, 1),
            gate("h", 1),
        ],
    ],
    ids=["native", "two cx", "two cz and a pulse between"],
)
def test_a_compiled_rotation_about_zz_is_one(steps):
    plain = unravel(to_rotations(steps, n_qubits=2))
    (only,) = plain.rotations
    assert (set(only.qubits), only.letters, plain.measured) == ({0, 1}, (3, 3), (3, 3))
    assert abs(only.angle) == pytest.approx(0.3)


def test_a_lone_quarter_turn_stays():
    plain = unravel(to_rotations([gate("h", 0), gate("cz", 0, 1), gate("rx", 0, parameters=(0.2,))], n_qubits=2))
    # To take it past the rotation would cost one about two qubits, and save none.
    assert [(r.qubits, r.source is None) for r in plain.rotations] == [((0, 1), True), ((0,), False)]
    assert plain.rotations[0].letters == (1, 3)  # Z on the first was X before the Hadamard gate


def test_half_turns_and_cancelled_ones_leave_nothing():
    quarter = Rotation("ZZ", (0, 1), np.pi / 2)
    for second in (quarter, Rotation("ZZ", (1, 0), -np.pi / 2)):
        assert unravel(RotationCircuit(n_qubits=2, rotations=[quarter, second])).rotations == ()


def test_commuting():
    xy = PauliRotation((2, 5), (1, 2), 0.1, None)
    assert xy.commutes_with((5,), (2,))
    assert not xy.commutes_with((5,), (3,))
    assert xy.commutes_with((0,), (3,))
    assert xy.commutes_with((5, 2), (1, 2))
    assert not xy.commutes_with((5, 2), (2, 2))
