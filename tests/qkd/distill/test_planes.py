import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi import _native
from kakehashi.core.errors import InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.planes import Intensities, pick
from kakehashi.qkd.distill.slow import pick_slow


@pytest.mark.parametrize("n", [0, 1, 7, 8, 63, 64, 65, 128, 1000, 4097])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_bits_are_picked_as_by_hand(kernels, n, share):
    rng = np.random.default_rng(n)
    bits, mask = Bits.pack(rng.integers(0, 2, n, np.uint8)), Bits.pack(rng.random(n) < share)
    assert pick(bits, mask) == pick_slow(bits, mask)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200))
def test_intensities_are_picked_and_counted(drawn):
    values = np.array([value for value, _ in drawn], np.uint8)
    mask = np.array([wanted for _, wanted in drawn], bool)
    packed = Intensities.pack(values)
    assert np.array_equal(packed.unpack(), values)
    assert np.array_equal(packed.pick(Bits.pack(mask)).unpack(), values[mask])
    assert np.array_equal(packed.count(4), np.bincount(values, minlength=4))
    assert np.array_equal(packed.count(4, Bits.pack(mask)), np.bincount(values[mask], minlength=4))
    twice = Intensities.concatenate([packed, packed])
    assert np.array_equal(twice.unpack(), np.concatenate([values, values]))
    assert twice.pick(Bits.pack(np.arange(len(twice)) < len(values))) == packed


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(InputError, match="mask of 16"):
        pick(Bits.from_bytes(b"a"), Bits.from_bytes(b"ab"))


@pytest.mark.parametrize("gap_bytes", [1, 2, 4, 8])
@pytest.mark.parametrize("is_dense", [True, False])
def test_slots_beyond_what_was_prepared_are_unknown(gap_bytes, is_dense):
    """Nobody sends them past the reader of messages; the kernel does not trust it."""
    small = np.ones(3, np.uint8)
    gaps = np.array([1, 1, 1, 100, 7], f"<u{gap_bytes}").view(np.uint8)
    planes = np.empty((5, 1), np.uint8)
    _native.look_up_clicks(np.arange(5, 8), small, small, small, 5, is_dense, gaps, gap_bytes, planes)
    assert planes.ravel().tolist() == [7, 7, 7, 7, 0]
