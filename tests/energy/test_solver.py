import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.energy.solver import Clock, Solution, spin_squared_of, wanted_two_s
from kakehashi.problem.model import Hamiltonian, Problem


def problem(n_orb, n_elec):
    hamiltonian = Hamiltonian(one_body=np.zeros((n_orb, n_orb)), two_body=np.zeros((n_orb,) * 4))
    return Problem(name="levels", hamiltonian=hamiltonian, n_elec=n_elec)


def solution(**changes):
    return Solution(**{"solver": "x", "energy_hartree": -1.0, "converged": True, "wall_s": 0.0, "cpu_s": 0.0} | changes)


@pytest.mark.parametrize("name", ["energy_hartree", "variational_hartree"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_energies_are_finite(name, value):
    with pytest.raises(InputError, match=f"`{name}` must be finite"):
        solution(**{name: value})


def test_intervals_ascend():
    assert solution(interval_hartree=(-1.1, -1.0)).interval_hartree == (-1.1, -1.0)
    with pytest.raises(InputError, match="must ascend"):
        solution(interval_hartree=(-1.0, -1.1))
    with pytest.raises(InputError, match="must ascend"):
        solution(interval_hartree=(float("nan"), -1.0))


@given(st.integers(1, 6), st.data())
def test_only_spins_that_the_electrons_can_have(n_orb, data):
    n_alpha, n_beta = data.draw(st.integers(1, n_orb)), data.draw(st.integers(0, n_orb))
    levels = problem(n_orb, (n_alpha, n_beta))
    least = wanted_two_s(levels, None)
    assert least == abs(n_alpha - n_beta)
    singly_most = min(n_alpha + n_beta, 2 * n_orb - n_alpha - n_beta)
    for two_s in range(-1, 2 * n_orb + 2):
        if least <= two_s <= singly_most and (two_s - least) % 2 == 0:
            assert wanted_two_s(levels, two_s) == two_s
        else:
            with pytest.raises(InputError, match="twice the total spin"):
                wanted_two_s(levels, two_s)


def test_spins():
    assert [spin_squared_of(two_s) for two_s in range(4)] == [0.0, 0.75, 2.0, 3.75]
    assert wanted_two_s(problem(2, (1, 1)), "any") is None


def test_the_clock_runs():
    clock = Clock()
    first = clock.wall_s, clock.cpu_s
    sum(range(100_000))
    assert clock.wall_s > first[0] >= 0
    assert clock.cpu_s >= first[1] >= 0
