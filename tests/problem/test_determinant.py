import numpy as np
import pytest

from kakehashi.core.errors import ResourceError
from kakehashi.problem.determinant import DeterminantEnergy, spin_squared
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.model import Hamiltonian, symmetrized_one_body, symmetrized_two_body

N_ORB = 5
OCCUPATIONS = {
    "closed": ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0]),
    "high spin": ([1, 1, 1, 0, 0], [1, 0, 0, 0, 0]),
    "broken symmetry": ([1, 1, 0, 1, 0], [1, 0, 1, 0, 0]),
    "more beta": ([0, 1, 0, 0, 0], [1, 1, 1, 0, 1]),
    "one electron": ([0, 0, 1, 0, 0], [0, 0, 0, 0, 0]),
    "alpha full": ([1, 1, 1, 1, 1], [0, 1, 0, 1, 0]),
}


def random_hamiltonian(seed, n=N_ORB, two_body=1.0):
    rng = np.random.default_rng(seed)
    return Hamiltonian(
        one_body=symmetrized_one_body(rng.standard_normal((n, n))),
        two_body=two_body * symmetrized_two_body(rng.standard_normal((n, n, n, n))),
        constant=0.5,
    )


def random_orbitals(seed, n=N_ORB, shared=False):
    rng = np.random.default_rng(seed)
    alpha, beta = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    return np.stack([alpha, alpha if shared else beta])


@pytest.fixture(params=[True, False], ids=["shared", "separate"])
def shared(request):
    return request.param


@pytest.fixture(params=list(OCCUPATIONS.values()), ids=list(OCCUPATIONS))
def occupied(request):
    return np.array(request.param, dtype=bool)


def curvature(model, orbitals, one, other, h=4e-3):
    """Mixed second derivative of the energy from finite differences, wrong by the fourth power of the step."""

    def difference(h):
        return sum(
            i * j * model.energy(model.move(orbitals, h * (i * one + j * other))) for i in (1, -1) for j in (1, -1)
        ) / (4 * h * h)

    return (4 * difference(h) - difference(2 * h)) / 3


def slope(model, orbitals, direction, h=1e-3):
    def difference(h):
        ends = [model.energy(model.move(orbitals, sign * h * direction)) for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * h)

    return (4 * difference(h) - difference(2 * h)) / 3


def test_the_energy_is_a_diagonal_element_of_the_matrix(occupied):
    from pyscf import fci

    hamiltonian, orbitals = random_hamiltonian(1), random_orbitals(2, shared=True)
    rotated = hamiltonian.rotate(orbitals[0])
    counts = tuple(int(count) for count in occupied.sum(axis=1))
    diagonal = fci.direct_spin1.make_hdiag(rotated.one_body, rotated.two_body, N_ORB, counts)
    alpha, beta = (
        fci.cistring.str2addr(N_ORB, count, int("".join("01"[bit] for bit in row[::-1].astype(int)), 2))
        for count, row in zip(counts, occupied, strict=True)
    )
    expected = diagonal.reshape(-1, fci.cistring.num_strings(N_ORB, counts[1]))[alpha, beta] + hamiltonian.constant
    model = DeterminantEnergy(hamiltonian, occupied, shared=True)
    assert model.energy(orbitals) == pytest.approx(expected, abs=1e-12)
    assert model.expand(orbitals).energy_hartree == pytest.approx(expected, abs=1e-12)


def test_the_gradient_is_the_slope_of_the_energy(occupied, shared):
    model, orbitals = (
        DeterminantEnergy(random_hamiltonian(3), occupied, shared=shared),
        random_orbitals(4, shared=shared),
    )
    gradient = model.expand(orbitals).gradient
    assert gradient.shape == (model.n_parameters,)
    expected = [slope(model, orbitals, direction) for direction in np.eye(model.n_parameters)]
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_the_product_with_second_derivatives_is_the_curvature_of_the_energy(occupied, shared):
    model, orbitals = (
        DeterminantEnergy(random_hamiltonian(5), occupied, shared=shared),
        random_orbitals(6, shared=shared),
    )
    rng = np.random.default_rng(7)
    expansion = model.expand(orbitals)
    for _ in range(3):
        one, other = rng.standard_normal((2, model.n_parameters)) / np.sqrt(model.n_parameters)
        value = one @ expansion.curve(other)
        assert value == pytest.approx(curvature(model, orbitals, one, other), abs=1e-5)
        assert value == pytest.approx(other @ expansion.curve(one), abs=1e-11)


