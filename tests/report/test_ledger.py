import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.report.ledger import ARMS, Arm, LedgerPoint


def point(n, energy, cpu_s=1.0):
    return LedgerPoint(n_determinants=n, energy_hartree=energy, cpu_s=cpu_s, spin_squared=0.0)


@given(st.integers(10, 1000))
def test_energies_lie_on_lines_over_the_logarithm(n):
    arm = Arm(name="random", points=(point(10, -1.0, 0.1), point(1000, -3.0, 10.0)))
    assert arm.energy_at(n) == pytest.approx(-1.0 - math.log10(n / 10))
    assert arm.energy_after(n / 100) == pytest.approx(-1.0 - math.log10(n / 10))


def test_an_arm_says_nothing_beyond_its_ends():
    arm = Arm(name="random", points=(point(10, -1.0, 0.1), point(1000, -3.0, 10.0)))
    assert arm.energy_at(9) is None
    assert arm.energy_at(1001) is None
    assert arm.energy_after(0.09) is None
    assert arm.energy_at(1000) == -3.0


def test_scatter_is_the_largest_difference_of_the_draws():
    draws = tuple((point(10, energy, 0.0), point(1000, energy - 2, 10.0)) for energy in (-1.0, -1.3, -0.9))
    arm = Arm(name="random", points=draws[0], repeats=draws[1:])
    assert arm.scatter_at(100) == pytest.approx(0.4)
    assert arm.scatter_after(10.0) == pytest.approx(0.4)
    assert arm.scatter_at(5) == 0.0
    assert dataclasses.replace(arm, repeats=()).scatter_at(100) == 0.0


@pytest.mark.parametrize(
    "points", [(), (point(10, -1.0), point(10, -2.0)), (point(10, -1.0, 2.0), point(20, -2.0, 1.0))]
)
def test_an_arm_must_grow(points):
    with pytest.raises(InputError, match="arm 'random'"):
        Arm(name="random", points=points)


@pytest.mark.parametrize("values", [{"energy": math.nan}, {"n": 0}, {"cpu_s": -1.0}])
def test_impossible_spaces_are_refused(values):
    with pytest.raises(InputError):
        point(**({"n": 5, "energy": -1.0} | values))


def test_a_ledger_has_all_arms_in_order(build_ledger):
    ledger = build_ledger()
    assert ledger.arm("heat-bath") is ledger.arms[ARMS.index("heat-bath")]
    assert ledger.lowest_hartree == ledger.arm("heat-bath").last.energy_hartree
    with pytest.raises(InputError, match="A ledger has the arms"):
        dataclasses.replace(ledger, arms=ledger.arms[::-1])
