"""The estimate from a sequence of spaces: right on lines, and silent about nothing where there is no line."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from verification.calibrate import PAGE, RESULTS, conformal_factor, read_rungs, scores, summarize, trials, with_tables

from kakehashi.core.errors import InputError
from kakehashi.energy.extrapolation import CALIBRATED_FACTOR, LEAST_HALF_WIDTH_HARTREE, extrapolate, may_be_trusted
from kakehashi.energy.model import Rung


@pytest.fixture(scope="module")
def calibration():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def line(slope=1.0, *, second=(0.02, 0.01, 0.005, 0.002), exact=-1.0, curvature=0.0, **changes):
    """Spaces whose energies lie on a line, or a little beside it."""
    rungs = [
        Rung(
            n_determinants=100 * 2**i,
            energy_hartree=exact + slope * x + curvature * x**2,
            second_order_hartree=-x,
            spin_squared=0.0,
        )
        for i, x in enumerate(second)
    ]
    return [*rungs[:-1], replace(rungs[-1], **changes)]


def mixed_at_first():
    """A mixture of spins that has become pure: the line still goes through it."""
    first, *others = line()
    return [replace(first, spin_squared=0.6), *others]


@given(slope=st.floats(0.55, 1.45), exact=st.floats(-1000, 0), scale=st.floats(1e-4, 10))
def test_a_line_is_continued(slope, exact, scale):
    rungs = line(slope, exact=exact, second=[scale * x for x in (0.02, 0.01, 0.005, 0.002)])
    estimate = extrapolate(rungs, two_s=0)
    assert estimate.energy_hartree == pytest.approx(exact, abs=1e-8 * scale + 1e-9)
    assert estimate.trusted
    assert estimate.covers(exact)
    assert estimate.half_width_hartree < 0.002 * scale + 2e-6
    # rounding of the fit may turn a half to either side
    assert float(estimate.reason.rpartition(" ")[2]) == pytest.approx(slope, abs=0.00501)
    assert estimate.n_rungs == 4


@given(curvature=st.floats(-20, 20))
def test_a_curve_widens_the_interval(curvature):
    straight, bent = (extrapolate(line(curvature=c)) for c in (0.0, curvature))
    assert bent.trusted
    assert bent.energy_hartree - bent.low_hartree >= straight.energy_hartree - straight.low_hartree - 1e-12
    assert bent.covers(-1.0)


@example(energies=[0.0, 0.0, 0.0, 0.0, -1.0, -1.0, -3.0], second=[-1.0] * 5 + [-2.0, 0.0625], spin=0.0)
@given(
    energies=st.lists(st.floats(-5, 0), min_size=1, max_size=7),
    second=st.lists(st.floats(-2, 0.1).filter(lambda x: abs(x) > 1e-9), min_size=7, max_size=7),
    spin=st.floats(0, 3),
)
def test_any_sequence_gives_an_interval_below_the_variational_energy(energies, second, spin):
    rungs = [
        Rung(n_determinants=10 * 2**i, energy_hartree=e, second_order_hartree=x, spin_squared=spin)
        for i, (e, x) in enumerate(zip(sorted(energies, reverse=True), second, strict=False))
    ]
    estimate = extrapolate(rungs, two_s=0)
    assert estimate.low_hartree <= estimate.energy_hartree <= estimate.high_hartree <= rungs[-1].energy_hartree
    assert estimate.reason
    assert not estimate.trusted or (spin <= 0.1 and len(rungs) >= 4)


def test_few_spaces_are_no_line():
    estimate = extrapolate(line()[-3:])
    assert not estimate.trusted
    assert "only 3 of the spaces" in estimate.reason
    # The last changes of the energy are larger than its second-order energy, and the interval reaches past them.
    assert estimate.low_hartree < -0.998 - 4 * 0.008 + 1e-12
    assert estimate.covers(-1.0)


def test_spaces_of_almost_the_same_size_count_once():
    last = line()[-1]
    copies = [replace(last, n_determinants=n) for n in (801, 802, 803)]
    estimate = extrapolate([*line(), *copies])
    assert estimate.n_rungs == 4
    assert estimate.energy_hartree == pytest.approx(-1.0)
    assert not extrapolate(copies).trusted


@pytest.mark.parametrize(
    ("rungs", "message"),
    [
        (line(6.0), "the energy changes by 6.0 times what perturbation theory sees"),
        (line(0.2), "the energy changes by 0.2 times"),
        (line(second=(0.02, 0.01, 0.005, 0.0049)), "no longer falls"),
        (line(second=(0.02, 0.01, 0.005, -0.002)), "the second-order energy is positive"),
        (line(spin_squared=2.0), r"<S\^2> is 2.00 in 800 determinants where the wanted spin has 0"),
        (mixed_at_first(), r"<S\^2> is 0.60 in 100 determinants where the wanted spin has 0"),
    ],
)
def test_outside_of_its_regime_it_says_so(rungs, message):
    estimate = extrapolate(rungs, two_s=0)
    assert not estimate.trusted
    assert re.search(message, estimate.reason)
    assert estimate.half_width_hartree > 3 * abs(rungs[-1].second_order_hartree)


def test_a_line_that_ends_above_the_bound_is_none():
    """Spaces of the torn carbon dimer that leave an excited state: what lies outside rises before it falls."""
    found = ((300, -75.506790, -0.007962), (601, -75.510778, -0.005756), (1203, -75.520792, -0.014745))
    rungs = [
        Rung(n_determinants=size, energy_hartree=energy, second_order_hartree=second, spin_squared=0.0)
        for size, energy, second in (*found, (2406, -75.536295, -0.005127))
    ]
    estimate = extrapolate(rungs, two_s=0)
    assert not estimate.trusted
    assert "above the variational energy" in estimate.reason
    assert estimate.covers(-75.542000)


def test_another_spin_may_be_the_wanted_one():
    triplet = [replace(rung, spin_squared=2.0) for rung in line()]
    assert extrapolate(triplet).trusted
    assert extrapolate(triplet, two_s=2).trusted
    assert not extrapolate(triplet, two_s=1).trusted


def test_the_error_of_the_perturbation_theory_counts_twice():
    plain, noisy = (extrapolate(line(second_order_error_hartree=x)) for x in (0.0, 1e-3))
    gained = (noisy.energy_hartree - noisy.low_hartree) - (plain.energy_hartree - plain.low_hartree)
    assert gained == pytest.approx(2e-3)


def test_a_complete_space_is_exact():
    estimate = extrapolate(line(energy_hartree=-1.0, second_order_hartree=0.0), two_s=0)
    assert (estimate.energy_hartree, estimate.high_hartree) == (-1.0, -1.0)
    assert estimate.low_hartree == -1.0 - LEAST_HALF_WIDTH_HARTREE
    assert estimate.trusted
    wrong = extrapolate(line(energy_hartree=-1.0, second_order_hartree=0.0, spin_squared=6.0), two_s=0)
    assert not wrong.trusted


def test_no_space():
    with pytest.raises(InputError, match="holds no space"):
        extrapolate([])


def test_the_factor_is_what_the_calibration_asks_for(calibration):
    """Every interval is computed anew from the stored spaces: whoever changes the estimator must calibrate it."""
    factor = conformal_factor(scores(calibration["problems"]))
    assert factor <= CALIBRATED_FACTOR <= 1.1 * factor
    for name, value in summarize(calibration["problems"]).items():
        assert calibration["summary"][name] == pytest.approx(value, rel=1e-6), name


def test_the_intervals_cover_what_they_say(calibration):
    summary = summarize(calibration["problems"])
    assert summary["n_trusted_problems"] >= 30
    assert 0.9 <= summary["coverage"] <= 0.99
    assert 0.9 <= summary["coverage_by_problem"] <= 0.99
    assert 0.9 <= summary["coverage_left_out"] <= 0.99


def test_what_is_not_trusted_is_wide(calibration):
    """Where there is no line, the interval reaches further than four times the second-order energy."""
    summary = summarize(calibration["problems"])
    assert summary["n_trusted"] < summary["n_estimates"]
    assert summary["coverage_untrusted"] >= 0.9


def test_problems_that_had_no_part_in_the_calibration(calibration):
    for name, row in calibration["held_out"].items():
        for n_determinants, estimate in trials(row):
            if name.startswith("[2Fe-2S]"):
                assert not estimate.trusted or estimate.covers(row["exact_hartree"]), n_determinants
            elif estimate.trusted:  # the table of these energies is good to half a millihartree
                assert estimate.low_hartree - 5e-4 <= row["exact_hartree"] <= estimate.high_hartree + 5e-4


def test_the_page_shows_the_results(calibration):
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text, calibration) == text


def test_trust_takes_four_spaces_of_the_wanted_spin():
    mixed = [replace(rung, spin_squared=1.0) for rung in line()]  # up to 800 determinants
    for growth, enough in ((2.0, 12_800), (1.5, 2_733), (1.1, 3073)):
        may = [may_be_trusted(mixed, two_s=0, n_determinants=n, growth=growth) for n in (800, enough // 2, enough)]
        assert may == [False, False, True], growth
    assert may_be_trusted([*mixed[:-1], line()[-1]], two_s=0, n_determinants=6400, growth=2.0)
    assert may_be_trusted(line(), two_s=0, n_determinants=800, growth=2.0)
    assert not may_be_trusted(line(), two_s=4, n_determinants=800, growth=2.0)


def test_what_ends_trusted_was_never_out_of_reach(calibration):
    rows = {**calibration["problems"], **calibration["variants"], **calibration["held_out"]}
    for name, row in rows.items():
        for n_determinants, estimate in trials(row):
            rungs = [rung for rung in read_rungs(row) if rung.n_determinants <= n_determinants]
            if estimate.trusted and abs(rungs[-1].second_order_hartree) > 1e-8:
                reach = {"two_s": row["two_s"], "n_determinants": n_determinants, "growth": 2.0}
                assert all(may_be_trusted(rungs[: k + 1], **reach) for k in range(len(rungs))), name
