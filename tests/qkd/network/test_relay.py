import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.network.relay import canonical, join, open_sealed, seal, split

HEADER = {"block_id": "0" * 32, "route": ["a", "b"], "hop": 0}
keys = st.binary(min_size=1, max_size=300)
tag_keys = st.binary(min_size=32, max_size=32)


@given(keys, st.data(), tag_keys)
def test_what_is_sealed_is_opened(key, data, tag_key):
    pad = data.draw(st.binary(min_size=len(key), max_size=len(key)))
    padded, tag = seal(HEADER, key, pad=pad, tag_key=tag_key)
    assert bytes(a ^ b for a, b in zip(key, pad, strict=True)) == padded
    assert open_sealed(HEADER, padded, tag, pad=pad, tag_key=tag_key) == key


@given(keys, st.data())
def test_one_changed_bit_anywhere_is_refused(key, data):
    pad, tag_key = bytes(len(key)), secrets.token_bytes(32)  # a point of zeros would hash all alike, once in 2^128
    padded, tag = seal(HEADER, key, pad=pad, tag_key=tag_key)
    bit = data.draw(st.integers(0, 8 * (len(padded) + len(tag)) - 1))
    changed = bytearray(padded + tag)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DistillationError):
        open_sealed(HEADER, bytes(changed[: len(padded)]), bytes(changed[len(padded) :]), pad=pad, tag_key=tag_key)


@pytest.mark.parametrize("change", [{"hop": 1}, {"block_id": "1" * 32}, {"route": ["a", "c"]}])
def test_another_header_is_refused(change):
    padded, tag = seal(HEADER, b"key", pad=b"pad", tag_key=bytes(range(32)))
    with pytest.raises(DistillationError):
        open_sealed(HEADER | change, padded, tag, pad=b"pad", tag_key=bytes(range(32)))


@pytest.mark.parametrize("tag", [b"", bytes(15), bytes(17)])
def test_a_tag_of_another_length_is_refused(tag):
    with pytest.raises(DistillationError):
        open_sealed(HEADER, b"key", tag, pad=b"pad", tag_key=bytes(32))


def test_lengths_are_checked():
    with pytest.raises(InputError):
        seal(HEADER, b"key", pad=b"pa", tag_key=bytes(32))
    with pytest.raises(InputError):
        seal(HEADER, b"key", pad=b"pad", tag_key=bytes(31))


@given(keys, st.integers(1, 6), st.randoms())
def test_shares_give_the_key_in_any_order(key, n, random):
    shares = split(key, n)
    random.shuffle(shares)
    assert join(shares) == key
    assert len(shares) == n


def test_shares_differ_each_time():
    one, other = split(bytes(32), 2), split(bytes(32), 2)
    assert one[0] != other[0]
    with pytest.raises(InputError):
        split(b"key", 0)
    with pytest.raises(InputError):
        join([])


def test_a_header_is_hashed_the_same_whatever_its_order():
    assert canonical({"a": 1, "b": [2]}) == canonical({"b": [2], "a": 1})
