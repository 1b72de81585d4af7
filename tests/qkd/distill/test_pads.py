import secrets

import pytest

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.pads import Pads


@pytest.fixture
def ends():
    secret = Bits.from_bytes(secrets.token_bytes(128))
    return Pads.from_secret(secret, is_sender=True), Pads.from_secret(secret, is_sender=False)


def test_both_ends_find_the_same_pad(ends):
    here, there = ends
    for _ in range(5):
        position, pad = here.take(61)
        assert there.take_other(position, 61) == pad
        position, pad = there.take(53)
        assert here.take_other(position, 53) == pad


def test_no_pad_is_used_twice(ends):
    here, there = ends
    position, _ = here.take(61)
    there.take_other(position, 61)
    with pytest.raises(DistillationError, match="used before"):
        there.take_other(position, 61)
    with pytest.raises(DistillationError, match="used before"):
        there.take_other(position + 60, 1)
    first, second = here.take(64)[1], here.take(64)[1]
    assert first != second


def test_a_tag_that_was_lost_takes_its_pad_with_it(ends):
    here, there = ends
    here.take(61)
    position, pad = here.take(61)
    assert there.take_other(position, 61) == pad


def test_an_empty_stock_stops_and_falls_back_on_nothing(ends):
    here, there = ends
    here.take(512)
    with pytest.raises(DistillationError, match="used up: 0 bits are left and a tag takes 8") as error:
        here.take(8)
    assert error.value.fault == "local"
    with pytest.raises(DistillationError, match="not in stock"):
        there.take_other(510, 8)


def test_bits_of_a_block_wait_until_both_ends_have_it(ends):
    here, there = ends
    more = Bits.from_bytes(secrets.token_bytes(16))
    here.hold("a", more, more)
    there.hold("a", more, more)
    assert here.n_own == 512
    here.release("a")
    there.release("a")
    assert here.n_own == 640
    here.take(512)
    position, pad = here.take(100)
    assert position == 512
    assert pad == more.slice(0, 100) == there.take_other(512, 100)
    here.hold("b", more, more)
    here.forget("b")
    assert not here.held


def test_a_stock_comes_back_from_its_state(ends):
    here, there = ends
    here.take(10)
    here.hold("a", Bits.from_bytes(b"1"), Bits.from_bytes(b"2"))
    again = Pads(here.state)
    assert again.held == {"a"}
    position, pad = again.take(50)
    assert position == 10
    assert there.take_other(10, 50) == pad


def test_a_short_secret_is_refused():
    with pytest.raises(InputError, match="at least 512"):
        Pads.from_secret(Bits.from_bytes(bytes(10)), is_sender=True)
