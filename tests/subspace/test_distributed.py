from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests import mpirun

from kakehashi.core.errors import InputError
from kakehashi.core.ranks import Ranks
from kakehashi.problem.lattice import hubbard
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import grow
from kakehashi.subspace.shards import owners_of


@pytest.fixture(scope="module")
def one_rank() -> dict[str, Any]:
    """Answers of one rank, by what was asked."""
    return {}


CASES = {
    "random": {"problem": "random", "grow": {"n_determinants": 600}},
    # Levels are equal here: only a state that is found to rounding keeps equally important determinants equal.
    "lattice": {
        "problem": "lattice",
        "grow": {"n_determinants": 120, "n_roots": 3, "criterion": "heat-bath", "tolerance": 1e-9},
    },
    "wide": {"problem": "wide", "grow": {"n_determinants": 300}},
    "open": {"problem": "open", "spin_penalty_hartree": 0.2, "n_batches": 3, "grow": {"n_determinants": 300}},
    "threads": {"problem": "random", "n_threads": 2, "grow": {"n_determinants": 200, "memory_budget_bytes": 0}},
}


@pytest.mark.parametrize("n_ranks", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", [c if c != "wide" else pytest.param(c, marks=pytest.mark.slow) for c in CASES])
def test_ranks_find_what_one_finds(case: str, n_ranks: int, one_rank: dict[str, Any]) -> None:
    if case not in one_rank:
        one_rank[case] = mpirun.run(1, "select", CASES[case])
    one, many = one_rank[case], mpirun.run(n_ranks, "select", CASES[case])
    for name in ("energies", "pt2", "spin_squared", "heat_bath", "in_parts"):
        np.testing.assert_allclose(many[name], one[name], rtol=0, atol=1e-9)
    for name in ("n_determinants", "n_outside", "n_stages", "n_elements", "probe"):
        if name == "probe":
            np.testing.assert_allclose(many[name], n_ranks * np.array(one[name]), rtol=1e-14)
        elif name == "n_elements":
            # A determinant that is its own mirror image stores more where the row is its own than where the column is.
            assert many[name] == one[name] if case == "open" else many[name] == pytest.approx(one[name], rel=0.05)
        else:
            assert many[name] == one[name]
    # the same determinants outside, seen at once and in parts, but for those that are equally important
    assert len(many["chosen"]) == len(one["chosen"])
    if case != "lattice":
        assert many["chosen"] == one["chosen"]
        assert many["chosen_in_parts"] == one["chosen"]
    assert many["in_parts"][2] == many["heat_bath"][2] == one["heat_bath"][2]
    assert sum(many["sizes"]) == one["n_determinants"]
    assert many["trace"] == pytest.approx(one["trace"], abs=1e-9)
    # the densities give the energy again; the penalty is in neither
    assert many["energy_of_densities"] == pytest.approx(many["energies"][0], abs=1e-6)
    assert many["energy_of_densities"] == pytest.approx(one["energy_of_densities"], abs=1e-9)


@pytest.mark.parametrize(
    "n_ranks", [pytest.param(2, marks=pytest.mark.slow), 3, pytest.param(4, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("n_parts", [pytest.param(1, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize(
    ("problem", "mirrored_in"),
    [
        ("random", []),
        ("random", [0, 1, 2, 3]),
        pytest.param("random", [0, 3], marks=pytest.mark.slow),
        ("open", []),
        pytest.param("wide", [], marks=pytest.mark.slow),
    ],
)
def test_products_do_not_depend_on_the_ranks(
    problem: str, mirrored_in: list[int], n_ranks: int, n_parts: int, one_rank: dict[str, Any]
) -> None:
    key = f"grow {problem} {mirrored_in}"
    options = {"problem": problem, "mirrored_in": mirrored_in}
    if key not in one_rank:
        one_rank[key] = mpirun.run(1, "grow_by_hand", options)
    many = mpirun.run(n_ranks, "grow_by_hand", {**options, "n_threads": 2, "n_parts": n_parts})
    stored, in_part, direct = (np.array(row) for row in many["products"])
    one_stored, one_in_part, one_direct = (np.array(row) for row in one_rank[key]["products"])
    np.testing.assert_allclose(stored, one_stored, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(direct, one_direct, rtol=1e-11, atol=1e-9)
    # which elements are stored, in single precision, is another matter on every number of ranks
    np.testing.assert_allclose(in_part, one_in_part, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("spin_flip", [True, False])
def test_memory_of_a_rank_falls_with_their_number(spin_flip: bool) -> None:
    options = {"problem": "random", "grow": {"n_determinants": 6000, "spin_flip": spin_flip}}
    one, two = (mpirun.run(n_ranks, "memory", options) for n_ranks in (1, 2))
    assert max(two["matrix"]) < 0.65 * one["matrix"][0]
    assert sum(two["sizes"]) == sum(one["sizes"])


def test_one_rank_is_a_space_like_any_other() -> None:
    problem = hubbard(4, u=2.0, n_elec=(2, 2))
    strings = all_strings(n_orb=4, n_electrons=2)
    spaces = DistributedSpace(problem.hamiltonian, Ranks()), DeterminantSpace(problem.hamiltonian)
    found = []
    for space in spaces:
        space.append(strings[:1], strings[:1])
        *_, stage = grow(space, n_determinants=20)
        found.append((stage.n_determinants, stage.energies_hartree[0], stage.spin_squared[0]))
    assert found[0] == found[1]


def test_wrong_strings_are_refused() -> None:
    space = DistributedSpace(hubbard(4, u=2.0, n_elec=(2, 2)).hamiltonian, Ranks())
    two, one = all_strings(n_orb=4, n_electrons=2), all_strings(n_orb=4, n_electrons=1)
    space.append(two[:1], two[:1])
    with pytest.raises(InputError, match="electrons in every determinant"):
        space.append(one[:1], two[:1])
    with pytest.raises(InputError, match="differ in length"):
        space.append(two[:2], two[:1])


def test_owners_are_spread_evenly() -> None:
    strings = all_strings(n_orb=16, n_electrons=8)
    for n_ranks in (2, 3, 7, 64):
        counts = np.bincount(owners_of(strings, strings, n_ranks), minlength=n_ranks)
        mean = len(strings) / n_ranks
        assert abs(counts - mean).max() < 6 * np.sqrt(mean)


def test_mirror_images_lie_on_the_same_rank() -> None:
    strings = all_strings(n_orb=16, n_electrons=8)
    alpha, beta = strings, strings[np.random.default_rng(1).permutation(len(strings))]
    for n_parts in (1, 3):
        owners = owners_of(alpha, beta, 7, n_parts=n_parts)
        np.testing.assert_array_equal(owners, owners_of(beta, alpha, 7, n_parts=n_parts))
    # with other numbers of electrons there is none
    fewer = np.repeat(all_strings(n_orb=16, n_electrons=7)[:1], len(strings), axis=0)
    np.testing.assert_array_equal(owners_of(strings, fewer, 7), owners_of(strings, strings, 7))


def test_a_string_with_many_determinants_is_held_in_parts() -> None:
    betas = all_strings(n_orb=16, n_electrons=8)
    alphas = np.repeat(betas[-1:], len(betas), axis=0)
    assert len(np.unique(owners_of(alphas, betas, 64))) == 1
    owners, counts = np.unique(owners_of(alphas, betas, 64, n_parts=8), return_counts=True)
    assert len(owners) == 8
    assert counts.max() < 1.2 * len(betas) / 8
    with pytest.raises(InputError, match="n_parts"):
        DistributedSpace(hubbard(4, u=2.0, n_elec=(2, 2)).hamiltonian, Ranks(), n_parts=2)


def test_the_best_of_all_are_chosen_by_importance_and_then_by_string() -> None:
    space = DistributedSpace(hubbard(6, u=2.0, n_elec=(3, 3)).hamiltonian, Ranks())
    strings = all_strings(n_orb=6, n_electrons=3)
    importance = np.array([9.0, 5.0, 5.0, 5.0, 1.0])
    alpha, beta, weakest = space.best_of(strings[[4, 3, 2, 1, 0]], strings[:5], importance, 3)
    assert weakest == 5.0
    np.testing.assert_array_equal(alpha, strings[[4, 2, 1]])
    np.testing.assert_array_equal(beta, strings[[0, 2, 3]])
    assert space.best_of(strings[:0], strings[:0], importance[:0], 3)[2] == 0.0
