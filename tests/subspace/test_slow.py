"""The oracles against one more: PySCF, which shares no code with them, and identities that need no code at all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pyscf import fci
from tests.subspace.test_product import random_hamiltonian

from kakehashi.samples.random import all_strings, random_strings
from kakehashi.subspace.slow import (
    apply_hamiltonian_slow,
    build_hamiltonian_slow,
    build_spin_squared_slow,
    densities_slow,
)

SECTORS = [(2, 2), (3, 1), (0, 2), (4, 3)]


def spaces(n_elec: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    alpha, beta = (all_strings(n_orb=4, n_electrons=n) for n in n_elec)
    return alpha, beta


@pytest.mark.parametrize("n_elec", SECTORS)
def test_the_matrix_is_pyscfs(n_elec: tuple[int, int]) -> None:
    hamiltonian = random_hamiltonian(4, seed=1)
    alpha, beta = spaces(n_elec)
    dense = build_hamiltonian_slow(hamiltonian, alpha, beta)
    order, expected = fci.direct_spin1.pspace(hamiltonian.one_body, hamiltonian.two_body, 4, n_elec, np=len(dense))
    np.testing.assert_allclose(dense[np.ix_(order, order)], expected, atol=1e-12)


@pytest.mark.parametrize("n_elec", SECTORS)
def test_the_action_is_pyscfs(n_elec: tuple[int, int]) -> None:
    hamiltonian = random_hamiltonian(4, seed=2)
    alpha, beta = spaces(n_elec)
    c = np.random.default_rng(0).normal(size=(len(alpha), len(beta)))
    absorbed = fci.direct_spin1.absorb_h1e(hamiltonian.one_body, hamiltonian.two_body, 4, n_elec, 0.5)
    expected = fci.direct_spin1.contract_2e(absorbed, c, 4, n_elec)
    np.testing.assert_allclose(apply_hamiltonian_slow(hamiltonian, alpha, beta, c), expected, atol=1e-11)


def test_a_subspace_is_a_block_of_the_full_matrix() -> None:
    hamiltonian = random_hamiltonian(4, seed=3)
    alpha, beta = spaces((2, 2))
    chosen = [0, 2, 5]
    full = build_hamiltonian_slow(hamiltonian, alpha, beta)
    rows = [a * len(beta) + b for a, b in itertools.product(chosen, range(len(beta)))]
    np.testing.assert_array_equal(build_hamiltonian_slow(hamiltonian, alpha[chosen], beta), full[np.ix_(rows, rows)])


@pytest.mark.parametrize("n_elec", SECTORS)
def test_spin_squared_is_pyscfs_and_commutes(n_elec: tuple[int, int]) -> None:
    alpha, beta = spaces(n_elec)
    spin = build_spin_squared_slow(alpha, beta, 4)
    c = np.random.default_rng(1).normal(size=(len(alpha), len(beta)))
    expected = fci.spin_op.contract_ss(c, 4, n_elec)
    np.testing.assert_allclose((spin @ c.reshape(-1)).reshape(c.shape), expected, atol=1e-12)
    values = np.linalg.eigvalsh(spin)
    s = (np.sqrt(1 + 4 * np.maximum(values, 0)) - 1) / 2
    np.testing.assert_allclose(2 * s, np.round(2 * s), atol=1e-7)  # S(S + 1) of whole and half spins alone
    dense = build_hamiltonian_slow(random_hamiltonian(4, seed=4), alpha, beta)
    np.testing.assert_allclose(spin @ dense, dense @ spin, atol=1e-10)


def test_densities_are_pyscfs() -> None:
    alpha, beta = (all_strings(n_orb=3, n_electrons=n) for n in (2, 1))
    c = np.random.default_rng(2).normal(size=(len(alpha), len(beta)))
    c /= np.linalg.norm(c)
    one, two = densities_slow(alpha, beta, 3, c)
    (one_a, one_b), (two_aa, two_ab, two_bb) = fci.direct_spin1.make_rdm12s(c, 3, (2, 1))
    np.testing.assert_allclose(one, [one_a, one_b], atol=1e-12)
    np.testing.assert_allclose(two[0, 0], two_aa, atol=1e-12)
    np.testing.assert_allclose(two[0, 1], two_ab, atol=1e-12)
    np.testing.assert_allclose(two[1, 1], two_bb, atol=1e-12)
    np.testing.assert_allclose(two[1, 0], two_ab.transpose(2, 3, 0, 1), atol=1e-12)


def test_densities_give_the_energy_back() -> None:
    hamiltonian = random_hamiltonian(3, seed=5)
    alpha, beta = (random_strings(2, n_orb=3, n_electrons=n, rng=3) for n in (2, 1))
    c = np.random.default_rng(3).normal(size=(2, 2))
    c /= np.linalg.norm(c)
    one, two = densities_slow(alpha, beta, 3, c)
    energy = np.vdot(hamiltonian.one_body, one.sum(axis=0)) + np.vdot(hamiltonian.two_body, two.sum(axis=(0, 1))) / 2
    assert energy == pytest.approx(np.vdot(c, apply_hamiltonian_slow(hamiltonian, alpha, beta, c)), abs=1e-12)
