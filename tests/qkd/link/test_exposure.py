import numpy as np
from tests.qkd.link.link_cases import link

from kakehashi.qkd.link.channel import build_channel
from kakehashi.qkd.link.exposure import Exposure, join, tally
from kakehashi.qkd.link.model import Detections, Preparations
from kakehashi.qkd.link.pulses import PulseStream


def small(*columns):
    return [np.array(column, np.uint8) for column in columns]


def test_counts_by_basis_and_intensity():
    basis, bit, intensity = small([0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1])
    sent = Preparations(first_slot=0, n_slots=9, slot=np.array([1, 3, 4, 7]), basis=basis, bit=bit, intensity=intensity)
    basis, bit = small([0, 1, 1, 0], [1, 1, 0, 0])
    seen = Detections(first_slot=0, n_slots=9, slot=np.array([1, 3, 4, 8]), basis=basis, bit=bit)
    found = tally(Exposure(preparations=sent, detections=seen), 2)
    assert found.detections.tolist() == [[1, 0], [0, 1]]
    assert found.errors.tolist() == [[1, 0], [0, 0]]


def test_parts_make_a_whole():
    channel = build_channel(link())
    stream = PulseStream(1)
    parts = [stream.run(channel, n) for n in (1000, 3000)]
    whole = PulseStream(1).run(channel, 4000)
    joined = join(parts)
    assert joined.detections.n_slots == 4000
    assert np.array_equal(joined.detections.slot, whole.detections.slot)
    assert np.array_equal(joined.preparations.intensity, whole.preparations.intensity)
    assert join(parts[:1]) is parts[0]
