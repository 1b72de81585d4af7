import _thread
import threading
import time

import pytest
from tests.qkd.conformance.judged import Running, assert_seen, failures_of

from kakehashi.qkd.conformance.crash import CHECKS
from kakehashi.qkd.conformance.model import Bounds, Hooks
from kakehashi.qkd.conformance.suite import run_suite


@pytest.mark.parametrize(("kind", "seen"), failures_of(CHECKS), ids=lambda value: getattr(value, "__name__", ""))
def test_a_failure_is_seen(kind, seen):
    assert_seen(kind, seen)


@pytest.mark.parametrize(("kill", "restart", "word"), [("false", "true", "kill"), ("true", "exit 3", "restart")])
def test_a_command_that_fails_is_said(kill, restart, word):
    with Running() as running:
        report = run_suite(running.target(), hooks=Hooks(kill=kill, restart=restart), only=["crash-fetched"])
    assert report.findings[0].verdict == "not-tested"
    assert word in report.findings[0].sentence


def test_servers_that_were_stopped_are_started_again_when_the_run_is_interrupted(tmp_path, caplog, interruptible):
    hooks = Hooks(kill=f"touch {tmp_path}/down; sleep 20", restart=f"rm {tmp_path}/down")

    def interrupt():
        while not (tmp_path / "down").exists():
            time.sleep(0.01)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with Running() as running, pytest.raises(KeyboardInterrupt):
        run_suite(running.target(), hooks=hooks, only=["crash-fetched"])
    assert not (tmp_path / "down").exists()
    assert "started again" in caplog.text


def test_without_commands_nothing_is_stopped():
    with Running() as running:
        report = run_suite(running.target(), bounds=Bounds(), only=["crash-*"])
    assert {f.verdict for f in report.findings} == {"not-tested"}
