import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.model import Hamiltonian
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.unrestricted import solve_unrestricted


def chain(n_atoms, spacing):
    return "; ".join(f"H 0 0 {k * spacing}" for k in range(n_atoms))


MOLECULES = {
    "H": ("H 0 0 0", 1),
    "H2": (chain(2, 0.74), 0),
    "stretched H2": (chain(2, 2.5), 0),
    "stretched H3": (chain(3, 1.5), 1),
    "H4": (chain(4, 1.0), 0),
    "stretched H4": (chain(4, 2.0), 0),
    "N2": ("N 0 0 0; N 0 0 1.1", 0),
    "stretched N2": ("N 0 0 0; N 0 0 2.0", 0),
    "triplet O2": ("O 0 0 0; O 0 0 1.21", 2),
}


def pyscf_energy(geometry, two_s):
    """Energy and spin of PySCF's UHF, followed downhill until it is stable."""
    from pyscf import gto, scf

    solver = scf.UHF(gto.M(atom=geometry, basis="sto-3g", spin=two_s, verbose=0))
    solver.chkfile = None
    solver.conv_tol = 1e-12
    solver.kernel()
    stable = geometry.count(";") == 0  # of one function: PySCF cannot look for rotations where there are none
    while not stable:
        orbitals, _, stable, _ = solver.stability(return_status=True)
        if not stable:
            solver = solver.newton()
            solver.conv_tol = 1e-12
            solver.kernel(orbitals, solver.mo_occ)
    return solver.e_tot, solver.spin_square()[0]


@pytest.mark.parametrize(("geometry", "two_s"), MOLECULES.values(), ids=MOLECULES)
def test_the_energy_is_pyscfs(geometry, two_s):
    problem = molecule_problem(geometry, basis="sto-3g", two_s=two_s)
    solution = solve_unrestricted(problem.hamiltonian, problem.n_elec, rng=1)
    energy, spin = pyscf_energy(geometry, two_s)
    assert solution.energy_hartree == pytest.approx(energy, abs=1e-8)
    assert solution.spin_squared == pytest.approx(spin, abs=1e-5)
    assert solution.converged
    assert solution.stable
    assert solution.n_elec == problem.n_elec


@pytest.mark.parametrize("u", [1.0, 1.9, 2.5, 8.0])
def test_the_dimer_breaks_its_symmetry_from_where_repulsion_is_twice_the_hopping(u):
    solution = solve_unrestricted(hubbard(2, u=u, n_elec=(1, 1)).hamiltonian, (1, 1), rng=1)
    # E = -2 s + U s^2 / 2 has its minimum at s = 2 / U, or at the end of the range.
    s = min(2 / u, 1.0)
    assert solution.energy_hartree == pytest.approx(-2 * s + u * s * s / 2, abs=1e-10)
    assert solution.spin_squared == pytest.approx(1 - s * s, abs=1e-6)


def test_an_unstable_solution_is_kept_and_said_to_be_one_where_that_is_asked_for():
    hamiltonian = hubbard(2, u=8.0, n_elec=(1, 1)).hamiltonian
    even = np.full((2, 2, 2), 0.5)
    solution = solve_unrestricted(hamiltonian, (1, 1), densities=even, follow_instabilities=False, rng=1)
    assert solution.energy_hartree == pytest.approx(2.0, abs=1e-10)
    assert solution.converged
    assert not solution.stable
    assert solve_unrestricted(hamiltonian, (1, 1), densities=even, rng=1).energy_hartree == pytest.approx(-0.25)


@pytest.mark.parametrize("n_elec", [(1, 0), (0, 1), (4, 0), (0, 3), (4, 1), (4, 4), (3, 1), (2, 2)])
def test_the_parts_of_a_solution_belong_together(n_elec):
    hamiltonian = hubbard(4, u=3.0, n_elec=n_elec).hamiltonian
    solution = solve_unrestricted(hamiltonian, n_elec, rng=1)
    assert solution.converged
    assert solution.stable
    assert solution.gradient_norm <= 1e-6
    assert solution.n_elec == n_elec
    for c, density, row in zip(solution.orbitals, solution.densities, solution.occupations, strict=True):
        assert row.tolist() == sorted(row.tolist(), reverse=True)
        np.testing.assert_allclose(c.T @ c, np.eye(4), atol=1e-12)
        np.testing.assert_allclose(c[:, row] @ c[:, row].T, density, atol=1e-12)
    coulomb = np.einsum("pqrs,xrs->pq", hamiltonian.two_body, solution.densities)
    exchange = np.einsum("prsq,xrs->xpq", hamiltonian.two_body, solution.densities)
    fock = hamiltonian.one_body + coulomb - exchange
    assert solution.energy_hartree == pytest.approx(np.vdot(solution.densities, hamiltonian.one_body + fock) / 2)
    for c, f, row in zip(solution.orbitals, fock, solution.occupations, strict=True):
        levels = c.T @ f @ c
        np.testing.assert_allclose(levels, np.diag(levels.diagonal()), atol=1e-5)
        assert (np.diff(levels.diagonal()[row]) > -1e-9).all()
        assert (np.diff(levels.diagonal()[~row]) > -1e-9).all()


