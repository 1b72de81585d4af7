import secrets

import pytest

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.stock import Stock


@pytest.fixture
def ends():
    secret = Bits.from_bytes(secrets.token_bytes(256))
    return tuple(Stock.from_secret(secret, is_sender=is_sender, forgery=1e-12) for is_sender in (True, False))


def sign(here, there, *, said=b"a", heard=b"a"):
    """What one end says and signs, and whether the other believes what it heard."""
    mine, theirs = here.listen_to_own(b"context"), there.listen_to_other(b"context")
    mine.update(said)
    theirs.update(heard)
    index, tag = here.sign(mine)
    return there.check(theirs, index, tag), index, tag


def test_both_directions_are_believed(ends):
    here, there = ends
    for turn in range(4):
        assert sign(here, there)[:2] == (True, turn)
        assert sign(there, here)[:2] == (True, turn)


def test_what_was_changed_is_not_believed(ends):
    assert not sign(*ends, said=b"a", heard=b"b")[0]


def test_no_pad_is_used_twice(ends):
    here, there = ends
    _, index, tag = sign(here, there)
    with pytest.raises(DistillationError, match="used or is not there"):
        there.check(there.listen_to_other(b"context"), index, tag)


def test_a_tag_that_was_lost_takes_its_pad_with_it(ends):
    here, there = ends
    here.sign(here.listen_to_own(b""))
    assert sign(here, there)[:2] == (True, 1)
    assert there.n_other == here.n_own


def test_a_forged_tag_takes_no_pad_whichever_it_names(ends):
    here, there = ends
    before = there.n_other
    for index in (0, before - 1, before - 1):
        assert not there.check(there.listen_to_other(b"context"), index, Bits.from_bytes(bytes(10)).slice(0, 78))
    with pytest.raises(DistillationError, match="is not there"):
        there.check(there.listen_to_other(b"context"), before, Bits.from_bytes(bytes(10)))
    assert there.n_other == before
    assert sign(here, there)[:2] == (True, 0)


def test_an_empty_stock_stops_and_falls_back_on_nothing(ends):
    here, there = ends
    for _ in range(here.n_own):
        assert sign(here, there)[0]
    with pytest.raises(DistillationError, match="used up") as error:
        here.sign(here.listen_to_own(b""))
    assert error.value.fault == "local"


def test_bits_of_a_block_wait_until_both_ends_have_it(ends):
    here, there = ends
    pads = Bits.from_bytes(secrets.token_bytes(here.n_bits))
    before = here.n_own
    here.hold("a", pads, pads, 1e-10)
    there.hold("a", pads, pads, 1e-10)
    assert here.n_own == before
    here.release("a")
    there.release("a")
    assert here.n_own == before + 8
    assert here.failure >= 2e-10
    for _ in range(before + 8):
        assert sign(here, there)[0]
    here.hold("b", pads, pads, 0.0)
    here.forget("b")
    assert not here.held


def test_a_stock_that_fills_itself_up_lasts(ends):
    """What a filling adds to the failures does not depend on how many came before."""
    here, _ = ends
    pads = Bits.from_bytes(secrets.token_bytes(here.n_bits))
    for block in range(1000):
        here.hold(str(block), pads, pads, 1e-10)
        here.release(str(block))
    assert here.failure == pytest.approx(2000 * 1e-10)


def test_a_stock_comes_back_from_its_state(ends):
    here, there = ends
    sign(here, there)
    here.hold("a", Bits.from_bytes(b""), Bits.from_bytes(b""), 0.0)
    again = Stock(here.state, forgery=1e-12)
    assert again.held == {"a"}
    assert again.failure == here.failure
    assert sign(again, there)[:2] == (True, 1)


def test_a_secret_of_known_pads_wears_out(ends):
    here, _ = ends
    here.hold("a", Bits.from_bytes(secrets.token_bytes(here.n_bits)), Bits.from_bytes(b""), 2e-6)
    here.release("a")
    with pytest.raises(DistillationError, match="replace its point"):
        here.sign(here.listen_to_own(b""))


def test_a_short_secret_is_refused():
    with pytest.raises(InputError, match="at least 800"):
        Stock.from_secret(Bits.from_bytes(bytes(10)), is_sender=True, forgery=1e-12)
