import pytest
from tests.qkd.consumers.needs import need
from tests.qkd.consumers.tunnel_story import joined, refused, renewed

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers import ipsec
from kakehashi.qkd.consumers.ipsec import PROGRAMS, use_ipsec


def test_a_tunnel_stands_while_its_key_is_renewed_and_nobody_sees_it(sides, own_tmp, tmp_path_factory, monkeypatch):
    cable = joined(ipsec, tmp_path_factory.mktemp("cable"), monkeypatch)
    outcome = renewed(use_ipsec, sides, cable, own_tmp)
    assert outcome.suite == "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384/PPK"
    steps = [moment.step for moment in outcome.moments]
    assert [f"shook hands, by key {n}" in steps for n in (1, 2, 3)] == [True] * 3


@pytest.mark.slow
def test_one_bit_of_difference_lets_nothing_through(sides, tmp_path, monkeypatch):
    cable = joined(ipsec, tmp_path, monkeypatch)
    outcome = refused(use_ipsec, sides, cable, n_pings=20, reason="AUTHENTICATION_FAILED", seconds=4, rotate_s=1)
    assert len(outcome.key_ids) == 1


@pytest.mark.slow
def test_a_wrong_key_under_way_is_refused_and_ends_the_tunnel(sides):
    need(*PROGRAMS, hosts=True)
    with pytest.raises(DeviceError, match=r"refused \(AUTHENTICATION_FAILED\), and the tunnel is closed"):
        use_ipsec(*sides, seconds=20, rotate_s=1, wrong_from=2)
    assert len(sides[0].keys) == 3


def test_times_are_checked_before_a_key_is_spent(sides):
    with pytest.raises(InputError, match="a day"):
        use_ipsec(*sides, rotate_s=0)
    assert sides[0].keys == []
