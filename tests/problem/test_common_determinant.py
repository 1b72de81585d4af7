import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from kakehashi.core.bits import unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.problem.common_determinant import common_orbitals, optimize_determinant
from kakehashi.problem.determinant import DeterminantEnergy
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Hamiltonian, Problem
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.unrestricted import Unrestricted, solve_unrestricted


def first(n_orb, n_elec):
    return np.arange(n_orb) < np.array(n_elec)[:, None]


def any_unrestricted(seed, n, n_elec):
    """An unrestricted determinant that minimises nothing: what is said of pairs holds for each."""
    rng = np.random.default_rng(seed)
    occupied = first(n, n_elec)
    orbitals = np.stack([np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2)])
    densities = (orbitals * occupied[:, None, :]) @ orbitals.transpose(0, 2, 1)
    return Unrestricted(
        energy_hartree=0.0,
        orbitals=orbitals,
        occupations=occupied,
        densities=densities,
        spin_squared=0.0,
        gradient_norm=0.0,
        converged=False,
        stable=False,
        n_iterations=0,
    )


def overlap(unrestricted, common):
    """Absolute overlap of two determinants."""
    value = 1.0
    for c, row, occupied in zip(
        unrestricted.orbitals,
        unrestricted.occupations,
        (common.alpha_occupied, common.beta_occupied),
        strict=True,
    ):
        value *= abs(np.linalg.det(c[:, row].T @ common.rotation[:, occupied]))
    return value


def no_integrals(n):
    return Hamiltonian(one_body=np.zeros((n, n)), two_body=np.zeros((n,) * 4))


SPACES = st.integers(2, 7).flatmap(
    lambda n: st.tuples(st.just(n), st.tuples(st.integers(0, n), st.integers(0, n)).filter(any))
)


@settings(max_examples=40)
@given(SPACES, st.integers(0, 2**32 - 1))
def test_the_nearest_determinant_is_made_of_amos_and_halls_pairs(space, seed):
    """Each pair with overlap cos(theta) is best as (1 + cos) / 2, doubly occupied, or (1 + sin) / 2, singly."""
    n, n_elec = space
    unrestricted = any_unrestricted(seed, n, n_elec)
    alpha, beta = (c[:, row] for c, row in zip(unrestricted.orbitals, unrestricted.occupations, strict=True))
    cosines = np.minimum(np.linalg.svd(alpha.T @ beta, compute_uv=False), 1.0)
    sines = np.sqrt(1 - cosines**2)
    nearest = common_orbitals(no_integrals(n), unrestricted)
    assert overlap(unrestricted, nearest) == pytest.approx(np.prod((1 + np.maximum(cosines, sines)) / 2), abs=1e-10)
    for threshold in (0.0, 0.3, 0.9, 1.0):
        other = common_orbitals(no_integrals(n), unrestricted, least_polarization=threshold)
        assert overlap(unrestricted, other) <= overlap(unrestricted, nearest) + 1e-10
    paired = int((sines > np.sqrt(0.5)).sum())
    assert (nearest.alpha_occupied & ~nearest.beta_occupied).sum() == paired + max(n_elec[0] - n_elec[1], 0)


@settings(max_examples=40)
@given(SPACES, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.booleans())
def test_it_has_the_same_electrons_in_ordered_orthonormal_orbitals(space, seed, threshold, closed):
    n, n_elec = space
    unrestricted = any_unrestricted(seed, n, n_elec)
    if closed:  # the same orbitals for both spins: nothing is polarised but what has no partner
        alpha = unrestricted.orbitals[0]
        occupied = unrestricted.occupations
        densities = np.stack([(alpha * row) @ alpha.T for row in occupied])
        unrestricted = Unrestricted(
            energy_hartree=0.0,
            orbitals=np.stack([alpha, alpha]),
            occupations=occupied,
            densities=densities,
            spin_squared=0.0,
            gradient_norm=0.0,
            converged=False,
            stable=False,
            n_iterations=0,
        )
    common = common_orbitals(no_integrals(n), unrestricted, least_polarization=threshold)
    assert (int(common.alpha_occupied.sum()), int(common.beta_occupied.sum())) == n_elec
    np.testing.assert_allclose(common.rotation.T @ common.rotation, np.eye(n), atol=1e-12)
    kind = 2 * ~common.alpha_occupied + ~common.beta_occupied  # doubly 0, alpha-only 1, beta-only 2, empty 3
    assert kind.tolist() == sorted(kind.tolist())
    n_alpha_only, n_beta_only = int((kind == 1).sum()), int((kind == 2).sum())
    spin = (n_alpha_only - n_beta_only) / 2
    assert common.spin_squared == pytest.approx(spin**2 + (n_alpha_only + n_beta_only) / 2, abs=1e-12)
    if closed:
        assert min(n_alpha_only, n_beta_only) == 0
        assert overlap(unrestricted, common) == pytest.approx(1.0, abs=1e-10)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_elec", [(1, 0), (0, 1), (3, 0), (4, 1), (1, 4), (4, 4), (1, 1)])
