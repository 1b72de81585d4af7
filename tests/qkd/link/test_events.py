from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.qkd.link.events import Conditions, Timeline, event_from


def line(*tables):
    return Timeline([event_from(table) for table in tables])


def test_without_events_nothing_happens():
    assert line().spans(0.0, 5.0) == [(0.0, 5.0, Conditions())]


def test_a_cut_is_repaired():
    spans = line({"kind": "cut", "at_s": 1.0, "until_s": 2.0}).spans(0.5, 3.0)
    assert [(begin, end, c.is_cut) for begin, end, c in spans] == [
        (0.5, 1.0, False),
        (1.0, 2.0, True),
        (2.0, 3.0, False),
    ]


def test_drift_grows_and_stays():
    drift = line({"kind": "drift", "at_s": 10.0, "until_s": 20.0, "loss_db": 2.0, "misalignment": 0.04})
    assert [drift.at(t).loss_db for t in (5.0, 15.0, 20.0, 99.0)] == [0.0, 1.0, 2.0, 2.0]
    assert drift.at(15.0).misalignment == pytest.approx(0.02)
    assert len(drift.spans(12.0, 13.0)) == 10
    assert len(drift.spans(30.0, 40.0)) == 1


def test_sway_comes_and_goes():
    sway = line({"kind": "sway", "period_s": 4.0, "loss_db": 3.0})
    assert [sway.at(t).loss_db for t in (0.0, 2.0, 4.0)] == pytest.approx([0.0, 3.0, 0.0])


def test_events_add_up():
    both = line({"kind": "light", "light_hz": 100.0}, {"kind": "light", "light_hz": 50.0, "at_s": 1.0})
    assert [both.at(t).light_hz for t in (0.5, 1.5)] == [100.0, 150.0]
    eve = line(
        {"kind": "intercept-resend", "fraction": 0.8},
        {"kind": "intercept-resend", "fraction": 0.8},
        {"kind": "photon-number-splitting", "fraction": 0.1, "block": 0.5},
        {"kind": "blinding", "fraction": 0.2, "error": 0.1},
    ).at(0.0)
    assert (eve.intercepted, eve.split, eve.blocked, eve.blinded, eve.blinded_error) == (1.0, 0.1, 0.5, 0.2, 0.1)


def test_events_are_switched_off():
    both = line({"kind": "cut", "at_s": 1.0}, {"kind": "light", "light_hz": 5.0})
    assert both.end("cut", 3.0) == 1
    assert [both.at(t).is_cut for t in (2.0, 3.0)] == [True, False]
    assert both.at(3.0).light_hz == 5.0
    assert both.end("cut", 3.0) == 0
    both.add(event_from({"kind": "drift", "at_s": 0.0, "until_s": 4.0, "loss_db": 1.0}))
    assert both.end("drift", 5.0) == 1
    assert both.at(9.0).loss_db == 0.0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "magic"}, "no event"),
        ({"kind": "cut", "at_s": 3.0, "until_s": 2.0}, "must end after it begins"),
        ({"kind": "cut", "at_s": -1.0}, "at_s"),
        ({"kind": "drift", "loss_db": 1.0}, "needs until_s"),
        ({"kind": "intercept-resend", "fraction": 2.0}, "fraction"),
        ({"kind": "light", "light_hz": float("nan")}, "light_hz"),
        ({"kind": "blinding", "eror": 0.1}, "eror"),
        ({}, "no event"),
    ],
)
def test_impossible_events(table, message):
    with pytest.raises(InputError, match=message):
        event_from(table)


@given(
    times=st.lists(st.floats(0, 100), min_size=2, max_size=2, unique=True),
    begin=st.floats(0, 100),
    n=st.integers(1, 50),
)
def test_spans_cover_the_time_without_gaps(times, begin, n):
    first, last = sorted(times)
    end = begin + n
    spans = line(
        {"kind": "cut", "at_s": first, "until_s": last},
        {"kind": "sway", "period_s": 7.0, "loss_db": 1.0, "until_s": 30.0},
    ).spans(begin, end)
    assert spans[0][0] == begin
    assert spans[-1][1] == end
    assert all(x[1] == y[0] for x, y in pairwise(spans))
    assert all(x[0] < x[1] for x in spans)
