"""The exact simulator: right bits, right frequencies."""

import ffsim
import numpy as np
import pytest
import scipy.stats

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.device.exact import ExactDevice
from kakehashi.device.sector.vector import state_vector

CASES = [(3, (2, 1)), (4, (2, 2)), (2, (1, 1)), (1, (1, 0)), (3, (3, 3)), (3, (0, 2)), (5, (1, 4))]


CASES = [(3, (2, 1)), (4, (2, 2)), (2, (1, 1)), (1, (1, 0)), (3, (3, 3)), (3, (0, 2)), (5, (1, 4))]


def random_circuit(n_orb, n_elec, *, balanced=True, n_layers=2, last=True, seed=3):
    name = "random_ucj_op_spin_balanced" if balanced else "random_ucj_op_spin_unbalanced"
    make = getattr(ffsim.random, name)
    operator = make(n_orb, n_reps=n_layers, with_final_orbital_rotation=last, seed=seed)
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


def test_frequencies_follow_the_state():
    circuit = random_circuit(4, (2, 2))
    shots = ExactDevice().run(circuit, 200_000, rng=11)
    probabilities = np.abs(state_vector(circuit)) ** 2
    strings = ffsim.addresses_to_strings(range(36), 4, (2, 2), bitstring_type=ffsim.BitstringType.STRING)
    counts = shots.to_counts()
    assert set(counts) <= set(strings)
    observed = np.array([counts.get(string, 0) for string in strings])
    expected = 200_000 * probabilities / probabilities.sum()
    frequent = expected > 5
    statistic = np.sum((observed - expected)[frequent] ** 2 / expected[frequent])
    # One chance in 10^4 for this seed to fail if the sampler is right; a swapped qubit gives 10^5.
    assert statistic < scipy.stats.chi2.isf(1e-4, frequent.sum() - 1)


@pytest.mark.parametrize(("n_orb", "n_elec"), [*CASES, (100, (40, 30))])
def test_hartree_fock_gives_one_string_with_alpha_on_the_right(n_orb, n_elec):
    shots = ExactDevice().run(Circuit(n_orb=n_orb, n_elec=n_elec), 17)
    alpha, beta = (("1" * n).rjust(n_orb, "0") for n in n_elec)
    assert shots.to_counts() == {beta + alpha: 17}


def test_same_seed_same_shots():
    circuit = random_circuit(4, (2, 1))
    first, second, other = (ExactDevice().run(circuit, 5000, rng=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.bits, second.bits)
    np.testing.assert_array_equal(first.counts, second.counts)
    assert first.to_counts() != other.to_counts()
    assert first.provenance["seed"] == 5
    generated = ExactDevice().run(circuit, 5000, rng=np.random.default_rng(5))
    assert generated.to_counts() == first.to_counts()


def test_too_large_is_said_before_it_starts():
    identity = ffsim.UCJOpSpinBalanced(np.zeros((1, 2, 40, 40)), np.eye(40)[None])
    large = Circuit(n_orb=40, n_elec=(20, 20), operator=identity)
    with pytest.raises(ResourceError, match=r"80 qubits .* needs about .* TiB .* device 'file'"):
        ExactDevice().run(large, 10)


@pytest.mark.parametrize("n_shots", [0, -3])
def test_no_shots(n_shots):
    with pytest.raises(InputError, match="n_shots"):
        ExactDevice().run(Circuit(n_orb=1, n_elec=(1, 0)), n_shots)


def test_progress_is_told():
    events = []
    ExactDevice().run(random_circuit(2, (1, 1)), 10, rng=1, progress=events.append)
    assert [event.step for event in events] == [0, 1, 2]
    assert {event.stage for event in events} == {"sample"}
