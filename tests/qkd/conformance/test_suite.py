import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from tests.qkd.conformance.broken.failures import FAILURES
from tests.qkd.conformance.broken.server import Refusal, Server
from tests.qkd.conformance.judged import QUICK, Running, verdicts
from tests.qkd.served import Served, write_files

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.conformance.junit import write_junit
from kakehashi.qkd.conformance.model import Bounds, Hooks, Party, Target
from kakehashi.qkd.conformance.suite import CATALOGUE, run_suite, select
from kakehashi.qkd.delivery.trial import free_ports
from kakehashi.qkd.keys.audit import audit_pair

EVERY = {one.id: one for checks in CATALOGUE.values() for one in checks}
WITHOUT_BROKEN_SERVER = {
    "tls-server",  # without it there is no run at all, see below
    "tls-version",
}


def test_checks_have_names_of_their_own_and_sentences():
    assert len(EVERY) == sum(map(len, CATALOGUE.values()))
    for one in EVERY.values():
        assert one.demands.endswith("."), one.id
        assert one.clause


def test_every_check_is_known_to_be_able_to_fail():
    seen = set().union(*(kind.fails | kind.warns for kind in FAILURES))
    assert set(EVERY) - seen == WITHOUT_BROKEN_SERVER
    for kind in FAILURES:
        assert all(EVERY[name].fails for name in kind.fails), kind
        assert all(name in EVERY for name in kind.warns), kind


def test_a_small_server_that_keeps_the_standard_passes_everything():
    with Running() as running:
        report = running.judge()
    assert verdicts(report) == [set(), set()]
    assert report.is_conformant
    assert [f.check for f in report.findings if f.verdict == "not-tested"] == ["exhaust", "exhaust-share"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind.__name__)
def test_just_the_right_checks_fail(kind):
    with Running(kind) as running:
        report = running.judge()
    assert verdicts(report) == [kind.fails, kind.warns]
    assert not report.is_conformant or not kind.fails


def party(folder, sae, url):
    return Party(sae_id=sae, certificate=folder / f"pki/{sae}.crt", private_key=folder / f"pki/{sae}.key", url=url)


def test_our_own_server_conforms(tmp_path):
    served = Served(tmp_path)
    try:
        urls = {sae: f"https://127.0.0.1:{served.port(sae)}" for sae in ("alice", "anna", "bob")}
        target = Target(
            master=party(tmp_path, "alice", urls["alice"]),
            slave=party(tmp_path, "bob", urls["bob"]),
            third=party(tmp_path, "bea", urls["bob"]),
            authority=tmp_path / "pki/ca.crt",
        )
        report = run_suite(target, bounds=Bounds(**QUICK))
    finally:
        served.close()
    assert verdicts(report) == [set(), set()]
    assert report.is_conformant
    assert {f.group for f in report.findings if f.verdict == "not-tested"} == {"crash", "exhaustion"}
    assert audit_pair(tmp_path / "a", tmp_path / "b").is_clean


def test_a_third_user_at_the_wrong_server_is_not_tested_and_the_hint_names_the_option(tmp_path):
    served = Served(tmp_path)
    try:
        urls = {sae: f"https://127.0.0.1:{served.port(sae)}" for sae in ("alice", "bob")}
        target = Target(
            master=party(tmp_path, "alice", urls["alice"]),
            slave=party(tmp_path, "bob", urls["bob"]),
            third=party(tmp_path, "anna", urls["bob"]),
            authority=tmp_path / "pki/ca.crt",
        )
        only = ["tenant-*", "multicast-*", "once-interleaved", "enc-get", "dec-post"]
        report = run_suite(target, bounds=Bounds(**QUICK), only=only)
    finally:
        served.close()
    assert report.is_conformant
    left = [f for f in report.findings if f.verdict != "pass"]
    assert {f.check for f in left} == {one.id for one in EVERY.values() if "third" in one.needs} - {"exhaust-share"}
    assert all(f.verdict == "not-tested" and "name that SAE's server with --third-url" in f.sentence for f in left)


class MakesKeys(Server):
    """Makes keys all the time."""

    def status(self, caller, slave):
        self.stock_bits += 256
        return super().status(caller, slave)


def test_a_server_that_makes_keys_meanwhile_is_not_judged_by_its_count():
    with Running(MakesKeys) as running:
        finding = running.judge(only=["status-count"]).findings[0]
    assert finding.verdict == "not-tested"
    assert "while the suite looks on" in finding.sentence


SCRIPT = """#!/bin/sh
for name in a b; do
    {python} -m kakehashi.cli qkd serve {folder}/$name.toml 2>/dev/null >/dev/null </dev/null &
    echo $! > {folder}/$name.pid
done
"""


