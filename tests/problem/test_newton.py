import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.problem import newton as module
from kakehashi.problem.determinant import DeterminantEnergy
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.model import Hamiltonian, symmetrized_one_body, symmetrized_two_body
from kakehashi.problem.newton import minimize_energy


def first(n_orb, *counts):
    return np.arange(n_orb) < np.array(counts)[:, None]


def random_model(seed, n=5, counts=(3, 2), shared=False):
    rng = np.random.default_rng(seed)
    hamiltonian = Hamiltonian(
        one_body=symmetrized_one_body(rng.standard_normal((n, n))),
        two_body=symmetrized_two_body(rng.standard_normal((n, n, n, n))),
    )
    c = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return DeterminantEnergy(hamiltonian, first(n, *counts), shared=shared), np.stack([c, c])


def dimer(u):
    """Two Hubbard sites in bonding and antibonding orbitals: a closed shell, stationary by symmetry."""
    c = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
    return DeterminantEnergy(hubbard(2, u=u, n_elec=(1, 1)).hamiltonian, first(2, 1, 1), shared=False), np.stack([c, c])


def dense(expansion):
    return np.array([expansion.curve(direction) for direction in np.eye(len(expansion.gradient))])


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([(3, 2), (1, 0), (4, 4), (2, 5)]))
def test_the_energy_never_rises_and_ends_in_a_minimum(seed, shared, counts):
    model, orbitals = random_model(seed, counts=counts, shared=shared)
    before = model.energy(orbitals)
    for steps in (1, 2, 3, 5, 8):
        stopped = minimize_energy(model, orbitals, rng=np.random.default_rng(1), max_iterations=steps)
        assert stopped.energy_hartree <= before + 1e-10
        assert stopped.n_iterations <= steps
        before = stopped.energy_hartree
    found = minimize_energy(model, orbitals, rng=np.random.default_rng(1))
    assert found.energy_hartree <= before + 1e-10
    assert found.converged
    assert found.stable
    assert found.gradient_norm <= 1e-6
    expansion = model.expand(found.orbitals)
    assert expansion.energy_hartree == pytest.approx(found.energy_hartree, abs=1e-12)
    if model.n_parameters:
        assert np.linalg.eigvalsh(dense(expansion)).min() > -2e-5


def test_the_energy_does_not_rise_where_all_that_is_left_is_rounding():
    """Where a closed shell begins to break its symmetry the energy is of fourth order, unknown to the model."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        model, orbitals = dimer(2.0 + 10.0 ** rng.uniform(-14, -3))
        x = 10.0 ** rng.uniform(-9, -3)
        start = model.move(orbitals, np.array([x, -x]))
        found = minimize_energy(
            model, start, rng=rng, gradient_tolerance=1e-30, max_iterations=8, follow_instabilities=False
        )
        assert found.energy_hartree <= model.energy(start) + 1e-10


def test_a_stationary_point_that_is_no_minimum_is_left():
    model, orbitals = dimer(8.0)
    found = minimize_energy(model, orbitals, rng=np.random.default_rng(1))
    assert found.energy_hartree == pytest.approx(-0.25, abs=1e-10)  # -2 t^2 / U
    assert found.converged
    assert found.stable


def test_or_is_not_left_and_said_to_be_no_minimum():
    model, orbitals = dimer(8.0)
    found = minimize_energy(model, orbitals, rng=np.random.default_rng(1), follow_instabilities=False)
    assert found.energy_hartree == pytest.approx(2.0, abs=1e-10)  # -2 t + U / 2
    assert found.converged
    assert not found.stable
    np.testing.assert_array_equal(found.orbitals, orbitals)


@pytest.mark.parametrize("seed", range(4))
def test_the_lowest_curvature_is_that_of_the_whole_matrix(seed):
    model, orbitals = random_model(seed)
    expansion = model.expand(orbitals)
    value, direction, known = module._lowest_curvature(expansion, np.random.default_rng(seed))
    assert known
    assert value == pytest.approx(np.linalg.eigvalsh(dense(expansion))[0], abs=1e-7)
    np.testing.assert_allclose(expansion.curve(direction), value * direction, atol=1e-3)


@pytest.mark.parametrize("counts", [(1, 0), (0, 3), (4, 1)])
def test_a_matrix_that_is_diagonal_is_no_obstacle(counts):
    """One kind of electrons on a lattice: the guessed diagonal is the whole matrix, with equal lowest entries."""
    hamiltonian = hubbard(4, u=4.0, n_elec=counts).hamiltonian
    c = np.linalg.eigh(hamiltonian.one_body)[1]
    model = DeterminantEnergy(hamiltonian, first(4, *counts), shared=False)
    expansion = model.expand(np.stack([c, c]))
    np.testing.assert_allclose(dense(expansion), np.diag(expansion.diagonal), atol=1e-12)
    for seed in range(5):
        value, _, known = module._lowest_curvature(expansion, np.random.default_rng(seed))
        assert known
        assert value == pytest.approx(expansion.diagonal.min(), abs=1e-7)


def test_without_rotations_that_matter_there_is_nothing_to_do():
    model, orbitals = random_model(1, counts=(5, 5))
    found = minimize_energy(model, orbitals, rng=np.random.default_rng(1))
    assert (found.converged, found.stable, found.n_iterations, found.gradient_norm) == (True, True, 0, 0.0)


def test_no_step_means_no_result():
    model, orbitals = random_model(1)
    found = minimize_energy(model, orbitals, rng=np.random.default_rng(1), max_iterations=0)
    assert (found.converged, found.stable, found.n_iterations) == (False, False, 0)
    assert found.energy_hartree == model.energy(orbitals)


@pytest.mark.parametrize("tolerance", [0.0, -1e-6, np.nan])
def test_a_tolerance_that_nothing_can_reach_is_refused(tolerance):
    model, orbitals = random_model(1)
    with pytest.raises(InputError, match="`gradient_tolerance` must be positive"):
        minimize_energy(model, orbitals, rng=np.random.default_rng(1), gradient_tolerance=tolerance)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.floats(0.01, 10.0))
def test_a_step_stays_within_the_radius_and_lowers_the_model(seed, n, radius):
    rng = np.random.default_rng(seed)
    matrix, gradient = symmetrized_one_body(rng.standard_normal((n, n))), rng.standard_normal(n)
    step, predicted = module._truncated_step(gradient, lambda vector: matrix @ vector, radius)
    assert np.linalg.norm(step) <= radius * (1 + 1e-9)
    assert predicted == pytest.approx(-(gradient @ step + step @ matrix @ step / 2), abs=1e-9)
    # Never worse than the best point along the negative gradient (Nocedal and Wright, lemma 4.3).
    size, bend = np.linalg.norm(gradient), gradient @ matrix @ gradient
    length = min(size**2 / bend, radius / size) if bend > 0 else radius / size
    assert predicted >= (length * size**2 - length**2 * bend / 2) * (1 - 1e-9)


def test_a_step_that_nothing_bounds_is_newtons():
    matrix, gradient = np.diag([1.0, 2.0, 5.0]), np.array([1e-4, -2e-4, 1e-4])
    step, _ = module._truncated_step(gradient, lambda vector: matrix @ vector, 10.0)
    np.testing.assert_allclose(step, -np.linalg.solve(matrix, gradient), atol=2e-6)
