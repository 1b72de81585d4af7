import gzip

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from kakehashi.core.errors import InputError
from kakehashi.core.files import data_directories, sha256_of
from kakehashi.problem.broken_symmetry import broken_symmetry_starts
from kakehashi.problem.centres import find_centres
from kakehashi.problem.common_determinant import common_orbitals, optimize_determinant
from kakehashi.problem.fcidump import read_fcidump
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Hamiltonian
from kakehashi.problem.unrestricted import solve_unrestricted

FE4S4_SHA256 = "fa3e6188bd21631d840e06c10bbd9bfd531b7115244226c90127dd51324a30c4"


def chain_of_hydrogen(n_atoms, spacing):
    """Integrals over orthonormal orbitals of each atom (P.-O. Lowdin, J. Chem. Phys. 18, 365 (1950))."""
    from pyscf import ao2mo, gto

    molecule = gto.M(atom=[("H", (0, 0, k * spacing)) for k in range(n_atoms)], basis="sto-3g", verbose=0, spin=None)
    values, vectors = np.linalg.eigh(molecule.intor("int1e_ovlp"))
    c = vectors @ np.diag(values**-0.5) @ vectors.T
    return molecule, Hamiltonian(
        one_body=c.T @ (molecule.intor("int1e_kin") + molecule.intor("int1e_nuc")) @ c,
        two_body=ao2mo.restore(1, ao2mo.kernel(molecule, c), n_atoms),
        constant=molecule.energy_nuc(),
    )


