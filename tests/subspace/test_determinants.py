"""The native determinant spaces against their slow twins, on every instruction set that this machine has."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyscf import fci
from tests.subspace.test_product import random_hamiltonian

from kakehashi import _native
from kakehashi.core.bits import Strings, pack_strings
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.problem.model import Hamiltonian, symmetrized_two_body
from kakehashi.samples.random import all_strings, random_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.slow import (
    build_determinant_hamiltonian_slow,
    build_determinant_spin_squared_slow,
    determinant_densities_slow,
    list_determinants_slow,
    look_outside_slow,
    matrix_element_slow,
)

SINGLE = 2.0**-24
"""Relative rounding of a stored element."""


@pytest.fixture(params=["portable", "avx2", "avx512"])
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    if not _native.select_kernels(request.param):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    _native.select_kernels("widest")


def embed(small: Hamiltonian, n_orb: int, orbitals: list[int]) -> Hamiltonian:
    """The same integrals over some orbitals of many; zero elsewhere."""
    h, g = np.zeros((n_orb,) * 2), np.zeros((n_orb,) * 4)
    h[np.ix_(orbitals, orbitals)] = small.one_body
    g[np.ix_(*[orbitals] * 4)] = small.two_body
    return Hamiltonian(one_body=h, two_body=g)


def embed_strings(strings: Strings, n_orb: int, orbitals: list[int]) -> Strings:
    occupied = np.zeros((len(strings), n_orb), dtype=np.bool_)
    for i, p in enumerate(orbitals):
        occupied[:, p] = (strings[:, 0] >> np.uint64(i)) & np.uint64(1)
    return pack_strings(occupied)


def random_determinants(n: int, n_orb: int, n_elec: tuple[int, int], seed: int) -> tuple[Strings, Strings]:
    """Distinct pairs of strings, without any structure."""
    sets = [all_strings(n_orb=n_orb, n_electrons=count) for count in n_elec]
    size = len(sets[0]) * len(sets[1])
    chosen = np.random.default_rng(seed).permutation(size)[:n]
    return sets[0][chosen // len(sets[1])], sets[1][chosen % len(sets[1])]


def make_space(
    hamiltonian: Hamiltonian, determinants: tuple[Strings, Strings], *, penalty: float = 0.0, n_threads: int = 1
) -> DeterminantSpace:
    space = DeterminantSpace(hamiltonian, spin_penalty_hartree=penalty, n_threads=n_threads)
    assert space.append(*determinants) == len(determinants[0])
    return space


def columns(space: DeterminantSpace) -> NDArray[np.float64]:
    return np.stack([space.apply(unit) for unit in np.eye(len(space))], axis=1)


def normalized(n: int, seed: int = 0) -> NDArray[np.float64]:
    c = np.random.default_rng(seed).normal(size=n)
    return c / np.linalg.norm(c)


CASES = {
    "narrow": (6, list(range(6)), (3, 3)),
    "unequal": (6, list(range(6)), (4, 2)),
    "no-beta": (6, list(range(6)), (3, 0)),
    "no-alpha": (6, list(range(6)), (0, 2)),
    "one-word-full": (64, [0, 7, 31, 32, 62, 63], (3, 2)),
    "two-words": (66, [0, 5, 62, 63, 64, 65], (3, 3)),
    "last-orbital": (128, [1, 60, 63, 64, 100, 127], (2, 3)),
}


@pytest.fixture(scope="module")
def hamiltonians() -> dict[str, Hamiltonian]:
    """Built once: 128 orbitals take two gigabytes while they are checked."""
    small = random_hamiltonian(6, seed=1)
    return {name: embed(small, n_orb, orbitals) for name, (n_orb, orbitals, _) in CASES.items() if n_orb < 100}


def case(
    name: str, hamiltonians: dict[str, Hamiltonian], n: int, seed: int = 3
) -> tuple[Hamiltonian, tuple[Strings, Strings]]:
    n_orb, orbitals, n_elec = CASES[name]
    alpha, beta = random_determinants(n, 6, n_elec, seed)
    moved = embed_strings(alpha, n_orb, orbitals), embed_strings(beta, n_orb, orbitals)
    return hamiltonians[name], moved


WITH_PENALTY = [("narrow", 0.0), *((name, 0.4) for name in CASES if name != "last-orbital"), ("two-words", 0.0)]


@pytest.mark.parametrize(("name", "penalty"), WITH_PENALTY)
def test_matrix_equals_slow_twin(
    instruction_set: str, name: str, penalty: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
    hamiltonian, determinants = case(name, hamiltonians, 50)
    space = make_space(hamiltonian, determinants, penalty=penalty)
    dense = build_determinant_hamiltonian_slow(hamiltonian, *determinants, spin_penalty_hartree=penalty)
    found = columns(space)
    # Stored elements are rounded to single precision, each by at most 2^-24 of its size; the diagonal is not.
    np.testing.assert_array_less(np.abs(found - dense), 1.01 * SINGLE * np.abs(dense) + 1e-11)
    np.testing.assert_allclose(np.diag(found), np.diag(dense), atol=1e-11)
    np.testing.assert_allclose(space.diagonal(), np.diag(dense), atol=1e-11)
    spin = build_determinant_spin_squared_slow(*determinants, hamiltonian.n_orb)
    c = normalized(len(space))
    assert space.spin_squared(c) == pytest.approx(c @ spin @ c, abs=1e-12)


@pytest.mark.parametrize(("name", "penalty"), WITH_PENALTY)
def test_rows_that_are_not_stored_are_right_to_double_precision(
    instruction_set: str, name: str, penalty: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
    hamiltonian, determinants = case(name, hamiltonians, 50)
    space = make_space(hamiltonian, determinants, penalty=penalty)
    size = space.build(memory_budget_bytes=0)
    assert (size.n_elements, size.n_rows, size.n_bytes) == (0, 0, 0)
    dense = build_determinant_hamiltonian_slow(hamiltonian, *determinants, spin_penalty_hartree=penalty)
    np.testing.assert_allclose(columns(space), dense, atol=1e-11)


def test_a_small_budget_stores_some_rows(instruction_set: str) -> None:
    hamiltonian = random_hamiltonian(6, seed=1)
    determinants = random_determinants(300, 6, (3, 3), 3)
    stored, partly = (make_space(hamiltonian, determinants) for _ in range(2))
    full = stored.build()
    part = partly.build(memory_budget_bytes=full.n_bytes // 3)
    assert 0 < part.n_rows < full.n_rows == 300
    assert full.n_bytes // 3 <= part.n_bytes < full.n_bytes
    c = normalized(300)
    # 6e-8 is the precision of a stored element, and of the sum as long as nothing cancels.
    np.testing.assert_allclose(partly.apply(c), stored.apply(c), rtol=1e-6, atol=1e-6)
    dense = build_determinant_hamiltonian_slow(hamiltonian, *determinants)
    bound = SINGLE * np.abs(c) @ np.abs(dense) @ np.abs(c)
    for space in (stored, partly):
        assert abs(c @ space.apply(c) - c @ dense @ c) < bound


def test_counts_of_elements() -> None:
    hamiltonian = random_hamiltonian(6, seed=9, n_irreps=2)
    determinants = random_determinants(90, 6, (3, 2), 3)
    size = make_space(hamiltonian, determinants).build()
    dense = build_determinant_hamiltonian_slow(hamiltonian, *determinants)
    assert size.n_elements == np.count_nonzero(np.abs(np.tril(dense, -1)) > 1e-12)
    assert size.n_rows == 90
    assert size.n_bytes > 8 * size.n_elements


@pytest.mark.parametrize("budget", [2**62, 4000, 0])
def test_growth_in_steps_equals_growth_at_once(instruction_set: str, budget: int) -> None:
    hamiltonian = random_hamiltonian(6, seed=4)
    alpha, beta = random_determinants(250, 6, (3, 2), 5)
    whole = make_space(hamiltonian, (alpha, beta), penalty=0.2)
    whole.build(memory_budget_bytes=budget)
    steps = DeterminantSpace(hamiltonian, spin_penalty_hartree=0.2, n_threads=2)
    for part in (slice(0, 1), slice(1, 40), slice(40, 41), slice(41, 250)):
        steps.append(alpha[part], beta[part])
        size = steps.build(memory_budget_bytes=budget)
    c = normalized(250)
    if budget == 2**62:
        assert size.n_elements == whole.build().n_elements
        np.testing.assert_allclose(steps.apply(c), whole.apply(c), atol=1e-12)
    else:  # other rows are stored: the two differ by the precision of stored elements
        np.testing.assert_allclose(steps.apply(c), whole.apply(c), atol=1e-5)
    np.testing.assert_array_equal(steps.diagonal(), whole.diagonal())
    np.testing.assert_array_equal(steps.strings(), whole.strings())
    np.testing.assert_array_equal(whole.strings(), (alpha, beta))


def test_rows_are_built_when_they_are_needed() -> None:
    hamiltonian = random_hamiltonian(5, seed=4)
    alpha, beta = random_determinants(40, 5, (3, 2), 5)
    space = make_space(hamiltonian, (alpha[:20], beta[:20]))
    space.build(memory_budget_bytes=0)
    space.append(alpha[20:], beta[20:])
    dense = build_determinant_hamiltonian_slow(hamiltonian, alpha, beta)
    np.testing.assert_allclose(columns(space), dense, atol=1e-5)


def test_a_forgotten_matrix_is_built_again() -> None:
    space = make_space(random_hamiltonian(6, seed=3), random_determinants(60, 6, (3, 3), 3))
    c = normalized(60)
    size, product = space.build(), space.apply(c)
    space.forget_matrix()
    np.testing.assert_array_equal(space.apply(c), product)
    space.forget_matrix()
    assert space.build() == size


def test_integrals_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kakehashi.core.resources.available_memory_bytes", lambda: 1000)
    with pytest.raises(ResourceError, match=r"A space over 6 orbitals needs about 5\.9 KiB of memory, but 1000 B is"):
        DeterminantSpace(random_hamiltonian(6, seed=3))


def test_a_result_goes_into_the_array_given() -> None:
    space = make_space(random_hamiltonian(5, seed=4), random_determinants(20, 5, (3, 2), 5))
    c, out = normalized(20), np.empty(20)
    assert space.apply(c, out=out) is out
    np.testing.assert_array_equal(out, space.apply(c))


def test_duplicates_are_dropped_and_found() -> None:
    alpha, beta = random_determinants(60, 6, (3, 2), 1)
    space = DeterminantSpace(random_hamiltonian(6, seed=0))
    assert space.n_elec == (0, 0)
    assert space.append(alpha[[0, 1, 0, 1, 2]], beta[[0, 1, 0, 1, 2]]) == 3
    assert space.append(alpha[:40], beta[:40]) == 37
    assert space.append(alpha[:0], beta[:0]) == 0
    assert space.n_elec == (3, 2)
    assert len(space) == 40
    np.testing.assert_array_equal(space.find(alpha, beta), [*range(40), *[-1] * 20])
    np.testing.assert_array_equal(space.strings(), (alpha[:40], beta[:40]))


def test_many_determinants_are_found_again() -> None:
    """Enough for the tables to grow several times."""
    sets = [random_strings(150, n_orb=70, n_electrons=n, rng=n) for n in (9, 8)]
    alpha, beta = np.repeat(sets[0], 150, axis=0), np.tile(sets[1], (150, 1))
    order = np.random.default_rng(0).permutation(len(alpha))
    space = DeterminantSpace(embed(random_hamiltonian(2, seed=0), 70, [0, 69]))
    assert space.append(alpha[order], beta[order]) == 22500
    np.testing.assert_array_equal(space.find(alpha[order], beta[order]), np.arange(22500))
    assert (space.find(*random_determinants(50, 8, (4, 4), 0)) == -1).all()


@pytest.mark.parametrize("n_elec", [(5, 5), (5, 3)])
def test_threads_agree(instruction_set: str, n_elec: tuple[int, int]) -> None:
    hamiltonian = random_hamiltonian(9, seed=6)
    determinants = random_determinants(1500, 9, n_elec, 2)
    c = normalized(1500)
    one, two = (make_space(hamiltonian, determinants, penalty=0.1, n_threads=n) for n in (1, 2))
    assert one.build().n_elements == two.build().n_elements
    np.testing.assert_allclose(two.apply(c), one.apply(c), rtol=0, atol=1e-12 * np.abs(one.apply(c)).max())
    assert two.spin_squared(c) == pytest.approx(one.spin_squared(c), abs=1e-12)
    left, right = one.densities(c), two.densities(c)
    np.testing.assert_allclose(right.one_body, left.one_body, atol=1e-12)
    np.testing.assert_allclose(right.pairs, left.pairs, atol=1e-12)
    energy = float(c @ one.apply(c))
    looks = [
        space.look_outside(c, energy, threshold_hartree=1e-3, coarse_threshold_hartree=1e-1, n_keep=300)
        for space in (one, two)
    ]
    assert looks[1].energy_hartree == pytest.approx(looks[0].energy_hartree, rel=1e-12)
    assert looks[1].coarse_energy_hartree == pytest.approx(looks[0].coarse_energy_hartree, rel=1e-12)
    assert looks[1].n_determinants == looks[0].n_determinants
    assert looks[1].n_contributions == looks[0].n_contributions
    for part in ("alpha", "beta", "importance"):  # bit for bit: the choice must not depend on the threads
        np.testing.assert_array_equal(getattr(looks[1], part), getattr(looks[0], part))


@given(seed=st.integers(0, 10_000), n_orb=st.integers(2, 5), data=st.data())
@settings(max_examples=25)
def test_any_small_space_equals_its_slow_twin(seed: int, n_orb: int, data: st.DataObject) -> None:
    n_elec = data.draw(st.tuples(st.integers(0, n_orb), st.integers(0, n_orb)))
    hamiltonian = random_hamiltonian(n_orb, seed, n_irreps=data.draw(st.sampled_from([1, 2, 4])))
    determinants = random_determinants(data.draw(st.integers(1, 30)), n_orb, n_elec, seed)
    penalty = data.draw(st.sampled_from([0.0, 1.5]))
    space = make_space(hamiltonian, determinants, penalty=penalty)
    space.build(memory_budget_bytes=data.draw(st.sampled_from([0, 300, 2**62])))
    dense = build_determinant_hamiltonian_slow(hamiltonian, *determinants, spin_penalty_hartree=penalty)
    np.testing.assert_array_less(np.abs(columns(space) - dense), 1.01 * SINGLE * np.abs(dense) + 1e-10)
    c = normalized(len(space), seed)
    check_outside(space, determinants, c, float(c @ dense @ c), penalty=penalty)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_exchanging_the_spins_changes_nothing(seed: int) -> None:
    hamiltonian = random_hamiltonian(5, seed)
    alpha, beta = random_determinants(40, 5, (3, 2), seed)
    c = normalized(40, seed)
    # All alpha operators stand before all beta ones: exchanging them gives every determinant the same sign.
    space = make_space(hamiltonian, (alpha, beta))
    mirrored = make_space(hamiltonian, (beta, alpha))
    np.testing.assert_allclose(mirrored.apply(c), space.apply(c), atol=1e-10)
    left, right = (s.look_outside(c, -50.0, threshold_hartree=0.0) for s in (space, mirrored))
    assert right.energy_hartree == pytest.approx(left.energy_hartree, rel=1e-6)
    np.testing.assert_allclose(mirrored.densities(c).one_body[::-1], space.densities(c).one_body, atol=1e-12)


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
    instruction_set: str, name: str, penalty: float, threshold: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
    n = 6 if name.startswith("no") else 25
    hamiltonian, determinants = case(name, hamiltonians, n)
    space = make_space(hamiltonian, determinants, penalty=penalty)
    c = normalized(n)
    energy = float(c @ space.apply(c)) - 20.0
    check_outside(space, determinants, c, energy, penalty=penalty, threshold=threshold)


@pytest.mark.parametrize(("name", "penalty"), [("one-word-full", 0.0), ("two-words", 0.4)])
def test_outside_of_wide_strings(
    instruction_set: str, name: str, penalty: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
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


def test_batches_sum_to_the_whole(instruction_set: str) -> None:
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


def test_the_coarse_sum_is_that_of_a_coarse_pass(instruction_set: str) -> None:
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
def test_the_best_are_kept(instruction_set: str, criterion: Any, n_keep: int) -> None:
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


@pytest.mark.parametrize("name", ["narrow", "unequal", "no-beta", "no-alpha", "two-words"])
def test_densities_equal_slow_twin(instruction_set: str, name: str, hamiltonians: dict[str, Hamiltonian]) -> None:
    hamiltonian, determinants = case(name, hamiltonians, 60)
    space = make_space(hamiltonian, determinants)
    c = normalized(len(space))
    found = space.densities(c)
    _, orbitals, n_elec = CASES[name]
    one, two = determinant_densities_slow(*random_determinants(60, 6, n_elec, 3), 6, c)
    part = np.ix_(orbitals, orbitals)
    np.testing.assert_allclose(
        [found.one_body[spin][part] for spin in (0, 1)], (one + one.transpose(0, 2, 1)) / 2, atol=1e-12
    )
    two_body = found.two_body()
    np.testing.assert_allclose(two_body[np.ix_(*[orbitals] * 4)], symmetrized_two_body(two), atol=1e-12)
    assert [np.trace(spin) for spin in found.one_body] == pytest.approx(n_elec, abs=1e-12)
    n = sum(n_elec)
    assert np.einsum("ppqq", two_body) == pytest.approx(n * (n - 1), abs=1e-10)
    energy = np.vdot(hamiltonian.one_body, found.one_body.sum(axis=0)) + np.vdot(hamiltonian.two_body, two_body) / 2
    space.build(memory_budget_bytes=0)
    assert energy == pytest.approx(c @ space.apply(c), abs=1e-10)


def test_densities_of_a_full_space_are_pyscfs(instruction_set: str) -> None:
    sets = [all_strings(n_orb=5, n_electrons=n) for n in (3, 2)]
    alpha, beta = np.repeat(sets[0], 10, axis=0), np.tile(sets[1], (10, 1))
    c = normalized(100)
    found = make_space(random_hamiltonian(5, seed=1), (alpha, beta)).densities(c)
    one, two = fci.direct_spin1.make_rdm12s(c.reshape(10, 10), 5, (3, 2))
    np.testing.assert_allclose(found.one_body, one, atol=1e-12)
    summed = two[0] + two[2] + two[1] + two[1].transpose(2, 3, 0, 1)
    np.testing.assert_allclose(found.two_body(), symmetrized_two_body(summed), atol=1e-12)


def test_transition_densities_follow_from_those_of_sums() -> None:
    space = make_space(random_hamiltonian(5, seed=1), random_determinants(50, 5, (3, 2), 1))
    bra, ket = normalized(50, 1), normalized(50, 2)
    between = space.densities(bra, ket)
    both, left, right = (space.densities(c) for c in (bra + ket, bra, ket))
    for part in ("one_body", "pairs"):
        expected = (getattr(both, part) - getattr(left, part) - getattr(right, part)) / 2
        np.testing.assert_allclose(getattr(between, part), expected, atol=1e-12)


@pytest.mark.skipif(sys.platform != "linux", reason="limits its own memory by /proc")
def test_memory_that_does_not_suffice_is_an_error_and_not_the_end() -> None:
    """An exception inside a parallel region would end the process."""
    program = """
    import resource
    import numpy as np
    from kakehashi.samples.random import all_strings
    from kakehashi.problem.model import Hamiltonian
    from kakehashi.subspace.determinants import DeterminantSpace

    n = 60
    space = DeterminantSpace(Hamiltonian(one_body=np.ones((n, n)), two_body=np.full((n,) * 4, 0.01)), n_threads=2)
    alpha = all_strings(n_orb=n, n_electrons=3)[:6000]
    space.append(alpha, alpha)
    c = np.ones(6000) / 6000**0.5
    n_pair = n * (n + 1) // 2
    densities = np.empty((2, n, n)), np.empty((n_pair, n_pair))
    space.apply(c)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**23, -1))
    for call in (
        lambda: space._native.fill_densities(c, c, *densities),
        lambda: space.look_outside(c, -50.0, threshold_hartree=1e-9, n_keep=10**6),
    ):
        try:
            call()
        except MemoryError:
            continue
        raise SystemExit("memory sufficed")
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    space.densities(c)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_wrong_options_are_refused() -> None:
    hamiltonian = random_hamiltonian(3, seed=0)
    with pytest.raises(InputError, match="`n_threads` must be positive, but is 0"):
        DeterminantSpace(hamiltonian, n_threads=0)
    with pytest.raises(InputError, match="`spin_penalty_hartree` must not be negative, but is -1"):
        DeterminantSpace(hamiltonian, spin_penalty_hartree=-1)


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [
        ([[7, 0]], [[1, 0]], r"must have \(2, 1\) electrons in every determinant"),
        ([[3, 0]], [[3, 0]], r"must have \(2, 1\) electrons in every determinant"),
        ([[3, 0], [5, 0]], [[1, 0]], "differ in length: 2 and 1"),
        ([[3, 0, 0]], [[1, 0]], r"`alpha` must be uint64 with shape \(n, 2\)"),
        ([[33, 0]], [[1, 0]], "`alpha` occupies orbitals beyond the 5"),
        ([[3, 0]], [[0, 1]], "`beta` occupies orbitals beyond the 5"),
    ],
)
def test_impossible_strings_are_refused(alpha: list[list[int]], beta: list[list[int]], message: str) -> None:
    space = make_space(random_hamiltonian(5, seed=0), random_determinants(5, 5, (2, 1), 0))
    with pytest.raises(InputError, match=message):
        space.append(np.array(alpha, dtype=np.uint64), np.array(beta, dtype=np.uint64))
    assert len(space) == 5


