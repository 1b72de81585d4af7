"""Runs the suite against a small server of the tests."""

import functools
import tempfile
from pathlib import Path

from tests.qkd.conformance.broken.failures import FAILURES
from tests.qkd.conformance.broken.server import Server

from kakehashi.qkd.conformance.client import Client, user_context
from kakehashi.qkd.conformance.model import Bounds, Hooks, Party, Target
from kakehashi.qkd.conformance.session import Session
from kakehashi.qkd.conformance.suite import run_suite
from kakehashi.qkd.delivery.certificates import make_certificates

QUICK = {"n_racers": 4, "n_sizes": 4, "n_random": 32, "slow_seconds": 0.1, "max_body_bytes": 2**20}


@functools.cache
def certificates():
    """Certificates for all tests of one process; the folder is gone when it ends."""
    folder = tempfile.TemporaryDirectory(prefix="kakehashi-")
    path = Path(folder.name)
    make_certificates(path, saes=["alice", "bob", "bea"], kmes=["kme-a"])
    return folder, path


class Running:
    """A server while it runs."""

    def __init__(self, kind=Server):
        self.folder = certificates()[1]
        self.kind = kind
        self.server = kind(self.folder)
        self.url = f"https://127.0.0.1:{self.server.port}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.close()

    def party(self, name):
        return Party(
            sae_id=name, certificate=self.folder / f"{name}.crt", private_key=self.folder / f"{name}.key", url=self.url
        )

    def target(self):
        third = self.party("bea") if self.kind.third else None
        return Target(
            master=self.party("alice"), slave=self.party("bob"), third=third, authority=self.folder / "ca.crt"
        )

    def session(self, **bounds):
        return Session(self.target(), Bounds(**QUICK | bounds))

    def client(self, name="alice"):
        context = user_context(self.party(name) if name else None, str(self.folder / "ca.crt"))
        return Client(self.url, context, timeout_s=5)

    def judge(self, **options):
        exhaust = 1600 if {"exhaust", "exhaust-share"} & (self.kind.fails | self.kind.warns) else 0
        hooks = Hooks(kill=f"touch {self.folder / 'crash'}", restart="true", recover_s=3)
        return run_suite(self.target(), bounds=Bounds(**QUICK, exhaust_keys=exhaust), hooks=hooks, **options)


def verdicts(report):
    """Checks that failed, and those that gave a warning."""
    return [{f.check for f in report.findings if f.verdict == verdict} for verdict in ("fail", "warn")]


def failures_of(checks):
    """Broken servers with those of these checks that must see it, for ``parametrize``."""
    ids = {one.id for one in checks}
    cases = [(kind, sorted((kind.fails | kind.warns) & ids)) for kind in FAILURES]
    return [(kind, seen) for kind, seen in cases if seen]


def assert_seen(kind, seen):
    """A broken server is told from a good one by these checks."""
    with Running(kind) as running:
        report = running.judge(only=seen)
        for finding in report.findings:
            wanted = "fail" if finding.check in kind.fails else "warn"
            assert (finding.check, finding.verdict) == (finding.check, wanted), finding
