from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from kakehashi.core.errors import InputError
from kakehashi.energy.properties import DEBYE_PER_ATOMIC_UNIT, properties_of, transition_of
from kakehashi.problem.model import Hamiltonian
from kakehashi.problem.molecule import molecule_problem
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import solve_space

WATER = "O 0.3 0 0.1; H 0.3 0.76 0.69; H 0.3 -0.76 0.69"
LITHIUM_HYDRIDE = "Li 0 0 0; H 0 0 1.6"
FLUORIDE = "H 0 0 0; F 0.5 0 0.8"


def full_space(hamiltonian, n_elec):
    """Every determinant of a problem."""
    space = DeterminantSpace(hamiltonian, n_threads=1)
    alpha, beta = (all_strings(n_orb=hamiltonian.n_orb, n_electrons=count) for count in n_elec)
    space.append(np.repeat(alpha, len(beta), axis=0), np.tile(beta, (len(alpha), 1)))
    return space


def exact_states(problem, *, n_roots=1, tolerance=1e-8):
    """The lowest states, their energies, and the space that they live in."""
    space = full_space(problem.hamiltonian, problem.n_elec)
    stage = solve_space(space, n_roots=n_roots, tolerance=tolerance)
    return space, stage.coefficients, stage.energies_hartree


def exact_density(problem):
    space, states, _ = exact_states(problem)
    return space.densities(states[0]).one_body


def fci_energy(problem):
    """Exact energy with PySCF's solver."""
    from pyscf import fci

    h, solver = problem.hamiltonian, fci.direct_spin1.FCI()
    solver.conv_tol, solver.max_cycle = 1e-13, 300
    return float(solver.kernel(h.one_body, h.two_body, h.n_orb, problem.n_elec, ecore=h.constant)[0])


def determinant_density(problem):
    """Density of the determinant of the lowest orbitals."""
    return np.array([np.diag(np.arange(problem.n_orb) < count).astype(float) for count in problem.n_elec])


def pyscf_mean_field(geometry, basis="sto-3g", **options):
    from pyscf import gto, scf

    molecule = gto.M(atom=geometry, basis=basis, verbose=0, **options)
    return scf.ROHF(molecule).run(conv_tol=1e-12, chkfile=None)


def test_the_unit_is_pyscfs():
    from pyscf.data.nist import AU2DEBYE

    assert pytest.approx(AU2DEBYE, rel=1e-7) == DEBYE_PER_ATOMIC_UNIT


@pytest.mark.parametrize(
    ("geometry", "basis", "two_s", "space"),
    [
        (WATER, "6-31g", 0, {}),
        (WATER, "cc-pvdz", 0, {"frozen_core": True}),
        (FLUORIDE, "6-31g", 0, {"symmetry": False}),
        ("O 0 0 0; H 0 0 0.97", "6-31g", 1, {"active_space": (5, 4)}),
        ("I 0 0 0; H 0 0 1.6", "def2-svp", 0, {"active_space": (2, 2)}),  # with an effective core potential
    ],
)
def test_the_dipole_moment_of_hartree_fock_is_pyscfs(geometry, basis, two_s, space):
    problem = molecule_problem(geometry, basis=basis, two_s=two_s, **space)
    core_potential = {"ecp": "def2-svp"} if basis.startswith("def2") else {}
    expected = pyscf_mean_field(geometry, basis, spin=two_s, **core_potential).dip_moment(unit="Debye", verbose=0)
    found = properties_of(problem, determinant_density(problem))
    assert np.linalg.norm(expected) > 0.3
    np.testing.assert_allclose(found.dipole_debye, expected, atol=2e-5)
    np.testing.assert_array_equal(found.natural_occupations, determinant_density(problem).sum(axis=0).diagonal())
    assert found.n_unpaired == two_s
    assert found.atomic_charges.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("geometry", "basis"), [(LITHIUM_HYDRIDE, "6-31g"), (WATER, "sto-3g"), (FLUORIDE, "sto-3g")])
def test_exact_states_have_the_dipole_moment_of_pyscfs_density(geometry, basis):
    from pyscf import fci

    problem = molecule_problem(geometry, basis=basis)
    found = properties_of(problem, exact_density(problem))
    mean_field = pyscf_mean_field(geometry, basis)
    solver = fci.FCI(mean_field)
    solver.conv_tol = 1e-13
    n_orb, n_elec = mean_field.mo_coeff.shape[1], mean_field.mol.nelec
    density = solver.make_rdm1(solver.kernel()[1], n_orb, n_elec)
    orbitals = mean_field.mo_coeff
    expected = mean_field.dip_moment(dm=orbitals @ density @ orbitals.T, unit="AU", verbose=0)
    np.testing.assert_allclose(found.dipole_atomic_units, expected, atol=2e-5)
    occupations = np.linalg.eigvalsh(density)[::-1]
    np.testing.assert_allclose(found.natural_occupations, occupations, atol=1e-6)
    # In its own natural orbitals the density is diagonal.
    turned = found.natural_orbitals.T @ exact_density(problem).sum(axis=0) @ found.natural_orbitals
    np.testing.assert_allclose(turned, np.diag(found.natural_occupations), atol=1e-8)
    unpaired = np.minimum(occupations, 2 - occupations).sum()
    assert found.n_unpaired == pytest.approx(unpaired, abs=1e-6)


