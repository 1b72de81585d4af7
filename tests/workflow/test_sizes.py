from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Hamiltonian, Problem
from kakehashi.samples.random import all_strings, random_strings
from kakehashi.subspace.slow import build_hamiltonian_slow
from kakehashi.subspace.solve import solve_subspace
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.sizes import FEWEST_STRINGS, HALVINGS, shrink, trace_nested, trace_sizes

TIGHT = SubspaceSpec(residual_tolerance_hartree=1e-7)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=6)


@given(st.integers(1, 10**6))
def test_sizes_are_halved_until_few_are_left(n_strings: int) -> None:
    sizes = shrink(n_strings)
    assert len(sizes) <= HALVINGS
    assert all(FEWEST_STRINGS <= size < n_strings for size in sizes)
    assert all(2 * smaller <= larger <= 2 * smaller + 1 for smaller, larger in pairwise(sizes))
    assert sizes or n_strings < 2 * FEWEST_STRINGS


def test_a_curve_falls_and_ends_at_the_state(problem: Problem) -> None:
    state = solve_subspace(problem.hamiltonian, all_strings(n_orb=6, n_electrons=3), tolerance=1e-7)
    curve = trace_sizes(problem.hamiltonian, state, TIGHT)
    assert [point.n_determinants for point in curve] == [2**2, 5**2, 10**2, 20**2]
    assert all(later.energy_hartree <= earlier.energy_hartree + 1e-10 for earlier, later in pairwise(curve))
    assert curve[-1].energy_hartree == state.energy_hartree


def test_the_heaviest_strings_come_first(problem: Problem) -> None:
    state = solve_subspace(problem.hamiltonian, all_strings(n_orb=6, n_electrons=3), tolerance=1e-7)
    weights = state.string_weights()[0]
    two = np.sort(np.argsort(-weights)[:2])
    dense = build_hamiltonian_slow(problem.hamiltonian, state.alpha[two], state.alpha[two])
    expected = np.linalg.eigvalsh(dense)[0] + problem.hamiltonian.constant
    assert trace_sizes(problem.hamiltonian, state, TIGHT)[0].energy_hartree == pytest.approx(expected, abs=1e-10)


def test_each_spin_shrinks_in_its_own_proportion(problem: Problem) -> None:
    alpha, beta = (random_strings(n, n_orb=6, n_electrons=3, rng=n) for n in (16, 6))
    state = solve_subspace(problem.hamiltonian, alpha, beta, tolerance=1e-7)
    curve = trace_nested(problem.hamiltonian, alpha, beta, state, TIGHT)
    assert [point.n_determinants for point in curve] == [2 * 1, 4 * 1, 8 * 3, 16 * 6]
    dense = build_hamiltonian_slow(problem.hamiltonian, alpha[:8], beta[:3])
    expected = np.linalg.eigvalsh(dense)[0] + problem.hamiltonian.constant
    assert curve[2].energy_hartree == pytest.approx(expected, abs=1e-10)


def test_two_sets_that_happen_to_be_equal_stay_two() -> None:
    """By Hund's rule the lowest state is a triplet, which has the minus sign under spin exchange."""
    n = 4
    repulsion = np.zeros((n,) * 4)
    for p, q in itertools.product(range(n), repeat=2):
        repulsion[p, p, q, q] = 1.5 if p == q else 1.0
        if p != q:
            repulsion[p, q, p, q] = repulsion[p, q, q, p] = 0.3
    hund = Hamiltonian(one_body=np.diag([0.0, 0.0, 1.0, 1.0]), two_body=repulsion)
    strings = all_strings(n_orb=n, n_electrons=1)
    triplet = solve_subspace(hund, strings, strings)
    assert triplet.energy_hartree == pytest.approx(0.7)
    spec = SubspaceSpec(same_strings=False)
    assert [point.energy_hartree for point in trace_sizes(hund, triplet, spec)] == pytest.approx([0.7, 0.7])


def test_a_single_string_has_a_curve_of_one_point(problem: Problem) -> None:
    state = solve_subspace(problem.hamiltonian, all_strings(n_orb=6, n_electrons=3)[:1])
    (point,) = trace_sizes(problem.hamiltonian, state, TIGHT)
    assert (point.n_determinants, point.energy_hartree) == (1, state.energy_hartree)
