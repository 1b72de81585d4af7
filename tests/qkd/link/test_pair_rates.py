"""Coincidences of entangled pairs against known limits; against draws in test_bbm92.py."""

import pytest
from tests.qkd.link.link_cases import PAIRS, link

from kakehashi.qkd.link.bbm92 import build_pair_channel
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.pair_rates import expect_pairs

QUIET = {
    "detector__dark_count_hz": 0.0,
    "sender_detector__dark_count_hz": 0.0,
    "fibre__misalignment": 0.0,
    "sender_fibre__misalignment": 0.0,
    "detector__dead_time_ns": 0.0,
}


def test_coincidences_of_few_pairs():
    # mu eta_A eta_B, half of which both ends measure in one basis.
    channel = build_pair_channel(link(PAIRS, source__intensities=[1e-5], **QUIET))
    expected = expect_pairs(channel)
    pairs = 1e-5 * 0.4 * 0.3 * 10**-0.3
    assert expected.gain[0] == pytest.approx(pairs, rel=1e-3)
    assert expected.sifted.sum() == pytest.approx(pairs / 2, rel=1e-3)


def test_more_pairs_make_more_errors():
    rates = [
        expect_pairs(build_pair_channel(link(PAIRS, source__intensities=[m], **QUIET))).qber[0, 0]
        for m in (0.01, 0.1, 1.0)
    ]
    assert rates == sorted(rates)
    assert rates[-1] > 0.1


def test_a_cut_leaves_accidental_coincidences():
    channel = build_pair_channel(link(PAIRS), Conditions(is_cut=True))
    assert expect_pairs(channel).qber == pytest.approx(0.5)


def test_an_eavesdropper_shows():
    for share in (0.5, 1.0):
        channel = build_pair_channel(link(PAIRS, source__intensities=[1e-4], **QUIET), Conditions(intercepted=share))
        assert expect_pairs(channel).qber[0, 0] == pytest.approx(0.25 * share, rel=1e-2)
