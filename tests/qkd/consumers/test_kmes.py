import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.consumers.kmes import trial_kmes


def test_two_servers_serve_two_users_of_any_name(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with trial_kmes('Büro "1"', "b/2") as (one, other):
        key = one.new_key("b/2")
        assert other.key_by_id('Büro "1"', key.key_id) == key
        assert one.access.url != other.access.url
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert key.hex not in (folder / "kme-a.log").read_text()
    assert list(tmp_path.iterdir()) == []


def test_names_that_stand_for_two_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InputError), trial_kmes("alice", "alice"):
        pass
    assert list(tmp_path.iterdir()) == []
