import json

import pytest
from tests.qkd.kme_pair import make_grant

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.peer_messages import grant_from_json, grant_to_json


def test_a_grant_comes_over_the_wire_whole():
    table = json.loads(json.dumps(grant_to_json(make_grant(), ["bob", "bea"])))
    heard = grant_from_json(table, peer="a", expires_utc=7.0)
    for name in ("grant_id", "sequence", "account", "key_bits", "parts", "master", "key_ids", "mask"):
        assert getattr(heard, name) == getattr(make_grant(key_ids=heard.key_ids), name)
    assert (heard.peer, heard.is_ours, heard.readers, heard.expires_utc) == ("a", False, ("bob", "bea"), 7.0)


@pytest.mark.parametrize(
    "change",
    [
        {"grant_id": 1},
        {"grant_id": "1" * 33},
        {"sequence": "x"},
        {"account": "other"},
        {"key_bits": 7},
        {"key_bits": 0},
        {"parts": [["2" * 32, 1, 8]]},
        {"parts": [1]},
        {"parts": []},
        {"readers": [1]},
        {"key_ids": "!"},
        {"key_ids": "AAAA"},
        {"mask": "AAAA"},
        {"master": None},
        {"parts": [["2" * 32, -8, 8]]},
        {"sequence": 2**70},
        {"sequence": float("inf")},
        {"parts": [["2" * 32, 0, float("inf")]]},
        {"grant_id": "\ud800"},
        {"master": "x\udfff"},
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(change):
    with pytest.raises(InputError):
        grant_from_json(grant_to_json(make_grant()) | change, peer="a")
    whole = grant_to_json(make_grant())
    del whole[next(iter(change))]
    with pytest.raises(InputError):
        grant_from_json(whole, peer="a")
