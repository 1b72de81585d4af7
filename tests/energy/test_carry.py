"""Carrying a state to another geometry: whatever orbitals are called and however they are mixed there."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from kakehashi.core.errors import FileFormatError
from kakehashi.energy.carry import carry_start, match_orbitals, read_carried
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import choose_start
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.molecule import molecule_problem

SMALL = {"orbital_determinants": 60, "n_starts": 2, "n_threads": 1, "max_determinants": 300}


def nitrogen(bond_angstrom, **options):
    options = {"active_space": (6, 8), **options}
    return molecule_problem(f"N 0 0 0; N 0 0 {bond_angstrom}", basis="6-31g", **options)


def test_signs_permutations_and_mixtures_are_undone():
    rng = np.random.default_rng(5)
    orbitals = ortho_group.rvs(9, random_state=rng)[:, :6]
    mixed = orbitals @ ortho_group.rvs(6, random_state=rng)
    matched = match_orbitals(orbitals, mixed)
    np.testing.assert_allclose(mixed @ matched, orbitals, atol=1e-12)
    np.testing.assert_allclose(matched.T @ matched, np.eye(6), atol=1e-12)


def test_orbitals_that_have_moved_are_matched_as_nearly_as_can_be():
    near, far = (nitrogen(bond).observables.functions for bond in (1.5, 1.6))
    matched = match_orbitals(near, far)
    assert np.linalg.norm(far @ matched - near) <= np.linalg.norm(far - near) + 1e-12
    overlaps = np.diag((far @ matched).T @ near)
    assert overlaps.min() > 0.98


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A growth at 2.0 angstrom, kept on disk."""
    path = tmp_path_factory.mktemp("growth") / "selected.h5"
    spec = EnergySpec(**SMALL | {"orbitals": "broken-symmetry", "max_determinants": 400})
    return climb(nitrogen(2.0), spec, seed=1, checkpoint=path), path


def test_at_the_same_geometry_nothing_changes(kept):
    found, path = kept
    start = read_carried(path, nitrogen(2.0), n_determinants=50)
    assert start.name == "carried"
    assert start.alpha.shape == start.beta.shape == (50, 2)
    np.testing.assert_allclose(start.rotation, found.start.rotation, atol=1e-9)
    weights = np.square(found.coefficients[0])
    heaviest = np.argsort(-weights, kind="stable")[0]
    assert (start.alpha[0] == found.alpha[heaviest]).all()


def test_mixed_orbitals_of_the_new_problem_are_seen_through(kept):
    """Without a point group the pi orbitals of the new geometry are any mixture; energies do not know of it."""
    _, path = kept
    other = nitrogen(2.0, symmetry=False)
    labelled, plain = (read_carried(path, problem, n_determinants=50) for problem in (nitrogen(2.0), other))
    np.testing.assert_allclose(plain.hamiltonian.one_body, labelled.hamiltonian.one_body, atol=1e-6)


def test_a_carried_start_is_lower_than_none_and_is_taken(kept):
    _, path = kept
    problem = nitrogen(2.1)
    spec = EnergySpec(**SMALL | {"max_orbital_turns": 0, "max_determinants": 1500})
    carried = read_carried(path, problem, n_determinants=15)
    alone, helped = (choose_start(problem, spec, carried=start, seed=1) for start in (None, carried))
    assert helped.energy_hartree <= alone.energy_hartree + 1e-9
    ends = [climb(problem, spec, carried=start, seed=1).rungs[0][-1].energy_hartree for start in (None, carried)]
    assert ends[1] <= ends[0] + 1e-6


def test_given_orbitals_stay_given(kept):
    _, path = kept
    problem = nitrogen(2.1)
    carried = read_carried(path, problem, n_determinants=10)
    assert choose_start(problem, EnergySpec(**SMALL, orbitals="given"), carried=carried).name == "given"


@pytest.mark.parametrize("options", [{"active_space": (6, 7)}, {"active_space": (8, 8)}, {"two_s": 2}])
def test_what_does_not_suit_is_left_out(kept, options):
    _, path = kept
    assert read_carried(path, nitrogen(2.1, **options), n_determinants=10) is None


def test_orbitals_of_a_lattice_keep_their_numbers(tmp_path):
    spec = EnergySpec(**SMALL | {"orbitals": "natural"})
    climb(hubbard(6, u=2.0, n_elec=(3, 3)), spec, checkpoint=tmp_path / "selected.h5")
    stronger = hubbard(6, u=2.5, n_elec=(3, 3))
    start = read_carried(tmp_path / "selected.h5", stronger, n_determinants=20)
    rotated = stronger.hamiltonian.rotate(start.rotation)
    np.testing.assert_allclose(start.hamiltonian.one_body, rotated.one_body, atol=1e-12)


def test_a_damaged_file_is_told(kept, tmp_path):
    (tmp_path / "selected.h5").write_bytes(b"no HDF5")
    with pytest.raises(FileFormatError, match="damaged or cut off"):
        read_carried(tmp_path / "selected.h5", nitrogen(2.0), n_determinants=1)


def test_other_basis_functions_are_not_compared():
    problem = nitrogen(2.0)
    strings = {"alpha": np.array([[7, 0]], dtype=np.uint64), "beta": np.array([[7, 0]], dtype=np.uint64)}
    start = carry_start(problem, rotation=np.eye(8), functions=np.zeros((3, 8)), **strings)
    np.testing.assert_array_equal(start.rotation, np.eye(8))
