import math

import pytest

from kakehashi.core.errors import InputError
from kakehashi.energy.model import Estimate, Rung


def rung(**changes):
    values = {"n_determinants": 10, "energy_hartree": -1.0, "second_order_hartree": -0.1, "spin_squared": 0.0}
    return Rung(**(values | changes))


def estimate(**changes):
    values = {
        "energy_hartree": -1.0,
        "low_hartree": -1.2,
        "high_hartree": -0.9,
        "trusted": True,
        "reason": "it was made up",
        "n_rungs": 4,
    }
    return Estimate(**(values | changes))


@pytest.mark.parametrize(
    "name", ["energy_hartree", "second_order_hartree", "second_order_error_hartree", "spin_squared"]
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_rung_holds_finite_numbers(name, value):
    with pytest.raises(InputError, match="not finite"):
        rung(**{name: value})


def test_a_rung_holds_determinants():
    with pytest.raises(InputError, match="must be positive, but is 0"):
        rung(n_determinants=0)


def test_an_estimate_lies_in_its_interval():
    for changes in ({"low_hartree": -0.95}, {"high_hartree": -1.1}, {"energy_hartree": math.nan}):
        with pytest.raises(InputError, match="must lie in its interval"):
            estimate(**changes)


def test_the_half_width_is_the_longer_side():
    assert estimate().half_width_hartree == pytest.approx(0.2)
    assert estimate(high_hartree=-0.5).half_width_hartree == pytest.approx(0.5)


def test_an_interval_covers_its_ends():
    assert [estimate().covers(energy) for energy in (-1.21, -1.2, -1.0, -0.9, -0.89)] == [
        False,
        True,
        True,
        True,
        False,
    ]
