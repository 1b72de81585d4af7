"""Spaces that hold every mirror image, whose matrix and surroundings are worked out for one of each two."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.subspace.determinant_cases import (
    CASES,
    embed_strings,
    make_space,
    mirrored,
    normalized,
    random_determinants,
)
from tests.subspace.test_determinants_outside import check_outside
from tests.subspace.test_product import random_hamiltonian

from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.slow import build_determinant_hamiltonian_slow, build_determinant_spin_squared_slow


def vectors(space: DeterminantSpace) -> dict[str, NDArray[np.float64]]:
    """A state without a sign under exchange of the spins, an even and an odd one."""
    c = normalized(len(space))
    other = space.exchange_spins(c)
    found = {"neither": c, "even": c + other, "odd": c - other}
    return {name: vector / np.linalg.norm(vector) for name, vector in found.items()}


@pytest.mark.parametrize(("budget", "adjacent"), [(2**62, True), (1500, False), (0, True)])
@pytest.mark.parametrize(("name", "penalty"), [("narrow", 0.4), ("two-words", 0.0)])
def test_products_equal_those_of_the_slow_twin(
    kernels: str,
    name: str,
    penalty: float,
    budget: int,
    adjacent: bool,
    hamiltonians: dict[str, Hamiltonian],
) -> None:
    n_orb, orbitals, n_elec = CASES[name]
    packed = mirrored(*random_determinants(40, 6, n_elec, 3), adjacent=adjacent)
    alpha, beta = (embed_strings(strings, n_orb, orbitals) for strings in packed)
    space = make_space(hamiltonians[name], (alpha, beta), penalty=penalty, n_threads=2)
    size = space.build(memory_budget_bytes=budget)
    assert (size.n_rows == len(space)) == (budget == 2**62)
    dense = build_determinant_hamiltonian_slow(hamiltonians[name], alpha, beta, spin_penalty_hartree=penalty)
    spin = build_determinant_spin_squared_slow(alpha, beta, n_orb)
    for c in vectors(space).values():
        accuracy = 1e-11 if budget == 0 else 2.0**-23 * (np.abs(dense) @ np.abs(c)).max()
        np.testing.assert_allclose(space.apply(c), dense @ c, rtol=0, atol=accuracy)
        assert space.spin_squared(c) == pytest.approx(c @ spin @ c, abs=1e-12)


def test_half_of_the_elements_are_stored() -> None:
    hamiltonian = random_hamiltonian(6, seed=9)
    alpha, beta = mirrored(*random_determinants(60, 6, (3, 3), 3), adjacent=True)
    n_elements = make_space(hamiltonian, (alpha, beta)).build().n_elements
    dense = build_determinant_hamiltonian_slow(hamiltonian, alpha, beta)
    whole = np.count_nonzero(np.abs(np.tril(dense, -1)) > 1e-12)
    own_images = int((alpha == beta).all(axis=1).sum())
    assert whole / 2 <= n_elements <= whole / 2 + len(alpha) * (own_images + 1)


@pytest.mark.parametrize("budget", [2**62, 1500, 0])
def test_growth_with_and_without_mirror_images(kernels: str, budget: int) -> None:
    """Images may come later, or not at all: the matrix is then another one."""
    hamiltonian = random_hamiltonian(6, seed=4)
    alpha, beta = mirrored(*random_determinants(80, 6, (3, 3), 5), adjacent=False)
    space = DeterminantSpace(hamiltonian, spin_penalty_hartree=0.2, n_threads=2)
    n = len(alpha)
    for end in (1, 30, n, n):
        space.append(alpha[:end], beta[:end])
        space.append(beta[: end // 2], alpha[: end // 2])
        space.build(memory_budget_bytes=budget)
        dense = build_determinant_hamiltonian_slow(hamiltonian, *space.strings(), spin_penalty_hartree=0.2)
        c = normalized(len(space))
        np.testing.assert_allclose(space.apply(c), dense @ c, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("penalty", "threshold"), [(0.0, 0.0), (0.4, 0.3)])
@pytest.mark.parametrize("sign", ["neither", "even", "odd"])
def test_outside_equals_slow_twin(
    kernels: str, sign: str, penalty: float, threshold: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
    determinants = mirrored(*random_determinants(12, 6, (3, 3), 3), adjacent=True)
    space = make_space(hamiltonians["narrow"], determinants, penalty=penalty)
    c = vectors(space)[sign]
    energy = float(c @ space.apply(c)) - 20.0
    check_outside(space, determinants, c, energy, penalty=penalty, threshold=threshold)


def test_the_best_outside_are_those_that_a_look_at_all_finds() -> None:
    """A state with next to no odd part is looked at whole; its best come in the same order."""
    determinants = mirrored(*random_determinants(12, 6, (3, 3), 3), adjacent=True)
    space = make_space(random_hamiltonian(6, seed=2), determinants)
    even, odd = (vectors(space)[sign] for sign in ("even", "odd"))
    energy = float(even @ space.apply(even)) - 20.0
    half = space.look_outside(even, energy, threshold_hartree=1e-12, n_keep=31)
    whole = space.look_outside(even + 1e-8 * odd, energy, threshold_hartree=1e-12, n_keep=31)
    assert half.n_determinants == whole.n_determinants
    assert half.energy_hartree == pytest.approx(whole.energy_hartree, abs=1e-6)
    np.testing.assert_allclose(half.importance, whole.importance, rtol=1e-5)
    assert len(half.alpha) == 31
    for a, b, importance in zip(half.alpha, half.beta, half.importance, strict=True):
        images = (half.alpha == b).all(axis=1) & (half.beta == a).all(axis=1)
        assert images.any() or importance == half.importance[-1]
