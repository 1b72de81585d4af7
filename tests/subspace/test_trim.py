from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kakehashi.core.bits import lowest_string
from kakehashi.core.errors import InputError
from kakehashi.problem.library import load_problem
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import Stage, grow, solve_space
from kakehashi.subspace.trim import trim_space


def grown(n_determinants: int, n_roots: int = 1) -> tuple[DeterminantSpace, Stage]:
    chain = load_problem("hydrogen-chain", n_atoms=8)
    space = DeterminantSpace(chain.hamiltonian, n_threads=1)
    space.append(*(lowest_string(n) for n in chain.n_elec))
    *_, stage = grow(space, n_determinants=n_determinants, two_s=0, n_roots=n_roots)
    return space, stage


def weights(stage: Stage) -> NDArray[np.float64]:
    return np.square(stage.coefficients).max(axis=0)


def test_the_heaviest_are_kept_with_their_mirror_images() -> None:
    space, stage = grown(400)
    smaller, start = trim_space(space, stage.coefficients, n_determinants=150)
    assert 150 <= len(smaller) <= 152
    alpha, beta = smaller.strings()
    assert (smaller.find(beta, alpha) >= 0).all()
    kept = space.find(alpha, beta)
    left_out = np.setdiff1d(np.arange(len(space)), kept)
    assert weights(stage)[kept].min() >= (1 - 1e-5) * weights(stage)[left_out].max()
    np.testing.assert_allclose(np.linalg.norm(start, axis=1), 1)
    np.testing.assert_allclose(start[0], stage.coefficients[0, kept] / np.linalg.norm(stage.coefficients[0, kept]))


def test_a_space_that_is_trimmed_and_grown_again_is_better() -> None:
    space, stage = grown(400)
    smaller, start = trim_space(space, stage.coefficients, n_determinants=200)
    *_, again = grow(smaller, n_determinants=400, two_s=0, start=start, threshold_hartree=stage.threshold_hartree)
    assert again.energies_hartree[0] < stage.energies_hartree[0]


def test_what_stays_is_solved_as_the_same_determinants_are() -> None:
    space, stage = grown(300)
    smaller, start = trim_space(space, stage.coefficients, n_determinants=100)
    fresh = DeterminantSpace(space.hamiltonian, n_threads=1)
    fresh.append(*smaller.strings())
    ours, theirs = solve_space(smaller, start, parity=1), solve_space(fresh, parity=1)
    assert ours.energies_hartree[0] == pytest.approx(theirs.energies_hartree[0], abs=1e-8)


def test_determinants_of_every_state_stay() -> None:
    space, stage = grown(300, n_roots=2)
    smaller, start = trim_space(space, stage.coefficients, n_determinants=150)
    assert start.shape == (2, len(smaller))
    np.testing.assert_allclose(np.linalg.norm(start, axis=1), 1)


def test_nothing_leaves_a_space_that_is_small_enough() -> None:
    space, stage = grown(100)
    same, start = trim_space(space, stage.coefficients, n_determinants=1000)
    assert len(same) == len(space)
    np.testing.assert_allclose(start, stage.coefficients, atol=1e-12)


def test_what_does_not_suit_the_space_is_refused() -> None:
    space, stage = grown(60)
    n = len(space)
    with pytest.raises(InputError, match=rf"must have shape \(n_roots, {n}\), but has \(1, {n - 1}\)"):
        trim_space(space, stage.coefficients[:, 1:], n_determinants=10)
    with pytest.raises(InputError, match="must be positive, but is 0"):
        trim_space(space, stage.coefficients, n_determinants=0)
    apart = np.zeros((2, n))
    apart[0, 0], apart[1, 1] = 1.0, 0.5
    with pytest.raises(InputError, match="keep more of them"):
        trim_space(space, apart, n_determinants=1)
