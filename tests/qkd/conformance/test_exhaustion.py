import pytest
from tests.qkd.conformance.broken.server import Server
from tests.qkd.conformance.judged import Running, assert_seen, failures_of, verdicts

from kakehashi.qkd.conformance.exhaustion import CHECKS
from kakehashi.qkd.conformance.model import Bounds
from kakehashi.qkd.conformance.suite import run_suite


class SmallStore(Server):
    stock_bits = 40_000


def test_nothing_is_emptied_unless_it_is_allowed():
    with Running() as running:
        stock = running.server.stock_bits
        report = running.judge(only=["exhaust*"])
        assert {f.verdict for f in report.findings} == {"not-tested"}
        assert running.server.stock_bits == stock


def test_an_empty_store_is_503_and_the_bound_holds():
    with Running(SmallStore) as running:
        report = run_suite(running.target(), bounds=Bounds(exhaust_keys=1000), only=["exhaust"])
        assert verdicts(report) == [set(), set()]
        assert "503" in report.findings[0].sentence
    with Running() as running:
        report = run_suite(running.target(), bounds=Bounds(exhaust_keys=20), only=["exhaust"])
        assert report.n_keys == 20
        assert report.findings[0].sentence == "20 keys did not empty the store."


@pytest.mark.parametrize(("kind", "seen"), failures_of(CHECKS), ids=lambda value: getattr(value, "__name__", ""))
def test_a_failure_is_seen(kind, seen):
    assert_seen(kind, ["exhaust", *seen]) if "exhaust" in seen else assert_shared(kind)


def assert_shared(kind):
    with Running(kind) as running:
        assert verdicts(running.judge(only=["exhaust*"])) == [set(), {"exhaust-share"}]
