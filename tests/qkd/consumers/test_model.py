import json
import time

import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.consumers import model
from kakehashi.qkd.consumers.model import Key, Outcome, Timeline

NAME = "9f3c8a52-0000-4000-8000-000000000001"


def test_a_key_shows_nothing_of_itself():
    key = Key(key_id=NAME, secret=b"\xab" * 32)
    assert "ab" not in repr(key).replace(NAME, "")
    assert key.spoilt() != key
    assert sum((a ^ b).bit_count() for a, b in zip(key.secret, key.spoilt().secret, strict=True)) == 1


@pytest.mark.parametrize("name", ["", "a b", f"{NAME}\n", "x\n}\nsecrets { }", f"{{{NAME}}}", f"urn:uuid:{NAME}"])
def test_a_name_that_could_become_a_setting_is_refused(name):
    with pytest.raises(InputError, match="UUID"):
        Key(key_id=name, secret=b"x")
    with pytest.raises(InputError, match="bits"):
        Key(key_id=NAME, secret=b"")


def test_what_fails_is_not_noted():
    timeline = Timeline()
    with pytest.raises(ValueError, match="x"), timeline.step("alice", "did"):
        raise ValueError("x")
    timeline.note("bob", "later", took_s=2.0)
    assert [(moment.side, moment.took_s) for moment in timeline.moments] == [("bob", 2.0)]


@pytest.mark.parametrize(
    ("wrong_from", "is_connected", "sent", "received", "is_right"),
    [
        (None, True, 5, 5, True),
        (None, True, 5, 4, False),
        (None, False, 0, 0, False),
        (None, True, 0, 0, False),
        (0, False, 5, 0, True),
        (0, True, 5, 0, False),
        (0, False, 5, 1, False),
        (1, True, 5, 3, True),
        (1, True, 5, 5, False),
    ],
)
def test_what_must_come_of_it(wrong_from, is_connected, sent, received, is_right):
    outcome = Outcome(
        consumer="tls",
        wrong_from=wrong_from,
        is_connected=is_connected,
        sent=sent,
        received=received,
        key_ids=(NAME,),
        moments=(),
    )
    assert outcome.is_right is is_right
    assert json.loads(json.dumps(outcome.to_json()))["is_right"] is is_right


def test_what_a_run_waits_for_is_said_every_few_seconds(monkeypatch):
    monkeypatch.setattr(model, "PATIENCE_S", 0.05)
    said = []
    timeline = Timeline(said.append)
    with timeline.step("alice", "named it"), timeline.step("bob", "fetched it"):
        while len(said) < 2:
            time.sleep(0.01)
    assert said[:2] == ["0.05 s, and still to come: bob fetched it.", "0.1 s, and still to come: bob fetched it."]
    assert {moment.step for moment in timeline.moments} == {"named it", "fetched it"}


def test_nothing_is_said_of_what_is_quick(monkeypatch):
    said = []
    with Timeline(said.append).step("alice", "named it"):
        pass
    assert said == []
