"""Several ranks are in test_distributed.py; here one process plays the shares of many."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.core.ranks import Ranks
from kakehashi.problem.lattice import hubbard
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.space import Criterion

HAMILTONIAN = hubbard(6, u=3.0, n_elec=(3, 2)).hamiltonian
ENERGY = -9.0


def strings(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    alphas, betas = (all_strings(n_orb=6, n_electrons=k) for k in (3, 2))
    return alphas[rng.integers(len(alphas), size=n)], betas[rng.integers(len(betas), size=n)]


@pytest.mark.parametrize("criterion", ["perturbation", "heat-bath"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_parts_of_a_space_add_up_to_the_whole(criterion: Criterion, n_threads: int) -> None:
    whole = DeterminantSpace(HAMILTONIAN, n_threads=n_threads)
    whole.append(*strings(80, seed=1))
    c = np.random.default_rng(2).normal(size=len(whole))
    c /= np.linalg.norm(c)
    options = {"threshold_hartree": 1e-3, "coarse_threshold_hartree": 0.1, "n_keep": 10, "criterion": criterion}
    expected = whole.look_outside(c, ENERGY, **options)

    alpha, beta = whole.strings()
    found = np.empty((2, 10, 2), dtype=np.uint64)
    importance = np.empty(10)
    how = (ENERGY, 1e-3, 0.1, 1, 0, criterion == "heat-bath", False)
    parts, n_contributions = None, 0
    for share in np.array_split(np.arange(len(whole)), 4):
        window = whole.another()
        window.append(alpha[share], beta[share])
        parts = parts or window.native.blocks.make_partial_sums(2**62)
        n_contributions += window.native.blocks.perturb_in_part(parts, c[share].copy(), *how, 2**62)[3]
    assert parts is not None
    assert parts.size > expected.n_determinants
    energy, coarse, n_outside, _, n_kept, _ = window.native.blocks.finish_parts(
        parts, c[share].copy(), *how, 0.0, *found, importance
    )
    assert energy == pytest.approx(expected.energy_hartree, abs=1e-12)
    assert coarse == pytest.approx(expected.coarse_energy_hartree, abs=1e-12)
    assert (n_outside, n_contributions, n_kept) == (expected.n_determinants, expected.n_contributions, 10)
    np.testing.assert_allclose(importance, expected.importance, rtol=1e-6)
    assert parts.size == 0


def test_parts_that_do_not_fit_are_told() -> None:
    space = DeterminantSpace(HAMILTONIAN, n_threads=2)
    space.append(*strings(80, seed=1))
    c = np.full(len(space), len(space) ** -0.5)
    parts = space.native.blocks.make_partial_sums(2000)
    space.native.blocks.perturb_in_part(parts, c, ENERGY, 1e-3, 1e-3, 1, 0, False, False, 2**62)
    assert parts.full
    assert parts.size * 48 <= 2000


def test_batches_add_up() -> None:
    space = DistributedSpace(HAMILTONIAN, Ranks(), n_threads=1)
    space.append(*strings(80, seed=1))
    c = np.full(len(space), len(space) ** -0.5)
    whole = space.look_outside(c, ENERGY, threshold_hartree=1e-9)
    parts = [space.look_outside(c, ENERGY, threshold_hartree=1e-9, batch=k, n_batches=5) for k in range(5)]
    assert sum(part.energy_hartree for part in parts) == pytest.approx(whole.energy_hartree, abs=1e-12)
    assert sum(part.n_determinants for part in parts) == whole.n_determinants


def test_another_space_is_empty_and_has_the_same_hamiltonian() -> None:
    space = DeterminantSpace(HAMILTONIAN, spin_penalty_hartree=0.5, n_threads=1)
    space.append(*strings(20, seed=4))
    other = space.another()
    assert (len(other), other.n_elec) == (0, (0, 0))
    other.append(*space.strings())
    np.testing.assert_array_equal(other.apply(np.ones(len(space))), space.apply(np.ones(len(space))))
