"""The processes of a scan as its leader sees them: in order, in parallel, and when one is killed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.workflow.test_scan import TABLE

from kakehashi.core.progress import Event
from kakehashi.workflow.scan_crew import Chain, Crew, Ended, Task, describe_task

SPEC = {name: table for name, table in TABLE.items() if name != "scan"}


def chain_of(*tasks: Task, heard: list[Ended | None] | None = None) -> Chain:
    left: Iterator[Task] = iter(tasks)

    def follow(ended: Ended | None) -> Task | None:
        if heard is not None:
            heard.append(ended)
        return next(left, None)

    return follow


def crew(n_workers: int = 1) -> Crew:
    return Crew(
        n_workers,
        n_threads=1,
        line=lambda task: describe_task(task, base=Path(), source="scan.toml", fresh=False),
    )


def task(index: int, folder: Path, *, there: bool = False) -> Task:
    return Task(index=index, spec=SPEC, folder=folder / str(index), earlier=None, there=there)


def test_tasks_of_a_chain_are_done_in_order_and_their_ends_are_told(tmp_path: Path) -> None:
    heard: list[Ended | None] = []
    news = list(crew().follow([chain_of(*(task(k, tmp_path) for k in range(2)), heard=heard)]))
    ends = [item for item in news if isinstance(item, Ended)]
    assert [end.task.index for end in ends] == [0, 1]
    assert heard == [None, *ends]
    assert all(end.error is None for end in ends)
    assert {index for index, _ in (item for item in news if not isinstance(item, Ended))} == {0, 1}


def test_what_is_there_needs_no_process(tmp_path: Path) -> None:
    news = list(crew(2).follow([chain_of(task(k, tmp_path, there=True)) for k in range(3)]))
    assert sorted(end.task.index for end in news if isinstance(end, Ended)) == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_loses_its_task_and_no_other(tmp_path: Path) -> None:
    ours = crew()
    ends = []
    with contextlib.closing(ours.follow([chain_of(*(task(k, tmp_path) for k in range(2)))])) as all_news:
        for news in all_news:
            if isinstance(news, Ended):
                ends.append(news)
            elif not ends:
                ours._processes[0].kill()
    assert [end.task.index for end in ends] == [0, 1]
    assert "ended from outside (SIGKILL)" in str(ends[0].error)
    assert ends[1].error is None
    assert len(ours._processes) == 2


def test_who_leaves_stops_the_others(tmp_path: Path) -> None:
    ours = crew(2)
    with contextlib.closing(ours.follow([chain_of(task(k, tmp_path)) for k in range(2)])) as all_news:
        first = next(all_news)
    assert isinstance(first, tuple)
    assert isinstance(first[1], Event)
    for process in ours._processes:
        assert not process.alive


def test_a_fault_in_a_chain_reaches_the_leader() -> None:
    def broken(ended: Ended | None) -> Task | None:
        raise RuntimeError("no such task")

    with pytest.raises(RuntimeError, match="no such task"):
        list(crew().follow([broken]))


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    shared = Crew(1, n_threads=2, line=str)._environment
    assert (shared["OMP_NUM_THREADS"], shared["OPENBLAS_NUM_THREADS"]) == ("1", "2")
    assert os.environ["OMP_NUM_THREADS"] == "1"
