"""Starts: the orbitals that were asked for, in integrals that belong to them, and the best of all."""

import contextlib
import functools

import numpy as np
import pytest

from kakehashi.core.bits import lowest_string
from kakehashi.core.progress import Reporter
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import _has_another_spin, choose_start, hartree_fock_seeds, start_parts
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.molecule import molecule_problem
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import grow

SMALL = {"orbital_determinants": 60, "max_orbital_turns": 2, "n_starts": 2, "n_threads": 1}


@functools.cache
def nitrogen(bond_angstrom: float = 2.0):
    """Six electrons in the orbitals of the bond, far enough apart that Hartree-Fock breaks the spins."""
    return molecule_problem(f"N 0 0 0; N 0 0 {bond_angstrom}", basis="6-31g", active_space=(6, 8))


def energy_of(start, n_determinants, two_s=0):
    space = DeterminantSpace(start.hamiltonian, n_threads=1)
    space.append(start.alpha, start.beta)
    *_, last = grow(space, n_determinants=n_determinants, two_s=two_s, tolerance=1e-7)
    return last.energies_hartree[0]


@functools.cache
def start_for(orbitals: str, bond_angstrom: float = 2.0):
    return choose_start(nitrogen(bond_angstrom), EnergySpec(orbitals=orbitals, **SMALL), seed=1)


def test_the_hartree_fock_determinant():
    alpha, beta = hartree_fock_seeds(hubbard(4, u=1.0, n_elec=(3, 1)))
    assert (alpha[0, 0], beta[0, 0]) == (0b111, 0b1)


def test_given_orbitals_keep_the_problem_and_the_seeds():
    problem = nitrogen()
    excited = (lowest_string(3) << np.uint64(1), lowest_string(3))
    start = choose_start(problem, EnergySpec(orbitals="given", **SMALL), seeds=excited)
    assert start.name == "given"
    assert start.hamiltonian is problem.hamiltonian
    np.testing.assert_array_equal(start.rotation, np.eye(8))
    np.testing.assert_array_equal(start.alpha, np.concatenate([lowest_string(3), excited[0]]))
    np.testing.assert_array_equal(start.beta, np.concatenate([lowest_string(3), excited[1]]))


@pytest.mark.parametrize("orbitals", ["natural", "broken-symmetry", "optimized", "auto"])
def test_integrals_belong_to_the_orbitals_and_the_energy_to_the_small_space(orbitals):
    start = start_for(orbitals)
    rotated = nitrogen().hamiltonian.rotate(start.rotation)
    np.testing.assert_allclose(start.hamiltonian.one_body, rotated.one_body, atol=1e-9)
    np.testing.assert_allclose(start.hamiltonian.two_body, rotated.two_body, atol=1e-9)
    space = DeterminantSpace(start.hamiltonian, n_threads=1)
    space.append(start.alpha, start.beta)
    assert space.n_elec == (3, 3)
    *_, last = grow(space, n_determinants=60, growth=3.0, two_s=0)
    assert last.energies_hartree[0] <= start.energy_hartree + 1e-6


def test_names_say_what_was_found():
    assert start_for("natural").name == "natural"
    assert start_for("broken-symmetry").name == "broken-symmetry"
    assert start_for("optimized").name.startswith("optimized ")


def test_natural_orbitals_keep_the_symmetry_of_the_integrals():
    problem, start = nitrogen(), start_for("natural")
    labels = np.array(problem.orbital_symmetry)
    kinds = [set(labels[np.abs(column) > 1e-8]) for column in start.rotation.T]
    assert all(len(kind) == 1 for kind in kinds)
    # The new determinant has as many electrons of each symmetry as Hartree-Fock's.
    occupied = [p for p in range(8) if int(start.alpha[0, 0]) >> p & 1]
    assert sorted(kinds[p].pop() for p in occupied) == sorted(labels[:3].tolist())


