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


def test_without_commands_nothing_is_stopped():
    with Running() as running:
        report = run_suite(running.target(), bounds=Bounds(), only=["crash-*"])
    assert {f.verdict for f in report.findings} == {"not-tested"}
