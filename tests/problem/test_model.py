import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import (
    Hamiltonian,
    Problem,
    check_electrons,
    check_rotation,
    symmetrized_one_body,
    symmetrized_two_body,
)


def random_hamiltonian(n, seed):
    rng = np.random.default_rng(seed)
    return Hamiltonian(
        one_body=symmetrized_one_body(rng.standard_normal((n, n))),
        two_body=symmetrized_two_body(rng.standard_normal((n, n, n, n))),
        constant=1.5,
    )


@pytest.mark.parametrize(
    ("one_body", "two_body", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2,) * 4), r"`one_body` must have shape"),
        (np.zeros((2, 2)), np.zeros((2,) * 3), r"`two_body` must have shape"),
        (np.zeros((0, 0)), np.zeros((0,) * 4), r"`one_body` must have shape"),
        (np.zeros((2, 2)), np.zeros((3,) * 4), r"`two_body` has 3 orbitals, but `one_body` has 2"),
        (np.zeros((2, 2), dtype=complex), np.zeros((2,) * 4), r"`one_body` must be real"),
        (np.full((2, 2), np.nan), np.zeros((2,) * 4), r"`one_body` holds a value that is not finite"),
    ],
)
def test_malformed_integrals_are_refused(one_body, two_body, message):
    with pytest.raises(InputError, match=message):
        Hamiltonian(one_body=one_body, two_body=two_body)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ((0, 1, 2, 2), r"\(pq\|rs\) = \(qp\|rs\).*orbitals 1, 2, 3, 3"),
        ((0, 0, 2, 2), r"\(pq\|rs\) = \(rs\|pq\).*orbitals 1, 1, 3, 3"),
    ],
)
def test_an_asymmetric_two_body_integral_is_named(index, message):
    two_body = np.zeros((3,) * 4)
    two_body[index] = 1e-3
    with pytest.raises(InputError, match=message):
        Hamiltonian(one_body=np.zeros((3, 3)), two_body=two_body)


def test_an_asymmetric_one_body_integral_is_named():
    one_body = np.zeros((3, 3))
    one_body[0, 2] = 1e-3
    with pytest.raises(InputError, match=r"h_pq = h_qp.*0\.001 hartree at orbitals 1, 3"):
        Hamiltonian(one_body=one_body, two_body=np.zeros((3,) * 4))


def test_rounding_does_not_count_as_asymmetry():
    one_body = np.array([[0.0, 1.0], [1.0 + 1e-10, 0.0]])
    assert Hamiltonian(one_body=one_body, two_body=np.zeros((2,) * 4)).n_orb == 2


def test_integrals_are_read_only_and_the_callers_arrays_are_not():
    one_body, two_body = np.eye(2), np.zeros((2,) * 4)
    hamiltonian = Hamiltonian(one_body=one_body, two_body=two_body)
    with pytest.raises(ValueError, match="read-only"):
        hamiltonian.one_body[0, 0] = 2.0
    one_body[0, 0] = 2.0
    assert one_body.flags.writeable
    assert two_body.flags.writeable


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_rotating_there_and_back_changes_nothing(n, seed):
    hamiltonian = random_hamiltonian(n, seed)
    c, _ = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((n, n)))
    back = hamiltonian.rotate(c).rotate(c.T)
    np.testing.assert_allclose(back.one_body, hamiltonian.one_body, atol=1e-12)
    np.testing.assert_allclose(back.two_body, hamiltonian.two_body, atol=1e-12)
    assert back.constant == hamiltonian.constant


def test_rotated_integrals_are_those_of_the_definition():
    hamiltonian = random_hamiltonian(3, 1)
    c, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))
    rotated = hamiltonian.rotate(c)
    expected = np.einsum("pqrs,pi,qj,rk,sl->ijkl", hamiltonian.two_body, c, c, c, c)
    np.testing.assert_allclose(rotated.two_body, expected, atol=1e-13)
    np.testing.assert_allclose(rotated.one_body, c.T @ hamiltonian.one_body @ c, atol=1e-13)


def test_the_exact_energy_does_not_depend_on_the_orbitals(fci_energy):
    problem = hubbard(4, u=3.0, n_elec=(2, 1))
    c, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))
    rotated = Problem(name="rotated", hamiltonian=problem.hamiltonian.rotate(c), n_elec=(2, 1))
    assert fci_energy(rotated) == pytest.approx(fci_energy(problem), abs=1e-10)


NO_ROTATIONS = [
    (np.eye(3), r"must have shape \(2, 2\), but has \(3, 3\)"),
    (np.ones(2), r"must have shape \(2, 2\), but has \(2,\)"),
    (np.ones((2, 2)), r"must be orthogonal, but its columns' products differ from 0 and 1 by up to 2\.0e\+00"),
    (np.eye(2) * (1 + 1e-7), "must be orthogonal"),
    (np.eye(2) * 1j, "must be real, but is complex"),
    (np.array([[1.0, 0.0], [0.0, np.nan]]), "holds a value that is not finite"),
    (np.array([[1.0, 0.0], [0.0, np.inf]]), "holds a value that is not finite"),
]