def test_a_determinant_that_is_restricted_already_is_kept(n_elec, threshold):
    hamiltonian = hubbard(4, u=0.5, n_elec=n_elec).hamiltonian
    solution = solve_unrestricted(hamiltonian, n_elec, rng=1)
    common = common_orbitals(hamiltonian, solution, least_polarization=threshold)
    assert common.energy_hartree == pytest.approx(solution.energy_hartree, abs=1e-10)
    assert not (common.alpha_occupied & ~common.beta_occupied).any() or n_elec[0] > n_elec[1]


def test_its_energy_is_that_of_the_rotated_hamiltonian():
    from pyscf import fci

    problem = hubbard(6, u=8.0, n_elec=(3, 3))
    common = common_orbitals(problem.hamiltonian, solve_unrestricted(problem.hamiltonian, (3, 3), rng=1))
    rotated = problem.hamiltonian.rotate(common.rotation)
    strings = [fci.cistring.make_strings(range(6), 3).tolist().index(int(string[0, 0])) for string in common.strings]
    diagonal = fci.direct_spin1.make_hdiag(rotated.one_body, rotated.two_body, 6, (3, 3)).reshape(20, 20)
    assert common.energy_hartree == pytest.approx(diagonal[*strings], abs=1e-10)
    assert common.spin_squared == 3.0  # six spins, three up and three down
    # Strong repulsion: each orbital is one site.
    np.testing.assert_allclose(np.abs(common.rotation).max(axis=0), 1.0, atol=0.06)


def test_the_strings_are_the_occupations():
    problem = hubbard(2, u=8.0, n_elec=(1, 1))
    common = common_orbitals(problem.hamiltonian, solve_unrestricted(problem.hamiltonian, (1, 1), rng=1))
    assert [unpack_strings(string, 2).tolist() for string in common.strings] == [[[True, False]], [[False, True]]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"least_polarization": -0.1}, "`least_polarization` must be 0 to 1, but is -0.1"),
        ({"least_polarization": 1.1}, "`least_polarization` must be 0 to 1"),
        ({"least_polarization": np.nan}, "`least_polarization` must be 0 to 1, but is nan"),
    ],
)
def test_a_threshold_that_means_nothing_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        common_orbitals(no_integrals(3), any_unrestricted(1, 3, (1, 1)), **options)


def test_a_determinant_over_other_orbitals_is_refused():
    with pytest.raises(InputError, match="`unrestricted` has 3 orbitals, but the Hamiltonian has 4"):
        common_orbitals(no_integrals(4), any_unrestricted(1, 3, (1, 1)))


ROHF = {
    "H2": ("H 0 0 0; H 0 0 0.74", 0),
    "stretched H4": ("H 0 0 0; H 0 0 2; H 0 0 4; H 0 0 6", 0),
    "stretched H3": ("H 0 0 0; H 0 0 1.5; H 0 0 3", 1),
    "N2": ("N 0 0 0; N 0 0 1.1", 0),
    "triplet O2": ("O 0 0 0; O 0 0 1.21", 2),
}


@pytest.mark.parametrize(("geometry", "two_s"), ROHF.values(), ids=ROHF)
def test_for_high_spin_the_best_energy_is_pyscfs_restricted_one(geometry, two_s):
    from pyscf import gto, scf

    solver = scf.ROHF(gto.M(atom=geometry, basis="sto-3g", spin=two_s, verbose=0))
    solver.chkfile = None
    solver.conv_tol = 1e-12
    solver.kernel()
    for _ in range(5):
        orbitals, _, stable, _ = solver.stability(return_status=True)
        if stable:
            break
        solver = solver.newton()
        solver.conv_tol = 1e-12
        solver.kernel(orbitals, solver.mo_occ)
    problem = molecule_problem(geometry, basis="sto-3g", two_s=two_s)
    n = problem.n_orb
    kappa = 0.05 * np.random.default_rng(3).standard_normal((n, n))
    for start in (None, expm(kappa - kappa.T)):
        best = optimize_determinant(problem.hamiltonian, *first(n, problem.n_elec), start, rng=1)
        assert best.energy_hartree == pytest.approx(solver.e_tot, abs=1e-8)
        assert best.converged
        assert best.stable
        assert best.spin_squared == pytest.approx(two_s / 2 * (two_s / 2 + 1), abs=1e-12)


