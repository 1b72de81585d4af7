"""Errors: how often they come, and what they leave."""

import numpy as np
import pytest
from hypothesis import given
from tests.device.sampler.cases import noisy_steps, on_all, seeds
from tests.device.sampler.test_rotations import state_of

from kakehashi.device.noise.model import PauliChannel
from kakehashi.device.sampler.patterns import Events, draw_events, find_effects, group_trajectories
from kakehashi.device.sampler.rotations import ErrorPlace, Rotation, RotationCircuit, to_rotations
from kakehashi.device.sampler.trajectories import _pauli_matrices


def channel(*probabilities):
    errors = np.array(probabilities)
    k = 1 if len(errors) == 3 else 2
    return PauliChannel(qubits=tuple(range(k)), probabilities=np.concatenate(([1 - errors.sum()], errors)))


def test_each_operator_comes_as_often_as_it_should():
    channels = [
        channel(0.01, 0.02, 0.03),
        channel(0.0, 0.5, 0.2),
        channel(*[0.002 * k for k in range(15)]),
        channel(0.011, 0.011, 0.011),  # about as likely as the first: drawn together
    ]
    n = 200_000
    events = draw_events(channels, n, np.random.default_rng(3))
    assert (np.diff(events.shot) >= 0).all()
    pairs = np.stack((events.shot, events.place))
    assert np.unique(pairs, axis=1).shape[1] == len(events.shot)  # a channel errs at most once in a shot
    for k, given_channel in enumerate(channels):
        counts = np.bincount(events.operator[events.place == k], minlength=16)[: len(given_channel.probabilities)]
        wanted = n * given_channel.probabilities
        assert counts[0] == 0
        assert np.abs(counts[1:] - wanted[1:]).max() < 5 * np.sqrt(wanted[1:].max())
        assert (counts[1:][wanted[1:] == 0] == 0).all()


def test_channels_err_independently(monkeypatch):
    monkeypatch.setattr("kakehashi.device.sampler.patterns.MAX_CHOICES", 50_000)
    n = 100_000
    events = draw_events([channel(0.3, 0, 0), channel(0.3, 0, 0)], n, np.random.default_rng(4))
    both = np.bincount(np.bincount(events.shot, minlength=n), minlength=3) / n
    np.testing.assert_allclose(both, [0.49, 0.42, 0.09], atol=0.006)


def test_no_channel_no_error():
    assert len(draw_events([], 10, np.random.default_rng(0)).shot) == 0


@given(seed=seeds)
def test_signs_and_flips_are_what_an_error_leaves(seed):
    """One operator of one channel, put into the circuit as a matrix and as signs: the same probabilities."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    steps = [*noisy_steps(rng, n, 8), channel(0.1, 0.1, 0.1)]
    circuit = to_rotations(steps, n_qubits=n)
    bit = list(range(len(circuit.rotations)))
    n_words = -(-len(bit) // 64)
    effects = find_effects(circuit, bit, n_words)
    number = int(rng.integers(len(circuit.places)))
    place = circuit.places[number]
    operator = int(rng.integers(1, len(place.channel.probabilities)))
    events = Events(shot=np.array([0]), place=np.array([number]), operator=np.array([operator]))
    left = group_trajectories(effects, events, 1)

    def flipped(k):
        return bool(int(left.signs[0, k // 64]) >> (63 - k % 64) & 1)

    turned = [Rotation(r.kind, r.qubits, -r.angle if flipped(k) else r.angle) for k, r in enumerate(circuit.rotations)]
    by_signs = RotationCircuit(n, turned, [], circuit.flips ^ int(left.flips[0]), 0, circuit.position)
    before = RotationCircuit(n, circuit.rotations[: place.after], [], 0, 0, list(range(n)))
    state = on_all(_pauli_matrices(len(place.qubits))[operator], place.qubits, n) @ state_of(before)
    for rotation in circuit.rotations[place.after :]:
        one = RotationCircuit(n, [rotation], [], 0, 0, list(range(n)))
        state = on_all(_matrix(one), rotation.qubits, n) @ state
    index = np.arange(2**n)
    end = np.empty(2**n)
    end[index ^ circuit.flips] = np.abs(state) ** 2
    moved = np.empty(2**n)
    moved[sum(((index >> at) & 1) << q for q, at in enumerate(circuit.position))] = end
    np.testing.assert_allclose(np.abs(state_of(by_signs)) ** 2, moved, atol=1e-11)


def _matrix(circuit):
    from tests.device.sampler.test_rotations import PAULI

    (rotation,) = circuit.rotations
    pauli = PAULI[rotation.kind]
    return np.cos(rotation.angle / 2) * np.eye(len(pauli)) - 1j * np.sin(rotation.angle / 2) * pauli


def test_shots_with_the_same_signs_are_one_trajectory():
    circuit = RotationCircuit(n_qubits=1, rotations=[Rotation("Y", (0,), 0.3)], position=[0])
    circuit.places = [ErrorPlace(0, (0,), channel(0.1, 0.1, 0.1)), ErrorPlace(1, (0,), channel(0.1, 0.1, 0.1))]
    effects = find_effects(circuit, [0], 1)
    # X and Z before a rotation about Y turn it, Y does not; after it they leave flips at most.
    events = Events(shot=np.array([0, 1, 2, 3, 5]), place=np.array([0, 0, 0, 1, 1]), operator=np.array([1, 2, 3, 1, 3]))
    left = group_trajectories(effects, events, 6)
    assert left.signs.ravel().tolist() == [0, 1 << 63]
    assert left.number.tolist() == [1, 0, 1, 0, 0, 0]
    assert left.flips.tolist() == [1, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("n_shots", [1, 3])
def test_rows_are_those_that_some_shot_has(n_shots):
    circuit = RotationCircuit(n_qubits=1, rotations=[Rotation("Y", (0,), 0.3)], position=[0])
    circuit.places = [ErrorPlace(0, (0,), channel(1.0, 0, 0))]
    events = Events(shot=np.arange(n_shots), place=np.zeros(n_shots, int), operator=np.ones(n_shots, int))
    left = group_trajectories(find_effects(circuit, [0], 1), events, n_shots)
    assert left.signs.ravel().tolist() == [1 << 63]
    assert (left.number == 0).all()