@pytest.mark.parametrize(("matrix", "message"), NO_ROTATIONS)
def test_rotating_needs_an_orthogonal_matrix(matrix, message):
    with pytest.raises(InputError, match=f"Argument `coefficients` {message}"):
        random_hamiltonian(2, 0).rotate(matrix)
    with pytest.raises(InputError, match=f"Argument `rotation` {message}"):
        check_rotation(matrix, 2)


def test_a_rotation_may_be_a_list_of_whole_numbers_and_off_by_rounding():
    matrix = check_rotation([[0, 1], [-1, 0]], 2)
    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[0.0, 1.0], [-1.0, 0.0]]
    assert check_rotation(np.eye(2) * (1 + 1e-10), 2)[0, 0] == 1 + 1e-10


@pytest.mark.parametrize("n", [1, 2, 5])
def test_rotated_integrals_have_exact_symmetry(n):
    c, _ = np.linalg.qr(np.random.default_rng(4).standard_normal((n, n)))
    rotated = random_hamiltonian(n, 3).rotate(c)
    assert (rotated.one_body == rotated.one_body.T).all()
    for order in ((1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1)):
        assert (rotated.two_body == rotated.two_body.transpose(order)).all()


def test_rotating_leaves_the_integrals_that_it_starts_from():
    hamiltonian = random_hamiltonian(3, 5)
    one_body, two_body = hamiltonian.one_body.copy(), hamiltonian.two_body.copy()
    hamiltonian.rotate(np.eye(3)[:, [2, 0, 1]])
    np.testing.assert_array_equal(hamiltonian.one_body, one_body)
    np.testing.assert_array_equal(hamiltonian.two_body, two_body)


def test_a_permutation_renames_the_orbitals():
    hamiltonian, order = random_hamiltonian(3, 6), [2, 0, 1]
    renamed = hamiltonian.rotate(np.eye(3)[:, order])
    np.testing.assert_array_equal(renamed.one_body, hamiltonian.one_body[np.ix_(order, order)])
    np.testing.assert_allclose(renamed.two_body, hamiltonian.two_body[np.ix_(order, order, order, order)], rtol=1e-15)


def test_symmetrizing_leaves_the_callers_array():
    given = np.arange(16.0).reshape((2,) * 4)
    kept = given.copy()
    symmetrized_two_body(given)
    np.testing.assert_array_equal(given, kept)


@pytest.mark.parametrize(
    ("n_elec", "message"),
    [
        ((4, 1), "4 alpha electrons do not fit into 3 orbitals; there must be 0 to 3"),
        ((1, 4), "4 beta electrons do not fit into 3 orbitals"),
        ((-1, 1), "-1 alpha electrons do not fit"),
        ((0, 0), "There are no electrons"),
        ((1.5, 1), r"`n_elec` must be two whole numbers, but is \(1\.5, 1\)"),
        ((1, "1"), "must be two whole numbers"),
        ((1,), "must be two whole numbers"),
        ((1, 1, 1), "must be two whole numbers"),
        (2, "must be two whole numbers, but is 2"),
    ],
)
def test_electrons_that_do_not_fit_are_refused(n_elec, message):
    with pytest.raises(InputError, match=message):
        check_electrons(n_elec, 3)


def test_electron_numbers_may_be_numpys():
    counts = check_electrons(tuple(np.array([3, 0])), 3)
    assert counts == (3, 0)
    assert all(type(count) is int for count in counts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_elec": (3, 1)}, "3 alpha electrons do not fit into 2 orbitals"),
        ({"n_elec": (1, -1)}, "-1 beta electrons do not fit"),
        ({"n_elec": (0, 0)}, "no electrons"),
        ({"orbital_symmetry": (1,)}, "must have 2 entries"),
        ({"orbital_symmetry": (1, 9)}, "numbered 1 to 8"),
        ({"state_symmetry": 0}, "numbered 1 to 8"),
        ({"observables": load_problem("hydrogen-chain", n_atoms=3).observables}, "`observables` must have 2 orbitals"),
    ],
)
def test_impossible_problems_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Problem(**{"name": "x", "hamiltonian": random_hamiltonian(2, 0), "n_elec": (1, 1)} | options)


def test_a_problem_counts_qubits_and_spins():
    problem = Problem(name="x", hamiltonian=random_hamiltonian(3, 0), n_elec=(2, 1))
    assert (problem.n_orb, problem.n_qubits, problem.two_s) == (3, 6, 1)
