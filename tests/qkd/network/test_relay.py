import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.network.relay import (
    Header,
    canonical,
    join,
    open_sealed,
    open_whole,
    read_header,
    seal,
    split,
    tag_of_whole,
)

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


@pytest.mark.parametrize(
    "change",
    [
        {"route": ["a", "c"]},
        {"route": ["a", "b", "a"]},
        {"hop": -1},
        {"hop": 5},
        {"block_id": "x" * 32},
        {"share": 1},
        {"n_shares": 9, "share": 8},
        {"failure": "nan"},
        {"failure": None},
        {"bound": "x" * 65},
    ],
)
def test_a_header_that_makes_no_sense_is_refused(change):
    sent = Header(block_id="0" * 32, route=("a", "b", "c"), hop=0, share=0, n_shares=1, failure=0.0, bound="lim")
    sent = sent.to_json()
    with pytest.raises(InputError):
        read_header(sent | change, caller="a", here="b")


ROUTES = [("a", "b", "c"), ("a", "d", "c")]


@given(keys, tag_keys, st.data())
def test_what_one_of_two_shares_was_changed_by_is_found(key, tag_key, data):
    point = bytes([tag_key[0] | 1]) + tag_key[1:]  # a point of zeros would hash all alike, once in 2^128
    shares = split(key + point, 2)
    tag = tag_of_whole("1", ROUTES, key, tag_key=point)
    assert open_whole("1", ROUTES, join(shares), tag) == key
    bit = data.draw(st.integers(0, 8 * len(shares[0]) - 1))
    changed = bytearray(shares[0])
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DistillationError):
        open_whole("1", ROUTES, join([bytes(changed), shares[1]]), tag)


def test_the_routes_and_the_name_are_under_the_tag_of_the_whole():
    key, tag_key = b"key", bytes(range(32))
    tag = tag_of_whole("1", ROUTES, key, tag_key=tag_key)
    for name, routes, found in (
        ("2", ROUTES, tag),
        ("1", ROUTES[::-1], tag),
        ("1", ROUTES[:1], tag),
        ("1", ROUTES, b""),
    ):
        with pytest.raises(DistillationError):
            open_whole(name, routes, key + tag_key, found)
    with pytest.raises(InputError, match="no key"):
        open_whole("1", ROUTES, tag_key, tag)
