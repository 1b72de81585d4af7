"""A sum of products of the spins is the state vector, and its shots are the state's."""

import ffsim
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.device.sector.factored import count_patterns, factor_state
from kakehashi.device.sector.vector import state_vector


def local_circuit(n_orb, n_elec, *, balanced=True, opposite=None, n_layers=1, last=True, seed=3):
    same, rungs = interaction_pairs(n_orb, "heavy-hex")
    rungs = rungs if opposite is None else opposite
    if balanced:
        make, pairs = ffsim.random.random_ucj_op_spin_balanced, (same, rungs)
    else:
        make, pairs = ffsim.random.random_ucj_op_spin_unbalanced, (same, rungs, same)
    operator = make(n_orb, n_reps=n_layers, interaction_pairs=pairs, with_final_orbital_rotation=last, seed=seed)
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.data(), st.booleans(), st.booleans(), st.integers(0, 100))
def test_it_is_the_state(n_orb, data, balanced, last, seed):
    n_elec = (data.draw(st.integers(0, n_orb)), data.draw(st.integers(0, n_orb)))
    circuit = local_circuit(n_orb, n_elec, balanced=balanced, last=last, seed=seed)
    factors = factor_state(circuit)
    assert factors.alpha.shape[1] == count_patterns(circuit)
    np.testing.assert_allclose((factors.alpha @ factors.beta.T).ravel(), state_vector(circuit), atol=1e-12)


def test_rungs_between_different_orbitals():
    circuit = local_circuit(5, (2, 3), balanced=False, opposite=[(0, 0), (1, 3)])
    factors = factor_state(circuit)
    np.testing.assert_allclose((factors.alpha @ factors.beta.T).ravel(), state_vector(circuit), atol=1e-12)


def test_frequencies_follow_the_state():
    circuit = local_circuit(4, (2, 2))
    alpha, beta, counts = factor_state(circuit).draw(200_000, np.random.default_rng(11))
    expected = 200_000 * np.abs(state_vector(circuit)) ** 2
    observed = np.zeros(len(expected))
    observed[6 * alpha + beta] = counts
    frequent = expected > 5
    statistic = np.sum((observed - expected)[frequent] ** 2 / expected[frequent])
    # One chance in 10^4 for this seed to fail if the sampler is right.
    assert statistic < scipy.stats.chi2.isf(1e-4, frequent.sum() - 1)


def test_same_seed_same_shots():
    factors = factor_state(local_circuit(5, (2, 2)))
    first, second = (factors.draw(1000, np.random.default_rng(5)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first[2].sum() == 1000


def test_52_qubits_take_120_products():
    assert count_patterns(local_circuit(26, (5, 5))) == 120


def test_what_it_cannot_do_is_said():
    with pytest.raises(InputError, match="one layer"):
        factor_state(local_circuit(3, (1, 1), n_layers=2))
    with pytest.raises(ResourceError, match="products of which the state of 52 qubits consists needs about"):
        factor_state(local_circuit(26, (5, 5), opposite=[(p, p) for p in range(26)]))
