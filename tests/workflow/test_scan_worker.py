from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.test_scan import TABLE

from kakehashi.workflow.scan_worker import Worker

SPEC = {name: table for name, table in TABLE.items() if name != "scan"}


def answers(folder: Path, *, worker: Worker | None = None, **changes: Any) -> list[dict[str, Any]]:
    stream = io.StringIO()
    worker = worker or Worker(stream)
    worker.stream = stream
    task = {"spec": SPEC, "base": ".", "folder": str(folder), "fresh": False, "earlier": None, "source": "scan.toml"}
    worker.do(task | changes)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_events_come_before_the_end(tmp_path: Path) -> None:
    *events, end = answers(tmp_path / "one")
    assert end == {"done": None}
    assert {event["event"]["stage"] for event in events} >= {"problem", "sample", "loop", "select"}
    assert (tmp_path / "one" / "result.json").exists()


def test_a_fault_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    *_, end = answers(tmp_path / "file")
    assert "is a file; give a folder" in end["error"]


def test_a_fault_of_ours_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (end,) = answers(tmp_path, source=3, spec=SPEC | {"seed": object})
    assert end["error"].startswith("This is a bug in kakehashi: ") or "scan" in end["error"] or "3" in end["error"]


def test_a_stop_takes_effect_at_the_next_event(tmp_path: Path) -> None:
    worker = Worker(io.StringIO())
    worker.stop_soon()
    assert answers(tmp_path / "one", worker=worker) == [{"stopped": None}]
    assert not (tmp_path / "one" / "result.json").exists()
