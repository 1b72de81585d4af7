import numpy as np
import pytest

from kakehashi.core.errors import ConvergenceError, InputError
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.molecule import molecule_problem

N2 = "N 0 0 0; N 0 0 1.0"
WATER = "O 0 0 0; H 0 0.76 0.59; H 0 -0.76 0.59"


def test_n2_in_631g(reference):
    problem = molecule_problem(N2, basis="6-31g", frozen_core=2)
    assert (problem.n_orb, problem.n_elec, problem.n_qubits) == (16, (5, 5), 32)
    assert hartree_fock_energy(problem) == reference["n2-6-31g-rhf"]


@pytest.mark.parametrize(("frozen", "n_orb", "n_elec"), [(True, 26, (5, 5)), (0, 28, (7, 7))])
def test_n2_in_cc_pvdz(reference, frozen, n_orb, n_elec):
    problem = molecule_problem(N2, basis="cc-pvdz", frozen_core=frozen)
    assert (problem.n_orb, problem.n_elec) == (n_orb, n_elec)
    assert hartree_fock_energy(problem) == reference["n2-cc-pvdz-rhf"]


@pytest.mark.parametrize(
    ("geometry", "two_s", "options", "n_core", "n_cas", "n_elec"),
    [
        (WATER, 0, {"frozen_core": 1}, 1, 6, (4, 4)),
        (WATER, 0, {"active_space": (4, 4)}, 3, 4, (2, 2)),
        ("O 0 0 0; H 0 0 0.97", 1, {"frozen_core": True}, 1, 5, (4, 3)),
        ("O 0 0 0; O 0 0 1.2", 2, {"active_space": (8, 6)}, 4, 6, (5, 3)),
        ("N 0 0 0; H 0.94 0 0; H -0.47 0.81 0; H -0.47 -0.81 0.1", 0, {"symmetry": False}, 0, 8, (5, 5)),
    ],
)
def test_exact_energies_are_those_of_pyscf(fci_energy, geometry, two_s, options, n_core, n_cas, n_elec):
    from pyscf import gto, mcscf, scf

    problem = molecule_problem(geometry, basis="sto-3g", two_s=two_s, **options)
    assert (problem.n_orb, problem.n_elec) == (n_cas, n_elec)
    molecule = gto.M(atom=geometry, basis="sto-3g", spin=two_s, verbose=0)
    solved = scf.ROHF(molecule).run(conv_tol=1e-12)
    assert hartree_fock_energy(problem) == pytest.approx(solved.e_tot, abs=1e-9)
    expected = mcscf.CASCI(solved, n_cas, n_elec, ncore=n_core)
    expected.fcisolver.conv_tol = 1e-12
    assert fci_energy(problem) == pytest.approx(expected.kernel()[0], abs=1e-8)


def test_the_active_space_as_a_list_of_orbitals(fci_energy):
    by_count = molecule_problem(WATER, basis="sto-3g", active_space=(4, 4))
    by_list = molecule_problem(WATER, basis="sto-3g", active_orbitals=[6, 3, 4, 5])
    assert by_list.settings["active_orbitals"] == [3, 4, 5, 6]
    assert by_list.settings["frozen_orbitals"] == [0, 1, 2]
    np.testing.assert_allclose(by_list.hamiltonian.two_body, by_count.hamiltonian.two_body, atol=1e-10)
    gap = molecule_problem(WATER, basis="sto-3g", active_orbitals=[1, 2, 4, 6])
    assert gap.settings["frozen_orbitals"] == [0, 3]
    assert gap.n_elec == (3, 3)
    # A determinant space inside another one: its lowest energy is above.
    everything = molecule_problem(WATER, basis="sto-3g")
    assert fci_energy(gap) > fci_energy(everything) + 1e-4
    assert hartree_fock_energy(gap) == pytest.approx(hartree_fock_energy(everything), abs=1e-9)


@pytest.mark.parametrize(
    ("geometry", "two_s", "top", "group", "labels", "state"),
    [
        ("H 0 0 0; H 0 0 0.74", 0, "Dooh", "D2h", (1, 5), 1),
        (WATER, 0, "C2v", "C2v", (1, 1, 3, 1, 2, 1, 3), 1),
        ("Li 0 0 0; H 0 0 1.6", 0, "Coov", "C2v", (1, 1, 1, 2, 3, 1), 1),
        ("O 0 0 0; O 0 0 1.2", 2, "Dooh", "D2h", (1, 5, 1, 5, 1, 3, 2, 6, 7, 5), 4),  # triplet Sigma_g: B1g
    ],
)
def test_the_point_group_is_kept(geometry, two_s, top, group, labels, state):
    problem = molecule_problem(geometry, basis="sto-3g", two_s=two_s)
    assert (problem.settings["point_group"], problem.settings["orbital_group"]) == (top, group)
    assert sorted(problem.orbital_symmetry) == sorted(labels)
    assert problem.state_symmetry == state


