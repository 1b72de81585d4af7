import dataclasses

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kakehashi.problem.model import Reference
from kakehashi.report.tables import (
    energy_table,
    format_count,
    format_duration,
    format_energy,
    format_large,
    format_mhartree,
    format_share,
    format_spin,
    iteration_table,
    stage_table,
    summary_rows,
)


def by_label(result):
    return {row.label: row for row in summary_rows(result)}


def test_summary_of_n2(build):
    rows = by_label(build())
    assert (rows["Energy"].value, rows["Energy"].unit) == ("-109.04590000", "hartree")
    assert (rows["Reference"].value, rows["Reference"].note) == ("-109.04667178", "FCI; arXiv:2405.05068")
    assert (rows["Error"].value, rows["Error"].unit) == ("+0.772", "mHa")
    assert rows["Hartree-Fock"].note == "+211 mHa from this run"
    assert rows["Control: random strings"].note == "+190 mHa from this run; 4,000,000 determinants"
    assert rows["Determinants"].note == "2,000 alpha × 2,000 beta strings; 21.0 % of the full space"
    assert (rows["⟨S²⟩"].value, rows["⟨S²⟩"].note) == ("0.0000", "a pure singlet has 0")
    assert rows["Eigensolver converged"].value == "yes"
    assert rows["Wall time"].value == "2 min 10 s"
    assert rows["Peak memory"].value == "1.4 GiB"


def test_summary_without_reference_and_control(build):
    rows = by_label(build(reference=None, control=None, converged=False))
    assert "Reference" not in rows
    assert "Error" not in rows
    assert (rows["Control"].value, rows["Eigensolver converged"].value) == ("none", "no")


def test_summary_shows_what_there_is_more(build):
    control = dataclasses.replace(build().control, loop_energy_hartree=-109.0431)
    reference = Reference(energy_hartree=-109.04667, method="HCI", source="", uncertainty_hartree=2e-5)
    rows = by_label(
        build(control=control, reference=reference, root_energies_hartree=(-109.0459, -108.7), n_elec=(6, 4))
    )
    assert rows["Control: loop on random bits"].note == "+2.80 mHa from this run"
    assert rows["Root 1"].note == "+346 mHa above the ground state"
    assert rows["Error"].note == "the reference itself is certain to 0.02 mHa"
    assert rows["Reference"].note == "HCI"
    assert rows["⟨S²⟩"].note == "a pure triplet has 2"


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
