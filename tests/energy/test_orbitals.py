"""Orbitals optimised for a small selected space: the energy falls, and the rotated integrals give it back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from tests.subspace.determinant_cases import normalized, random_determinants
from tests.subspace.test_product import random_hamiltonian
from tests.subspace.test_select import exact, molecule_like

from kakehashi.core.bits import lowest_string
from kakehashi.core.errors import InputError
from kakehashi.energy.orbitals import (
    OrbitalStep,
    _energy_and_gradient,
    minimize_over_orbitals,
    optimize_orbitals,
)
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import solve_space
from kakehashi.subspace.space import Densities


def contract(hamiltonian: Hamiltonian, densities: Densities) -> float:
    one = np.vdot(hamiltonian.one_body, densities.one_body.sum(axis=0))
    return float(one + np.vdot(hamiltonian.two_body, densities.two_body()) / 2)


def random_densities(hamiltonian: Hamiltonian, n: int, n_elec: tuple[int, int], seed: int) -> Densities:
    space = DeterminantSpace(hamiltonian, n_threads=1)
    space.append(*random_determinants(n, hamiltonian.n_orb, n_elec, seed))
    return space.densities(normalized(n, seed))


@given(seed=st.integers(0, 10_000), n_orb=st.integers(2, 5))
@settings(max_examples=15)
def test_energy_and_gradient(seed: int, n_orb: int) -> None:
    """The energy is that of rotated integrals; its gradient that of finite differences, also away from the start."""
    hamiltonian = random_hamiltonian(n_orb, seed)
    densities = random_densities(hamiltonian, 5 if n_orb > 2 else 2, (n_orb - 1, 1), seed)
    one_body, two_body = densities.one_body.sum(axis=0), densities.two_body().reshape(n_orb, n_orb**3)
    n = n_orb * (n_orb - 1) // 2
    x = np.random.default_rng(seed).normal(size=n)
    energy, gradient = _energy_and_gradient(x, hamiltonian, one_body, two_body)
    k = np.zeros((n_orb, n_orb))
    k[np.tril_indices(n_orb, -1)] = x
    assert energy == pytest.approx(contract(hamiltonian.rotate(expm(k - k.T)), densities), abs=1e-9)
    step = 1e-5
    differences = [
        (
            _energy_and_gradient(x + step * unit, hamiltonian, one_body, two_body)[0]
            - _energy_and_gradient(x - step * unit, hamiltonian, one_body, two_body)[0]
        )
        / (2 * step)
        for unit in np.eye(n)
    ]
    np.testing.assert_allclose(gradient, differences, atol=1e-5 * (1 + np.abs(gradient).max()))


@pytest.mark.parametrize("n_elec", [(3, 3), (4, 1), (2, 0)])
def test_the_minimum_is_lower_and_stationary(n_elec: tuple[int, int]) -> None:
    hamiltonian = molecule_like(6, seed=1)
    densities = random_densities(hamiltonian, 12, n_elec, 2)
    turn = minimize_over_orbitals(hamiltonian, densities, max_iterations=500, gradient_tolerance=1e-6)
    np.testing.assert_allclose(turn.T @ turn, np.eye(6), atol=1e-12)
    rotated = hamiltonian.rotate(turn)
    assert contract(rotated, densities) < contract(hamiltonian, densities) - 0.01
    one_body, two_body = densities.one_body.sum(axis=0), densities.two_body().reshape(6, 6**3)
    _, gradient = _energy_and_gradient(np.zeros(15), rotated, one_body, two_body)
    assert np.abs(gradient).max() < 3e-6  # the tolerance, at the start of another generator


def test_a_single_determinant_reaches_the_mean_field() -> None:
    """The three lowest levels of a half-filled ring, found from its sites."""
    ring = hubbard(6, u=1.0, n_elec=(3, 3)).hamiltonian
    start = np.array([[0b010101, 0]], dtype=np.uint64)
    found = optimize_orbitals(ring, start, start, n_determinants=1, n_threads=1, max_iterations=200)
    # The six levels are -2, -1, -1, 1, 1, 2; every site holds half an electron of each spin.
    assert found.energy_hartree == pytest.approx(2 * (-2 - 1 - 1) + 6 * 0.25, abs=1e-6)


def test_the_turns_lower_the_energy_and_the_integrals_give_it_back() -> None:
    hamiltonian = molecule_like(7, seed=3)
    # Orbitals that are far from any mean field's, so that there is much to gain.
    generator = np.random.default_rng(0).normal(size=(7, 7))
    hamiltonian = hamiltonian.rotate(expm(0.3 * (generator - generator.T)))
    seen: list[OrbitalStep] = []
    found = optimize_orbitals(
        hamiltonian,
        lowest_string(3),
        lowest_string(3),
        n_determinants=60,
        max_turns=6,
        tolerance_hartree=1e-7,
        n_threads=1,
        callback=seen.append,
    )
    assert tuple(seen) == found.steps
    assert 2 <= len(seen) <= 6
    energies = [step.energy_hartree for step in found.steps]
    # The determinants are chosen anew in each turn, so later turns may rise by what the choice is worth.
    assert np.all(np.diff(energies) < 1e-4)
    assert found.energy_hartree == min(energies) < energies[0] - 0.01
    assert found.energy_hartree > exact(hamiltonian, (3, 3))[0]
    assert all(step.rotation_norm > 0 for step in found.steps[:1])
    np.testing.assert_allclose(found.rotation.T @ found.rotation, np.eye(7), atol=1e-10)
    again = hamiltonian.rotate(found.rotation)
    np.testing.assert_allclose(again.one_body, found.hamiltonian.one_body, atol=1e-10)
    np.testing.assert_allclose(again.two_body, found.hamiltonian.two_body, atol=1e-10)
    space = DeterminantSpace(found.hamiltonian, n_threads=1)
    space.append(found.alpha, found.beta)
    energy = float(found.coefficients @ space.apply(found.coefficients)) + hamiltonian.constant
    assert energy == pytest.approx(found.energy_hartree, abs=1e-9)
    assert contract(found.hamiltonian, space.densities(found.coefficients)) + hamiltonian.constant == pytest.approx(
        energy, abs=1e-7
    )
    assert solve_space(space, tolerance=1e-6).energies_hartree[0] == pytest.approx(energy, abs=1e-6)


def test_a_full_space_has_nothing_to_gain() -> None:
    hamiltonian = molecule_like(4, seed=4)
    found = optimize_orbitals(hamiltonian, lowest_string(2), lowest_string(1), n_determinants=100, n_threads=1)
    assert len(found.steps) == 3  # the first, and two without gain
    assert [step.n_determinants for step in found.steps] == [24] * 3
    assert found.energy_hartree == pytest.approx(exact(hamiltonian, (2, 1))[0], abs=1e-7)


def test_the_spin_penalty_steers() -> None:
    """A ring of four with four electrons and weak repulsion: triplets lie close above the singlet."""
    ring = hubbard(4, u=1.0, n_elec=(2, 2), basis="standing_wave").hamiltonian
    start = lowest_string(2)
    found = optimize_orbitals(ring, start, start, n_determinants=36, spin_penalty_hartree=1.0, max_turns=2, n_threads=1)
    assert found.steps[-1].spin_squared == pytest.approx(0.0, abs=1e-4)


def test_no_determinant_is_refused() -> None:
    empty = np.zeros((0, 2), dtype=np.uint64)
    with pytest.raises(InputError, match="holds no string to start from"):
        optimize_orbitals(molecule_like(3, seed=0), empty, empty)