def test_what_symmetry_forbids_is_exactly_zero():
    problem = molecule_problem(N2, basis="6-31g", frozen_core=2)
    number = np.array(problem.orbital_symmetry) - 1
    pair = number[:, None] ^ number[None, :]
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    assert not h[pair != 0].any()
    forbidden = pair[:, :, None, None] != pair[None, None]
    assert not g[forbidden].any()
    assert np.mean(np.abs(g[~forbidden]) > 1e-12) > 0.5


def test_without_symmetry_there_are_no_labels(fci_energy):
    with_labels = molecule_problem("H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3", basis="sto-3g")
    without = molecule_problem("H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3", basis="sto-3g", symmetry=False)
    assert without.orbital_symmetry == ()
    assert without.settings["point_group"] is None
    assert fci_energy(without) == pytest.approx(fci_energy(with_labels), abs=1e-9)


def test_a_second_run_is_identical():
    first, second = (molecule_problem(N2, basis="6-31g", frozen_core=2).hamiltonian for _ in range(2))
    np.testing.assert_allclose(first.one_body, second.one_body, atol=1e-10)  # threads add in any order
    np.testing.assert_allclose(first.two_body, second.two_body, atol=1e-10)


def test_units_and_symbols_in_any_case():
    angstrom = molecule_problem([("h", (0, 0, 0)), ("H", (0, 0, 0.529177210903))], basis="sto-3g")
    bohr = molecule_problem("H 0 0 0; h 0 0 1", basis="STO-3G", unit="bohr")
    assert hartree_fock_energy(bohr) == pytest.approx(hartree_fock_energy(angstrom), abs=1e-8)


def test_a_basis_for_each_element():
    problem = molecule_problem("Li 0 0 0; H 0 0 1.6", basis={"Li": "sto-3g", "H": "6-31g"})
    assert problem.n_orb == 5 + 2


def test_core_potentials_come_with_their_basis():
    problem = molecule_problem("I 0 0 0; H 0 0 1.6", basis="def2-svp", active_space=(2, 2))
    assert problem.n_elec == (1, 1)
    assert -300 < hartree_fock_energy(problem) < -290  # all 54 electrons would give -6,900 hartree


def test_the_second_order_solver_takes_over(caplog):
    caplog.set_level("INFO")
    problem = molecule_problem(N2, basis="6-31g", max_cycles=5)
    assert "second-order solver" in caplog.text
    assert hartree_fock_energy(problem) == pytest.approx(-108.83523657, abs=1e-7)


def test_no_convergence_is_said():
    with pytest.raises(ConvergenceError, match="did not converge within 1 DIIS and 1 second-order"):
        molecule_problem(N2, basis="6-31g", max_cycles=1)


@pytest.mark.parametrize(
    ("geometry", "options", "message"),
    [
        ("Zz 0 0 0", {}, "'Zz' is not the symbol of an element"),
        (N2, {"basis": "no-such-basis"}, "PySCF has no basis set 'no-such-basis' for N"),
        ("U 0 0 0", {"basis": "6-31g"}, "no basis set '6-31g' for U"),
        (N2, {"basis": {"O": "sto-3g"}}, "names no basis set for N"),
        (N2, {"basis": "gth-szv"}, "'gth-szv' needs pseudopotentials"),
        (N2, {"unit": "metre"}, "`unit` must be"),
        ("N 0 0 0", {}, "7 electrons cannot have two_s = 0 unpaired ones; an odd number from 0 to 7"),
        (N2, {"two_s": 1}, "an even number from 0 to 14"),
        (N2, {"two_s": -2}, "cannot have two_s = -2"),
        (N2, {"charge": 14}, "no electrons left"),
        (N2, {"frozen_core": 8}, "`frozen_core` must be 0 to 7"),
        (N2, {"frozen_core": -1}, "`frozen_core` must be 0 to 7"),
        (N2, {"frozen_core": 7}, "holds no electrons"),
        (N2, {"active_space": (3, 4)}, "asks for 3 electrons in 4 orbitals"),
        (N2, {"active_space": (4, 6)}, "asks for 4 electrons in 6 orbitals"),
        (N2, {"active_space": (16, 8)}, "asks for 16 electrons"),
        (N2, {"active_orbitals": [1, 1]}, "different numbers from 0 to 9"),
        (N2, {"active_orbitals": [10]}, "different numbers from 0 to 9"),
        (N2, {"active_orbitals": []}, "different numbers from 0 to 9"),
        (N2, {"active_orbitals": [8, 9]}, "holds no electrons"),
        (N2, {"active_space": (4, 4), "frozen_core": 2}, "Give only one of"),
        ("He 0 0 0", {"two_s": 2}, "2 electrons, 2 of them unpaired, do not fit into 1 basis functions"),
        ("O 0 0 0; O 0 0 1.2", {"two_s": 2, "active_orbitals": [5, 6, 7]}, "all singly occupied"),
    ],
)
def test_impossible_molecules(geometry, options, message):
    with pytest.raises(InputError, match=message):
        molecule_problem(geometry, **{"basis": "sto-3g"} | options)


def test_too_many_orbitals_are_refused():
    with pytest.raises(InputError, match=r"At most 128 orbitals .* 130; choose an active space"):
        molecule_problem("; ".join(f"He 0 0 {3 * i}" for i in range(26)), basis="cc-pvdz", symmetry=False)
