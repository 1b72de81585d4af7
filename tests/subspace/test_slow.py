"""The oracles against one more: PySCF, which shares no code with them, and identities that need no code at all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pyscf import fci
from tests.subspace.test_product import random_hamiltonian

from kakehashi.problem.model import Hamiltonian
from kakehashi.samples.random import all_strings, random_strings
from kakehashi.subspace.slow import (
    apply_hamiltonian_slow,
    build_determinant_hamiltonian_slow,
    build_determinant_spin_squared_slow,
    build_hamiltonian_slow,
    build_spin_squared_slow,
    densities_slow,
    determinant_densities_slow,
    list_determinants_slow,
    look_outside_slow,
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


def product_list(n_elec: tuple[int, int], n_orb: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of strings as a list of determinants, in the order of the product space."""
    alpha, beta = (all_strings(n_orb=n_orb, n_electrons=n) for n in n_elec)
    return np.repeat(alpha, len(beta), axis=0), np.tile(beta, (len(alpha), 1))


@pytest.mark.parametrize("n_elec", SECTORS)
def test_slater_condon_rules_are_pyscfs(n_elec: tuple[int, int]) -> None:
    hamiltonian = random_hamiltonian(4, seed=1)
    dense = build_determinant_hamiltonian_slow(hamiltonian, *product_list(n_elec))
    order, expected = fci.direct_spin1.pspace(hamiltonian.one_body, hamiltonian.two_body, 4, n_elec, np=len(dense))
    np.testing.assert_allclose(dense[np.ix_(order, order)], expected, atol=1e-12)


@pytest.mark.parametrize("n_elec", SECTORS)
def test_spin_squared_of_a_list_is_pyscfs(n_elec: tuple[int, int]) -> None:
    alpha, beta = product_list(n_elec)
    spin = build_determinant_spin_squared_slow(alpha, beta, 4)
    shape = [len(all_strings(n_orb=4, n_electrons=n)) for n in n_elec]
    expected = [fci.spin_op.contract_ss(unit.reshape(shape), 4, n_elec).reshape(-1) for unit in np.eye(len(spin))]
    np.testing.assert_allclose(spin, expected, atol=1e-12)
    penalized = build_determinant_hamiltonian_slow(random_hamiltonian(4, seed=6), alpha, beta, spin_penalty_hartree=0.7)
    plain = build_determinant_hamiltonian_slow(random_hamiltonian(4, seed=6), alpha, beta)
    np.testing.assert_allclose(penalized, plain + 0.7 * spin, atol=1e-12)


def test_densities_of_a_list_are_pyscfs() -> None:
    alpha, beta = product_list((2, 1))
    c = np.random.default_rng(4).normal(size=len(alpha))
    c /= np.linalg.norm(c)
    one, two = determinant_densities_slow(alpha, beta, 4, c)
    (one_a, one_b), (two_aa, two_ab, two_bb) = fci.direct_spin1.make_rdm12s(c.reshape(6, 4), 4, (2, 1))
    np.testing.assert_allclose(one, [one_a, one_b], atol=1e-12)
    np.testing.assert_allclose(two, two_aa + two_bb + two_ab + two_ab.transpose(2, 3, 0, 1), atol=1e-12)


def test_orbitals_beyond_64_follow_the_same_rules() -> None:
    small = random_hamiltonian(4, seed=7)
    h, g = np.zeros((100,) * 2), np.zeros((100,) * 4)
    part = slice(62, 66)
    h[part, part], g[part, part, part, part] = small.one_body, small.two_body
    alpha, beta = product_list((2, 1))
    moved = [np.stack([s[:, 0] << np.uint64(62), s[:, 0] >> np.uint64(2)], axis=1) for s in (alpha, beta)]
    wide = build_determinant_hamiltonian_slow(Hamiltonian(one_body=h, two_body=g), *moved, spin_penalty_hartree=0.3)
    narrow = build_determinant_hamiltonian_slow(small, alpha, beta, spin_penalty_hartree=0.3)
    np.testing.assert_allclose(wide, narrow, atol=1e-12)


def test_perturbation_is_that_of_pyscfs_matrix() -> None:
    hamiltonian = random_hamiltonian(4, seed=8)
    alpha, beta = product_list((2, 2))
    order, full = fci.direct_spin1.pspace(hamiltonian.one_body, hamiltonian.two_body, 4, (2, 2), np=len(alpha))
    dense = np.empty_like(full)
    dense[np.ix_(order, order)] = full
    inside, outside = np.arange(0, 36, 5), np.setdiff1d(np.arange(36), np.arange(0, 36, 5))
    energies, states = np.linalg.eigh(dense[np.ix_(inside, inside)])
    c, energy = states[:, 0], energies[0]
    # Lowered far below all levels, so that no energy reaches its bound.
    for shift in (0.0, -1000.0):
        found = look_outside_slow(hamiltonian, alpha[inside], beta[inside], c, energy + shift)
        names = list_determinants_slow(alpha, beta, 4)
        couplings = dense[np.ix_(outside, inside)] @ c
        gaps = energy + shift - np.diag(dense)[outside]
        bounded = np.sign(gaps) * np.minimum(couplings**2 / np.abs(gaps), np.abs(couplings))
        np.testing.assert_allclose([found.get(names[a], (0, 0))[0] for a in outside], bounded, atol=1e-12)
        if shift:
            np.testing.assert_allclose(bounded, couplings**2 / gaps, rtol=1e-12)
        largest = np.abs(dense[np.ix_(outside, inside)] * c).max(axis=1)
        np.testing.assert_allclose([found.get(names[a], (0, 0))[1] for a in outside], largest, atol=1e-12)


def test_the_threshold_leaves_single_contributions_out() -> None:
    hamiltonian = random_hamiltonian(4, seed=8)
    alpha, beta = product_list((2, 1))
    c = np.array([0.8, 0.6])
    full = look_outside_slow(hamiltonian, alpha[:2], beta[:2], c, -1000.0)
    strong = look_outside_slow(hamiltonian, alpha[:2], beta[:2], c, -1000.0, threshold_hartree=2.0)
    assert strong.keys() == {name for name, (_, largest) in full.items() if largest >= 2.0}
    assert 0 < len(strong) < len(full)
