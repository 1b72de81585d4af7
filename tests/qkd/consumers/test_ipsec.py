import pytest
from tests.qkd.consumers.cable import Cable
from tests.qkd.consumers.needs import need
from tests.qkd.consumers.watch import watching

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers import ipsec
from kakehashi.qkd.consumers.ipsec import PROGRAMS, use_ipsec


def test_a_tunnel_stands_while_its_key_is_renewed_and_nobody_sees_it(sides, own_tmp, tmp_path_factory, monkeypatch):
    need(*PROGRAMS, hosts=True)
    cable = Cable(tmp_path_factory.mktemp("cable"))
    monkeypatch.setattr(ipsec, "joined_hosts", cable.joined_hosts)
    with watching() as seen:
        outcome = use_ipsec(*sides, seconds=2.5, rotate_s=1)
    assert outcome.is_right
    assert (outcome.sent, outcome.received) == (12, 12)
    assert outcome.suite == "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384/PPK"
    steps = [moment.step for moment in outcome.moments]
    assert [f"shook hands, by key {n}" in steps for n in (1, 2, 3)] == [True] * 3
    seen.assert_no(sides[0].keys)
    assert seen.modes == {0o600}
    assert list(own_tmp.iterdir()) == []
    assert cable.packets["icmp"] == 0
    assert cable.packets["udp"] >= 24  # pings and their answers, each in a packet of the tunnel


@pytest.mark.slow
def test_one_bit_of_difference_lets_nothing_through(sides, tmp_path, monkeypatch):
    need(*PROGRAMS, hosts=True)
    cable = Cable(tmp_path)
    monkeypatch.setattr(ipsec, "joined_hosts", cable.joined_hosts)
    outcome = use_ipsec(*sides, seconds=4, rotate_s=1, wrong_from=0)
    assert outcome.is_right
    assert (outcome.sent, outcome.received) == (20, 0)
    assert outcome.refusal == "AUTHENTICATION_FAILED"
    assert len(outcome.key_ids) == 1
    assert set(cable.packets) == {"udp"}  # IKE; and nothing goes in the open instead


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
