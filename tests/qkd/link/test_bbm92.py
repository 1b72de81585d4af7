"""Entangled pairs: coincidences against closed formulas, known limits, and both modes against each other."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from tests.qkd.link.link_cases import PAIRS, link

from kakehashi.core.errors import InputError
from kakehashi.qkd.link.bbm92 import PairStream, build_pair_channel
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.exposure import tally
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.pair_rates import expect_pairs

QUIET = {
    "detector__dark_count_hz": 0.0,
    "sender_detector__dark_count_hz": 0.0,
    "fibre__misalignment": 0.0,
    "sender_fibre__misalignment": 0.0,
    "detector__dead_time_ns": 0.0,
}
ATTACK = Conditions(intercepted=0.5, blinded=0.2, blinded_loss_db=3.0, blinded_error=0.1)
CASES = {
    "pairs": (link(PAIRS), None),
    "passive": (link(PAIRS, detector__basis_choice="passive"), None),
    "active": (link(PAIRS, sender_detector__basis_choice="active"), None),
    "afterpulses": (link(PAIRS, detector__afterpulse_probability=0.05, detector__afterpulse_decay_ns=10.0), None),
    "attacked": (link(PAIRS), ATTACK),
}


@pytest.mark.parametrize("mode", ["pulse", "statistical"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_drawn_is_what_is_expected(case, mode):
    channel = build_pair_channel(*CASES[case])
    n = 2_000_000
    exposure = PairStream(6, mode=mode).run(channel, n)
    expected = expect_pairs(channel)
    assert len(exposure.detections) == pytest.approx(expected.click * n, abs=5 * (expected.click * n) ** 0.5)
    found, hoped = tally(exposure, 1), expected.counts(n)
    for name in ("detections", "errors"):
        sigma = (getattr(found, name) - getattr(hoped, name)) / np.sqrt(getattr(hoped, name))
        assert np.abs(sigma).max() < 4.5, (name, sigma)


def test_single_clicks_of_both_modes_are_alike():
    channel = build_pair_channel(*CASES["attacked"])
    table = []
    for mode in ("pulse", "statistical"):
        exposure = PairStream(3, mode=mode).run(channel, 2_000_000)
        sent, seen = exposure.preparations, exposure.detections
        counts = [np.bincount(2 * half.basis + half.bit, minlength=4) for half in (sent, seen)]
        table.append(np.concatenate(counts))
    assert chi2_contingency(np.array(table)).pvalue > 1e-3


def test_few_pairs_and_no_noise_are_never_wrong():
    channel = build_pair_channel(link(PAIRS, source__intensities=[1e-4], **QUIET))
    found = tally(PairStream(1).run(channel, 200_000_000), 1)
    assert found.detections.sum() > 500
    assert expect_pairs(channel).qber[0, 0] < 1e-4
    assert found.errors.sum() <= 2


def test_what_cannot_be():
    with pytest.raises(InputError, match="no attack on entangled pairs"):
        build_pair_channel(link(PAIRS), Conditions(split=0.5))
    with pytest.raises(InputError, match="a sender that detects"):
        build_pair_channel(link())


def test_exposures_follow_on_each_other():
    channel = build_pair_channel(load_link("tokyo-koganei-vienna"))
    stream = PairStream(1)
    first, second = stream.run(channel, 1_000_000), stream.run(channel, 1_000_000)
    assert second.detections.first_slot == 1_000_000
    assert first.preparations.n_slots == 1_000_000
    again = PairStream(1).run(channel, 1_000_000)
    assert np.array_equal(first.detections.slot, again.detections.slot)