def test_automatic_orbitals_are_no_worse_than_any():
    """The small space over the orbitals that were chosen has the lowest energy of all."""
    best = energy_of(start_for("auto"), 60)
    for orbitals in ("given", "natural", "broken-symmetry"):
        assert best <= energy_of(start_for(orbitals), 60) + 1e-5


def test_paired_spins_have_no_broken_symmetry():
    """Near equilibrium unrestricted Hartree-Fock is restricted: what was given stays."""
    assert start_for("broken-symmetry", 1.1).name == "given"


@pytest.mark.parametrize("n_elec", [(3, 2), (4, 2)])
def test_open_shells(n_elec):
    problem = hubbard(6, u=4.0, n_elec=n_elec, basis="standing_wave")
    start = choose_start(problem, EnergySpec(**SMALL), seed=1)
    assert np.isfinite(start.energy_hartree)
    assert energy_of(start, 60, two_s=n_elec[0] - n_elec[1]) <= start.energy_hartree + 1e-6


@pytest.mark.parametrize(
    ("spin_squared", "two_s", "mirrored", "another"),
    [
        (0.0, 0, True, False),
        (6.0, 0, True, True),  # a quintet
        (2.0, 0, True, False),  # no triplet is even: a mixture of singlet and quintet
        (2.0, 0, False, True),
        (4.5, 0, True, False),
        (3.75, 1, False, True),
        (2.0, 1, False, False),
        (float("nan"), 0, True, False),
    ],
)
def test_another_spin_is_told_from_a_mixture(spin_squared, two_s, mirrored, another):
    assert _has_another_spin(spin_squared, two_s, mirrored=mirrored) == another


def test_a_start_of_another_spin_is_not_taken():
    """The boron dimer: over broken-symmetry orbitals the lowest even state is a quintet, below the lowest singlet."""
    atoms = [("B", (0.0, 0.0, 0.0)), ("B", (0.0, 0.0, 1.6))]
    problem = molecule_problem(atoms, basis="6-31g", active_space=(6, 16))
    spec = EnergySpec(**(SMALL | {"orbital_determinants": 300, "max_orbital_turns": 0}))
    broken = choose_start(problem, spec.model_copy(update={"orbitals": "broken-symmetry"}), seed=0)
    best = choose_start(problem, spec, seed=0)
    assert broken.spin_squared == pytest.approx(6.0, abs=0.1)
    assert best.name == "natural"
    assert best.spin_squared < 0.1


def test_equal_seeds_give_equal_starts():
    one, two = (choose_start(nitrogen(), EnergySpec(orbitals="broken-symmetry", **SMALL), seed=seed) for seed in (3, 3))
    np.testing.assert_array_equal(one.rotation, two.rotation)
    assert one.energy_hartree == two.energy_hartree


def test_tries_are_reported():
    events = []
    choose_start(nitrogen(), EnergySpec(**SMALL), seed=1, reporter=Reporter(events.append))
    words = [event.message for event in events]
    for expected in ("given orbitals", "natural orbitals", "broken-symmetry orbitals", "optimising orbitals"):
        assert expected in words
    assert all(event.stage == "orbitals" for event in events)


@pytest.mark.parametrize(("two_s", "spin_squared"), [(0, 0.0), (2, 2.0)])
def test_the_wanted_spin_is_kept(two_s, spin_squared):
    """Two paired electrons too many: the lowest state of an oxygen atom is a triplet, also with equal spins."""
    problem = molecule_problem("O 0 0 0", basis="6-31g", active_space=(6, 8))
    start = choose_start(problem, EnergySpec(two_s=two_s, **SMALL), seed=1)
    space = DeterminantSpace(start.hamiltonian, n_threads=1)
    space.append(start.alpha, start.beta)
    *_, last = grow(space, n_determinants=4000, two_s=two_s, tolerance=1e-6)
    assert last.spin_squared[0] == pytest.approx(spin_squared, abs=1e-3)


class Interrupted(BaseException):
    """Stands for Ctrl-C, which may come anywhere."""


