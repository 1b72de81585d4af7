from kakehashi.core.progress import Event, Reporter, silent


def test_steps_become_events_with_time_and_memory():
    events: list[Event] = []
    reporter = Reporter(events.append)
    reporter.step("sample", "drawing")
    reporter.step("diagonalise", step=2, total=5, energy_hartree=-1.5)
    assert [e.stage for e in events] == ["sample", "diagonalise"]
    assert events[0].total is None
    assert (events[1].step, events[1].total, dict(events[1].values)) == (2, 5, {"energy_hartree": -1.5})
    assert 0 <= events[0].elapsed_s <= events[1].elapsed_s < 60
    assert events[0].memory_bytes > 1_000_000


def test_nobody_needs_to_listen(capsys):
    Reporter().step("sample")
    silent(Event(stage="sample"))
    assert capsys.readouterr() == ("", "")
