import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.energy.fci import Fci, estimate_fci_bytes
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Hamiltonian, Problem, symmetrized_one_body, symmetrized_two_body
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace

H6 = load_problem("hydrogen-chain", n_atoms=6)


def random_problem(seed, n_orb, n_elec):
    rng = np.random.default_rng(seed)
    hamiltonian = Hamiltonian(
        one_body=symmetrized_one_body(rng.normal(size=(n_orb,) * 2)),
        two_body=symmetrized_two_body(0.3 * rng.normal(size=(n_orb,) * 4)),
        constant=float(rng.normal()),
    )
    return Problem(name="random", hamiltonian=hamiltonian, n_elec=n_elec)


def dense_levels(problem):
    """All energies and spins by a dense diagonalisation of the kernels' own matrix."""
    alpha, beta = (all_strings(n_orb=problem.n_orb, n_electrons=count) for count in problem.n_elec)
    space = DeterminantSpace(problem.hamiltonian, n_threads=1)
    space.append(np.repeat(alpha, len(beta), axis=0), np.tile(beta, (len(alpha), 1)))
    matrix = np.stack([space.apply(unit) for unit in np.eye(len(space))])
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return values + problem.hamiltonian.constant, np.array([space.spin_squared(v) for v in vectors.T])


def test_h6_has_the_cited_energy():
    solution = Fci(n_threads=1).solve(H6)
    assert abs(solution.energy_hartree - H6.reference.energy_hartree) < 1e-8
    assert solution.converged
    assert solution.solver == "fci"
    assert solution.variational_hartree == solution.energy_hartree
    assert abs(solution.spin_squared) < 1e-8
    assert solution.details["n_determinants"] == 400


def test_a_ring_of_six_sites_in_waves_is_not_caught_in_one_symmetry():
    """Lieb and Wu's chain, Phys. Rev. Lett. 20, 1445 (1968): local and momentum orbitals must agree."""
    local = Fci(n_threads=1).solve(hubbard(6, u=4.0, n_elec=(3, 3)))
    waves = Fci(n_threads=1).solve(hubbard(6, u=4.0, n_elec=(3, 3), basis="standing_wave"))
    assert abs(local.energy_hartree - waves.energy_hartree) < 1e-8


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 0), (1, 1), (2, 1), (2, 2), (3, 1), (0, 2), (4, 4)]))
def test_every_wanted_spin_is_found(seed, n_elec):
    problem = random_problem(seed, 4, n_elec)
    energies, spins = dense_levels(problem)
    free = Fci(two_s="any", n_threads=1).solve(problem)
    assert abs(free.energy_hartree - energies[0]) < 1e-6  # levels may lie close together
    least = abs(n_elec[0] - n_elec[1])
    lowest = energies[np.abs(spins - least * (least + 2) / 4) < 1e-6][0]
    kept = Fci(n_threads=1, spin_penalty_hartree=20.0, max_cycles=500).solve(problem)
    assert abs(kept.energy_hartree - lowest) < 1e-6


def test_a_triplet_from_equal_electron_numbers():
    three = Problem(name="t", hamiltonian=H6.hamiltonian, n_elec=(4, 2))
    from_above = Fci(n_threads=1).solve(three)
    from_equal = Fci(two_s=2, n_threads=1).solve(H6)
    assert abs(from_above.energy_hartree - from_equal.energy_hartree) < 1e-7
    assert abs(from_equal.spin_squared - 2.0) < 1e-6


def test_a_state_of_another_spin_is_no_success():
    """So little penalty that the lower state of another spin comes first."""
    _, spins = dense_levels(random_problem(seed=3, n_orb=4, n_elec=(2, 2)))
    assert spins[0] < 1e-6  # the seed's ground state is a singlet
    solution = Fci(two_s=4, n_threads=1, spin_penalty_hartree=1e-9, max_cycles=2).solve(random_problem(3, 4, (2, 2)))
    assert not solution.converged


def test_too_large_a_space_is_refused_with_an_estimate():
    with pytest.raises(ResourceError, match=r"FCI in 400 determinants needs about .* of memory"):
        Fci(memory_budget_bytes=1000).solve(H6)
    fe2s2_like = random_problem(0, 10, (5, 5))
    assert estimate_fci_bytes(fe2s2_like) > 20 * 8 * 252**2


@pytest.mark.parametrize("options", [{"tolerance_hartree": 0.0}, {"max_cycles": 0}, {"spin_penalty_hartree": -1.0}])
def test_impossible_options(options):
    with pytest.raises(InputError, match="must be positive"):
        Fci(**options)


def test_events_carry_the_energy():
    events = []
    solution = Fci(n_threads=1).solve(H6, progress=events.append)
    assert events[0].values == {"n_determinants": 400.0}
    assert events[-1].values == {"energy_hartree": solution.energy_hartree}
