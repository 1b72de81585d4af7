import math

from hypothesis import given
from hypothesis import strategies as st

from kakehashi.qkd.delivery.quota import FairShare, Quota


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 2000)), max_size=30))
def test_nobody_gets_more_than_a_burst_and_the_rate(steps):
    now = [0.0]
    quota = Quota(bits_per_s=100, burst_bits=1000, clock=lambda: now[0])
    taken = 0
    for pause, bits in steps:
        now[0] += pause
        if quota.wait_s("alice", bits) == 0:
            quota.take("alice", bits)
            taken += bits
    assert taken <= 1000 + 100 * now[0] + 1e-6


def test_waiting_as_long_as_said_is_enough():
    now = [0.0]
    quota = Quota(bits_per_s=10, burst_bits=100, clock=lambda: now[0])
    quota.take("alice", 90)
    wait_s = quota.wait_s("alice", 64)
    assert wait_s == 5.4
    now[0] += wait_s + 1e-9
    assert quota.wait_s("alice", 64) == 0
    assert quota.wait_s("alice", 101) == math.inf
    assert quota.wait_s("bob", 100) == 0
    now[0] -= 1000
    assert quota.wait_s("alice", 64) >= 0


def test_no_limit_is_no_limit():
    quota = Quota(bits_per_s=0, burst_bits=1, clock=lambda: 0.0)
    quota.take("alice", 10**9)
    assert quota.wait_s("alice", 10**9) == 0


@given(asked=st.lists(st.integers(1, 400), max_size=40), n_users=st.integers(1, 5))
def test_who_takes_all_it_can_leaves_the_rest_for_others(asked, n_users):
    share = FairShare(n_users=n_users, clock=lambda: 0.0)
    stock = 5000
    for bits in asked:
        if bits <= stock and share.allows("mallory", bits, stock_bits=stock):
            share.take("mallory", bits)
            stock -= bits
    assert stock >= 5000 - 5000 / n_users


def test_a_share_comes_back_with_time():
    now = [0.0]
    share = FairShare(n_users=2, clock=lambda: now[0])
    share.take("alice", 500)
    assert not share.allows("alice", 10, stock_bits=500)
    now[0] += 60
    assert share.allows("alice", 10, stock_bits=500)
