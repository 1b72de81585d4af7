"""Drawn calibrations: seeds, days, presets, yield, and what no processor may have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.twins.build import build_twin
from kakehashi.device.twins.draw import least_infidelity
from kakehashi.device.twins.library import read_twin_spec

NAMES = ("ibm-kobe", "riken-64", "osaka-144", "fujitsu-256", "fujitsu-1024")


def arrays(twin):
    given = twin.calibration
    yield from (given.t1_us, given.t2_us, given.prob_meas1_prep0, given.prob_meas0_prep1, given.readout_ns)
    yield from (*given.gate_error.values(), *given.gate_ns.values())


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(NAMES[:3]), st.integers(0, 1000), st.floats(-50, 50), st.booleans())
def test_every_draw_is_possible_and_in_its_range(name, seed, day, first):
    spec = read_twin_spec(name)
    preset = sorted(spec.presets)[0 if first else -1]
    twin = build_twin(spec, seed=seed, day=day, preset=preset)
    ranges, given = spec.presets[preset], twin.calibration
    t1, t2 = given.t1_us[twin.present], given.t2_us[twin.present]
    assert (t2 <= 2 * t1).all()
    assert ((t1 >= ranges.t1_us.low) & (t1 <= ranges.t1_us.high)).all()
    assert (t2 <= ranges.t2_us.high).all()
    live = twin.edge_error[twin.usable_edges]
    assert ((live >= ranges.two_qubit_error.low) & (live < 0.5)).all()
    steps = given.gate_ns[twin.two_qubit_gate][twin.usable_edges] / spec.clock_ns
    np.testing.assert_allclose(steps, np.round(steps))


def test_no_gate_is_better_than_its_relaxation():
    twin = build_twin(read_twin_spec("fujitsu-256"), seed=2)
    given, edges = twin.calibration, twin.edges[twin.usable_edges]
    limit = least_infidelity(given.gate_ns["cx"][twin.usable_edges], given.t1_us[edges], given.t2_us[edges])
    assert (twin.edge_error[twin.usable_edges] >= limit * (1 - 1e-12)).all()


def test_equal_seeds_and_days_give_equal_values():
    spec = read_twin_spec("riken-64")
    for one, other in zip(
        arrays(build_twin(spec, seed=5, day=2.5)), arrays(build_twin(spec, seed=5, day=2.5)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(
        build_twin(spec, seed=5).calibration.t1_us, build_twin(spec, seed=6).calibration.t1_us, equal_nan=True
    )


def test_days_change_values_slowly_and_leave_the_chip():
    spec = read_twin_spec("ibm-kobe")
    today, soon, later = (build_twin(spec, seed=1, day=day) for day in (0.0, 0.1, 30.0))
    t1 = [np.log(twin.calibration.t1_us) for twin in (today, soon, later)]
    assert np.abs(t1[1] - t1[0]).mean() < 0.25 * np.abs(t1[2] - t1[0]).mean()
    assert np.corrcoef(t1[0], t1[2])[0, 1] > 0.7
    np.testing.assert_array_equal(today.usable_edges, later.usable_edges)
    np.testing.assert_array_equal(today.calibration.gate_ns["cz"], later.calibration.gate_ns["cz"])
    assert today.calibration.taken_utc == "2026-01-01T00:00:00"
    assert later.calibration.taken_utc == "2026-01-31T00:00:00"


def test_the_same_qubits_are_good_in_every_preset():
    spec = read_twin_spec("fujitsu-256")
    one, other = (build_twin(spec, seed=3, preset=p, qubit_yield=1.0).calibration.t1_us for p in spec.presets)
    np.testing.assert_array_equal(np.argsort(one), np.argsort(other))


def test_yield_takes_qubits_away_and_a_lower_one_more_of_them():
    spec = read_twin_spec("osaka-144")
    more, fewer = (build_twin(spec, seed=3, qubit_yield=share) for share in (0.9, 0.58))
    assert int(more.present.sum()) == 144 - round(0.1 * 144)
    assert (fewer.present <= more.present).all()
    absent = ~fewer.present
    assert np.isnan(fewer.calibration.t1_us[absent]).all()
    touching = absent[fewer.edges].any(axis=1)
    assert np.isnan(fewer.edge_error[touching]).all()
    assert not fewer.usable_edges[touching].any()
    with pytest.raises(InputError, match=r"`qubit_yield` must be in \[0, 1\], but is 1\.5"):
        build_twin(spec, qubit_yield=1.5)


def test_controls_have_the_lower_frequency():
    """In the example file of qubex all 45 couplings with both ends known obey this."""
    twin = build_twin(read_twin_spec("fujitsu-1024"), qubit_yield=1.0)
    frequency = twin.calibration.frequency_ghz
    assert (frequency[twin.edges[:, 0]] < frequency[twin.edges[:, 1]]).all()


def test_medians_are_those_of_the_public_calibrations():
    """Facts of the two example files: T1 22.7 us, T2 14.6 us, flips 0.166 and 0.242, rzx90 fidelity error 3.5e-2."""
    given = build_twin(read_twin_spec("fujitsu-1024"), seed=1, preset="example").calibration
    assert np.nanmedian(given.t1_us) == pytest.approx(22.7, rel=0.1)
    assert np.nanmedian(given.prob_meas1_prep0) == pytest.approx(0.166, rel=0.1)
    assert np.nanmedian(given.gate_error["cx"]) == pytest.approx(0.035, rel=0.1)


def test_what_was_drawn_is_said():
    twin = build_twin(read_twin_spec("riken-64"), seed=8, day=1.5, preset="target")
    source = twin.sources["calibration"]
    assert source.grade == "assumed"
    assert source.text.startswith("Preset 'target', seed 8, day 1.5: ")
    with pytest.raises(InputError, match="no preset of riken-64 'targets'; did you mean 'target'"):
        build_twin(read_twin_spec("riken-64"), preset="targets")
    with pytest.raises(InputError, match="A seed must be"):
        build_twin(read_twin_spec("riken-64"), seed=-1)