def alternating_energy(n_sites, u):
    """Mean field of a half-filled ring with alternating spins: gap equation of the spin-density wave.

    A staggered moment m opens the gap 2 U m: E(m) = N U (1/4 + m^2) - 2 sum_k sqrt(eps_k^2 + (U m)^2) over the lower
    band. Source: D. R. Penn, Phys. Rev. 142, 350 (1966), doi:10.1103/PhysRev.142.350.
    """
    k = 2 * np.pi * np.arange(n_sites) / n_sites
    levels = np.sort(-2 * np.cos(k))[: n_sites // 2]

    def energy(m):
        return n_sites * u * (0.25 + m * m) - 2 * np.sqrt(levels**2 + (u * m) ** 2).sum()

    best = minimize_scalar(energy, bounds=(0, 0.5), method="bounded", options={"xatol": 1e-12})
    return best.fun, best.x


@pytest.mark.parametrize(("n_sites", "u"), [(6, 4.0), (6, 8.0), (8, 6.0), (10, 3.0)])
def test_a_half_filled_ring_has_alternating_spins(n_sites, u):
    half = n_sites // 2
    problem = hubbard(n_sites, u=u, n_elec=(half, half))
    lowest, *_ = broken_symmetry_starts(problem.hamiltonian, problem.n_elec, n_starts=3, rng=1)
    energy, moment = alternating_energy(n_sites, u)
    assert lowest.energy_hartree == pytest.approx(energy, abs=1e-8)
    spins = (lowest.densities[0] - lowest.densities[1]).diagonal()
    signs = np.sign(spins[0]) * (-1.0) ** np.arange(n_sites)
    np.testing.assert_allclose(spins, signs * 2 * moment, atol=1e-4)
    assert lowest.converged
    assert lowest.stable


def test_a_stretched_chain_has_pyscfs_energy():
    from pyscf import scf

    molecule, hamiltonian = chain_of_hydrogen(6, 1.8)
    solver = scf.UHF(molecule)
    solver.chkfile, solver.conv_tol = None, 1e-12
    solver.kernel(np.stack([np.diag([1.0, 0.0] * 3), np.diag([0.0, 1.0] * 3)]))
    lowest, *others = broken_symmetry_starts(hamiltonian, (3, 3), n_starts=6, rng=1)
    assert lowest.energy_hartree == pytest.approx(solver.e_tot, abs=1e-8)
    assert lowest.spin_squared == pytest.approx(solver.spin_square()[0], abs=1e-5)
    assert others


def test_patterns_find_what_a_plain_search_misses():
    hamiltonian = hubbard(4, u=4.0, n_elec=(3, 1)).hamiltonian
    plain = solve_unrestricted(hamiltonian, (3, 1), rng=1)
    assert plain.stable  # a minimum, but not the lowest
    lowest, *_ = broken_symmetry_starts(hamiltonian, (3, 1), n_starts=6, rng=1)
    assert lowest.energy_hartree < plain.energy_hartree - 0.1


def test_solutions_are_different_and_in_order():
    hamiltonian = hubbard(6, u=6.0, n_elec=(3, 3)).hamiltonian
    found = broken_symmetry_starts(hamiltonian, (3, 3), n_starts=12, rng=1)
    energies = [solution.energy_hartree for solution in found]
    assert energies == sorted(energies)
    assert len(found) > 1
    for k, one in enumerate(found):
        assert one.n_elec == (3, 3)
        for other in found[:k]:
            closest = min(np.linalg.norm(one.densities - other.densities[order]) for order in ([0, 1], [1, 0]))
            assert abs(one.energy_hartree - other.energy_hartree) > 1e-6 or closest > 1e-2


@pytest.mark.parametrize("n_elec", [(1, 0), (0, 1), (4, 0), (0, 3), (4, 1), (1, 4)])
def test_where_one_kind_of_electrons_has_no_choice_there_is_one_solution(n_elec):
    hamiltonian = hubbard(4, u=4.0, n_elec=n_elec).hamiltonian
    levels = np.linalg.eigvalsh(hamiltonian.one_body)
    expected = sum(levels[:count].sum() for count in n_elec) + 4.0 * (min(n_elec) if max(n_elec) == 4 else 0)
    (only,) = broken_symmetry_starts(hamiltonian, n_elec, n_starts=5, rng=1)
    assert only.energy_hartree == pytest.approx(expected, abs=1e-9)
    assert only.stable


@pytest.mark.parametrize(("n_elec", "n_events"), [((2, 2), 5), ((4, 4), 1)])
def test_each_start_is_reported(n_elec, n_events):
    events = []
    hamiltonian = hubbard(4, u=4.0, n_elec=n_elec).hamiltonian
    found = broken_symmetry_starts(hamiltonian, n_elec, n_starts=5, rng=1, progress=events.append)
    assert [(event.step, event.total) for event in events] == [(k + 1, n_events) for k in range(n_events)]
    assert {event.stage for event in events} == {"mean field"}
    lowest = [event.values["lowest_hartree"] for event in events]
    assert lowest == sorted(lowest, reverse=True)
    assert lowest[-1] == found[0].energy_hartree


def test_one_start_is_the_plain_search():
    hamiltonian = hubbard(4, u=4.0, n_elec=(2, 2)).hamiltonian
    (only,) = broken_symmetry_starts(hamiltonian, (2, 2), n_starts=1, rng=1)
    plain = solve_unrestricted(hamiltonian, (2, 2), rng=1)
    assert only.energy_hartree == pytest.approx(plain.energy_hartree, abs=1e-9)


def test_the_same_seed_finds_the_same():
    hamiltonian = hubbard(4, u=4.0, n_elec=(2, 2)).hamiltonian
    one, other = (broken_symmetry_starts(hamiltonian, (2, 2), n_starts=6, rng=3) for _ in range(2))
    assert [solution.energy_hartree for solution in one] == [solution.energy_hartree for solution in other]


def test_centres_may_be_given():
    hamiltonian = hubbard(4, u=8.0, n_elec=(2, 2)).hamiltonian
    pairs = broken_symmetry_starts(hamiltonian, (2, 2), centres=[[0, 1], [2, 3]], n_starts=2, rng=1)
    assert all(solution.converged for solution in pairs)
    spins = [(s.densities[0] - s.densities[1]).diagonal() for s in pairs]
    assert any(np.sign(spin).tolist() in ([1, 1, -1, -1], [-1, -1, 1, 1]) for spin in spins)


@pytest.mark.parametrize(
    ("n_elec", "options", "message"),
    [
        ((2, 2), {"n_starts": 0}, "`n_starts` must be at least 1, but is 0"),
        ((5, 2), {}, "5 alpha electrons do not fit into 4 orbitals"),
        ((0, 0), {}, "There are no electrons"),
        ((2, 2), {"centres": [[0], [4]]}, "`centres` must be groups of different orbitals from 0 to 3"),
        ((2, 2), {"max_iterations": 0}, "`max_iterations` must be at least 1"),
        ((2, 2), {"rng": -1}, "seed"),
    ],
)
def test_impossible_wishes_are_refused(n_elec, options, message):
    with pytest.raises(InputError, match=message):
        broken_symmetry_starts(hubbard(4, u=1.0, n_elec=(1, 1)).hamiltonian, n_elec, **options)


def check_reference(hamiltonian, solution):
    """The determinant over common orbitals is the reference: above the unrestricted one, below the nearest."""
    nearest = common_orbitals(hamiltonian, solution)
    best = optimize_determinant(hamiltonian, nearest.alpha_occupied, nearest.beta_occupied, nearest.rotation, rng=1)
    assert solution.energy_hartree < best.energy_hartree < nearest.energy_hartree
    assert best.converged
    assert best.stable
    return best


@pytest.mark.slow
def test_two_iron_atoms_have_opposite_spins():
    from pyscf import ao2mo, gto, scf

    if not any((folder / "fe2s2.fcidump").is_file() for folder in data_directories()):
        pytest.skip("fe2s2.fcidump is in no data folder (KAKEHASHI_DATA)")
    problem = load_problem("fe2s2")
    hamiltonian = problem.hamiltonian
    iron = ((2, 3, 4, 5, 6), (13, 14, 15, 16, 17))
    assert find_centres(hamiltonian, problem.n_elec) == iron
    lowest, *_ = broken_symmetry_starts(hamiltonian, problem.n_elec, n_starts=4, rng=1)
    molecule = gto.M(verbose=0)
    molecule.nelectron, molecule.incore_anyway = 30, True
    solver = scf.UHF(molecule)
    solver.chkfile, solver.conv_tol, solver.max_cycle, solver.level_shift = None, 1e-10, 500, 0.2
    solver.get_hcore = lambda *_: hamiltonian.one_body
    solver.get_ovlp = lambda *_: np.eye(20)
    solver._eri = ao2mo.restore(8, hamiltonian.two_body, 20)
    start = np.stack([np.eye(20)] * 2)
    start[0, iron[1], iron[1]] = start[1, iron[0], iron[0]] = 0.0
    solver.kernel(start)
    assert solver.converged
    assert lowest.energy_hartree == pytest.approx(solver.e_tot + hamiltonian.constant, abs=1e-7)
    assert check_reference(hamiltonian, lowest).spin_squared == 5.0  # ten single spins, five up and five down


@pytest.mark.slow
def test_four_iron_atoms_have_two_spins_up_and_two_down(tmp_path):
    name = "fe4s4_54e36o.fcidump.gz"
    packed = next((folder / name for folder in data_directories() if (folder / name).is_file()), None)
    if packed is None:
        pytest.skip(f"{name} is in no data folder (KAKEHASHI_DATA)")
    assert sha256_of(packed) == FE4S4_SHA256
    path = tmp_path / "fe4s4.fcidump"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    problem = read_fcidump(path)
    hamiltonian = problem.hamiltonian
    assert find_centres(hamiltonian, problem.n_elec) == tuple(tuple(range(p, p + 5)) for p in (2, 7, 24, 29))
    lowest, *others = broken_symmetry_starts(hamiltonian, problem.n_elec, n_starts=4, rng=1)
    # Pairings of these integrals give -327.0818 to -327.0874; of the published ones, -327.0809.
    assert lowest.energy_hartree == pytest.approx(-327.0874, abs=1e-4)
    assert others
    best = check_reference(hamiltonian, lowest)
    assert best.spin_squared == 9.0  # 18 single spins, nine up and nine down
    # Below what the closed loop reached: arXiv:2511.00224.
    assert best.energy_hartree < -326.913