def test_the_dipole_moment_is_the_energys_derivative_by_the_field():
    problem = molecule_problem(LITHIUM_HYDRIDE, basis="6-31g", frozen_core=1)
    known, field = problem.observables, 5e-4

    def energy(strength):
        h = problem.hamiltonian
        in_field = Hamiltonian(
            one_body=h.one_body + strength * known.position_bohr[2],
            two_body=h.two_body,
            constant=h.constant - strength * known.constant_dipole_atomic_units[2],
        )
        return fci_energy(dataclasses.replace(problem, hamiltonian=in_field))

    steps = [-energy(field) + energy(-field), -energy(2 * field) + energy(-2 * field)]
    slope = (8 * steps[0] - steps[1]) / (12 * field)  # five-point rule: the error is of fourth order
    found = properties_of(problem, exact_density(problem)).dipole_atomic_units
    assert slope == pytest.approx(found[2], abs=3e-7)
    assert abs(found[2]) > 1.5


@pytest.mark.parametrize(
    ("geometry", "two_s", "n_cas", "n_elec", "n_core"),
    [
        (WATER, 0, 4, (2, 2), 3),
        ("O 0 0 0; H 0 0 0.97", 1, 5, (4, 3), 1),
        ("O 0 0 0; O 0 0 1.2", 2, 6, (5, 3), 4),
    ],
)
def test_an_active_space_has_the_properties_of_the_whole_molecule(geometry, two_s, n_cas, n_elec, n_core):
    from pyscf import lo, mcscf

    problem = molecule_problem(geometry, basis="sto-3g", two_s=two_s, active_space=(sum(n_elec), n_cas))
    found = properties_of(problem, exact_density(problem))
    mean_field = pyscf_mean_field(geometry, spin=two_s)
    solver = mcscf.CASCI(mean_field, n_cas, n_elec, ncore=n_core)
    solver.fcisolver.conv_tol = 1e-13
    solver.kernel()
    alpha, beta = solver.make_rdm1s()  # over the basis functions, frozen orbitals included
    molecule = mean_field.mol
    expected = mean_field.dip_moment(dm=alpha + beta, unit="AU", verbose=0)
    np.testing.assert_allclose(found.dipole_atomic_units, expected, atol=2e-5)
    overlap = molecule.intor("int1e_ovlp")
    to_loewdin = lo.orth.lowdin(overlap) @ overlap
    on_functions = [(to_loewdin @ density @ to_loewdin.T).diagonal() for density in (alpha, beta)]
    for atom, (first, last) in enumerate(molecule.aoslice_by_atom()[:, 2:]):
        up, down = (share[first:last].sum() for share in on_functions)
        assert found.spin_populations[atom] == pytest.approx(up - down, abs=1e-5)
        assert found.atomic_charges[atom] == pytest.approx(molecule.atom_charge(atom) - up - down, abs=1e-5)
    assert found.spin_density.sum() == pytest.approx(two_s)


@pytest.mark.parametrize(("charge", "two_s"), [(-1, 0), (1, 2)])
def test_the_dipole_moment_of_an_ion_is_about_the_centre_of_nuclear_charge(charge, two_s):
    near, far = (
        molecule_problem(f"O {x} 0 0; H {x} 0 1.8", basis="sto-3g", unit="bohr", charge=charge, two_s=two_s)
        for x in (0, 5)
    )
    found, moved = (properties_of(problem, determinant_density(problem)) for problem in (near, far))
    np.testing.assert_allclose(moved.dipole_atomic_units, found.dipole_atomic_units, atol=1e-6)
    mean_field = pyscf_mean_field("O 0 0 0; H 0 0 1.8", unit="bohr", charge=charge, spin=two_s)
    centre = (0, 0, 1.8 / 9)
    expected = mean_field.dip_moment(unit="AU", origin=centre, verbose=0)
    np.testing.assert_allclose(near.observables.origin_bohr, centre, atol=1e-12)
    np.testing.assert_allclose(found.dipole_atomic_units, expected, atol=2e-5)
    assert found.atomic_charges.sum() == pytest.approx(charge)


