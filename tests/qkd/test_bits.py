import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.qkd.bits import Bits

values = st.lists(st.integers(0, 1), max_size=70).map(lambda bits: np.array(bits, dtype=np.uint8))


@given(values)
def test_packing_and_unpacking_give_the_same_bits(bits):
    packed = Bits.pack(bits)
    assert np.array_equal(packed.unpack(), bits)
    assert len(packed) == len(bits)


@given(values, st.data())
def test_a_slice_holds_the_bits_it_names(bits, data):
    first = data.draw(st.integers(0, len(bits)))
    n = data.draw(st.integers(0, len(bits) - first))
    assert np.array_equal(Bits.pack(bits).slice(first, n).unpack(), bits[first : first + n])


@given(st.lists(values, max_size=4))
def test_concatenation_keeps_the_order(parts):
    joined = Bits.concatenate(Bits.pack(part) for part in parts)
    assert np.array_equal(joined.unpack(), np.concatenate([np.zeros(0, np.uint8), *parts]))


@given(values, st.data())
def test_exclusive_or_is_that_of_the_bits(bits, data):
    drawn = data.draw(st.lists(st.integers(0, 1), min_size=len(bits), max_size=len(bits)))
    other = np.array(drawn, np.uint8)
    assert np.array_equal((Bits.pack(bits) ^ Bits.pack(other)).unpack(), bits ^ other)


@given(values)
def test_ones_are_counted_and_picked_out_by_logic(bits):
    packed = Bits.pack(bits)
    assert packed.n_ones == bits.sum()
    assert (~packed).n_ones == len(bits) - bits.sum()
    assert (packed & ~packed).n_ones == 0
    assert packed & packed == packed


def test_bits_never_show_themselves():
    assert "1" not in repr(Bits.pack(np.ones(8))).replace("n=8", "")
    assert repr(Bits.from_bytes(b"\xff")) == "Bits(n=8)"


def test_what_is_no_string_of_bits_is_refused():
    with pytest.raises(InputError, match="take 2 bytes"):
        Bits(np.zeros(1, np.uint8), 9)
    with pytest.raises(InputError, match="beyond the 3"):
        Bits(np.array([255], np.uint8), 3)
    with pytest.raises(InputError, match="were asked of a string of 8"):
        Bits.from_bytes(b"a").slice(1, 8)
    with pytest.raises(InputError, match="no exclusive or"):
        Bits.from_bytes(b"a") ^ Bits.from_bytes(b"ab")
    with pytest.raises(InputError, match="no common bits"):
        Bits.from_bytes(b"a") & Bits.from_bytes(b"ab")


def test_bits_of_different_length_differ():
    assert Bits.pack(np.zeros(3)) != Bits.pack(np.zeros(4))
    assert Bits.from_bytes(b"a") == Bits.from_bytes(b"a")
