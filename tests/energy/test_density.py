from __future__ import annotations

import numpy as np
import pytest
from tests.subspace.test_product import random_hamiltonian

from kakehashi.energy.density import compute_densities
from kakehashi.samples.random import random_strings
from kakehashi.subspace.slow import densities_slow
from kakehashi.subspace.solve import solve_subspace


@pytest.mark.parametrize(("n_elec", "sizes"), [((2, 2), (5, 5)), ((3, 1), (4, 3)), ((2, 0), (6, 1))])
def test_densities_equal_their_slow_twins(n_elec: tuple[int, int], sizes: tuple[int, int]) -> None:
    hamiltonian = random_hamiltonian(4, seed=1)
    alpha, beta = (random_strings(size, n_orb=4, n_electrons=n, rng=2) for size, n in zip(sizes, n_elec, strict=True))
    state = solve_subspace(hamiltonian, alpha, beta)
    densities = compute_densities(hamiltonian, state)
    one, two = densities_slow(state.alpha, state.beta, 4, state.coefficients)
    np.testing.assert_allclose(densities.one_alpha, one[0], atol=1e-12)
    np.testing.assert_allclose(densities.one_beta, one[1], atol=1e-12)
    np.testing.assert_allclose(densities.two_alpha_alpha, two[0, 0], atol=1e-12)
    np.testing.assert_allclose(densities.two_alpha_beta, two[0, 1], atol=1e-12)
    np.testing.assert_allclose(densities.two_beta_beta, two[1, 1], atol=1e-12)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_energy_is_the_contraction(n_threads: int) -> None:
    hamiltonian = random_hamiltonian(7, seed=3, n_irreps=2)
    alpha, beta = (random_strings(20, n_orb=7, n_electrons=3 + i, rng=i) for i in (0, 1))
    state = solve_subspace(hamiltonian, alpha, beta)
    densities = compute_densities(hamiltonian, state, n_threads=n_threads)
    assert densities.energy(hamiltonian) == pytest.approx(state.energy_hartree, abs=1e-9)
    assert np.trace(densities.one_body) == pytest.approx(7)
    np.testing.assert_allclose(np.diag(densities.one_alpha), state.occupancies()[0], atol=1e-12)
    pairs = np.einsum("pprr->", densities.two_body)
    assert pairs == pytest.approx(7 * 6)
