"""The native simulation gives the bits of its slow twin, on every instruction set and number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.link.link_cases import dps, link

from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.events import Conditions
from kakehashi.qkd.link.pulses import PulseStream
from kakehashi.qkd.link.slow import SlowLink, _Sequence, philox
from kakehashi.qkd.link.statistical import StatisticalStream

ATTACKED = Conditions(intercepted=0.2, split=0.3, blinded=0.2, blinded_loss_db=3.0, blinded_error=0.1)


def rows(exposure):
    sent, seen = exposure.preparations, exposure.detections
    columns = (sent.slot, sent.intensity, sent.basis, sent.bit, seen.basis, seen.bit)
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def slow_rows(clicks):
    fields = ("slot", "intensity", "sender_basis", "sender_bit", "receiver_basis", "receiver_bit")
    return np.array([[getattr(click, name) for name in fields] for click in clicks]).reshape(-1, 6)


CHANNELS = {
    "active": build_channel(link()),
    "passive": build_channel(link(detector__basis_choice="passive")),
    "attacked": build_channel(link(), ATTACKED),
    "dps": build_channel(dps()),
    "cut": build_channel(link(), Conditions(is_cut=True)),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_pulses_are_those_of_the_twin(name, kernels):
    fast, slow = PulseStream(11), SlowLink(11)
    for n in (5001, 2999):
        expected = slow_rows(slow.run(CHANNELS[name], n))
        assert np.array_equal(rows(fast.run(CHANNELS[name], n)), expected)
    assert len(expected) > 2


@pytest.mark.parametrize("name", CHANNELS)
def test_drawn_detections_are_those_of_the_twin(name):
    fast, slow = StatisticalStream(2**63 + 5), SlowLink(2**63 + 5)
    for n in (2**20 - 500, 3000):
        channel = CHANNELS[name] if n == 3000 else build_channel(link(fibre__loss_db=45.0, detector__dark_count_hz=0))
        expected = slow_rows(slow.run(channel, n, statistical=True))
        assert np.array_equal(rows(fast.run(channel, n)), expected)
    assert len(expected) > 2


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 20_000), min_size=1, max_size=4), n_threads=st.integers(1, 4))
def test_pulses_do_not_depend_on_exposures_and_threads(cuts, n_threads):
    channel = CHANNELS["active"]
    whole = rows(PulseStream(3).run(channel, sum(cuts)))
    stream = PulseStream(3, n_threads=n_threads)
    assert np.array_equal(np.concatenate([rows(stream.run(channel, n)) for n in cuts]), whole)


def test_drawn_detections_do_not_depend_on_threads():
    one, three = (StatisticalStream(4, n_threads=n).run(CHANNELS["active"], 5_000_000) for n in (1, 3))
    assert np.array_equal(rows(one), rows(three))


def test_known_answers_of_philox():
    # Random123's kat_vectors, philox 4x32, 10 rounds.
    ones = 2**32 - 1
    assert philox(2**64 - 1, 2**64 - 1, ones, ones) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    pi = philox(0x299F31D0A4093822, 0x85A308D3243F6A88, 0x13198A2E, 0x03707344)
    assert pi == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def test_every_pulse_of_a_sender_can_be_had():
    channel = CHANNELS["active"]
    stream = PulseStream(5)
    exposure = stream.run(channel, 50_000)
    everything = stream.prepare(channel, 0, 50_000)
    seen = exposure.preparations
    for column in ("basis", "bit", "intensity"):
        assert np.array_equal(getattr(everything, column)[seen.slot], getattr(seen, column))
    shares = np.bincount(everything.intensity) / 50_000
    assert np.allclose(shares, channel.probabilities, atol=0.01)
    assert abs((everything.basis == 0).mean() - channel.sender_key) < 0.01


def test_known_answers_of_xoshiro():
    # rand_xoshiro's reference test of xoshiro256++, made with the authors' code.
    draws = _Sequence(0, 0, 0)
    draws._state = [1, 2, 3, 4]
    assert [draws.long_word() for _ in range(4)] == [41943041, 58720359, 3588806011781223, 3591011842654386]
