"""Numbers of a processor in one line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.metrics import METRIC_ORDER, METRICS, source_of, summarise


def test_every_metric_has_its_place_in_tables():
    assert sorted(METRIC_ORDER) == list(METRICS)
    with pytest.raises(InputError, match="There is no metric 't1us'; did you mean 't1_us'"):
        METRICS["t1us"]


@pytest.mark.parametrize("name", ["riken-64", "fake-fez", "fake-armonk", "fake-rochester"])
def test_every_metric_has_a_value_for_every_part(name):
    twin = load_twin(name)
    for metric in map(METRICS.__getitem__, METRIC_ORDER):
        values = metric.values(twin)
        assert values.shape == ((twin.n_qubits,) if metric.place == "qubit" else (len(twin.edges),))


def test_what_cannot_be_used_does_not_count():
    twin = load_twin("osaka-144", qubit_yield=0.8)
    assert int(np.isnan(METRICS["t1_us"].values(twin)).sum()) == round(0.2 * 144)
    assert np.nanmax(METRICS["two_qubit_error"].values(twin)) < 0.5


def test_a_summary_counts_parts():
    twin = load_twin("fake-fez")
    found = summarise(twin)
    assert (found.n_dead, found.n_cut_off, found.n_absent, found.largest_part) == (7, 2, 0, 154)
    assert found.shot_rate_per_s == pytest.approx(1e6 / (250 + 1.56))
    t1 = found.values["t1_us"]
    assert t1.worst < t1.median < t1.best
    error = found.values["two_qubit_error"]
    assert error.best < error.median < error.worst < 0.5
    assert "frequency_ghz" not in found.values
    json.dumps(found.to_json(), allow_nan=False)


def test_a_chip_without_a_working_qubit_is_no_fault():
    twin = load_twin("riken-64", qubit_yield=0.0)
    found = summarise(twin)
    assert (found.n_absent, found.largest_part, found.values) == (64, 0, {})


def test_grades_follow_the_sources():
    twin = load_twin("riken-64")
    found = summarise(twin)
    assert found.values["t1_us"].grade == "assumed"
    assert found.values["frequency_ghz"].grade == "inferred"
    assert found.values["one_qubit_ns"].grade == "published"
    assert found.grades == {
        "edges": "published",
        "present": "assumed",
        "shot_interval_us": "inferred",
        "calibration": "assumed",
    }
    assert source_of(replace(twin, sources={}), "t1_us").grade == "assumed"
