import asyncio
from dataclasses import replace

import pytest

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.network import arrivals
from kakehashi.qkd.network.arrivals import Arrivals, Arrived
from kakehashi.qkd.network.relay import Header, split, tag_of_whole

ID = "0" * 32
HEADERS = [
    Header(block_id=ID, route=("a", middle, "c"), hop=1, share=share, n_shares=2, failure=1e-10, bound=middle)
    for share, middle in enumerate("bd")
]
ROUTES = [header.route for header in HEADERS]
TAG_KEY = bytes(range(32))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_shares_may_come_in_any_order(order):
    shares, arrived = split(b"key" + TAG_KEY, 2), Arrived(2)
    for i in order:
        assert not arrived.is_whole
        arrived.add(HEADERS[i], shares[i])
    assert arrived.is_whole
    assert arrived.routes == ROUTES
    assert sorted(arrived.claims) == [(1e-10, "b"), (1e-10, "d")]
    assert arrived.open(ID, tag_of_whole(ID, ROUTES, b"key", tag_key=TAG_KEY)) == b"key"


@pytest.mark.parametrize(
    ("change", "share", "sentence"),
    [
        ({"share": 0}, bytes(35), "does not fit"),
        ({"n_shares": 3}, bytes(35), "does not fit"),
        ({}, bytes(34), "does not fit"),
        ({"route": ("a", "b", "c")}, bytes(35), "over one node"),
        ({"route": ("a", "x", "b", "c")}, bytes(35), "over one node"),
    ],
)
def test_a_share_that_is_none_of_them_is_refused(change, share, sentence):
    arrived = Arrived(2)
    arrived.add(HEADERS[0], bytes(35))
    with pytest.raises(DistillationError, match=sentence):
        arrived.add(replace(HEADERS[1], **change), share)
    assert not arrived.is_whole


def test_only_a_whole_key_is_taken_and_once(monkeypatch):
    monkeypatch.setattr(arrivals, "PENDING_S", 0.01)

    async def story():
        waiting = Arrivals()
        for n, sender in ((1, "a"), (2, "b")):  # not all of it; and from another sender
            for header in HEADERS[:n]:
                waiting.keep(header, bytes(35))
            with pytest.raises(InputError, match="No whole key"):
                waiting.take(sender, ID)
        assert waiting.take("a", ID).is_whole
        with pytest.raises(InputError, match="No whole key"):
            waiting.take("a", ID)
        for header in HEADERS:
            waiting.keep(header, bytes(35))
        await asyncio.sleep(0.05)  # nobody said that it counts
        with pytest.raises(InputError, match="No whole key"):
            waiting.take("a", ID)

    asyncio.run(story())
