import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.agreement import KeyAgreement
from kakehashi.qkd.consumers.exchange import announce_key_id
from kakehashi.qkd.consumers.model import Timeline


def test_both_sides_have_the_same_keys_in_the_same_order(sides, caplog):
    used, timeline = [], Timeline()
    with KeyAgreement(*sides, used.append, timeline=timeline) as agreement:
        keys = [agreement.next_key() for _ in range(3)]
    assert used == keys == sides[0].keys
    assert agreement.key_ids == [key.key_id for key in keys]
    assert len(timeline.moments) == 12
    assert {moment.side for moment in timeline.moments} == {"alice", "bob"}


@pytest.mark.parametrize("wrong_from", [0, 1])
def test_a_key_is_spoilt_on_purpose(sides, wrong_from):
    used = []
    with KeyAgreement(*sides, used.append, timeline=Timeline(), wrong_from=wrong_from) as agreement:
        keys = [agreement.next_key() for _ in range(3)]
    assert [a == b for a, b in zip(keys, used, strict=True)] == [index < wrong_from for index in range(3)]


def test_a_replayed_name_gives_no_key(sides, caplog):
    """Whoever speaks on the public channel can neither put an old key to use again nor make the slave take another."""
    used = []
    with KeyAgreement(*sides, used.append, timeline=Timeline()) as agreement:
        key = agreement.next_key()
        for name in (key.key_id, "9f3c8a52-0000-4000-8000-000000000001"):
            with pytest.raises(DeviceError, match="not found on KME"):
                announce_key_id(agreement._listener.address, "alice", "bob", name)
        agreement.next_key()
    assert len(used) == 2
    assert key.hex not in caplog.text


def test_a_slave_that_cannot_use_a_key_stops_the_master(sides):
    def use(key):
        raise DeviceError("no device.")

    with KeyAgreement(*sides, use, timeline=Timeline()) as agreement, pytest.raises(DeviceError, match="no device"):
        agreement.next_key()
    assert agreement.key_ids == []