@pytest.mark.slow
def test_our_own_server_outlives_kill_9(tmp_path):
    """Two processes, killed and started again by the caller's commands, and emptied at the end."""
    ports = free_ports(4)
    write_files(tmp_path, ports=ports, limits="fair_share = true")
    script = tmp_path / "start.sh"
    script.write_text(SCRIPT.format(python=shlex.quote(sys.executable), folder=shlex.quote(str(tmp_path))))
    fill = ["--fill", str(tmp_path / "b.toml"), "--fill-bits", "3000000"]
    first = [sys.executable, "-m", "kakehashi.cli", "qkd", "serve", str(tmp_path / "a.toml"), *fill]
    process = subprocess.Popen(first, stderr=subprocess.PIPE)
    process.stderr.readline()
    while b"serves" not in process.stderr.readline():
        pass
    process.terminate()
    process.communicate()
    subprocess.run(["sh", str(script)], check=True)
    try:
        target = Target(
            master=party(tmp_path, "alice", f"https://127.0.0.1:{ports[0]}"),
            slave=party(tmp_path, "bob", f"https://127.0.0.1:{ports[2]}"),
            third=party(tmp_path, "anna", f"https://127.0.0.1:{ports[0]}"),
            authority=tmp_path / "pki/ca.crt",
        )
        hooks = Hooks(kill=f"kill -9 $(cat {tmp_path}/a.pid {tmp_path}/b.pid)", restart=f"sh {script}", recover_s=60)
        wait_for(target)
        report = run_suite(target, bounds=Bounds(exhaust_keys=2000), hooks=hooks)
    finally:
        for name in "ab":
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((tmp_path / f"{name}.pid").read_text()), signal.SIGKILL)
    assert [f for f in report.findings if f.verdict != "pass"] == []
    time.sleep(0.5)
    assert audit_pair(tmp_path / "a", tmp_path / "b").faults == ()


def wait_for(target, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            if run_suite(target, only=["enc-get"]).counts["pass"]:
                return
        except DeviceError:
            assert time.monotonic() < end
        time.sleep(0.5)


def test_a_server_that_is_not_there_is_one_sentence():
    with Running() as running:
        target = running.target()
    with pytest.raises(DeviceError, match="refused"):
        run_suite(target)


class Empty(Server):
    stock_bits = 0


def test_a_server_without_keys_is_not_conformant():
    with Running(Empty) as running:
        report = running.judge(only=["enc-get", "dec-post"])
    assert report.judgement == "not conformant"
    assert report.findings[1].verdict == "not-tested"


def test_a_bound_that_is_reached_is_said():
    with Running() as running:
        report = run_suite(running.target(), bounds=Bounds(max_requests=20), only=["status-*", "dec-*", "enc-get"])
        assert report.n_requests <= 22
    assert "bound of 20 requests" in report.findings[-1].sentence
    assert not any(f.verdict == "fail" for f in report.findings)


class Hostile(Server):
    """Says what no server should."""

    def status(self, caller, slave):
        return super().status(caller, slave) | {"max_key_size": 10**400, "key_size": -8, "max_key_per_request": 10**30}

    def container(self, keys):
        return {"keys": [{"key_ID": "\ud800" * 9, "key": ""}] * 3}

    def error(self, refusal):
        return 400, b'{"message": "\\u0000\\ud800[red]"}'


def test_whatever_a_server_says_the_run_ends_with_a_report():
    with Running(Hostile) as running:
        report = running.judge(leave_out=["crash-*", "abuse-slow-*"])
    assert not report.is_conformant
    assert len(report.findings) == len(EVERY) - 5
    write_junit(report).encode("utf-8")
    json.dumps(report.to_json()).encode("utf-8")


def test_progress_is_told_and_patterns_are_checked():
    events, groups = [], []
    chosen = {"only": ["status-*", "tls-version"], "leave_out": ["status-path"]}
    with Running() as running:
        report = run_suite(running.target(), **chosen, progress=events.append, on_group=groups.append)
    assert [{finding.group for finding in group} for group in groups] == [{"connection"}, {"get status"}]
    assert tuple(groups[0] + groups[1]) == report.findings
    assert events.pop(0).message == "tls-version"
    assert [event.message for event in events] == [
        f"status-{x}" for x in ("fields", "names", "kmes", "limits", "count", "stranger")
    ]
    assert events[-1].step == events[-1].total == 7
    with pytest.raises(InputError, match="no check 'x'"):
        select(["x"])


def test_no_key_is_in_a_report():
    keys = []

    class Notes(Server):
        def new_key(self, n_bytes):
            keys.append(super().new_key(n_bytes))
            return keys[-1]

        def error(self, refusal):
            import base64

            last = base64.b64encode(keys[-1]).decode() if keys else ""
            return super().error(Refusal(refusal.status, f"{refusal.message} {last}"))

    with Running(Notes) as running:
        text = str(running.judge(leave_out=["crash-*", "abuse-*"]).to_json())
    import base64

    assert len(keys) > 50
    assert not [key for key in keys if base64.b64encode(key).decode()[:20] in text or key.hex() in text]
