import dataclasses

import pytest

from kakehashi.report.example import example_processor
from kakehashi.report.processor_words import (
    count_notes,
    describe_calibration,
    describe_cost,
    describe_processor,
    processor_notes,
    processor_table,
    uniform_share,
)


def changed(**changes):
    return dataclasses.replace(example_processor(), **changes)


def rows(**changes):
    return dict(processor_table(changed(**changes)).rows)


def test_random_bits_have_the_right_numbers_by_chance(build):
    assert uniform_share(build()) == pytest.approx(4368**2 / 4**16)  # 5 of 16 orbitals in 4368 ways for each spin
    assert uniform_share(build(n_orb=36, n_elec=(27, 27))) == pytest.approx(1.877e-6, rel=1e-3)


def test_shots_are_told_beside_random_bits(build):
    first, *others = describe_processor(build(processor=example_processor()))
    assert first == (
        "An estimated 78.0 % of the shots went through without any error, and 61.4 % came out with the right electron "
        "numbers, before any recovery; of uniformly random bits 0.44 % would."
    )
    assert others[1] == "The machine itself would take about 0.250 s for 1,000 shots, queue aside."
    assert others[2].startswith("Its calibration is assumed")


def test_only_what_is_assumed_is_called_so(build):
    sentences = describe_processor(build(processor=changed(calibration_grade="measured", n_shots=1)))
    assert len(sentences) == 3
    assert sentences[-1].endswith("for 1 shot, queue aside.")


def test_without_errors_none_costs_most(build):
    processor = changed(error_budget={}, success_probability=1.0)
    assert "Most errors" not in " ".join(describe_processor(build(processor=processor)))
    assert describe_cost(processor) == "on the machine about 0.250 s, queue aside"


def test_without_a_processor_there_is_nothing_to_say(build):
    assert describe_processor(build()) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {
                "settings": {
                    "preset": "target",
                    "calibration_seed": 3,
                    "day": 2.5,
                    "qubit_yield": None,
                    "effort": "fast",
                }
            },
            "assumed, not measured; preset target, seed 3, day 2.5",
        ),
        ({"settings": {}}, "assumed, not measured"),
        ({"calibration_grade": "measured", "calibration_utc": "2025-02-03T04:05:06"}, "measured; 2025-02-03"),
        ({"calibration_grade": "measured", "calibration_utc": ""}, "measured"),
        ({"calibration_grade": "", "calibration_utc": ""}, "not known"),
    ],
)
def test_a_calibration_is_named_by_what_tells_it_from_others(changes, expected):
    assert describe_calibration(changed(**changes)) == expected


def test_the_table_says_what_was_compiled_and_what_was_left_out():
    table = rows()
    assert table["Two-qubit gates"] == "6 in 5 layers"
    assert table["Qubits"] == "4 for the orbitals"
    assert "Left out" not in table
    place = dataclasses.replace(example_processor().placement, used_qubits=(0, 1, 2, 3, 9, 11), two_qubit_depth=1)
    table = rows(placement=place, settings={"noise": {"gates": True, "idle": False, "readout": False}})
    assert table["Two-qubit gates"] == "6 in 1 layer"
    assert table["Qubits"] == "4 for the orbitals and 2 between them"
    assert table["Left out"] == "errors of waiting, of readout"
    assert "Compiled by" not in rows(placement=None)


def test_changes_and_approximations_are_counted():
    assert count_notes(changed(changes=("A", "B"), approximations=("C",))) == ": 2 changes, 1 approximation"
    assert count_notes(changed(approximations=())) == ""


def test_notes_without_sentences_have_no_heading():
    assert processor_notes(changed(approximations=(), calibration_source="")) == ()
    notes = dict(processor_notes(changed(changes=("A rung was left out.",))))
    assert notes["Changed for the processor"] == ("A rung was left out.",)