def test_oxygens_two_unpaired_electrons_are_one_on_each_atom():
    problem = molecule_problem("O 0 0 0; O 0 0 1.2", basis="6-31g", two_s=2, active_space=(8, 6))
    found = properties_of(problem, exact_density(problem))
    np.testing.assert_allclose(found.spin_populations, [1, 1], atol=1e-6)
    np.testing.assert_allclose(found.atomic_charges, [0, 0], atol=1e-6)
    assert 2 < found.n_unpaired < 2.5
    assert found.dipole_debye == pytest.approx(np.zeros(3), abs=1e-6)


def test_a_stretched_bond_as_determinant_as_singlet_and_as_triplet():
    stretched = "H 0 0 0; H 0 0 4"
    singlet = molecule_problem(stretched, basis="sto-3g")
    # Orthogonalised functions of the two atoms, one spin on each: a determinant of broken symmetry.
    left, right = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    broken = properties_of(singlet, [np.outer(left, left), np.outer(right, right)])
    np.testing.assert_allclose(np.sort(broken.spin_populations), [-1, 1], atol=1e-8)
    np.testing.assert_allclose(broken.atomic_charges, [0, 0], atol=1e-8)
    found = properties_of(singlet, exact_density(singlet))
    np.testing.assert_allclose(found.spin_populations, [0, 0], atol=1e-8)
    np.testing.assert_allclose(found.spin_density, [0, 0], atol=1e-8)
    assert found.n_unpaired == pytest.approx(2, abs=0.02)
    triplet = molecule_problem(stretched, basis="sto-3g", two_s=2)
    np.testing.assert_allclose(properties_of(triplet, exact_density(triplet)).spin_populations, [1, 1], atol=1e-8)


def test_nitrogen_falls_apart_into_atoms_with_three_unpaired_electrons():
    stretched = "N 0 0 0; N 0 0 4"
    singlet, septet = (
        molecule_problem(stretched, basis="sto-3g", two_s=two_s, active_space=(6, 6)) for two_s in (0, 6)
    )
    found = properties_of(singlet, exact_density(singlet))
    np.testing.assert_allclose(found.spin_populations, [0, 0], atol=1e-6)
    assert found.n_unpaired == pytest.approx(6, abs=0.05)
    np.testing.assert_allclose(properties_of(septet, exact_density(septet)).spin_populations, [3, 3], atol=1e-6)


@cache
def lithium_hydride():
    return molecule_problem(LITHIUM_HYDRIDE, basis="sto-3g", frozen_core=1)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_orbitals_do_not_matter(seed):
    """A state over rotated orbitals is turned back; a rotated problem has the same properties."""
    problem = lithium_hydride()
    turn = ortho_group.rvs(problem.n_orb, random_state=seed)
    rotated = dataclasses.replace(
        problem,
        hamiltonian=problem.hamiltonian.rotate(turn),
        observables=problem.observables.rotate(turn),
        orbital_symmetry=(),
    )
    inside = exact_density(rotated)
    first, back, there = (
        properties_of(problem, exact_density(problem)),
        properties_of(problem, turn @ inside @ turn.T),
        properties_of(rotated, inside),
    )
    for other in (back, there):
        for name in ("natural_occupations", "dipole_atomic_units", "spin_populations", "atomic_charges"):
            np.testing.assert_allclose(getattr(other, name), getattr(first, name), atol=1e-6)


def test_natural_orbitals_keep_their_symmetry_where_the_state_has_it():
    problem = molecule_problem("N 0 0 0; N 0 0 1.1", basis="sto-3g", active_space=(6, 6))
    kept = properties_of(problem, exact_density(problem))
    labels = np.array(problem.orbital_symmetry)
    for column in kept.natural_orbitals.T:
        assert len(set(labels[np.abs(column) > 1e-10])) == 1
    # A determinant of broken symmetry mixes them, and is taken as it is.
    gerade = np.flatnonzero(labels == labels[0])[0]
    ungerade = np.flatnonzero(labels != labels[0])[0]
    turn = np.eye(problem.n_orb)
    turn[np.ix_([gerade, ungerade], [gerade, ungerade])] = np.array([[0.8, -0.6], [0.6, 0.8]])
    density = turn @ exact_density(problem) @ turn.T
    broken = properties_of(problem, density)
    np.testing.assert_allclose(broken.natural_occupations, kept.natural_occupations, atol=1e-8)


