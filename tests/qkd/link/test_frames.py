import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.link.frames import HEADER, pack_detections, pack_preparations, payload_bytes, unpack
from kakehashi.qkd.link.model import Detections, Preparations


@st.composite
def halves(draw):
    n_slots = draw(st.integers(1, 2**32 - 1))
    slots = sorted(draw(st.sets(st.integers(0, n_slots - 1), max_size=20)))
    first = draw(st.integers(0, 2**60))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    basis, bit, intensity = (rng.integers(top, size=len(slots), dtype=np.uint8) for top in (2, 2, 4))
    slot = np.array(slots, dtype=np.int64) + first
    sent = Preparations(first_slot=first, n_slots=n_slots, slot=slot, basis=basis, bit=bit, intensity=intensity)
    return sent, Detections(first_slot=first, n_slots=n_slots, slot=slot, basis=basis, bit=bit)


@given(halves())
def test_a_frame_is_what_was_packed(both):
    for half, data, role in zip(
        both, (pack_preparations(both[0]), pack_detections(both[1])), ("sender", "receiver"), strict=True
    ):
        header, payload = data[: HEADER.size], data[HEADER.size :]
        assert payload_bytes(header, role) == len(payload) == 5 * len(half)
        found = unpack(header, payload, role)
        assert (found.first_slot, found.n_slots) == (half.first_slot, half.n_slots)
        for name in half.__slots__[2:]:
            assert np.array_equal(getattr(found, name), getattr(half, name))


def test_what_is_no_frame():
    header = HEADER.pack(b"KQL1", 1, 0, 10, 2)
    with pytest.raises(DeviceError, match="not that of its receiver"):
        payload_bytes(header, "receiver")
    with pytest.raises(DeviceError, match="no simulated link"):
        payload_bytes(b"HTTP" + header[4:], "sender")
    with pytest.raises(DeviceError, match="wrong length"):
        unpack(header, b"123", "sender")
