from kakehashi.qkd.delivery.spec import read_kme_spec
from kakehashi.qkd.delivery.trial import TRIAL_KMES, free_ports, write_trial


def test_two_servers_find_each_other_and_their_users(tmp_path):
    ports = tuple(free_ports(4))
    write_trial(tmp_path, {"alice": "kme-a", "Büro 1": "kme-b"}, ports=ports, more="durable = false")
    one, other = (read_kme_spec(tmp_path / f"{name[-1]}.toml") for name in TRIAL_KMES)
    assert (one.name, other.name) == TRIAL_KMES
    assert not one.durable
    assert one.peer[0].address == f"127.0.0.1:{ports[3]}"
    assert other.peer[0].address == f"127.0.0.1:{ports[1]}"
    assert {sae.id: sae.kme for sae in other.sae} == {"alice": "kme-a", "Büro 1": "kme-b"}
    assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0
