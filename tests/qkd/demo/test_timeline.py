import time

from kakehashi.qkd.demo.timeline import Timeline


def test_events_are_told_and_kept_in_order():
    told = []
    line = Timeline(say=lambda *event: told.append(event))
    line.note("later", "two")
    line.note("earlier", "one", at_utc=line.began - 1)
    assert [kind for _, kind, _ in told] == ["later", "earlier"]
    assert [event["kind"] for event in line.to_json()["events"]] == ["earlier", "later"]
    assert line.first("later")["text"] == "two"
    assert line.first("later", after_s=time.time()) is None


def test_a_fault_is_not_good():
    line = Timeline()
    assert line.is_good
    line.fault("Something.")
    assert not line.is_good
    assert line.to_json()["faults"] == ["Something."]


def test_to_be_stopped_is_no_fault_and_not_good():
    line = Timeline()
    line.stop("It was stopped.")
    found = line.to_json()
    assert (found["is_good"], found["was_stopped"], found["faults"]) == (False, True, [])


def test_it_knows_for_how_long_nothing_was_told():
    line = Timeline()
    time.sleep(0.02)
    before = line.silent_s
    assert before >= 0.02
    line.note("word", "A word.")
    assert line.silent_s < before
