import dataclasses

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kakehashi.energy.model import Estimate
from kakehashi.report.tables import (
    energy_table,
    format_count,
    format_duration,
    format_ends,
    format_energy,
    format_interval,
    format_large,
    format_mhartree,
    format_share,
    format_solver,
    format_spin,
    iteration_table,
    ledger_table,
    own_row,
    rung_table,
    stage_table,
)


def test_energies_ascend_and_are_measured_from_the_reference(build):
    table = energy_table(build())
    assert table.columns[2] == "Above FCI (mHa)"
    assert [row[0] for row in table.rows] == [
        "Reference (FCI)",
        "This run",
        "Random strings, same size",
        "Hartree-Fock",
    ]
    assert [row[2] for row in table.rows] == ["0", "+0.772", "+191", "+211"]


def test_energies_are_measured_from_the_run_without_a_reference(build):
    table = energy_table(build(reference=None))
    assert table.columns[2] == "Above this run (mHa)"
    assert table.rows[0] == ("This run", "-109.04590000", "0")


def test_energies_of_selected_ci_stand_beside_those_of_the_samples(build, build_selected):
    result = build(selected=build_selected())
    table = energy_table(result)
    assert [row[0] for row in table.rows] == [
        "Reference (FCI)",
        "Estimate (±0.100 mHa)",
        "Samples alone, variational",
        "Selected CI, variational",
        "Random strings, same size",
        "Hartree-Fock",
    ]
    assert own_row(result) == "Estimate (±0.100 mHa)"
    assert energy_table(build(selected=build_selected(), reference=None)).columns[2] == "Above the estimate (mHa)"


def test_classical_references_stand_among_the_energies(build, solutions):
    rows = [row[0] for row in energy_table(build(classical=solutions)).rows]
    assert rows[:4] == ["DMRG", "Reference (FCI)", "This run", "CCSD(T)"]


def test_solvers_are_written_as_people_do():
    assert [format_solver(name) for name in ("fci", "ccsd", "ccsd(t)", "dmrg", "dice", "sbd")] == [
        "FCI", "CCSD", "CCSD(T)", "DMRG", "Dice", "sbd",
    ]  # fmt: skip


def test_the_row_that_a_run_without_an_error_bar_stands_for_is_the_lowest_bound(build, build_selected):
    assert own_row(build()) == "This run"
    assert own_row(build(selected=build_selected(last=3))) == "Samples alone, variational"
    assert own_row(build(selected=build_selected(last=3, shift_hartree=-0.1))) == "Selected CI, variational"
    labels = [row[0] for row in energy_table(build(selected=build_selected(last=3))).rows]
    assert not any(label.startswith("Estimate") for label in labels)


def test_every_space_has_a_row(build, build_selected):
    table = rung_table(build(selected=build_selected()))
    assert len(table.rows) == 10
    assert table.rows[-1] == ("12,801", "-109.04523900", "-1.41", "0.0010", "0.537 s")
    assert rung_table(build()).rows == ()


def test_arms_are_set_side_by_side_at_sizes_that_they_reach(build, build_ledger):
    table = ledger_table(build_ledger(), reference=build().reference)
    assert table.columns == (
        "Above FCI (mHa)", "at 100", "at 1,000", "at 10,000", "Determinants", "at the end", "⟨S²⟩", "CPU time",
    )  # fmt: skip
    rows = {row[0]: row for row in table.rows}
    assert rows["samples"] == ("samples", "+172", "+170", "–", "2,027", "+168", "0.0000", "0.060 s")
    assert rows["random + heat-bath"][1:3] == ("–", "–")
    assert rows["heat-bath"][5] == "+1.44"
    assert ledger_table(build_ledger()).rows[2][5] == "0"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-1.0001, -0.9999, "±0.100"),
        (-1.0001, -1.0, "−0.100 / +0"),
        (-1.002, -0.9995, "−2.00 / +0.500"),
        (-1, -1, "±0"),
        (-1.0000004, -1, "−0.001 / +0"),
    ],
)
def test_the_halves_of_an_interval_are_told_apart(low, high, text):
    estimate = Estimate(energy_hartree=-1.0, low_hartree=low, high_hartree=high, trusted=True, reason="", n_rungs=4)
    assert format_interval(estimate) == format_ends(-1.0, low, high) == text


def test_iterations(build):
    table = iteration_table(build())
    assert len(table.rows) == 5
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.rows[-1] == (
        "5", "-109.04590000", "+0.772", "0.180", "4,000,000", "14,000", "0.0000", "2 min 04 s",
    )  # fmt: skip
    assert iteration_table(build(reference=None)).columns[2] == "Above the result (mHa)"


def test_turn_without_batches_has_no_spread(build):
    turn = dataclasses.replace(build().iterations[0], batch_energies_hartree=())
    assert iteration_table(build(iterations=(turn,))).rows[0][3] == "0"


def test_stages(build):
    assert stage_table(build()).rows[0] == ("problem", "2.400 s".replace("2.400", "2.4"), "1.8 %")
    assert stage_table(build(stage_s={"load": 0.0})).rows == (("load", "0.000 s", "0 %"),)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.000 s"),
        (0.9999, "1.000 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (47 * 3600 + 3599, "47 h 59 min"),
        (48 * 3600, "2 d 0 h"),
    ],
)
def test_durations_at_the_edges(seconds, text):
    assert format_duration(seconds) == text


@given(st.floats(-1e5, 1e5).filter(lambda x: abs(x) >= 0.001))
def test_differences_keep_their_sign_and_three_digits(difference):
    shown = float(format_mhartree(difference).replace(",", ""))
    assert shown == pytest.approx(difference, rel=6e-3, abs=5.1e-4)
    assert (shown < 0) == (difference < 0)


@given(st.floats(0, 1))
def test_shares_never_pretend_to_be_nothing_or_all(share):
    text = format_share(share)
    assert (text == "0 %") == (share == 0)
    assert (text == "100 %") == (100 * share == 100)


@given(st.integers(0, 10**60))
def test_large_counts_keep_their_size(count):
    text = format_large(count)
    if count < 10**10:
        assert text == format_count(count)
    else:
        mantissa, power = text.split(" × 10")
        digits = power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
        assert float(mantissa) * 10.0 ** int(digits) == pytest.approx(float(count), rel=6e-3)


def test_rounding_shows_no_negative_zero():
    assert format_spin(-4e-5) == "0.0000"
    assert format_energy(-1.0) == "-1.00000000"
    assert format_mhartree(0.0) == "0"