def test_one_kind_of_electrons_on_a_lattice_fills_the_lowest_levels():
    hamiltonian = hubbard(5, u=7.0, n_elec=(3, 0)).hamiltonian
    solution = solve_unrestricted(hamiltonian, (3, 0), rng=1)
    assert solution.energy_hartree == pytest.approx(np.linalg.eigvalsh(hamiltonian.one_body)[:3].sum(), abs=1e-10)


@pytest.mark.parametrize(("n_elec", "energy"), [((1, 0), -1.0), ((0, 1), -1.0), ((1, 1), -1.5)])
def test_one_orbital(n_elec, energy):
    hamiltonian = Hamiltonian(one_body=[[-1.0]], two_body=np.full((1,) * 4, 0.5))
    solution = solve_unrestricted(hamiltonian, n_elec, rng=1)
    assert (solution.energy_hartree, solution.stable) == (energy, True)


def test_turning_all_spins_changes_nothing():
    problem = molecule_problem(chain(3, 1.5), basis="sto-3g", two_s=1)
    up = solve_unrestricted(problem.hamiltonian, (2, 1), rng=1)
    down = solve_unrestricted(problem.hamiltonian, (1, 2), rng=1)
    assert up.energy_hartree == pytest.approx(down.energy_hartree, abs=1e-10)
    np.testing.assert_allclose(np.abs(up.densities), np.abs(down.densities[::-1]), atol=1e-4)


def test_a_search_that_was_cut_short_says_so():
    problem = molecule_problem("N 0 0 0; N 0 0 2.0", basis="sto-3g")
    solution = solve_unrestricted(problem.hamiltonian, problem.n_elec, max_iterations=1, rng=1)
    assert not solution.converged
    assert not solution.stable
    assert solution.gradient_norm > 1e-6
    assert solution.n_iterations <= 2


def test_the_same_seed_gives_the_same_digits():
    problem = molecule_problem(chain(4, 2.0), basis="sto-3g")
    one, other = (solve_unrestricted(problem.hamiltonian, problem.n_elec, rng=5) for _ in range(2))
    np.testing.assert_array_equal(one.orbitals, other.orbitals)


@pytest.mark.parametrize(
    ("n_elec", "options", "message"),
    [
        ((3, 1), {}, "3 alpha electrons do not fit into 2 orbitals"),
        ((0, 0), {}, "There are no electrons"),
        ((1, 1), {"max_iterations": 0}, "`max_iterations` must be at least 1, but is 0"),
        ((1, 1), {"gradient_tolerance": 0.0}, "`gradient_tolerance` must be positive"),
        ((1, 1), {"densities": np.eye(2)}, r"`densities` must have shape \(2, 2, 2\), but has \(2, 2\)"),
        ((1, 1), {"densities": np.eye(2) * np.ones((2, 1, 1)) * 1j}, "`densities` must be real, but is complex"),
        ((1, 1), {"densities": [np.eye(2), [[1, 1], [0, 1]]]}, "two symmetric matrices"),
        ((1, 1), {"densities": [np.eye(2), np.diag([1, np.nan])]}, "of finite numbers"),
        ((1, 1), {"densities": [np.eye(2), np.diag([1, np.inf])]}, "of finite numbers"),
        ((1, 1), {"rng": -1}, "seed"),
    ],
)
def test_impossible_wishes_are_refused(n_elec, options, message):
    with pytest.raises(InputError, match=message):
        solve_unrestricted(hubbard(2, u=1.0, n_elec=(1, 1)).hamiltonian, n_elec, **options)
