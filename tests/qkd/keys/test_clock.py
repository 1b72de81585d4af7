import time

import pytest

from kakehashi.qkd.keys.clock import SteadyClock


@pytest.mark.parametrize("jump_s", [-1e9, 7 * 86_400.0])
def test_a_clock_that_is_set_changes_nothing(monkeypatch, jump_s):
    clock, real = SteadyClock(), time.time
    before = clock()
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    time.sleep(0.01)
    assert 0.005 < clock() - before < 60
    assert abs(SteadyClock()() - before - jump_s) < 60
