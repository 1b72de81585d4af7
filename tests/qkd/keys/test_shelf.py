from hypothesis import given
from hypothesis import strategies as st

from kakehashi.qkd.keys import shelf as module
from kakehashi.qkd.keys.grant import Grant, Part, draw_key_ids
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.shelf import Shelf
from kakehashi.qkd.keys.tables import BlockRow


def block(number, n_bytes, *, peer="b", is_ours=True, failure=1e-10, bound="wiesemann"):
    return BlockRow(
        number=number, block_id=f"{number:032x}", peer=peer, is_ours=is_ours, sifted=8 * n_bytes, n_bits=8 * n_bytes,
        failure=failure, bound=bound, origin="distilled", made_utc=0.0, added_utc=0.0, is_shared=True,
        free=[[0, 8 * n_bytes]],
    )  # fmt: skip


def grant(parts, sequence, *, is_ours=True, state=GrantState.ALLOCATED, **fields):
    return Grant(
        grant_id=f"{sequence:032x}", peer="b", is_ours=is_ours, sequence=sequence, account=Account.DELIVERED,
        key_bits=8, parts=tuple(parts), state=state, **fields,
    )  # fmt: skip


@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4), asked=st.lists(st.integers(1, 30), max_size=8))
def test_what_is_cut_is_in_order_and_counted(sizes, asked):
    shelf = Shelf()
    for number, size in enumerate(sizes):
        shelf.add(block(number, size))
    bits = [(f"{number:032x}", bit) for number, size in enumerate(sizes) for bit in range(8 * size)]
    for sequence, n in enumerate(asked):
        parts = shelf.cut("b", 8 * n)
        if parts is None:
            assert 8 * n > len(bits)
            continue
        taken = [(part.block_id, part.first + bit) for part in parts for bit in range(part.n_bits)]
        assert taken == bits[: 8 * n]
        made = grant(parts, sequence)
        assert shelf.is_free(made, is_ours=True)
        shelf.enter(made)
        assert not shelf.is_free(made, is_ours=True)
        bits = bits[8 * n :]
        assert shelf.stock["b"] == len(bits)


def test_a_grant_that_takes_a_bit_twice_is_not_free():
    shelf = Shelf()
    shelf.add(block(1, 10, is_ours=False))
    part, overlapping = (Part(block_id=f"{1:032x}", first=first, n_bits=16) for first in (0, 8))
    assert shelf.is_free(grant([part], 1), is_ours=False)
    assert not shelf.is_free(grant([part, overlapping], 1), is_ours=False)
    assert not shelf.is_free(grant([part], 1), is_ours=True)
    assert not shelf.is_free(grant([Part(block_id=f"{1:032x}", first=72, n_bits=16)], 1), is_ours=False)
    assert not shelf.is_free(grant([Part(block_id="0" * 32, first=0, n_bits=16)], 1), is_ours=False)


def test_ids_that_are_gone_are_remembered_for_a_while(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 3)
    shelf = Shelf()
    shelf.add(block(1, 10, is_ours=False))
    ids = draw_key_ids(4)
    part = Part(block_id=f"{1:032x}", first=0, n_bits=32)
    made = grant(
        [part],
        1,
        is_ours=False,
        state=GrantState.ANNOUNCED,
        readers=("bob",),
        key_ids=ids,
        waiting=bytearray(b"\1" * 4),
    )
    shelf.enter(made)
    assert shelf.find(ids[:16]) == (made, 0)
    assert shelf.has_any(made)
    made.state, made.is_told, made.waiting = GrantState.DELIVERED, True, bytearray(4)
    shelf.settle(made)
    assert shelf.find(ids[:16]) is None
    assert shelf.readers_of_gone(ids[:16]) is None
    assert shelf.readers_of_gone(ids[48:]) == ("bob",)


def test_blocks_of_which_nothing_is_left_are_let_go():
    shelf = Shelf()
    shelf.add(block(1, 2))
    made = grant(shelf.cut("b", 16), 1)
    shelf.enter(made)
    shelf.tidy()
    assert list(shelf.blocks) == [1]
    made.state, made.is_told = GrantState.DELIVERED, True
    shelf.settle(made)
    shelf.tidy()
    assert shelf.blocks == shelf.by_id == {}


def test_failures_add_up_over_blocks():
    shelf = Shelf()
    shelf.add(block(1, 1, failure=1e-10))
    shelf.add(block(2, 1, failure=2e-10))
    assert abs(shelf.failure(shelf.cut("b", 16)) - 3e-10) < 1e-20
    assert shelf.failure([*shelf.cut("b", 8), *shelf.cut("b", 8)]) == 1e-10


def test_the_weakest_bound_of_the_blocks_holds():
    shelf = Shelf()
    shelf.add(block(1, 1, bound="wiesemann"))
    shelf.add(block(2, 1, bound="differential"))
    assert shelf.bound(shelf.cut("b", 8)) == "wiesemann"
    assert shelf.bound(shelf.cut("b", 16)) == "differential"
