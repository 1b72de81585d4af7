import pytest
from tests.qkd.conformance.broken.failures import FAILURES
from tests.qkd.conformance.judged import Running, verdicts

from kakehashi.qkd.conformance.whole_run import CHECKS

IDS = {one.id for one in CHECKS}
# What makes the answers that these checks look at.
BEFORE = [
    "enc-number-most",
    "once-*",
    "enc-get",
    "enc-sizes",
    "enc-size-limits",
    "dec-*",
    "abuse-json",
    "exhaust",
    "tenant-read",
]


def test_a_good_server_passes():
    with Running() as running:
        report = running.judge(only=[*BEFORE, *IDS])
    assert verdicts(report) == [set(), set()]


@pytest.mark.parametrize("kind", [k for k in FAILURES if (k.fails | k.warns) & IDS], ids=lambda kind: kind.__name__)
def test_a_failure_is_seen(kind):
    with Running(kind) as running:
        fails, warns = verdicts(running.judge(only=[*BEFORE, *IDS]))
    assert (fails & IDS, warns & IDS) == (kind.fails & IDS, kind.warns & IDS)


def test_nothing_is_said_of_what_did_not_come():
    with Running() as running:
        report = running.judge(only=["key-id-*", "key-bits-once", "error-*", "codes", "content-type"])
    assert {f.verdict for f in report.findings} == {"not-tested"}
