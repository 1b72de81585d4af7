import re

import pytest
from tests.qkd.consumers.needs import need

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers import traffic
from kakehashi.qkd.consumers.hosts import CABLE, joined_hosts
from kakehashi.qkd.consumers.traffic import check_times, count_pings


@pytest.mark.parametrize("times", [(0, 5), (-1, 5), (1e6, 5), (1, 0.5), (float("nan"), 5), (1, float("nan"))])
def test_times_that_cannot_be_kept_are_refused(times):
    with pytest.raises(InputError, match="a day"):
        check_times(*times)


def test_pings_are_counted_while_keys_are_renewed(monkeypatch):
    need(hosts=True)
    monkeypatch.setattr(traffic, "WORD_S", 0.9)
    renewals, looks, said = [], [], []
    with joined_hosts("a", "b") as (one, other):
        for host, peer in ((one, other), (other, one)):
            host.run("ip", "address", "add", f"{host.inner}/32", "dev", "lo")
            host.run("ip", "route", "add", peer.inner, "dev", CABLE)
        watch = {"renew": lambda: renewals.append(1), "watch": lambda: looks.append(1), "say": said.append}
        assert count_pings(one, other, seconds=2.5, rotate_s=1, **watch) == (12, 12)
        assert len(renewals) == 2
        assert looks
        assert re.fullmatch(r"1 s: ([4-6]) of \1 pings answered", said[0])
        assert len(said) >= 2

        def fail():
            raise DeviceError("no key")

        with pytest.raises(DeviceError, match="no key"):
            count_pings(one, other, seconds=60, rotate_s=1, renew=fail)
