import numpy as np

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.distill.events import Made
from kakehashi.qkd.security.model import Failure, KeyLength


def test_an_event_that_is_logged_shows_no_key():
    key = Bits.pack(np.ones(64))
    made = Made(
        block_id="0" * 32,
        key=key,
        n_tag_bits=0,
        account=Distilled(sifted=64, secret=64),
        length=KeyLength(exact=64.0, bound="lim", failure=Failure()),
        qber=0.0,
        failure=1e-10,
    )
    assert "255" not in repr(made)
