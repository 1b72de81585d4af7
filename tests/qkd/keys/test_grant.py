import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.qkd.keys.grant import Grant, Part, draw_key_ids, key_id_bytes, key_id_text
from kakehashi.qkd.keys.model import Account


def make(parts, key_bits, **fields):
    parts = tuple(Part(block_id=str(i), first=8 * f, n_bits=8 * n) for i, (f, n) in enumerate(parts))
    return Grant(
        grant_id="g",
        peer="b",
        is_ours=True,
        sequence=1,
        account=Account.DELIVERED,
        key_bits=key_bits,
        parts=parts,
        **fields,
    )


@given(parts=st.lists(st.tuples(st.integers(0, 100), st.integers(1, 100)), min_size=1, max_size=6), data=st.data())
def test_keys_tile_the_parts(parts, data):
    total = 8 * sum(n for _, n in parts)
    size = data.draw(st.sampled_from([8 * d for d in range(1, total // 8 + 1) if total % (8 * d) == 0]))
    grant = make(parts, size)
    pieces = [piece for index in range(grant.n_keys) for piece in grant.parts_of(index)]
    bits = [(p.block_id, p.first + bit) for p in pieces for bit in range(0, p.n_bits, 8)]
    assert bits == [(p.block_id, p.first + bit) for p in grant.parts for bit in range(0, p.n_bits, 8)]
    assert all(sum(piece.n_bits for piece in grant.parts_of(index)) == size for index in range(grant.n_keys))


def test_impossible_ranges_are_refused():
    for first, n_bits in ((1, 8), (0, 7), (0, 0), (-8, 8)):
        with pytest.raises(InputError, match="whole bytes"):
            Part(block_id="0", first=first, n_bits=n_bits)
    with pytest.raises(InputError, match="no whole number of keys"):
        make([(0, 5)], 24)
    with pytest.raises(InputError, match="another number"):
        make([(0, 6)], 24, key_ids=bytes(16))


def test_key_ids_are_uuids_and_differ():
    ids = draw_key_ids(200)
    found = {uuid.UUID(bytes=ids[16 * i : 16 * i + 16]) for i in range(200)}
    assert len(found) == 200
    assert {(u.version, u.variant) for u in found} == {(4, uuid.RFC_4122)}


@given(st.binary(min_size=16, max_size=16))
def test_key_ids_are_written_as_uuids_are(key_id):
    assert key_id_text(key_id) == str(uuid.UUID(bytes=key_id))
    assert key_id_bytes(key_id_text(key_id).upper()) == key_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "00010203-0405-0607-0809-0a0b0c0d0e0",
        "0001020304050607-0809-0a0b-0c0d-0e0f",
        "{00010203-0405-0607-0809-0a0b0c0d0e0f}",
        "00010203-0405-0607-0809-0a0b0c0d0e0g",
        "٠0010203-0405-0607-0809-0a0b0c0d0e0f",
        " 0010203-0405-0607-0809-0a0b0c0d0e0f",
    ],
)
def test_what_is_no_uuid_is_none(text):
    assert key_id_bytes(text) is None
