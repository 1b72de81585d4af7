"""What holds for every tunnel between two hosts on a cable that is watched."""

from tests.qkd.consumers.cable import Cable
from tests.qkd.consumers.needs import need
from tests.qkd.consumers.watch import watching


def joined(tunnel, folder, monkeypatch):
    """A watched cable between the hosts of a tunnel's module; skips where the machine cannot make one."""
    need(*tunnel.PROGRAMS, hosts=True)
    cable = Cable(folder)
    monkeypatch.setattr(tunnel, "joined_hosts", cable.joined_hosts)
    return cable


def renewed(use, sides, cable, own_tmp):
    """What came of a tunnel whose key is renewed twice: nothing is lost, and nobody sees key or plain packets."""
    with watching() as seen:
        outcome = use(*sides, seconds=2.5, rotate_s=1)
    assert outcome.is_right
    assert (outcome.sent, outcome.received) == (12, 12)
    assert len(outcome.key_ids) == 3
    seen.assert_no(sides[0].keys)
    assert seen.modes == {0o600}
    assert list(own_tmp.iterdir()) == []
    assert cable.packets["icmp"] == 0
    assert cable.packets["udp"] >= 24  # pings and their answers, each in a packet of the tunnel
    return outcome


def refused(use, sides, cable, *, n_pings, reason, **options):
    """What came of a tunnel whose keys differ in a bit: nothing passes, and nothing goes in the open instead."""
    outcome = use(*sides, wrong_from=0, **options)
    assert outcome.is_right
    assert (outcome.sent, outcome.received) == (n_pings, 0)
    assert outcome.refusal == reason
    assert set(cable.packets) == {"udp"}  # attempts to agree on keys
    return outcome
