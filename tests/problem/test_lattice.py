import math

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.problem.lattice import anderson, hubbard
from kakehashi.problem.mean_field import hartree_fock_energy


@pytest.mark.parametrize("u", [0.0, 1.0, 8.0])
def test_the_dimer_has_its_closed_form(fci_energy, u):
    expected = (u - math.sqrt(u * u + 16)) / 2
    for basis in ("site", "standing_wave"):
        assert fci_energy(hubbard(2, u=u, n_elec=(1, 1), basis=basis)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("n_x", "n_y", "periodic", "bonds"),
    [
        (4, 1, True, 4),
        (4, 1, False, 3),
        (2, 1, True, 1),
        (1, 1, True, 0),
        (4, 4, True, 32),
        (3, 2, True, 9),
        (3, 3, (True, False), 15),
        (3, 4, (False, True), 20),
    ],
)
def test_every_pair_of_neighbours_counts_once(n_x, n_y, periodic, bonds):
    h = hubbard(n_x, n_y, u=1.0, t=0.5, n_elec=(1, 0), periodic=periodic).hamiltonian.one_body
    assert np.count_nonzero(np.triu(h)) == bonds
    assert set(np.unique(h)) <= {0.0, -0.5}


def test_sites_are_numbered_along_x_first():
    h = hubbard(3, 2, u=1.0, n_elec=(1, 1), periodic=False).hamiltonian.one_body
    assert [tuple(pair) for pair in np.argwhere(np.triu(h))] == [
        (0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5)
    ]  # fmt: skip


@pytest.mark.parametrize(("n_x", "n_y", "periodic"), [(6, 1, True), (5, 1, False), (3, 2, (True, False))])
def test_standing_waves_are_eigenvectors_and_keep_the_energy(fci_energy, n_x, n_y, periodic):
    sites = hubbard(n_x, n_y, u=3.0, n_elec=(2, 1), periodic=periodic)
    waves = hubbard(n_x, n_y, u=3.0, n_elec=(2, 1), periodic=periodic, basis="standing_wave")
    levels = waves.hamiltonian.one_body
    assert not (levels - np.diag(levels.diagonal())).any()
    np.testing.assert_allclose(levels.diagonal(), np.linalg.eigvalsh(sites.hamiltonian.one_body), atol=1e-12)
    assert fci_energy(waves) == pytest.approx(fci_energy(sites), abs=1e-9)


def test_the_fermi_sea_of_the_4x4_lattice_is_exact_without_repulsion():
    problem = hubbard(4, 4, u=0.0, n_elec=(5, 5), basis="standing_wave")
    assert hartree_fock_energy(problem) == pytest.approx(2 * (-4 - 4 * 2), abs=1e-12)


@pytest.mark.parametrize("n_elec", [(1, 1), (2, 1), (3, 2)])
def test_an_anderson_impurity_without_repulsion_is_a_matrix(fci_energy, n_elec):
    problem = anderson(u=0.0, epsilon=-0.3, hybridisation=(0.4, 0.5, 0.6), bath=(-1.0, 0.1, 0.9), n_elec=n_elec)
    levels = np.linalg.eigvalsh(problem.hamiltonian.one_body)
    expected = levels[: n_elec[0]].sum() + levels[: n_elec[1]].sum()
    assert fci_energy(problem) == pytest.approx(expected, abs=1e-9)


def test_the_symmetric_impurity_with_one_bath_level_has_its_closed_form(fci_energy):
    u, v = 4.0, 0.7
    problem = anderson(u=u, epsilon=-u / 2, hybridisation=[v], bath=[0.0], n_elec=(1, 1))
    expected = -u / 4 - math.sqrt((u / 4) ** 2 + 4 * v**2)  # Hewson, The Kondo Problem, 1993, appendix
    assert fci_energy(problem) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hubbard(0, u=1.0, n_elec=(1, 1)), "1 to 128 sites, but 0 x 1"),
        (lambda: hubbard(13, 10, u=1.0, n_elec=(1, 1)), "1 to 128 sites, but 13 x 10"),
        (lambda: hubbard(4, u=math.nan, n_elec=(1, 1)), "`u` must be a finite number"),
        (lambda: hubbard(4, u=1.0, t=math.inf, n_elec=(1, 1)), "`t` must be a finite number"),
        (lambda: hubbard(4, u=1.0, n_elec=(5, 1)), "5 alpha electrons do not fit into 4 orbitals"),
        (lambda: hubbard(4, u=1.0, n_elec=(1, 1), basis="momentum"), "'site' or 'standing_wave'"),
        (
            lambda: anderson(u=1, epsilon=0, hybridisation=[1], bath=[0, 1], n_elec=(1, 1)),
            "one value per bath level, but have 1 and 2",
        ),
        (
            lambda: anderson(u=1, epsilon=0, hybridisation=[1] * 128, bath=[0] * 128, n_elec=(1, 1)),
            "At most 127 bath levels",
        ),
        (
            lambda: anderson(u=1, epsilon=0, hybridisation=[math.nan], bath=[0], n_elec=(1, 1)),
            "not finite",
        ),
    ],
)
def test_impossible_lattices(make, message):
    with pytest.raises(InputError, match=message):
        make()