def test_the_diagonal_is_exact_where_the_mean_field_does_not_change(occupied, shared):
    model = DeterminantEnergy(random_hamiltonian(8, two_body=0.0), occupied, shared=shared)
    expansion = model.expand(random_orbitals(9, shared=shared))
    exact = [expansion.curve(direction)[k] for k, direction in enumerate(np.eye(model.n_parameters))]
    np.testing.assert_allclose(expansion.diagonal, exact, atol=1e-12)


def test_parameters_are_the_rotations_that_change_the_determinant(occupied, shared):
    model = DeterminantEnergy(random_hamiltonian(1), occupied, shared=shared)
    if shared:  # pairs of orbitals of different kinds
        sizes = np.unique(occupied.T, axis=0, return_counts=True)[1]
        expected = (N_ORB**2 - (sizes**2).sum()) // 2
    else:
        expected = sum(int(row.sum() * (N_ORB - row.sum())) for row in occupied)
    assert model.n_parameters == expected


def test_a_step_keeps_orbitals_orthonormal_and_shared_ones_equal(occupied, shared):
    model, orbitals = (
        DeterminantEnergy(random_hamiltonian(1), occupied, shared=shared),
        random_orbitals(2, shared=shared),
    )
    moved = model.move(orbitals, np.random.default_rng(3).standard_normal(model.n_parameters))
    np.testing.assert_allclose(moved.transpose(0, 2, 1) @ moved, np.stack([np.eye(N_ORB)] * 2), atol=1e-13)
    if shared:
        np.testing.assert_array_equal(moved[0], moved[1])


def test_densities_project_onto_the_occupied_orbitals(occupied):
    model, orbitals = DeterminantEnergy(random_hamiltonian(1), occupied, shared=False), random_orbitals(2)
    for density, c, row in zip(model.densities(orbitals), orbitals, occupied, strict=True):
        np.testing.assert_allclose(density, sum((np.outer(v, v) for v in c.T[row]), np.zeros((N_ORB,) * 2)), atol=1e-14)


def test_the_fock_matrix_is_the_one_of_the_textbook():
    hamiltonian, rng = random_hamiltonian(1), np.random.default_rng(2)
    densities = np.stack([symmetrized_one_body(rng.standard_normal((N_ORB, N_ORB))) for _ in range(2)])
    model = DeterminantEnergy(hamiltonian, np.zeros((2, N_ORB), dtype=bool), shared=False)
    coulomb = np.einsum("pqrs,xrs->pq", hamiltonian.two_body, densities)
    exchange = np.einsum("prsq,xrs->xpq", hamiltonian.two_body, densities)
    np.testing.assert_allclose(model.fock(densities), hamiltonian.one_body + coulomb - exchange, atol=1e-12)


def test_the_spin_is_pyscfs(occupied):
    from pyscf import scf

    orbitals = random_orbitals(11)
    model = DeterminantEnergy(random_hamiltonian(1), occupied, shared=False)
    parts = tuple(c[:, row] for c, row in zip(orbitals, occupied, strict=True))
    expected, _ = scf.uhf.spin_square(parts, np.eye(N_ORB))
    assert spin_squared(model.densities(orbitals)) == pytest.approx(expected, abs=1e-12)


def test_integrals_that_do_not_fit_into_memory_twice_are_refused(monkeypatch):
    monkeypatch.setattr("kakehashi.core.resources.available_memory_bytes", lambda: 100)
    problem = hubbard(4, u=1.0, n_elec=(1, 1))
    with pytest.raises(ResourceError, match="The energy of a determinant of 4 orbitals"):
        DeterminantEnergy(problem.hamiltonian, np.zeros((2, 4), dtype=bool), shared=True)
