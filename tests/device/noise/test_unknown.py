"""An absent number is neither perfect nor silent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.unknown import fill_unknown


def with_calibration(twin, **fields):
    return replace(twin, calibration=replace(twin.calibration, **fields))


def test_the_median_stands_in_and_is_named_for_used_qubits_alone():
    twin = with_calibration(line_twin(4), t1_us=np.array([100.0, 200.0, 400.0, np.nan]))
    filled, notes = fill_unknown(twin, [0, 1])
    assert filled.t1_us[3] == 200.0
    assert notes == ()
    assert "not known for 1 used qubits" in fill_unknown(twin, [2, 3])[1][0]


def test_t2_stays_within_twice_t1():
    twin = with_calibration(line_twin(3), t1_us=np.array([20.0, 300.0, 300.0]), t2_us=np.array([np.nan, 400.0, 400.0]))
    assert fill_unknown(twin, [0])[0].t2_us[0] == 40.0


def test_what_is_missing_everywhere_is_no_error_and_said():
    nothing = np.full(3, np.nan)
    twin = with_calibration(line_twin(3), t1_us=nothing, t2_us=nothing, prob_meas1_prep0=nothing)
    filled, notes = fill_unknown(twin, [0, 1, 2])
    assert np.isinf(filled.t1_us).all()
    assert not filled.prob_meas1_prep0.any()
    assert [note.split(" is not")[0] for note in notes] == [
        "T1 in us",
        "T2 in us",
        "The probability that 0 is read as 1",
    ]


def test_edges_count_where_both_ends_are_used():
    twin = line_twin(3)
    broken = with_calibration(twin, gate_ns={**twin.calibration.gate_ns, "cz": np.array([84.0, np.nan])})
    assert fill_unknown(broken, [0, 1])[1] == ()
    filled, notes = fill_unknown(broken, [1, 2])
    assert filled.gate_ns["cz"].tolist() == [84.0, 84.0]
    assert notes == (
        "The duration of 'cz' in ns is not known for 1 used edges, and the median of the others, 84, stands in.",
    )
