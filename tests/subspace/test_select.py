"""Growth of selected spaces: to the full space, and to the best of what lies outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyscf import fci
from scipy.linalg import expm
from tests.subspace.determinant_cases import normalized, random_determinants
from tests.subspace.test_product import random_hamiltonian

from kakehashi.core.bits import lowest_string
from kakehashi.core.errors import InputError
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.model import Hamiltonian
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import Stage, grow, solve_space
from kakehashi.subspace.slow import list_determinants_slow, look_outside_slow


def chain(n: int = 6) -> Hamiltonian:
    """A Hubbard chain over its one-electron states: a full space with weak and strong couplings."""
    return hubbard(n, u=2.0, n_elec=(n // 2, n // 2), periodic=False, basis="standing_wave").hamiltonian


def molecule_like(n_orb: int, seed: int) -> Hamiltonian:
    """Levels one hartree apart with random couplings a tenth of that: the lowest determinant dominates."""
    random = random_hamiltonian(n_orb, seed)
    return Hamiltonian(
        one_body=np.diag(np.arange(n_orb, dtype=np.float64)) + 0.02 * random.one_body,
        two_body=0.01 * random.two_body,
        constant=-3.0,
    )


def exact(hamiltonian: Hamiltonian, n_elec: tuple[int, int], n_roots: int = 1) -> np.ndarray:
    solver = fci.direct_spin1.FCI()
    solver.conv_tol, solver.max_cycle, solver.pspace_size = 1e-12, 300, 50
    integrals = hamiltonian.one_body, hamiltonian.two_body, hamiltonian.n_orb
    energies, _ = solver.kernel(*integrals, n_elec, nroots=n_roots, ecore=hamiltonian.constant)
    return np.atleast_1d(energies)


def seeded(hamiltonian: Hamiltonian, n_elec: tuple[int, int], **options: Any) -> DeterminantSpace:
    space = DeterminantSpace(hamiltonian, n_threads=1, **options)
    space.append(*(lowest_string(n) for n in n_elec))
    return space


@pytest.mark.parametrize("budget", [2**62, 0])
@pytest.mark.parametrize("n_elec", [(3, 3), (4, 2), (3, 0)])
@pytest.mark.parametrize("criterion", ["perturbation", "heat-bath"])
def test_growth_to_the_full_space_is_full_configuration_interaction(
    n_elec: tuple[int, int], criterion: Any, budget: int
) -> None:
    hamiltonian = molecule_like(6, seed=1)
    space = seeded(hamiltonian, n_elec)
    stages = list(grow(space, n_determinants=10_000, criterion=criterion, tolerance=1e-8, memory_budget_bytes=budget))
    sizes = [len(all_strings(n_orb=6, n_electrons=n)) for n in n_elec]
    assert stages[-1].n_determinants == len(space) == sizes[0] * sizes[1]
    assert all(stage.converged for stage in stages)
    energies = [stage.energies_hartree[0] for stage in stages]
    assert np.all(np.diff(energies) < 1e-9)
    assert energies[-1] == pytest.approx(exact(hamiltonian, n_elec)[0], abs=1e-10 if budget == 0 else 1e-8)
    elapsed = [stage.elapsed_s for stage in stages]
    assert elapsed == sorted(elapsed)


def test_several_roots() -> None:
    hamiltonian = molecule_like(5, seed=2)
    *_, last = grow(seeded(hamiltonian, (3, 2)), n_determinants=1000, n_roots=3, tolerance=1e-8)
    assert last.n_determinants == 100
    np.testing.assert_allclose(last.energies_hartree, exact(hamiltonian, (3, 2), 3), atol=1e-8)
    np.testing.assert_allclose(last.coefficients @ last.coefficients.T, np.eye(3), atol=1e-12)


def test_a_space_that_starts_smaller_than_the_number_of_roots() -> None:
    stages = list(grow(seeded(molecule_like(5, seed=2), (2, 2)), n_determinants=100, n_roots=2, growth=1.5))
    assert [len(stage.energies_hartree) for stage in stages[:2]] == [1, 2]


@pytest.mark.parametrize("criterion", ["perturbation", "heat-bath"])
def test_a_stage_takes_in_the_best_of_what_is_outside(criterion: Any) -> None:
    hamiltonian = molecule_like(6, seed=3)
    space = DeterminantSpace(hamiltonian, n_threads=1)
    space.append(*random_determinants(30, 6, (3, 2), 4))
    before = space.strings()
    stages = grow(space, n_determinants=70, criterion=criterion)
    first = next(stages)
    next(stages)
    twin = look_outside_slow(
        hamiltonian, *before, first.coefficients[0], first.penalized_hartree[0], threshold_hartree=1e-5
    )
    column = 0 if criterion == "perturbation" else 1
    best = sorted(twin, key=lambda name: -abs(twin[name][column]))[:40]
    taken = list_determinants_slow(*(strings[30:] for strings in space.strings()), 6)
    assert len(taken) == 40
    # Of nearly equal ones either may be taken.
    worst = abs(twin[best[-1]][column])
    for name in set(best) ^ set(taken):
        assert abs(twin[name][column]) == pytest.approx(worst, rel=1e-4)


def test_mirror_images_come_together() -> None:
    hamiltonian = molecule_like(6, seed=5)
    space = DeterminantSpace(hamiltonian, n_threads=1)
    space.append(*random_determinants(5, 6, (3, 3), 4))
    for stage in grow(space, n_determinants=150, tolerance=1e-7):
        alpha, beta = space.strings()
        partners = space.find(beta, alpha)
        assert (partners >= 0).all()
        c = stage.coefficients[0]
        parity = np.sign(c @ c[partners])
        np.testing.assert_allclose(c[partners], parity * c, atol=1e-5)


def test_without_mirror_images_the_size_is_exact() -> None:
    stages = list(grow(seeded(molecule_like(6, seed=5), (3, 3)), n_determinants=130, growth=3.0, spin_flip=False))
    assert [stage.n_determinants for stage in stages] == [1, 51, 130]
    mirrored = list(grow(seeded(molecule_like(6, seed=5), (3, 3)), n_determinants=130, growth=3.0))
    assert 130 <= mirrored[-1].n_determinants < 200


def test_weak_couplings_are_found_in_the_end() -> None:
    """Nothing couples above the first threshold, yet the space is not complete."""
    h = np.diag([0.0, 1.0, 2.0]) + 1e-6 * (np.eye(3, k=1) + np.eye(3, k=-1))
    hamiltonian = Hamiltonian(one_body=h, two_body=np.zeros((3,) * 4))
    *_, last = grow(seeded(hamiltonian, (1, 0)), n_determinants=3, tolerance=1e-9)
    assert last.n_determinants == 3
    uncoupled = Hamiltonian(one_body=np.diag([0.0, 1.0, 2.0]), two_body=np.zeros((3,) * 4))
    assert [stage.n_determinants for stage in grow(seeded(uncoupled, (1, 0)), n_determinants=3)] == [1]


def test_the_spin_penalty_raises_higher_spins_and_is_not_in_the_energy() -> None:
    hamiltonian = chain(4)
    sets = all_strings(n_orb=4, n_electrons=2)
    alpha, beta = np.repeat(sets, 6, axis=0), np.tile(sets, (6, 1))
    plain, steered = (DeterminantSpace(hamiltonian, spin_penalty_hartree=x, n_threads=1) for x in (0.0, 5.0))
    for space in (plain, steered):
        space.append(alpha, beta)
    low, singlets = (solve_space(space, n_roots=4, tolerance=1e-8) for space in (plain, steered))
    assert max(low.spin_squared) == pytest.approx(2.0, abs=1e-6)
    assert singlets.spin_squared == pytest.approx([0.0] * 4, abs=1e-6)
    assert singlets.energies_hartree[0] == pytest.approx(low.energies_hartree[0], abs=1e-7)
    for value, energy, spin in zip(
        singlets.penalized_hartree, singlets.energies_hartree, singlets.spin_squared, strict=True
    ):
        assert energy == pytest.approx(value - 5.0 * spin + hamiltonian.constant, abs=1e-10)


def test_a_start_is_heeded() -> None:
    hamiltonian = molecule_like(6, seed=7)
    space = DeterminantSpace(hamiltonian, n_threads=1)
    space.append(*random_determinants(250, 6, (3, 2), 4))
    cold = solve_space(space, tolerance=1e-7)
    warm = solve_space(space, cold.coefficients, tolerance=1e-7)
    assert warm.n_iterations == 1 < cold.n_iterations
    assert space.append(*random_determinants(300, 6, (3, 2), 4)) == 50
    longer = solve_space(space, cold.coefficients, n_roots=2, tolerance=1e-7)
    assert longer.energies_hartree[0] < cold.energies_hartree[0]
    assert longer.converged


def test_a_state_that_is_not_converged_says_so() -> None:
    space = DeterminantSpace(chain(), n_threads=1)
    space.append(*random_determinants(390, 6, (3, 3), 1))
    stage = solve_space(space, n_roots=2, tolerance=1e-10, max_iterations=2)
    assert isinstance(stage, Stage)
    assert not stage.converged
    assert stage.n_iterations == 2


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_the_energy_of_a_full_space_does_not_depend_on_the_orbitals(seed: int) -> None:
    hamiltonian = molecule_like(4, seed)
    generator = np.random.default_rng(seed).normal(size=(4, 4))
    turned = hamiltonian.rotate(expm(generator - generator.T))
    sets = [all_strings(n_orb=4, n_electrons=n) for n in (2, 1)]
    alpha, beta = np.repeat(sets[0], 4, axis=0), np.tile(sets[1], (6, 1))
    energies = []
    for integrals in (hamiltonian, turned):
        space = DeterminantSpace(integrals, n_threads=1)
        space.append(alpha, beta)
        energies.append(solve_space(space, tolerance=1e-8, memory_budget_bytes=0).energies_hartree[0])
    assert energies[1] == pytest.approx(energies[0], abs=1e-10)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_a_larger_space_never_raises_the_energy(seed: int) -> None:
    """The perturbative energy of a ground state lowers it as well: none lies below."""
    stages = list(grow(seeded(molecule_like(5, seed), (3, 2)), n_determinants=100, growth=1.3, tolerance=1e-7))
    energies = [stage.energies_hartree[0] for stage in stages]
    assert np.all(np.diff(energies) < 1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"growth": 1.0}, "`growth` must be greater than 1, but is 1.0"),
        ({"n_roots": 0}, "`n_roots` must be 1 to 1"),
        ({"criterion": "largest"}, "`criterion` must be one of"),
        ({"start": np.ones((1, 2))}, "`start` has 2 determinants, but the space has 1"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(grow(seeded(chain(), (3, 3)), n_determinants=100, **options))


def test_an_empty_space_cannot_grow() -> None:
    with pytest.raises(InputError, match="holds no determinant"):
        next(grow(DeterminantSpace(chain()), n_determinants=100))


def test_more_roots_than_determinants_are_refused() -> None:
    with pytest.raises(InputError, match="`n_roots` must be 1 to 1 in this space, but is 2"):
        solve_space(seeded(chain(), (3, 3)), n_roots=2)


def test_a_space_that_is_large_enough_is_solved_once() -> None:
    space = DeterminantSpace(chain(), n_threads=1)
    space.append(*random_determinants(40, 6, (4, 2), 1))
    stages = list(grow(space, n_determinants=40, start=normalized(40)[None]))
    assert [stage.n_determinants for stage in stages] == [40]
