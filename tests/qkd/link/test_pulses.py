import numpy as np
import pytest
from tests.qkd.link.link_cases import link

from kakehashi.core.errors import InputError
from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.pulses import PulseStream

CHANNEL = build_channel(link())


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_have_64_bits(seed):
    with pytest.raises(InputError, match="seed of a link"):
        PulseStream(seed)


def test_seeds_differ():
    one, two, again = (PulseStream(seed).run(CHANNEL, 20_000).detections.slot for seed in (1, 2, 1))
    assert not np.array_equal(one, two)
    assert np.array_equal(one, again)


def test_slots_count_on():
    stream = PulseStream(1)
    stream.run(CHANNEL, 12_345)
    second = stream.run(CHANNEL, 10_000)
    assert second.detections.first_slot == 12_345
    assert len(stream.run(CHANNEL, 0).detections) == 0


def test_intensities_are_sent_as_often_as_they_should():
    everything = PulseStream(8).prepare(CHANNEL, 10**12, 200_000)
    counts = np.bincount(everything.intensity, minlength=3)
    hoped = 200_000 * CHANNEL.probabilities
    assert ((counts - hoped) ** 2 / hoped).sum() < 14
    assert everything.slot[0] == 10**12
