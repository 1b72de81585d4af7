import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.distill.account import Distilled


def test_an_account_balances():
    assert Distilled(sifted=100, correction=20, verification=2, amplification=48, secret=30).secret == 30


def test_an_account_that_does_not_balance_is_refused():
    with pytest.raises(InputError, match="does not balance"):
        Distilled(sifted=100, secret=101)
    with pytest.raises(InputError, match="does not balance"):
        Distilled(sifted=100, amplification=-1, secret=101)
