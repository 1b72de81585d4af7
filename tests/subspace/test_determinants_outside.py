"""What lies outside a native determinant space, against the slow twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.subspace.determinant_cases import CASES, case, embed, make_space, normalized, random_determinants
from tests.subspace.test_product import random_hamiltonian

from kakehashi.core.bits import Strings
from kakehashi.core.errors import InputError
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.slow import list_determinants_slow, look_outside_slow, matrix_element_slow


def check_outside(
    space: DeterminantSpace,
    determinants: tuple[Strings, Strings],
    c: NDArray[np.float64],
    energy: float,
    *,
    penalty: float = 0.0,
    threshold: float = 0.0,
) -> None:
    """One pass against the twin: sum, count, and both ways of choosing."""
    expected = look_outside_slow(
        space.hamiltonian,
        *determinants,
        c,
        energy,
        threshold_hartree=threshold,
        spin_penalty_hartree=penalty,
    )
    values = np.array(list(expected.values())).reshape(-1, 2)
    plain = space.look_outside(c, energy, threshold_hartree=threshold)
    # Alpha doubles pass through a single-precision number, so 6e-8 of the sum of all sizes is what can be lost.
    scale = np.abs(values[:, 0]).sum()
    assert plain.energy_hartree == pytest.approx(values[:, 0].sum(), rel=0, abs=3e-7 * scale + 1e-12)
    if threshold:
        assert plain.n_determinants == len(expected)
    for criterion, column in (("perturbation", 0), ("heat-bath", 1)):
        found = space.look_outside(
            c,
            energy,
            threshold_hartree=threshold,
            n_keep=len(expected) + 5,
            criterion=criterion,  # type: ignore[arg-type]
            least_importance_hartree=1e-9,
        )
        names = list_determinants_slow(found.alpha, found.beta, space.hamiltonian.n_orb)
        assert len(set(names)) == len(names)
        assert (np.diff(found.importance) <= 0).all()
        wanted = {name: abs(value[column]) for name, value in expected.items()}
        given_by = dict(zip(names, found.importance, strict=True))
        assert given_by.keys() <= wanted.keys()
        for name, value in wanted.items():
            assert given_by.get(name, 0.0) == pytest.approx(value, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("threshold", [0.0, 0.5])
@pytest.mark.parametrize("penalty", [0.0, 0.4])
@pytest.mark.parametrize("name", ["narrow", "unequal", "no-beta", "no-alpha"])
def test_outside_equals_slow_twin(
    kernels: str, name: str, penalty: float, threshold: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
    n = 6 if name.startswith("no") else 25
    hamiltonian, determinants = case(name, hamiltonians, n)
    space = make_space(hamiltonian, determinants, penalty=penalty)
    c = normalized(n)
    energy = float(c @ space.apply(c)) - 20.0
    check_outside(space, determinants, c, energy, penalty=penalty, threshold=threshold)


@pytest.mark.parametrize(("name", "penalty"), [("one-word-full", 0.0), ("two-words", 0.4)])
def test_outside_of_wide_strings(kernels: str, name: str, penalty: float, hamiltonians: dict[str, Hamiltonian]) -> None:
    """The twin of the same determinants over the few orbitals that have integrals."""
    hamiltonian, determinants = case(name, hamiltonians, 25)
    n_orb, orbitals, n_elec = CASES[name]
    small = hamiltonians["narrow"]
    packed = random_determinants(25, 6, n_elec, 3)
    space = make_space(hamiltonian, determinants, penalty=penalty)
    c = normalized(25)
    energy = float(c @ space.apply(c)) - 20.0
    twin = look_outside_slow(small, *packed, c, energy, spin_penalty_hartree=penalty)
    found = space.look_outside(c, energy, threshold_hartree=1e-13, n_keep=10_000, least_importance_hartree=1e-9)
    total = sum(value for value, _ in twin.values())
    assert found.energy_hartree == pytest.approx(total, rel=1e-6)
    names = list_determinants_slow(found.alpha, found.beta, n_orb)
    for name_found, importance in zip(names, found.importance, strict=True):
        spins = [(o % n_orb, o // n_orb) for o in name_found]
        original = tuple(orbitals.index(p) + 6 * spin for p, spin in spins)
        assert importance == pytest.approx(abs(twin[original][0]), rel=1e-5, abs=1e-8)


def test_batches_sum_to_the_whole(kernels: str) -> None:
    hamiltonian = random_hamiltonian(7, seed=2)
    space = make_space(hamiltonian, random_determinants(100, 7, (3, 3), 2))
    c = normalized(100)
    options: dict[str, Any] = {"threshold_hartree": 0.1, "coarse_threshold_hartree": 1.0, "n_keep": 5000}
    whole = space.look_outside(c, -60.0, **options)
    parts = [space.look_outside(c, -60.0, batch=i, n_batches=5, **options) for i in range(5)]
    assert sum(part.energy_hartree for part in parts) == pytest.approx(whole.energy_hartree, rel=1e-12)
    assert sum(part.coarse_energy_hartree for part in parts) == pytest.approx(whole.coarse_energy_hartree, rel=1e-12)
    assert sum(part.n_determinants for part in parts) == whole.n_determinants == len(whole.importance)
    assert sum(part.n_contributions for part in parts) == whole.n_contributions
    assert all(0 < part.n_determinants < whole.n_determinants for part in parts)
    met = {name for part in parts for name in list_determinants_slow(part.alpha, part.beta, 7)}
    assert met == set(list_determinants_slow(whole.alpha, whole.beta, 7))


def test_the_coarse_sum_is_that_of_a_coarse_pass(kernels: str) -> None:
    space = make_space(random_hamiltonian(7, seed=2), random_determinants(60, 7, (3, 2), 2), penalty=0.3)
    c = normalized(60)
    both = space.look_outside(c, -60.0, threshold_hartree=0.01, coarse_threshold_hartree=0.8)
    fine, coarse = (space.look_outside(c, -60.0, threshold_hartree=t) for t in (0.01, 0.8))
    assert both.energy_hartree == pytest.approx(fine.energy_hartree, rel=1e-12)
    assert both.coarse_energy_hartree == pytest.approx(coarse.energy_hartree, rel=1e-12)
    assert fine.energy_hartree != pytest.approx(coarse.energy_hartree, rel=1e-3)
    assert fine.coarse_energy_hartree == fine.energy_hartree


@pytest.mark.parametrize("criterion", ["perturbation", "heat-bath"])
@pytest.mark.parametrize("n_keep", [1, 17, 400])
def test_the_best_are_kept(kernels: str, criterion: Any, n_keep: int) -> None:
    space = make_space(random_hamiltonian(8, seed=2), random_determinants(40, 8, (4, 4), 2))
    c = normalized(40)
    everything, best = (
        space.look_outside(c, -80.0, threshold_hartree=0.05, n_keep=n, criterion=criterion) for n in (10_000, n_keep)
    )
    assert len(everything.importance) == everything.n_determinants > 1424 + n_keep  # so that the worst were dropped
    np.testing.assert_array_equal(best.alpha, everything.alpha[:n_keep])
    np.testing.assert_array_equal(best.beta, everything.beta[:n_keep])
    np.testing.assert_array_equal(best.importance, everything.importance[:n_keep])
    least = float(everything.importance[9])
    strong = space.look_outside(
        c, -80.0, threshold_hartree=0.05, n_keep=10_000, criterion=criterion, least_importance_hartree=least
    )
    np.testing.assert_array_equal(strong.importance, everything.importance[:10])


def test_degenerate_levels_shift_by_their_coupling() -> None:
    """A determinant at the very energy of the state: the formula alone would divide by zero."""
    h = np.array([[0.0, 0.25], [0.25, 0.0]])
    alpha = np.array([[1, 0]], dtype=np.uint64)
    space = DeterminantSpace(Hamiltonian(one_body=h, two_body=np.zeros((2,) * 4)))
    space.append(alpha, np.zeros_like(alpha))
    for energy, expected in (
        (0.0, -0.25),
        (1e-13, -0.25),
        (-0.1, -0.25),
        (-0.25, -0.25),
        (-1.0, -0.0625),
        (0.1, 0.25),
        (1.0, 0.0625),
    ):
        found = space.look_outside(np.ones(1), energy, threshold_hartree=0.0, n_keep=1)
        assert found.energy_hartree == pytest.approx(expected, rel=1e-12)
        assert found.importance[0] == pytest.approx(abs(expected), rel=1e-12)


def test_a_string_with_every_bit_set() -> None:
    """Sixty-four beta electrons in as many orbitals: no excitation, and no mark of a free slot."""
    small = random_hamiltonian(2, seed=0)
    hamiltonian = embed(small, 64, [0, 63])
    full = np.array([[2**64 - 1, 0]], dtype=np.uint64)
    alpha = np.array([[1, 0]], dtype=np.uint64)
    for name in ("alpha", "beta"):
        space = make_space(hamiltonian, (alpha, full) if name == "beta" else (full, alpha))
        found = space.look_outside(np.ones(1), -100.0, threshold_hartree=1e-10, n_keep=5)
        own = list_determinants_slow(*space.strings(), 64)
        assert found.n_determinants == 1
        moved = list_determinants_slow(found.alpha, found.beta, 64)
        assert set(own[0]) ^ set(moved[0]) == ({0, 63} if name == "beta" else {64, 127})
        coupling, level = (matrix_element_slow(hamiltonian, bra, moved[0]) for bra in (own[0], moved[0]))
        assert found.energy_hartree == pytest.approx(coupling**2 / (-100.0 - level), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold_hartree": -1.0}, "`threshold_hartree` must not be negative"),
        ({"threshold_hartree": np.nan}, "`threshold_hartree` must not be negative"),
        ({"n_keep": -1}, "`n_keep` must not be negative"),
        ({"criterion": "best"}, "`criterion` must be one of"),
        ({"batch": 2, "n_batches": 2}, "`batch` must be 0 to 1, but is 2"),
        ({"batch": -1}, "`batch` must be 0 to 0, but is -1"),
        ({"coefficients": np.ones(4)}, r"shape \(5,\), but has \(4,\)"),
        ({"coefficients": np.full(5, np.nan)}, "must be finite"),
        ({"energy_hartree": np.inf}, "must be finite"),
    ],
)
def test_impossible_passes_are_refused(options: dict[str, Any], message: str) -> None:
    space = make_space(random_hamiltonian(5, seed=0), random_determinants(5, 5, (2, 1), 0))
    arguments: dict[str, Any] = {"coefficients": normalized(5), "energy_hartree": -9.0, "threshold_hartree": 0.1}
    with pytest.raises(InputError, match=message):
        space.look_outside(**(arguments | options))


def test_an_empty_space_has_nothing_outside() -> None:
    space = DeterminantSpace(random_hamiltonian(3, seed=0))
    assert len(space) == 0
    assert space.build().n_rows == 0
    assert space.apply(np.ones(0)).shape == (0,)
    assert space.look_outside(np.ones(0), 0.0, threshold_hartree=0.0, n_keep=3).n_determinants == 0
