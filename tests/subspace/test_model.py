"""What a state says of itself, against sums written out by hand and PySCF's density matrices."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pyscf import fci
from tests.subspace.test_product import random_hamiltonian

from kakehashi.core.bits import pack_strings
from kakehashi.samples.random import all_strings
from kakehashi.subspace.model import State
from kakehashi.subspace.solve import solve_subspace


def make_state(coefficients: list[list[float]], alpha: list[list[int]], beta: list[list[int]]) -> State:
    """A state over strings that are written as lists of occupations."""
    return State(
        energy_hartree=-1.0,
        coefficients=np.array(coefficients),
        alpha=pack_strings(np.array(alpha, dtype=bool)),
        beta=pack_strings(np.array(beta, dtype=bool)),
        n_orb=len(alpha[0]),
        spin_squared=0.0,
        residual_norm=0.0,
        converged=True,
        n_iterations=1,
        root_energies_hartree=(-1.0,),
    )


@pytest.fixture
def by_hand() -> State:
    """Weights 0.36 and 0.64 x (0.25 + 0.75) of three of four determinants."""
    half, rest = 0.8 * np.sqrt(0.25), 0.8 * np.sqrt(0.75)
    return make_state([[0.6, 0.0], [half, -rest]], [[1, 1, 0], [1, 0, 1]], [[1, 0, 0], [0, 0, 1]])


def test_weights_of_strings_are_sums_over_the_other_spin(by_hand: State) -> None:
    alpha, beta = by_hand.string_weights()
    np.testing.assert_allclose(alpha, [0.36, 0.64])
    np.testing.assert_allclose(beta, [0.36 + 0.16, 0.48])


def test_occupancies_are_weighted_strings(by_hand: State) -> None:
    np.testing.assert_allclose(by_hand.occupancies(), [[1.0, 0.36, 0.64], [0.52, 0.0, 0.48]])


def test_occupancies_of_high_orbitals() -> None:
    high = [[0] * 127 + [1]]
    occupancies = make_state([[1.0]], high, high).occupancies()
    assert occupancies.shape == (2, 128)
    assert occupancies.sum() == occupancies[:, 127].sum() == 2


def test_size_is_that_of_the_product(by_hand: State) -> None:
    assert by_hand.n_determinants == 4
    assert make_state([[1.0]], [[1]], [[0]]).n_determinants == 1


def test_a_state_does_not_change(by_hand: State) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        by_hand.energy_hartree = 0.0  # type: ignore[misc]


def test_occupancies_are_those_of_pyscf_and_sum_to_the_electrons() -> None:
    alpha, beta = (all_strings(n_orb=5, n_electrons=n) for n in (3, 2))
    state = solve_subspace(random_hamiltonian(5, seed=2), alpha, beta)
    densities = fci.direct_spin1.make_rdm1s(state.coefficients, 5, (3, 2))
    np.testing.assert_allclose(state.occupancies(), [np.diag(density) for density in densities], atol=1e-12)
    np.testing.assert_allclose(state.occupancies().sum(axis=1), [3, 2])