def test_the_best_orbitals_of_a_broken_symmetry_determinant():
    problem = hubbard(6, u=6.0, n_elec=(3, 3))
    unrestricted = solve_unrestricted(problem.hamiltonian, (3, 3), rng=1)
    nearest = common_orbitals(problem.hamiltonian, unrestricted)
    best = optimize_determinant(
        problem.hamiltonian, nearest.alpha_occupied, nearest.beta_occupied, nearest.rotation, rng=1
    )
    # One determinant over common orbitals is one over two sets: it cannot be lower.
    assert unrestricted.energy_hartree - 1e-9 <= best.energy_hartree <= nearest.energy_hartree + 1e-10
    assert best.converged
    assert best.stable
    occupied = np.array([best.alpha_occupied, best.beta_occupied])
    model = DeterminantEnergy(problem.hamiltonian, occupied, shared=True)
    expansion = model.expand(np.stack([best.rotation] * 2))
    assert expansion.energy_hartree == pytest.approx(best.energy_hartree, abs=1e-10)
    assert np.linalg.norm(expansion.gradient) < 2e-6
    curvature = np.array([expansion.curve(direction) for direction in np.eye(model.n_parameters)])
    assert np.linalg.eigvalsh(curvature).min() > -2e-5


def test_orbitals_keep_the_places_that_were_given():
    hamiltonian = molecule_problem("H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3", basis="sto-3g").hamiltonian
    occupied = np.array([[False, True, False, True], [False, True, True, False]])
    mixed = optimize_determinant(hamiltonian, *occupied, rng=1)
    assert (mixed.alpha_occupied.tolist(), mixed.beta_occupied.tolist()) == (occupied[0].tolist(), occupied[1].tolist())
    order = [1, 3, 2, 0]
    sorted_ = optimize_determinant(hamiltonian, *occupied[:, order], np.eye(4)[:, order], rng=1)
    assert mixed.energy_hartree == pytest.approx(sorted_.energy_hartree, abs=1e-9)
    closed = optimize_determinant(hamiltonian, [False, True, True, False], [False, True, True, False], rng=1)
    problem = Problem(name="closed", hamiltonian=hamiltonian.rotate(closed.rotation[:, [1, 2, 0, 3]]), n_elec=(2, 2))
    assert hartree_fock_energy(problem) == pytest.approx(closed.energy_hartree, abs=1e-10)


def test_no_step_evaluates_the_orbitals_that_were_given():
    hamiltonian = hubbard(3, u=2.0, n_elec=(1, 1)).hamiltonian
    found = optimize_determinant(hamiltonian, [True, False, False], [False, True, False], max_iterations=0, rng=1)
    assert (found.energy_hartree, found.converged, found.n_iterations) == (0.0, False, 0)
    np.testing.assert_array_equal(found.rotation, np.eye(3))


@pytest.mark.parametrize(
    ("alpha", "beta", "rotation", "options", "message"),
    [
        ([True], [True, False], None, {}, r"`alpha_occupied` must be bool of shape \(2,\), but is bool of \(1,\)"),
        ([True, False], [1, 0], None, {}, r"`beta_occupied` must be bool of shape \(2,\), but is int64 of \(2,\)"),
        ([False, False], [False, False], None, {}, "There are no electrons"),
        ([True, False], [True, False], np.eye(3), {}, r"`rotation` must have shape \(2, 2\), but has \(3, 3\)"),
        ([True, False], [True, False], np.ones((2, 2)), {}, "`rotation` must be orthogonal"),
        ([True, False], [True, False], np.eye(2) * 1j, {}, "`rotation` must be real"),
        ([True, False], [True, False], np.eye(2) * np.nan, {}, "`rotation` holds a value that is not finite"),
        ([True, False], [True, False], None, {"gradient_tolerance": 0.0}, "`gradient_tolerance` must be positive"),
    ],
)
def test_what_describes_no_determinant_is_refused(alpha, beta, rotation, options, message):
    with pytest.raises(InputError, match=message):
        optimize_determinant(hubbard(2, u=1.0, n_elec=(1, 1)).hamiltonian, alpha, beta, rotation, **options)
