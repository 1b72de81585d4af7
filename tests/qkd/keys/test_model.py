import numpy as np

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.keys.model import Account, KeyBlock


def test_a_block_never_shows_its_key():
    block = KeyBlock(
        block_id="0" * 32,
        peer="hongo",
        is_ours=True,
        bits=Bits.pack(np.ones(64)),
        failure=1e-10,
        bound="wiesemann",
        origin="distilled",
        made_utc=0.0,
    )
    assert "Bits(n=64)" in repr(block)


def test_accounts_have_the_names_that_the_ledger_prints():
    assert [str(account) for account in Account][:3] == ["estimation", "correction", "verification"]
