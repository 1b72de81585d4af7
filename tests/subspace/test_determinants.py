"""The native determinant spaces against their slow twins, on every instruction set that this machine has."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.subspace.determinant_cases import (
    CASES,
    case,
    columns,
    embed,
    embed_strings,
    make_space,
    normalized,
    random_determinants,
)
from tests.subspace.test_determinants_outside import check_outside
from tests.subspace.test_product import random_hamiltonian

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.problem.model import Hamiltonian
from kakehashi.samples.random import random_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.slow import build_determinant_hamiltonian_slow, build_determinant_spin_squared_slow

SINGLE = 2.0**-24
"""Relative rounding of a stored element."""


WITH_PENALTY = [("narrow", 0.0), *((name, 0.4) for name in CASES if name != "last-orbital"), ("two-words", 0.0)]


@pytest.mark.parametrize(("name", "penalty"), WITH_PENALTY)
def test_matrix_equals_slow_twin(kernels: str, name: str, penalty: float, hamiltonians: dict[str, Hamiltonian]) -> None:
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
    kernels: str, name: str, penalty: float, hamiltonians: dict[str, Hamiltonian]
) -> None:
    hamiltonian, determinants = case(name, hamiltonians, 50)
    space = make_space(hamiltonian, determinants, penalty=penalty)
    size = space.build(memory_budget_bytes=0)
    assert (size.n_elements, size.n_rows, size.n_bytes) == (0, 0, 0)
    dense = build_determinant_hamiltonian_slow(hamiltonian, *determinants, spin_penalty_hartree=penalty)
    np.testing.assert_allclose(columns(space), dense, atol=1e-11)


def test_a_small_budget_stores_some_rows(kernels: str) -> None:
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
def test_growth_in_steps_equals_growth_at_once(kernels: str, budget: int) -> None:
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
def test_threads_agree(kernels: str, n_elec: tuple[int, int]) -> None:
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


def test_another_space_has_mirror_images_of_its_own() -> None:
    ends = np.array([[3, 0], [5, 0]], dtype=np.uint64)
    c = np.arange(4.0)
    space = DeterminantSpace(random_hamiltonian(4, seed=0))
    space.append(ends[[0, 0, 1, 1]], ends[[0, 1, 0, 1]])
    assert space.exchange_spins(c).tolist() == [0, 2, 1, 3]
    other = space.another()
    other.append(ends[[0, 1, 0, 1]], ends[[1, 0, 0, 1]])
    assert other.exchange_spins(c).tolist() == [1, 0, 2, 3]


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


@pytest.mark.parametrize("call", ["apply", "spin_squared", "densities"])
def test_wrong_coefficients_are_refused(call: str) -> None:
    space = make_space(random_hamiltonian(5, seed=0), random_determinants(5, 5, (2, 1), 0))
    with pytest.raises(InputError, match=r"`coefficients` must have shape \(5,\), but has \(6,\)"):
        getattr(space, call)(np.ones(6))


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


def test_two_threads_give_the_same_every_time() -> None:
    """To the last bit: a state that lies close to another one may otherwise end as either of them."""
    h = random_hamiltonian(8, seed=5)
    alpha, beta = random_determinants(3000, 8, (4, 4), 5)
    space = DeterminantSpace(h, n_threads=2)
    space.append(alpha, beta)
    c = normalized(len(space))
    first, densities = space.apply(c), space.densities(c)
    for _ in range(5):
        again = DeterminantSpace(h, n_threads=2)
        again.append(alpha, beta)
        np.testing.assert_array_equal(again.apply(c), first)
        np.testing.assert_array_equal(again.densities(c).one_body, densities.one_body)
        np.testing.assert_array_equal(again.densities(c).pairs, densities.pairs)