def test_transitions_are_those_of_pyscfs_densities():
    from pyscf import fci

    problem = molecule_problem(LITHIUM_HYDRIDE, basis="6-31g", frozen_core=1)
    space, states, energies = exact_states(problem, n_roots=4)
    h = problem.hamiltonian
    solver = fci.direct_spin1.FCI()
    solver.conv_tol, solver.nroots = 1e-13, 4
    theirs, vectors = solver.kernel(h.one_body, h.two_body, h.n_orb, problem.n_elec, ecore=h.constant)
    np.testing.assert_allclose(theirs, energies, atol=1e-8)
    strengths = []
    for root in (1, 2, 3):
        one_body = space.densities(states[0], states[root]).one_body
        found = transition_of(problem, one_body, excitation_hartree=energies[root] - energies[0])
        density = solver.trans_rdm1(vectors[0], vectors[root], h.n_orb, problem.n_elec)
        expected = np.einsum("xpq,pq->x", problem.observables.position_bohr, density)
        np.testing.assert_allclose(np.abs(found.dipole_atomic_units), np.abs(expected), atol=1e-5)
        expected_strength = 2 / 3 * (theirs[root] - theirs[0]) * (expected @ expected)
        assert found.oscillator_strength == pytest.approx(expected_strength, abs=1e-5)
        np.testing.assert_allclose(found.dipole_debye, found.dipole_atomic_units * DEBYE_PER_ATOMIC_UNIT)
        strengths.append(found.oscillator_strength)
    assert max(strengths) > 0.01  # some of them is allowed
    assert min(strengths) == pytest.approx(0, abs=1e-8)  # the triplet is not


def test_oscillator_strengths_sum_to_the_polarizability():
    """Over all states, ``sum f / excitation^2`` is the mean of the energy's second derivatives by the field."""
    problem = molecule_problem("H 0 0 0; H 0 0 0.9", basis="6-31g")
    space = full_space(problem.hamiltonian, problem.n_elec)
    energies, vectors = np.linalg.eigh(np.array([space.apply(row) for row in np.eye(len(space))]))
    by_light = 0.0
    for root in range(1, len(space)):
        density = space.densities(vectors[:, 0], vectors[:, root]).one_body
        excitation = energies[root] - energies[0]
        by_light += transition_of(problem, density, excitation_hartree=excitation).oscillator_strength / excitation**2

    def energy(strength):
        h, z = problem.hamiltonian, problem.observables.position_bohr[2]
        in_field = Hamiltonian(one_body=h.one_body + strength * z, two_body=h.two_body, constant=h.constant)
        return fci_energy(dataclasses.replace(problem, hamiltonian=in_field))

    field = 5e-3
    curvature = -(energy(field) - 2 * energy(0) + energy(-field)) / field**2
    # The other two directions have none: the basis has no functions across the bond.
    assert by_light == pytest.approx(curvature / 3, rel=1e-3)


def test_a_problem_of_bare_integrals_has_the_rest():
    problem = dataclasses.replace(molecule_problem(LITHIUM_HYDRIDE, basis="sto-3g"), observables=None)
    found = properties_of(problem, determinant_density(problem))
    assert (found.dipole_atomic_units, found.dipole_debye, found.spin_populations, found.atomic_charges) == (None,) * 4
    assert found.atoms == ()
    assert found.natural_occupations.tolist() == [2, 2, 0, 0, 0, 0]
    with pytest.raises(InputError, match="has no dipole integrals"):
        transition_of(problem, np.zeros((2, 6, 6)), excitation_hartree=0.1)


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (np.zeros((6, 6)), r"must be real with shape \(2, 6, 6\), but is float64 with \(6, 6\)"),
        (np.zeros((2, 6, 6), dtype=complex), "must be real"),
        (np.full((2, 6, 6), np.nan), "not finite"),
        (np.tile(np.tri(6), (2, 1, 1)), "symmetric for each spin"),
        (np.tile(np.eye(6), (2, 1, 1)), "must hold 2 alpha and 2 beta electrons, but holds 6.000000 and 6.000000"),
    ],
)
def test_impossible_densities_are_refused(density, message):
    problem = molecule_problem(LITHIUM_HYDRIDE, basis="sto-3g")
    with pytest.raises(InputError, match=message):
        properties_of(problem, density)


@pytest.mark.parametrize(
    ("density", "excitation", "message"),
    [
        (np.zeros((2, 5, 5)), 0.1, r"must be real with shape \(2, 6, 6\)"),
        (np.tile(np.eye(6), (2, 1, 1)), 0.1, "two orthogonal states, but the trace of a spin is 6.0e"),
        (np.zeros((2, 6, 6)), np.nan, "`excitation_hartree` must be finite"),
    ],
)
def test_impossible_transitions_are_refused(density, excitation, message):
    problem = molecule_problem(LITHIUM_HYDRIDE, basis="sto-3g")
    with pytest.raises(InputError, match=message):
        transition_of(problem, density, excitation_hartree=excitation)
