from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from kakehashi.core.errors import InputError
from kakehashi.problem.fcidump import read_fcidump, write_fcidump
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.observables import Observables, observables_of_molecule
from kakehashi.workflow.identity import describe_problem

WATER = "O 0.3 0 0.1; H 0.3 0.76 0.69; H 0.3 -0.76 0.69"


@pytest.fixture(scope="module")
def water():
    return molecule_problem(WATER, basis="6-31g", frozen_core=1)


def test_the_weights_are_loewdins(water):
    """Against PySCF's own orthogonalised basis functions."""
    from pyscf import gto, lo, scf

    molecule = gto.M(atom=WATER, basis="6-31g", verbose=0)
    orbitals = scf.RHF(molecule).run(conv_tol=1e-12, chkfile=None).mo_coeff
    overlap = molecule.intor("int1e_ovlp")
    own = lo.orth.lowdin(overlap) @ overlap @ orbitals
    found = water.observables
    assert found.atoms == ("O1", "H2", "H3")
    for atom, (first, last) in enumerate(molecule.aoslice_by_atom()[:, 2:]):
        shares = np.square(own[first:last]).sum(axis=0)
        np.testing.assert_allclose(found.atomic_weights[atom].diagonal(), shares[1:], atol=1e-6)
        assert found.core_charges[atom] == pytest.approx(molecule.atom_charge(atom) - 2 * shares[0], abs=1e-6)
    assert found.core_charges.sum() == pytest.approx(8)


def test_functions_are_orthonormal_and_give_the_weights(water):
    found = water.observables
    assert found.functions.shape == (13, 12)
    np.testing.assert_allclose(found.functions.T @ found.functions, np.eye(12), atol=1e-9)
    oxygen = found.functions[:9]
    np.testing.assert_allclose(oxygen.T @ oxygen, found.atomic_weights[0], atol=1e-12)
    turn = ortho_group.rvs(12, random_state=1)
    np.testing.assert_allclose(found.rotate(turn).functions, found.functions @ turn, atol=1e-12)
    without = dataclasses.replace(found, functions=None)
    assert without.rotate(turn).functions is None
    with pytest.raises(InputError, match="`functions` must have shape"):
        dataclasses.replace(found, functions=np.zeros((13, 11)))


def test_the_origin_is_the_centre_of_nuclear_charge(water):
    from pyscf.data.nist import BOHR

    np.testing.assert_allclose(water.observables.origin_bohr * BOHR, [0.3, 0, 0.1 + 2 * 0.59 / 10], atol=1e-12)


def test_moving_the_molecule_moves_the_origin_alone():
    first = molecule_problem("Li 0 0 0; H 0 0 1.6", basis="sto-3g", unit="bohr").observables
    moved = molecule_problem("Li 1 2 3; H 1 2 4.6", basis="sto-3g", unit="bohr").observables
    np.testing.assert_allclose(moved.origin_bohr - first.origin_bohr, [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(moved.constant_dipole_atomic_units, first.constant_dipole_atomic_units, atol=1e-8)
    np.testing.assert_allclose(np.abs(moved.position_bohr[2]), np.abs(first.position_bohr[2]), atol=1e-6)


def test_functions_that_depend_on_each_other_do_no_harm():
    """Two atoms so close that half of the functions must be left out."""
    from pyscf import gto

    molecule = gto.M(atom="He 0 0 0; He 0 0 1e-5", basis="6-31g", unit="bohr", verbose=0)
    values, vectors = np.linalg.eigh(molecule.intor("int1e_ovlp"))
    assert abs(values[1]) < 1e-9
    orbitals = vectors[:, 2:] / np.sqrt(values[2:])
    found = observables_of_molecule(molecule, orbitals[:, :0], orbitals)
    np.testing.assert_allclose(found.atomic_weights.sum(axis=0), np.eye(2), atol=1e-8)


def test_integrals_alone_have_none(tmp_path, water):
    write_fcidump(water, tmp_path / "water.fcidump")
    assert read_fcidump(tmp_path / "water.fcidump").observables is None
    assert hubbard(4, u=4.0, n_elec=(2, 2)).observables is None
    assert load_problem("hydrogen-chain", n_atoms=2).observables is not None


def test_they_are_no_part_of_a_runs_identity(water):
    without = dataclasses.replace(water, observables=None)
    assert identify_problem(without) == identify_problem(water)
    assert describe_problem(without) == describe_problem(water)
    by_hand = dataclasses.replace(water, settings={})
    assert identify_problem(dataclasses.replace(by_hand, observables=None)) == identify_problem(by_hand)


def test_a_problem_with_them_can_be_pickled(water):
    again = pickle.loads(pickle.dumps(water))
    for field in dataclasses.fields(Observables):
        left, right = (getattr(problem.observables, field.name) for problem in (again, water))
        np.testing.assert_array_equal(left, right)
    assert again.observables.n_orb == water.n_orb == 12


def test_the_arrays_cannot_be_changed(water):
    for field in dataclasses.fields(Observables):
        value = getattr(water.observables, field.name)
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0.0


HYDROGENS = molecule_problem("H 0 0 0; H 0 0 1; H 0 0 2", basis="sto-3g", two_s=1).observables


@given(seed=st.integers(0, 2**32 - 1))
def test_turning_there_and_back_changes_nothing(seed):
    one, turn = HYDROGENS, ortho_group.rvs(3, random_state=seed)
    there = one.rotate(turn)
    np.testing.assert_allclose(there.position_bohr[2], turn.T @ one.position_bohr[2] @ turn, atol=1e-12)
    back = there.rotate(turn.T)
    for field in ("position_bohr", "atomic_weights", "core_charges", "constant_dipole_atomic_units", "origin_bohr"):
        np.testing.assert_allclose(getattr(back, field), getattr(one, field), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position_bohr": np.zeros((3, 2, 3))}, r"`position_bohr` must have shape \(3, 3, 3\)"),
        ({"position_bohr": np.zeros(())}, "`position_bohr` must have shape"),
        ({"position_bohr": np.zeros((2, 2, 2))}, r"`position_bohr` must have shape \(3, 2, 2\)"),
        ({"constant_dipole_atomic_units": [0.0]}, r"`constant_dipole_atomic_units` must have shape \(3,\)"),
        ({"origin_bohr": [0.0, np.inf, 0.0]}, "`origin_bohr` holds a value that is not finite"),
        ({"atoms": ("H1",)}, r"`atomic_weights` must have shape \(1, 2, 2\), but has \(2, 2, 2\)"),
        ({"core_charges": [1.0]}, r"`core_charges` must have shape \(2,\)"),
        ({"atomic_weights": np.zeros((2, 2, 2))}, "must sum to 1, but they are off by up to 1.0e"),
    ],
)
def test_impossible_observables_are_refused(changes, message):
    good = load_problem("hydrogen-chain", n_atoms=2).observables
    with pytest.raises(InputError, match=message):
        dataclasses.replace(good, **changes)


@pytest.mark.parametrize(("turn", "message"), [(np.eye(3), "must have shape"), (np.ones((2, 2)), "must sum to 1")])
def test_impossible_turns_are_refused(turn, message):
    with pytest.raises(InputError, match=message):
        load_problem("hydrogen-chain", n_atoms=2).observables.rotate(turn)
