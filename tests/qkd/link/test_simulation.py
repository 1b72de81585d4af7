import numpy as np
import pytest
from tests.qkd.link.link_cases import dps, link

from kakehashi.core.errors import InputError
from kakehashi.qkd.link.events import event_from
from kakehashi.qkd.link.exposure import tally
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.simulation import Simulation, compare

CUT = {"kind": "cut", "at_s": 0.015, "until_s": 0.025}


@pytest.mark.parametrize("mode", ["pulse", "statistical"])
def test_a_cut_in_the_middle_of_an_exposure(mode):
    made = link(detector__dark_count_hz=0.0, fibre__loss_db=20.0, event=[CUT])
    simulation = Simulation(made, exposure_s=0.01, rng=1, mode=mode)
    slots = [simulation.next().detections.slot / 1e9 for _ in range(4)]
    assert [len(part) > 1000 for part in slots] == [True] * 4
    assert slots[1].max() < 0.0150001  # but for an afterpulse or two
    assert slots[2].min() > 0.025


def test_events_show_in_expected_and_drawn():
    made = link(
        fibre__loss_db=15.0,
        detector__dark_count_hz=1e4,
        event=[{"kind": "intercept-resend", "at_s": 0.005, "fraction": 1.0}],
    )
    simulation = Simulation(made, exposure_s=0.01, rng=2)
    hoped = simulation.expected()
    found = tally(simulation.next(), 3)
    for name in ("detections", "errors"):
        sigma = (getattr(found, name) - getattr(hoped, name)) / np.sqrt(getattr(hoped, name))
        assert np.abs(sigma).max() < 4.5
    simulation.timeline.end("intercept-resend", simulation.time_s)
    calm = simulation.expected()
    assert calm.errors.sum() < 0.7 * hoped.errors.sum()


def test_events_are_switched_on_live():
    simulation = Simulation(load_link("tokyo-koganei-loop-ntt"), exposure_s=0.1, rng=3)
    before = len(simulation.next().detections)
    simulation.timeline.add(event_from({"kind": "cut", "at_s": simulation.time_s}))
    assert len(simulation.next().detections) < before / 20


@pytest.mark.parametrize("name", ["laboratory-50km", "tokyo-koganei-vienna", "tokyo-koganei-loop-ntt"])
def test_every_protocol_agrees_with_its_formulas(name):
    found = compare(Simulation(load_link(name), rng=4, exposure_s=0.05), 0.5)
    assert found.seconds == pytest.approx(0.5)
    n, hoped = found.drawn.detections.sum(), found.expected.detections.sum()
    assert abs(n - hoped) < 5 * hoped**0.5
    m, hoped = found.drawn.errors.sum(), found.expected.errors.sum()
    assert abs(m - hoped) < 5 * hoped**0.5


def test_the_same_seed_gives_the_same():
    one, two = (Simulation(dps(), rng=9, exposure_s=1e-4).next().detections for _ in range(2))
    assert np.array_equal(one.slot, two.slot)
    assert np.array_equal(one.bit, two.bit)


def test_impossible_times():
    with pytest.raises(InputError, match="holds 0 slots"):
        Simulation(link(), exposure_s=1e-12)
    with pytest.raises(InputError, match="must hold 1 to"):
        Simulation(link(), exposure_s=10.0)
    with pytest.raises(InputError, match="longer than 0 s"):
        compare(Simulation(link()), 0.0)
