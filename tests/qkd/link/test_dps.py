"""The tables of DPS against the field itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.qkd.link.link_cases import dps

from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.dps import bits_of, error_with_interception, light_at_ports
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.exposure import tally
from kakehashi.qkd.link.pulses import PulseStream
from kakehashi.qkd.link.rates import expect

PLAIN = {"detector__dead_time_ns": 0.0, "detector__afterpulse_probability": 0.0, "detector__dark_count_hz": 0.0}


@given(phases=st.lists(st.integers(0, 1), min_size=1, max_size=50), before=st.integers(0, 1))
def test_light_leaves_at_the_port_of_the_bit(phases, before):
    phases = np.array(phases, np.uint8)
    ports = light_at_ports(phases, mean_photons=0.2, before=before, misalignment=0.02)
    bits = bits_of(phases, before=before)
    rows = np.arange(len(bits))
    assert ports.sum(axis=1) == pytest.approx(0.2)
    assert ports[rows, bits] == pytest.approx(0.196)


def test_detections_of_a_train_follow_its_field():
    rng = np.random.default_rng(5)
    phases = rng.integers(2, size=500_000, dtype=np.uint8)
    light = light_at_ports(phases, mean_photons=0.3 * 0.3 * 10**-0.3, misalignment=0.03)
    clicks = rng.random(light.shape) < -np.expm1(-light)
    any_ = clicks.any(axis=1)
    bit = np.where(clicks.all(axis=1), rng.integers(2, size=len(any_)), clicks[:, 1])
    wrong = (bit != bits_of(phases)) & any_
    expected = expect(build_channel(dps(**PLAIN)))
    n = len(phases)
    assert any_.sum() == pytest.approx(expected.click * n, abs=5 * (expected.click * n) ** 0.5)
    assert wrong.sum() == pytest.approx(expected.wrong.sum() * n, abs=5 * (expected.wrong.sum() * n) ** 0.5)


def test_bits_are_changes_of_phase():
    channel = build_channel(dps(**PLAIN, fibre__misalignment=0.0))
    stream = PulseStream(2)
    exposure = stream.run(channel, 400_000)
    everything = stream.prepare(channel, 0, 400_000)
    assert np.array_equal(everything.bit[exposure.detections.slot], exposure.preparations.bit)
    assert tally(exposure, 1).errors.sum() == 0
    assert set(exposure.preparations.basis) == {0}
    assert abs(everything.bit.mean() - 0.5) < 0.01


def test_interception_makes_a_quarter_wrong():
    assert error_with_interception() == pytest.approx(0.25)
    channel = build_channel(dps(**PLAIN, fibre__misalignment=0.0, fibre__loss_db=25.0), Conditions(intercepted=1.0))
    assert expect(channel).qber[0, 0] == pytest.approx(error_with_interception(), rel=1e-3)
