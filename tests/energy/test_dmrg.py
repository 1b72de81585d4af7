import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError, MissingDependencyError, ResourceError
from kakehashi.energy.dmrg import BondStep, Dmrg, extrapolate, has_block2
from kakehashi.energy.fci import Fci
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.problem.molecule import molecule_problem

H6 = load_problem("hydrogen-chain", n_atoms=6)
needs_block2 = pytest.mark.skipif(not has_block2(), reason="block2 is not installed")


def steps(*points):
    return [
        BondStep(bond_dimension=10 * (i + 1), energy_hartree=e, discarded_weight=w, change_hartree=0.0)
        for i, (w, e) in enumerate(points)
    ]


@needs_block2
@pytest.mark.parametrize("two_s", [None, "any", 2], ids=["su2", "sz", "triplet"])
def test_h6_is_exact(two_s):
    solution = Dmrg(bond_dimensions=(30, 100), two_s=two_s, n_threads=1).solve(H6)
    exact = Fci(two_s=two_s, n_threads=1).solve(H6)
    assert abs(solution.energy_hartree - exact.energy_hartree) < 1e-7
    assert abs(solution.spin_squared - exact.spin_squared) < 1e-4
    assert solution.converged
    assert solution.variational_hartree >= exact.energy_hartree - 1e-10
    low, high = solution.interval_hartree
    assert low <= exact.energy_hartree <= high + 1e-10
    assert solution.details["symmetry"] == ("SZ" if two_s == "any" else "SU(2)")


@needs_block2
def test_n2_in_a_minimal_basis():
    molecule = molecule_problem("N 0 0 0; N 0 0 1.1", basis="sto-3g", frozen_core=2)
    solution = Dmrg(bond_dimensions=(40, 100), n_threads=1).solve(molecule)
    assert abs(solution.energy_hartree - Fci(n_threads=1).solve(molecule).energy_hartree) < 1e-7


@needs_block2
def test_four_hubbard_sites():
    """The ring of four sites, half filled: R. Schumann, Ann. Phys. (Leipzig) 11, 49 (2002), has it in closed form."""
    ring = hubbard(4, u=4.0, n_elec=(2, 2))
    solution = Dmrg(bond_dimensions=(40,), n_threads=1).solve(ring)
    assert abs(solution.energy_hartree - Fci(n_threads=1).solve(ring).energy_hartree) < 1e-7
    assert abs(solution.energy_hartree + 2.1027484835) < 1e-7


@needs_block2
@pytest.mark.parametrize("n_elec", [(3, 2), (2, 3)])
def test_an_odd_number_of_electrons(n_elec):
    radical = Problem(name="H6+", hamiltonian=H6.hamiltonian, n_elec=n_elec)
    exact = Fci(n_threads=1).solve(radical).energy_hartree
    for two_s in (None, "any"):
        solution = Dmrg(bond_dimensions=(100,), two_s=two_s, n_threads=1).solve(radical)
        assert abs(solution.energy_hartree - exact) < 1e-7


@needs_block2
@pytest.mark.slow
def test_a_truncated_run_covers_the_exact_energy():
    chain = load_problem("hydrogen-chain", n_atoms=10)
    exact = Fci(n_threads=1).solve(chain).energy_hartree
    solution = Dmrg(bond_dimensions=(20, 40, 60, 80), n_threads=1).solve(chain)
    assert solution.variational_hartree > exact
    assert solution.energy_hartree < solution.variational_hartree
    assert solution.interval_hartree[0] <= exact <= solution.interval_hartree[1]


@needs_block2
def test_events_come_for_each_bond_dimension():
    events = []
    Dmrg(bond_dimensions=(10, 20), n_threads=1).solve(load_problem("hydrogen-chain", n_atoms=4), progress=events.append)
    assert [(event.step, event.total) for event in events] == [(1, 2), (2, 2)]


def test_without_block2_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("kakehashi.energy.dmrg.importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "pyblock2", raising=False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'kakehashi\[dmrg\]'"):
        Dmrg().solve(H6)


@needs_block2
def test_memory_is_asked_for_first():
    with pytest.raises(ResourceError, match="bond dimension 800 for 6 orbitals"):
        Dmrg(memory_budget_bytes=1000).solve(H6)


@pytest.mark.parametrize(
    "options",
    [{"bond_dimensions": ()}, {"bond_dimensions": (20, 20)}, {"bond_dimensions": (0,)}, {"max_sweeps": 1}],
)
def test_impossible_options(options):
    with pytest.raises(InputError):
        Dmrg(**options)


@needs_block2
def test_an_impossible_spin():
    with pytest.raises(InputError, match="twice the total spin"):
        Dmrg(two_s=1).solve(H6)


@given(
    st.floats(-5, 5),
    st.floats(0.1, 100),
    st.lists(st.floats(1e-8, 1e-2), min_size=3, max_size=6, unique_by=lambda w: round(w, 9)),
)
def test_a_straight_line_is_extrapolated_to_its_end(energy, slope, weights):
    line = extrapolate(steps(*[(w, energy + slope * w) for w in sorted(weights, reverse=True)]), tolerance_hartree=1e-9)
    assert line.energy_hartree == pytest.approx(energy, abs=1e-7)
    if line.interval_hartree is not None:
        assert line.interval_hartree[0] <= energy <= line.interval_hartree[1] + 1e-9


def test_a_curve_has_a_wider_interval_than_a_line():
    straight = extrapolate(steps((4e-4, -0.96), (2e-4, -0.98), (1e-4, -0.99)), tolerance_hartree=1e-9)
    curved = extrapolate(steps((4e-4, -0.95), (2e-4, -0.985), (1e-4, -0.99)), tolerance_hartree=1e-9)
    assert straight.interval_hartree == pytest.approx((-1.004, -0.996))  # two fifths of the last hundredth
    width = [low.energy_hartree - low.interval_hartree[0] for low in (straight, curved)]
    assert width[1] > 2 * width[0]


def test_no_interval_without_a_falling_line():
    for points in ([(1e-4, -1.0)], [(4e-4, -0.9), (2e-4, -1.0)], [(1e-4, -1.0), (2e-4, -1.1), (1e-5, -1.2)]):
        line = extrapolate(steps(*points), tolerance_hartree=1e-9)
        assert line.interval_hartree is None
        assert line.energy_hartree == min(e for _, e in points)
        assert "grow the bond dimension" in line.reason
    with pytest.raises(InputError, match="no step"):
        extrapolate([], tolerance_hartree=1e-9)


def test_nothing_discarded_is_exact():
    line = extrapolate(steps((1e-4, -0.9), (1e-20, -1.0)), tolerance_hartree=1e-8)
    assert line.energy_hartree == -1.0
    assert line.interval_hartree == pytest.approx((-1.0 - 1e-8, -1.0), abs=1e-15)
