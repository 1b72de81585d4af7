"""Draws: distributions, ranges, wandering without jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.twins.draw import chosen, correlated, least_infidelity, mapped, standing_normals
from kakehashi.device.twins.spec import DriftSpec, Range

DRIFT = DriftSpec(share=0.5, correlation_days=5.0)


def normals(size=20_000, *, seed=1, day=0.0, drift=DRIFT):
    return standing_normals(size, seed=seed, names=("test",), drift=drift, day=day)


@pytest.mark.parametrize("day", [0.0, 0.5, 3.25, -7.9, 400.0])
def test_every_day_has_the_same_distribution(day):
    found = normals(day=day)
    assert abs(found.mean()) < 5 / np.sqrt(len(found))
    assert found.std() == pytest.approx(1.0, abs=5 / np.sqrt(2 * len(found)))


def test_the_walk_forgets_and_the_rest_stays():
    today = normals()
    for days, walk in ((1.0, np.exp(-1 / 5)), (5.0, np.exp(-1)), (60.0, 0.0)):
        expected = 0.75 + 0.25 * walk
        assert np.corrcoef(today, normals(day=days))[0, 1] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("day", [0.0, 1.0, 2.5, -1.0])
def test_days_join_without_a_jump(day):
    before, after = normals(day=day - 1e-6), normals(day=day + 1e-6)
    assert np.abs(before - after).max() < 1e-4


def test_days_do_not_depend_on_what_was_asked_before():
    once = normals(day=12.5)
    normals(day=3.0)
    np.testing.assert_array_equal(once, normals(day=12.5))
    assert not np.array_equal(once, normals(day=12.5, seed=2))


def test_without_drift_every_day_is_the_same():
    still = DriftSpec(share=0.0)
    np.testing.assert_array_equal(normals(drift=still), normals(drift=still, day=9.0))


@pytest.mark.parametrize("day", [float("nan"), float("inf"), 1e9])
def test_impossible_days_are_refused(day):
    with pytest.raises(InputError, match="`day` must be a number between -100,000 and 100,000"):
        normals(3, day=day)


@given(
    st.floats(1e-4, 1e4), st.floats(1.0, 100.0), st.floats(1.0, 100.0), st.floats(0.0, 3.0), st.lists(st.floats(-8, 8))
)
def test_values_stay_in_their_range_and_in_order(median, below, above, spread, raw):
    within = Range(median=median, spread=spread, low=median / below, high=median * above)
    values = mapped(np.sort(np.array(raw, dtype=float)), within)
    assert ((values >= within.low) & (values <= within.high)).all()
    assert (np.diff(values) >= -1e-12 * within.high).all()


def test_the_median_is_the_median_of_a_lopsided_range():
    within = Range(median=22.7, spread=0.9, low=2.5, high=41.0)
    values = mapped(normals(), within)
    assert np.median(values) == pytest.approx(22.7, rel=0.02)
    assert (values < 10).mean() > 0.1


def test_a_wide_range_gives_the_log_normal_itself():
    values = np.log(mapped(normals(), Range(median=5.0, spread=0.3, low=1e-3, high=1e4)))
    assert values.mean() == pytest.approx(np.log(5.0), abs=0.02)
    assert values.std() == pytest.approx(0.3, rel=0.03)


def test_correlated_numbers_correlate():
    first, second = normals(seed=1), normals(seed=2)
    assert np.corrcoef(first, correlated(first, second, -0.7))[0, 1] == pytest.approx(-0.7, abs=0.02)


@given(st.integers(0, 200), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_the_smaller(size, one, other):
    few, many = (chosen(size, share, seed=4, names=("x",)) for share in sorted((one, other)))
    assert few.sum() == round(min(one, other) * size)
    assert (few <= many).all()


def test_least_infidelity_against_the_channel_itself():
    """Average over the six Pauli eigenstates (a 2-design) of relaxation as Kraus operators."""
    time, t1, t2 = 0.3, 40.0, 25.0
    decay, phase = np.exp(-time / t1), np.exp(-time / t2)
    total = 0.0
    for x, y, z in [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]:
        total += (1 + phase * (x * x + y * y) + z * (decay * z + 1 - decay)) / 2
    found = least_infidelity(np.array([1e3 * time]), np.array([[t1]]), np.array([[t2]]))
    assert found[0] == pytest.approx(1 - total / 6, rel=1e-12)
