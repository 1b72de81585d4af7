from dataclasses import replace

import pytest
from tests.qkd.conformance.broken.server import Refusal, Server
from tests.qkd.conformance.broken.wrong_users import AnyoneMayFetch
from tests.qkd.conformance.judged import QUICK, Running, assert_seen, failures_of

from kakehashi.qkd.conformance.model import Bounds
from kakehashi.qkd.conformance.suite import run_suite
from kakehashi.qkd.conformance.tenants import CHECKS


@pytest.mark.parametrize(("kind", "seen"), failures_of(CHECKS), ids=lambda value: getattr(value, "__name__", ""))
def test_a_failure_is_seen(kind, seen):
    assert_seen(kind, seen)


class KnowsItsOwn(Server):
    """The third user's server, which has no keys but those of its own users."""

    def authorize(self, caller, master, key_id):
        if key_id in self.waiting and caller not in self.waiting[key_id].slaves:
            self.not_found()


class SaysSomethingElse(KnowsItsOwn):
    def not_found(self):
        raise Refusal(400, "no")


THIRD = ("tenant-read", "tenant-pretend", "tenant-mixed")


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [(Server, "pass"), (KnowsItsOwn, "pass"), (SaysSomethingElse, "fail"), (AnyoneMayFetch, "fail")],
)
def test_a_server_of_the_third_users_own_may_not_know_the_key_but_not_give_it(kind, verdict):
    with Running() as near, Running(kind) as far:
        far.server.waiting, far.server.gone = near.server.waiting, near.server.gone
        target = replace(near.target(), third=replace(near.party("bea"), url=far.url))
        report = run_suite(target, bounds=Bounds(**QUICK), only=THIRD)
    assert [finding.verdict for finding in report.findings] == [verdict] * len(THIRD), report.findings


def test_the_slaves_own_server_has_to_know_it():
    with Running(KnowsItsOwn) as running:
        report = running.judge(only=THIRD)
    assert {finding.verdict for finding in report.findings} == {"fail"}
