import concurrent.futures

import pytest
from tests.qkd.consumers.needs import need
from tests.qkd.consumers.tunnel_story import joined, refused, renewed

from kakehashi.core.errors import InputError
from kakehashi.qkd.consumers import wireguard
from kakehashi.qkd.consumers.wireguard import PROGRAMS, use_wireguard


def handshakes(outcome):
    return [moment for moment in outcome.moments if moment.step.startswith("shook hands")]


def test_a_tunnel_stands_while_its_key_is_renewed_and_nobody_sees_it(sides, own_tmp, tmp_path_factory, monkeypatch):
    cable = joined(wireguard, tmp_path_factory.mktemp("cable"), monkeypatch)
    outcome = renewed(use_wireguard, sides, cable, own_tmp)
    assert [moment.step for moment in handshakes(outcome)] == ["shook hands, by key 1"]


@pytest.mark.slow
def test_one_bit_of_difference_lets_nothing_through(sides, tmp_path, monkeypatch):
    cable = joined(wireguard, tmp_path, monkeypatch)
    refused(use_wireguard, sides, cable, n_pings=30, reason="no handshake", seconds=6, rotate_s=100)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_renewed_keys_enter_at_the_next_handshake_and_a_wrong_one_ends_the_tunnel(kmes):
    """Two tunnels for over three minutes: one whose keys are right, one whose second key is wrong."""
    need(*PROGRAMS, hosts=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        right = pool.submit(use_wireguard, *kmes, seconds=195, rotate_s=30)
        wrong = pool.submit(use_wireguard, *kmes, seconds=195, rotate_s=30, wrong_from=1)
    outcome = right.result()
    assert outcome.is_right
    assert outcome.sent == outcome.received == 975  # none was lost, through six renewals and a handshake
    assert handshakes(outcome)[0].step == "shook hands, by key 1"
    assert len(handshakes(outcome)) == 2
    assert 118 < handshakes(outcome)[1].at_s < 135
    outcome = wrong.result()
    assert outcome.is_right
    assert len(handshakes(outcome)) == 1
    assert 850 < outcome.received < 935  # up to 180 s after the only handshake


def test_times_are_checked_before_a_key_is_spent(sides):
    with pytest.raises(InputError, match="a day"):
        use_wireguard(*sides, seconds=0)
    assert sides[0].keys == []