def test_wrong_types_of_strings_are_refused() -> None:
    mixed = np.array([[3, 0], [7, 0]], dtype=np.uint64)
    with pytest.raises(InputError, match="the same number of electrons in every determinant"):
        DeterminantSpace(random_hamiltonian(5, seed=0)).append(mixed, mixed)
    space = make_space(random_hamiltonian(5, seed=0), random_determinants(5, 5, (2, 1), 0))
    with pytest.raises(InputError, match="but is int64"):
        space.append(np.array([[3, 0]]), np.array([[1, 0]]))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="differ in length: 5 and 4"):
        space.find(space.strings()[0], space.strings()[1][:4])


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


@pytest.mark.parametrize("call", ["apply", "spin_squared", "densities"])
def test_wrong_coefficients_are_refused(call: str) -> None:
    space = make_space(random_hamiltonian(5, seed=0), random_determinants(5, 5, (2, 1), 0))
    with pytest.raises(InputError, match=r"`coefficients` must have shape \(5,\), but has \(6,\)"):
        getattr(space, call)(np.ones(6))


def test_an_empty_space_has_nothing_outside() -> None:
    space = DeterminantSpace(random_hamiltonian(3, seed=0))
    assert len(space) == 0
    assert space.build().n_rows == 0
    assert space.apply(np.ones(0)).shape == (0,)
    assert space.look_outside(np.ones(0), 0.0, threshold_hartree=0.0, n_keep=3).n_determinants == 0


@pytest.mark.slow
def test_the_highest_of_128_orbitals() -> None:
    """Some 6 GB: the integrals alone take two."""
    n_orb, orbitals, n_elec = CASES["last-orbital"]
    small = random_hamiltonian(6, seed=1)
    packed = random_determinants(60, 6, n_elec, 3)
    moved = embed_strings(packed[0], n_orb, orbitals), embed_strings(packed[1], n_orb, orbitals)
    wide, narrow = make_space(embed(small, n_orb, orbitals), moved, penalty=0.2), make_space(small, packed, penalty=0.2)
    c = normalized(60)
    np.testing.assert_allclose(wide.apply(c), narrow.apply(c), atol=1e-12)
    looks = [space.look_outside(c, -60.0, threshold_hartree=1e-9, n_keep=500) for space in (wide, narrow)]
    assert looks[0].energy_hartree == pytest.approx(looks[1].energy_hartree, rel=1e-12)
    assert looks[0].n_determinants == looks[1].n_determinants
    np.testing.assert_allclose(looks[0].importance, looks[1].importance, rtol=1e-10)
