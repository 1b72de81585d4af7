from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kakehashi.core.bits import lowest_string
from kakehashi.problem.library import load_problem
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Problem
from kakehashi.samples.random import all_strings
from kakehashi.subspace.model import State
from kakehashi.subspace.solve import solve_subspace
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.control import solve_control

SPEC = SubspaceSpec(residual_tolerance_hartree=1e-6)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=6)


@pytest.fixture(scope="module")
def best(problem: Problem) -> State:
    """The lowest state in 8 of the 20 strings of 3 electrons in 6 orbitals."""
    return solve_subspace(problem.hamiltonian, all_strings(n_orb=6, n_electrons=3)[:8])


def test_a_control_is_as_large_as_the_run_and_no_worse_than_hartree_fock(problem: Problem, best: State) -> None:
    control = solve_control(problem, best, SPEC, seed=1)
    assert control.n_determinants == best.n_determinants == 64
    assert control.energy_hartree <= hartree_fock_energy(problem) + 1e-9
    assert control.loop_energy_hartree is None
    assert [point.n_determinants for point in control.size_curve] == [4, 16, 64]
    assert control.size_curve[-1].energy_hartree == control.energy_hartree


def test_the_seed_alone_decides_which_strings_are_drawn(problem: Problem, best: State) -> None:
    first = solve_control(problem, best, SPEC, seed=1)
    moved = dataclasses.replace(best, energy_hartree=0.0, coefficients=np.eye(8) / np.sqrt(8))
    assert solve_control(problem, moved, SPEC, seed=1).energy_hartree == pytest.approx(first.energy_hartree, abs=1e-12)
    energies = {round(solve_control(problem, best, SPEC, seed=seed).energy_hartree, 6) for seed in range(5)}
    assert len(energies) == 5


def test_a_single_string_is_hartree_focks(problem: Problem) -> None:
    single = solve_subspace(problem.hamiltonian, lowest_string(3))
    control = solve_control(problem, single, SPEC, seed=3)
    assert control.energy_hartree == pytest.approx(hartree_fock_energy(problem), abs=1e-10)


def test_the_whole_space_is_the_same_for_everyone(problem: Problem) -> None:
    whole = solve_subspace(problem.hamiltonian, all_strings(n_orb=6, n_electrons=3), tolerance=1e-6)
    control = solve_control(problem, whole, SPEC, seed=5)
    assert control.energy_hartree == pytest.approx(whole.energy_hartree, abs=1e-9)
    assert control.spin_squared == pytest.approx(0.0, abs=1e-6)


def test_each_spin_has_strings_of_its_own_where_the_run_has(problem: Problem) -> None:
    strings = all_strings(n_orb=6, n_electrons=3)
    state = solve_subspace(problem.hamiltonian, strings[:8], strings[:5])
    assert solve_control(problem, state, SPEC, seed=1).n_determinants == 40
    equal_by_chance = solve_subspace(problem.hamiltonian, strings[:8], strings[:8])
    shared = solve_control(problem, equal_by_chance, SPEC, seed=1)
    own = solve_control(problem, equal_by_chance, SPEC.model_copy(update={"same_strings": False}), seed=1)
    assert own.n_determinants == shared.n_determinants == 64
    assert own.energy_hartree != pytest.approx(shared.energy_hartree, abs=1e-6)