PARTS_SPEC = EnergySpec(orbital_determinants=30, max_orbital_turns=2, n_starts=2, n_threads=1)


@pytest.mark.parametrize(
    ("stop_at", "kept"),
    [
        ("given orbitals", ["given"]),
        ("natural orbitals", ["given", "natural"]),
        ("broken-symmetry determinants", ["given", "natural"]),
        ("broken-symmetry orbitals", ["given", "natural", "broken-symmetry"]),
        ("optimising orbitals", ["given", "natural", "broken-symmetry"]),
        ("never", ["given", "natural", "broken-symmetry", "optimized broken-symmetry"]),
    ],
)
def test_tries_that_are_kept_are_not_made_again(tmp_path, stop_at, kept):
    problem = hubbard(6, u=8.0, n_elec=(3, 3))
    path = tmp_path / "selected.parts.json"

    def start(path, progress=None):
        parts = start_parts(path, problem, PARTS_SPEC, seed=1)
        reporter = None if progress is None else Reporter(progress)
        return choose_start(problem, PARTS_SPEC, seed=1, reporter=reporter, parts=parts), parts

    def interrupt(event):
        if event.message == stop_at:
            raise Interrupted

    with contextlib.nullcontext() if stop_at == "never" else pytest.raises(Interrupted):
        start(path, interrupt)
    words = []
    resumed, parts = start(path, lambda event: words.append(event.message))
    whole, _ = start(None)
    assert [word for word in words if word.endswith("earlier call")] == [
        f"{name} orbitals of the earlier call" for name in kept
    ]
    made = {"given orbitals", "natural orbitals", "broken-symmetry determinants", "optimising orbitals"} & set(words)
    assert len(made) == 4 - len(kept)
    assert parts.earlier_wall_s > 0
    for name in ("name", "energy_hartree", "spin_squared"):
        assert getattr(resumed, name) == getattr(whole, name)
    for name in ("rotation", "alpha", "beta"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    np.testing.assert_array_equal(resumed.hamiltonian.two_body, whole.hamiltonian.two_body)


def test_tries_of_something_else_are_not_taken(tmp_path):
    problem = hubbard(6, u=8.0, n_elec=(3, 3))
    path = tmp_path / "selected.parts.json"
    choose_start(problem, PARTS_SPEC, seed=1, parts=start_parts(path, problem, PARTS_SPEC, seed=1))
    assert start_parts(path, problem, PARTS_SPEC, seed=1).has("natural")
    # what only later stages depend on makes no difference
    assert start_parts(path, problem, PARTS_SPEC.model_copy(update={"max_determinants": 7}), seed=1).has("natural")
    other = EnergySpec(**(PARTS_SPEC.model_dump() | {"orbital_determinants": 31}))
    alone = choose_start(problem, PARTS_SPEC, seed=1)
    for parts in (
        start_parts(path, problem, PARTS_SPEC, seed=2),
        start_parts(path, problem, other, seed=1),
        start_parts(path, hubbard(6, u=7.0, n_elec=(3, 3)), PARTS_SPEC, seed=1),
        start_parts(path, problem, PARTS_SPEC, seeds=hartree_fock_seeds(problem), seed=1),
        start_parts(path, problem, PARTS_SPEC, carried=alone, seed=1),
    ):
        assert not parts.has("natural")


def test_that_there_is_no_determinant_of_broken_symmetry_is_kept_too(tmp_path):
    problem = hubbard(4, u=0.5, n_elec=(2, 2), periodic=False)
    spec = EnergySpec(orbitals="broken-symmetry", n_threads=1)
    for expected in (["broken-symmetry determinants"], []):
        words = []
        reporter = Reporter(lambda event, words=words: words.append(event.message))
        parts = start_parts(tmp_path / "a.parts.json", problem, spec)
        assert choose_start(problem, spec, reporter=reporter, parts=parts).name == "given"
        assert words == expected
