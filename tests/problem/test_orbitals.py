import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.problem.model import symmetrized_one_body
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.orbitals import local_basis, natural_orbitals, with_fixed_signs


def random_density(rng, n):
    return symmetrized_one_body(rng.standard_normal((n, n)))


@settings(max_examples=25)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_natural_orbitals_diagonalise_the_density(n, seed):
    density = random_density(np.random.default_rng(seed), n)
    natural = natural_orbitals(density)
    np.testing.assert_allclose(
        natural.rotation.T @ density @ natural.rotation, np.diag(natural.occupations), atol=1e-12
    )
    np.testing.assert_allclose(natural.rotation.T @ natural.rotation, np.eye(n), atol=1e-13)
    np.testing.assert_allclose(natural.occupations, np.linalg.eigvalsh(density)[::-1], atol=1e-9)
    assert natural.orbital_symmetry == ()


@settings(max_examples=25)
@given(st.lists(st.sampled_from([1, 4, 6, 7]), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_orbitals_of_different_symmetry_are_not_mixed(labels, seed):
    rng, labels = np.random.default_rng(seed), np.array(labels)
    same = labels[:, None] == labels
    # Occupations are equal in pairs as often as not: then only the labels keep the orbitals apart.
    density = np.where(same, random_density(rng, len(labels)), 0.0) if seed % 2 else np.eye(len(labels))
    natural = natural_orbitals(density, orbital_symmetry=labels)
    assert sorted(natural.orbital_symmetry) == sorted(labels.tolist())
    assert not natural.rotation[labels[:, None] != np.array(natural.orbital_symmetry)].any()
    np.testing.assert_allclose(
        natural.rotation.T @ density @ natural.rotation, np.diag(natural.occupations), atol=1e-12
    )
    assert (np.diff(natural.occupations) < 1e-9).all()


def test_natural_orbitals_of_a_correlated_molecule_keep_its_symmetry():
    from pyscf import fci

    problem = molecule_problem("N 0 0 0; N 0 0 1.4", basis="sto-3g", frozen_core=2)
    h = problem.hamiltonian
    solver = fci.direct_spin1.FCI()
    _, vector = solver.kernel(h.one_body, h.two_body, h.n_orb, problem.n_elec)
    natural = natural_orbitals(
        solver.make_rdm1(vector, h.n_orb, problem.n_elec), orbital_symmetry=problem.orbital_symmetry
    )
    assert natural.occupations.sum() == pytest.approx(10.0, abs=1e-9)
    assert (natural.occupations > 0).all()
    assert (natural.occupations < 2).all()
    rotated = h.rotate(natural.rotation)
    labels = np.array(natural.orbital_symmetry)
    assert np.abs(rotated.one_body[labels[:, None] != labels]).max() < 1e-12
    energies = [fci.direct_spin1.FCI().kernel(k.one_body, k.two_body, k.n_orb, problem.n_elec)[0] for k in (h, rotated)]
    assert energies[0] == pytest.approx(energies[1], abs=1e-8)


def test_equally_occupied_orbitals_keep_their_order():
    natural = natural_orbitals(np.diag([0.5, 1.0, 0.5 + 1e-14, 1.0 - 1e-14]), orbital_symmetry=(1, 2, 3, 4))
    assert natural.orbital_symmetry == (2, 4, 1, 3)


@pytest.mark.parametrize(
    ("density", "labels", "message"),
    [
        (np.ones((2, 3)), (), r"must be a real matrix of shape \(n_orb, n_orb\), but has \(2, 3\)"),
        (np.ones(3), (), "must be a real matrix"),
        (1.0, (), "must be a real matrix"),
        (np.ones((0, 0)), (), "must be a real matrix"),
        (np.eye(2) * 1j, (), "dtype complex128"),
        ([[1.0, 0.1], [0.0, 1.0]], (), "must be symmetric"),
        ([[np.nan, 0.0], [0.0, 1.0]], (), "finite numbers"),
        ([[np.inf, 0.0], [0.0, 1.0]], (), "finite numbers"),
        (np.eye(2), (1,), "`orbital_symmetry` must have 2 entries, but has 1"),
        ([[1.0, 0.1], [0.1, 1.0]], (1, 2), r"mixes orbitals 1 and 2 .* by 1.0e-01; leave the symmetry out"),
    ],
)
def test_what_is_no_density_is_refused(density, labels, message):
    with pytest.raises(InputError, match=message):
        natural_orbitals(density, orbital_symmetry=labels)


def test_signs_make_the_first_of_the_largest_components_positive():
    given_signs = np.array([[-0.5, 0.1, 0.0], [0.5 + 1e-12, -0.9, 0.0], [0.1, 0.3, 0.0]])
    fixed = with_fixed_signs(given_signs)
    np.testing.assert_array_equal(fixed, given_signs * [-1.0, -1.0, 1.0])
    np.testing.assert_array_equal(with_fixed_signs(-given_signs), fixed)
    np.testing.assert_array_equal(with_fixed_signs(fixed), fixed)


@settings(max_examples=25)
@given(st.integers(1, 8), st.data())
def test_a_local_basis_spans_the_same_space_whatever_orbitals_span_it(n, data):
    m, seed = data.draw(st.integers(0, n)), data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    orbitals = np.linalg.qr(rng.standard_normal((n, n)))[0][:, :m]
    local = local_basis(orbitals)
    np.testing.assert_allclose(local @ local.T, orbitals @ orbitals.T, atol=1e-12)
    np.testing.assert_allclose(local.T @ local, np.eye(m), atol=1e-12)
    turn = np.linalg.qr(rng.standard_normal((m, m)))[0] if m else np.empty((0, 0))
    np.testing.assert_allclose(local_basis(orbitals @ turn), local, atol=1e-9)


def test_a_local_basis_finds_the_functions_that_the_space_is_made_of():
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
    functions = np.eye(6)[:, [1, 3, 4]]
    np.testing.assert_allclose(local_basis(functions @ turn), functions, atol=1e-12)
