"""Closed formulas: against published ones, known limits, and what the simulations draw."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.link.link_cases import dps, link

from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.exposure import tally
from kakehashi.qkd.link.pulses import PulseStream
from kakehashi.qkd.link.rates import expect
from kakehashi.qkd.link.statistical import StatisticalStream

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "qkd-link.json").read_text())

PLAIN = {"detector__dead_time_ns": 0.0, "detector__afterpulse_probability": 0.0}


def wiesemann():
    rate = 625e6
    return link(
        source={
            "pulse_rate_hz": rate,
            "intensities": [0.5, 0.15],
            "probabilities": [0.9, 0.1],
            "key_basis_probability": 0.9,
        },
        fibre={"length_km": 50.0, "loss_db_per_km": 0.2, "misalignment": 0.02},
        detector={
            "efficiency": 1.0,
            "dark_count_hz": -rate / 2 * math.log1p(-200 / rate),
            "key_basis_probability": 0.9,
        },
    )


def test_detections_are_those_of_a_published_model():
    counts = expect(build_channel(wiesemann())).counts(1e10)
    for key, found in (("n", counts.detections), ("m", counts.errors)):
        entry = REFERENCE[f"wiesemann-50km-{key}-key"]
        assert found[0].sum() == pytest.approx(entry["value"], rel=max(entry["tolerance"], 1e-12))


@given(loss_db=st.floats(0, 60), mean=st.floats(0.01, 2.0))
@settings(max_examples=50, deadline=None)
def test_gain_is_that_of_a_coherent_state(loss_db, mean):
    # Ma et al. 2005, equation 10, without its approximation: Q = 1 - (1 - Y0) exp(-eta mu).
    changes = PLAIN | {"source__intensities": [mean], "source__probabilities": [1.0], "fibre__loss_db": loss_db}
    channel = build_channel(link(**changes))
    eta = 0.3 * 10 ** (-loss_db / 10)
    dark = 1 - (1 - channel.dark) ** 2
    assert expect(channel).gain[0] == pytest.approx(1 - (1 - dark) * math.exp(-eta * mean), rel=1e-6)


def test_error_rate_of_the_gys_experiment():
    # Ma et al. 2005: E Q = e0 Y0 + e_d (1 - exp(-eta mu)), which neglects double clicks.
    eta_bob, background, error = REFERENCE["ma-gys-single-photon-yield"]["value"], 1.7e-6, 0.033
    found = expect(
        build_channel(
            link(
                source={"pulse_rate_hz": 2e6, "intensities": [0.48]},
                fibre={"length_km": 100.0, "loss_db_per_km": 0.21, "misalignment": error},
                detector={"efficiency": eta_bob, "dark_count_hz": -1e6 * math.log1p(-background)},
            )
        )
    )
    light = 1 - math.exp(-eta_bob * 10**-2.1 * 0.48)
    assert found.qber[0, 0] == pytest.approx((background / 2 + error * light) / (background + light), rel=1e-3)


@pytest.mark.parametrize("choice", ["active", "passive"])
def test_without_noise_every_bit_is_right(choice):
    changes = PLAIN | {"detector__dark_count_hz": 0.0, "fibre__misalignment": 0.0, "detector__basis_choice": choice}
    channel = build_channel(link(fibre__loss_db=0.0, **changes))
    assert np.all(expect(channel).wrong == pytest.approx(0, abs=1e-15))
    for stream in (PulseStream(1), StatisticalStream(1)):
        found = tally(stream.run(channel, 500_000), 3)
        assert found.errors.sum() == 0
        assert found.detections.sum() > 10_000


@pytest.mark.parametrize("changes", [{"fibre__loss_db": 300.0}, {"conditions": Conditions(is_cut=True)}])
@pytest.mark.parametrize("choice", ["active", "passive"])
def test_without_light_half_the_bits_are_wrong(changes, choice):
    conditions = changes.get("conditions")
    values = {key: value for key, value in changes.items() if key != "conditions"}
    channel = build_channel(link(detector__basis_choice=choice, **values), conditions)
    assert expect(channel).qber == pytest.approx(0.5)
    found = tally(StatisticalStream(2).run(channel, 20_000_000), 3)
    n = found.detections.sum()
    assert abs(found.errors.sum() / n - 0.5) < 4 / math.sqrt(4 * n)


def test_intercept_and_resend_makes_a_quarter_wrong():
    quiet = {"detector__dark_count_hz": 0.0, "fibre__misalignment": 0.0, "fibre__loss_db": 20.0} | PLAIN
    for share in (0.2, 1.0):
        for made in (link(**quiet), dps(**quiet)):
            channel = build_channel(made, Conditions(intercepted=share))
            assert expect(channel).qber[0] == pytest.approx(0.25 * share, rel=1e-3)
            assert expect(channel).gain == pytest.approx(expect(build_channel(made)).gain)
            n_intensities = len(channel.intensities)
            found = tally(PulseStream(3).run(channel, 10_000_000), n_intensities)
            assert found.errors.sum() / found.detections.sum() == pytest.approx(0.25 * share, abs=0.02)


def test_splitting_hides_from_the_signal_and_not_from_decoys():
    quiet = {"detector__dark_count_hz": 100.0, "fibre__loss_db": 20.0} | PLAIN
    honest, split = (expect(build_channel(link(**quiet), c)) for c in (None, Conditions(split=1.0)))
    assert split.qber[0, 0] == pytest.approx(honest.qber[0, 0], rel=0.1)  # double clicks alone differ
    assert split.gain[0] == pytest.approx(honest.gain[0], rel=1e-6)
    assert split.gain[1] < 0.6 * honest.gain[1]
    yields = build_channel(link(**quiet), Conditions(split=1.0)).ways[0].detected
    usual = build_channel(link(**quiet)).ways[0].detected
    assert np.all(1 - yields[2:10, 0] > 1 - usual[2:10, 0])
    assert 1 - yields[1, 0] < 1 - usual[1, 0]


def test_blinding_shows_as_loss_and_errors():
    quiet = {"detector__dark_count_hz": 0.0, "fibre__misalignment": 0.0, "fibre__loss_db": 20.0} | PLAIN
    attack = Conditions(blinded=1.0, blinded_loss_db=3.0, blinded_error=0.05)
    honest, blinded = (expect(build_channel(link(**quiet), c)) for c in (None, attack))
    assert blinded.gain / honest.gain == pytest.approx(10**-0.3, rel=1e-3)
    assert blinded.qber[0, 0] == pytest.approx(0.05, rel=1e-2)


CASES = {
    "all": {},
    "no afterpulses": {"detector__afterpulse_probability": 0.0},
    "passive": {"detector__basis_choice": "passive"},
    "long dead time": {"detector__dead_time_ns": 100.0},
    "no dead time": {"detector__dead_time_ns": 0.0},
    "slow afterpulses": {"fibre__loss_db": 15.0, "detector__afterpulse_decay_ns": 100.0},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["pulse", "statistical"])
def test_what_is_drawn_is_what_is_expected(case, mode):
    channel = build_channel(link(**CASES[case]))
    n = 8_000_000
    stream = PulseStream(9) if mode == "pulse" else StatisticalStream(9)
    exposure = stream.run(channel, n)
    expected = expect(channel)
    assert len(exposure.detections) == pytest.approx(expected.click * n, abs=5 * math.sqrt(expected.click * n))
    found, hoped = tally(exposure, 3), expected.counts(n)
    for name in ("detections", "errors"):
        sigma = (getattr(found, name) - getattr(hoped, name)) / np.sqrt(getattr(hoped, name))
        assert np.abs(sigma).max() < 4.5, (name, sigma)
        assert (sigma**2).sum() < 30, (name, sigma)


@given(
    dead=st.floats(0, 500),
    afterpulse=st.floats(0, 0.2),
    loss_db=st.floats(0, 60),
    dark=st.floats(0, 1e7),
    choice=st.sampled_from(["active", "passive"]),
)
@settings(max_examples=60, deadline=None)
def test_expectations_are_probabilities(dead, afterpulse, loss_db, dark, choice):
    changes = {
        "detector__dead_time_ns": dead,
        "detector__afterpulse_probability": afterpulse,
        "fibre__loss_db": loss_db,
        "detector__dark_count_hz": dark,
        "detector__basis_choice": choice,
    }
    expected = expect(build_channel(link(**changes)))
    assert 0 < expected.live <= 1
    assert np.all(expected.wrong >= -1e-15)
    assert np.all(expected.wrong <= expected.sifted * (1 + 1e-9))
    assert expected.sifted.sum() <= expected.click * (1 + 1e-9)
    assert np.all(expected.qber <= 0.5 + 1e-9)
