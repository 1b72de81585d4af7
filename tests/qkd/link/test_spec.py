import pytest
from tests.qkd.link.link_cases import PAIRS, dps, link

from kakehashi.core.errors import SpecError
from kakehashi.qkd.link.simulation import Simulation
from kakehashi.qkd.link.spec import MOST_DEAD_SLOTS


def test_loss_from_either():
    assert link(fibre={"length_km": 50.0, "loss_db_per_km": 0.2}).fibre.total_loss_db == 10.0
    assert link(fibre__loss_db=14.5).fibre.total_loss_db == 14.5


@pytest.mark.parametrize(
    ("rate_hz", "dead_ns", "slots"),
    [(1e9, 0, 0), (1e9, 1, 0), (1e9, 1.5, 1), (1e9, 10, 9), (1e8, 15, 1), (1.25e9, 40, 49)],
)
def test_dead_slots(rate_hz, dead_ns, slots):
    assert link(detector__dead_time_ns=float(dead_ns)).detector.dead_slots(rate_hz) == slots


def test_dark_counts_of_a_gate():
    detector = link(detector__dark_count_hz=1000.0, detector__gate_ns=0.5).detector
    assert detector.dark_probability(1e9) == pytest.approx(5e-7, rel=1e-6)
    assert detector.dark_probability(1e9, light_hz=1000.0) == pytest.approx(1e-6, rel=1e-6)
    assert link(detector__dark_count_hz=1000.0).detector.dark_probability(1e6) == pytest.approx(1e-3, rel=1e-3)


def test_detectors_that_always_click_or_never_again_can_be_simulated():
    blind = link(detector__dark_count_hz=1e12, detector__dead_time_ns=0.0)
    assert blind.detector.dark_probability(1e9) == 1 - 1e-12
    assert link(detector__dead_time_ns=1e300).detector.dead_slots(1e9) == MOST_DEAD_SLOTS - 1
    for spec in (blind, link(detector__dead_time_ns=1e300)):
        for mode in ("pulse", "statistical"):
            detected = Simulation(spec, mode=mode, exposure_s=1e-4, rng=1).next().detections
            assert len(detected) == (100_000 if spec is blind else 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "b92"}, "protocol"),
        ({"source__intensities": [0.2, 0.5, 0.1]}, "intensities must fall"),
        ({"source__intensities": [5.0, 0.5, 0.1]}, "between 0 and 2 photons"),
        ({"source__intensities": [0.5, 0.1, -0.1]}, "between 0 and 2 photons"),
        ({"source__intensities": [0.5]}, "1 intensities, but 3 probabilities"),
        ({"source__probabilities": [0.5, 0.3, 0.1]}, "sum to 1"),
        ({"source__probabilities": [1.0, 0.2, -0.2]}, "must be positive"),
        ({"source__pulse_rate_hz": 0.0}, "source.pulse_rate_hz"),
        ({"source__key_basis_probability": 1.2}, "key_basis_probability"),
        ({"fibre__loss_db": None}, "either loss_db"),
        ({"fibre__loss_db_per_km": 0.2}, "either loss_db"),
        ({"fibre__length_km": -1.0}, "fibre.length_km"),
        ({"fibre__misalignment": 0.7}, "fibre.misalignment"),
        ({"detector__efficiency": 1.5}, "detector.efficiency"),
        ({"detector__efficiency": 0.0}, "detector.efficiency"),
        ({"detector__gate_ns": 2.0}, "a slot lasts 1 ns"),
        ({"detector__n_detectors": 4}, "active choice of basis has 2 detectors"),
        ({"detector__afterpulse_probability": 0.9}, "afterpulse_probability"),
        ({"detector__eficiency": 0.2}, "did you mean 'efficiency'"),
        ({"detector__dark_count_hz": float("inf")}, "dark_count_hz"),
        ({"sender_detector": {"efficiency": 0.5}}, "belong to bbm92"),
        ({"event": [{"kind": "cut", "at_s": 2.0, "until_s": 1.0}]}, "must end after it begins"),
    ],
)
def test_impossible_links_get_one_sentence(changes, message):
    with pytest.raises(SpecError, match=message) as caught:
        link(**changes)
    assert "\n" not in str(caught.value)


def test_protocols_need_what_is_theirs():
    with pytest.raises(SpecError, match="has one intensity"):
        link(protocol="dps")
    with pytest.raises(SpecError, match="dps has no bases"):
        dps(detector__basis_choice="passive")
    with pytest.raises(SpecError, match="are needed there"):
        link(PAIRS, sender_detector=None)
    assert link(PAIRS).sender_detector.efficiency == 0.4
