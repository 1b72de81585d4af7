"""The statistical mode agrees with the pulse mode: in every cell, in the gaps between clicks, and in errors."""

import time

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp
from tests.qkd.link.link_cases import dps, link

from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.pulses import PulseStream
from kakehashi.qkd.link.statistical import StatisticalStream

CASES = {
    "all": (link(), None),
    "passive": (link(detector__basis_choice="passive"), None),
    "attacked": (link(), Conditions(intercepted=0.2, split=0.3, blinded=0.2, blinded_loss_db=3, blinded_error=0.1)),
    "laboratory": (load_link("laboratory-50km"), None),
    "dps": (dps(), None),
    "dps attacked": (dps(), Conditions(intercepted=0.3, split=0.2)),
}


def cells(exposure):
    sent, seen = exposure.preparations, exposure.detections
    code = sent.intensity.astype(np.int64)
    for column in (sent.basis, sent.bit, seen.basis, seen.bit):
        code = 2 * code + column
    return np.bincount(code, minlength=64)


@pytest.fixture(scope="module", params=CASES)
def pair(request):
    channel = build_channel(*CASES[request.param])
    n = 40_000_000 if request.param == "laboratory" else 10_000_000
    return PulseStream(21).run(channel, n), StatisticalStream(22).run(channel, n)


def test_intensities_bases_and_bits_are_alike(pair):
    table = np.array([cells(exposure) for exposure in pair])
    table = table[:, table.sum(axis=0) > 20]
    assert table.shape[1] > 3
    assert chi2_contingency(table).pvalue > 1e-3


def test_gaps_between_clicks_are_alike(pair):
    gaps = [np.diff(exposure.detections.slot) for exposure in pair]
    edges = np.unique(np.quantile(np.concatenate(gaps), np.linspace(0, 1, 60)).astype(int))
    table = np.array([np.histogram(part, bins=[*edges, edges[-1] + 1])[0] for part in gaps])
    table = table[:, table.sum(axis=0) > 20]
    assert chi2_contingency(table).pvalue > 1e-3
    assert ks_2samp(gaps[0][::7], gaps[1][::7]).pvalue > 1e-3


def test_errors_are_alike(pair):
    counts = []
    for exposure in pair:
        sifted = exposure.preparations.basis == exposure.detections.basis
        wrong = (exposure.preparations.bit != exposure.detections.bit)[sifted].sum()
        counts.append([wrong, sifted.sum() - wrong])
    assert chi2_contingency(np.array(counts)).pvalue > 1e-3


def test_no_click_falls_into_a_dead_time():
    channel = build_channel(link(detector__dead_time_ns=50.0, detector__afterpulse_probability=0.3))
    for stream in (PulseStream(1), StatisticalStream(1)):
        slots = np.concatenate([stream.run(channel, n).detections.slot for n in (10_000, 1, 300_000)])
        assert np.diff(slots).min() == channel.dead_slots + 1 == 50


def test_afterpulses_follow_on_clicks():
    quiet = {"detector__dark_count_hz": 10.0, "fibre__loss_db": 50.0, "detector__dead_time_ns": 0.0}
    channel = build_channel(link(detector__afterpulse_probability=0.3, detector__afterpulse_decay_ns=20.0, **quiet))
    slots = StatisticalStream(5).run(channel, 3_000_000_000).detections.slot
    gaps = np.diff(slots)
    near = gaps[gaps < 400]
    # A third of the clicks leave something behind; what they leave is freed after 20 slots in the mean.
    assert len(near) / len(gaps) == pytest.approx(0.3, abs=0.02)
    assert near.mean() == pytest.approx(20.5, abs=1.5)


def test_time_goes_with_clicks_and_not_with_pulses():
    channel = build_channel(link(fibre__loss_db=60.0, detector__dark_count_hz=10.0))
    began = time.process_time()
    exposure = StatisticalStream(1).run(channel, 4_000_000_000)
    assert len(exposure.detections) < 10_000
    assert time.process_time() - began < 10  # a guard against a loop over pulses, which takes minutes in the twin


def test_nothing_is_detected_where_nothing_can_be():
    channel = build_channel(link(detector__dark_count_hz=0.0), Conditions(is_cut=True))
    assert len(StatisticalStream(1).run(channel, 10_000_000).detections) == 0
    assert len(PulseStream(1).run(channel, 1_000_000).detections) == 0
