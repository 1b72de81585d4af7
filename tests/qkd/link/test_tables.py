import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.qkd.link.link_cases import link

from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.rates import expect
from kakehashi.qkd.link.tables import build_tables, thresholds


@given(st.floats(0, 1))
def test_thresholds_are_probabilities(p):
    assert abs(int(thresholds(p, bits=32)) / 2**32 - p) <= 2.0**-33
    word = int(thresholds(p, bits=64))
    assert word == min(int(p * 2**64), 2**64 - 1)


def test_tables_of_both_modes_say_the_same():
    channel = build_channel(
        link(detector__dead_time_ns=0.0, detector__afterpulse_probability=0.0), Conditions(split=0.3)
    )
    apart, joined = (build_tables(channel, joined=j) for j in (False, True))
    cells = np.diff(np.concatenate([[0], apart.joint.astype(float)])) / 2**32
    seen = cells * apart.detected.astype(float) / 2**64
    assert np.isclose(seen.sum(), joined.detected_any, rtol=1e-6)
    assert np.isclose(joined.detected_any, expect(channel).click, rtol=1e-12)
    # Intensity and number of detected photons, given a detection.
    steps = np.diff(np.concatenate([[0], joined.cumulative.astype(float)])) / 2**64
    for k in range(3):
        assert np.isclose(
            steps[joined.outcome_intensity == k].sum(), seen[apart.cell_intensity == k].sum() / seen.sum(), rtol=1e-5
        )


def test_cumulative_ends_at_one():
    tables = build_tables(build_channel(link()), joined=False)
    for cell in range(len(tables.joint)):
        part = tables.cumulative[tables.first[cell] : tables.first[cell + 1]]
        assert np.all(np.diff(part.astype(object)) >= 0)
        assert int(part[-1]) >= 2**64 - 2**12
    assert int(tables.joint[-1]) == 2**32
