import sys

from kakehashi.core.task import find_tasks


def test_tasks_of_an_installed_package_are_found(tmp_path, monkeypatch):
    """A real, if small, distribution on the path: what an installed package looks like."""
    info = tmp_path / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kakehashi.tasks]\nwait = elsewhere_task:TASK\n")
    (tmp_path / "elsewhere_task.py").write_text("class Wait:\n    name = 'wait'\nTASK = Wait()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    tasks = find_tasks()
    assert tasks["wait"].name == "wait"
    sys.modules.pop("elsewhere_task")
