import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.qkd.consumers.needs import need
from tests.qkd.consumers.test_processes import is_alive

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers.hosts import CABLE, joined_hosts, read_ping
from kakehashi.qkd.consumers.processes import wait_for


@pytest.fixture
def hosts():
    need(hosts=True)
    with joined_hosts("alice", "bob") as made:
        yield made


def test_the_cable_leads_outside_and_nothing_inside(hosts):
    one, other = hosts
    assert one.succeeds("ping", "-c", "1", "-W", "2", other.outer)
    assert one.ping(other, count=1) == (0, 0)  # no such address of our own yet
    one.run("ip", "address", "add", f"{one.inner}/32", "dev", "lo")
    other.run("ip", "address", "add", f"{other.inner}/32", "dev", "lo")
    assert one.ping(other, count=2)[1] == 0


def test_a_host_sees_its_own_network_processes_and_run_alone(hosts):
    one, other = hosts
    assert CABLE in one.run("ip", "link")
    assert CABLE not in subprocess.run(["ip", "link"], capture_output=True, text=True).stdout
    one.write("/run/key", "secret")
    assert one.run("cat", "/run/key") == "secret"
    assert one.run("stat", "-c", "%a %T", "-f", "/run/key").split()[-1] == "tmpfs"
    assert one.run("stat", "-c", "%a", "/run/key") == "600\n"
    assert not other.succeeds("test", "-e", "/run/key")
    assert not Path("/run/key").exists()
    assert str(os.getpid()) not in one.run("ls", "/proc").split()


def test_a_command_that_fails_says_why(hosts):
    with pytest.raises(DeviceError, match=r"ip fails at 'alice': .* does not exist"):
        hosts[0].run("ip", "link", "show", "nothing")
    with pytest.raises(DeviceError, match="does not end"):
        hosts[0].run("sleep", "5", timeout_s=0.1)


def test_everything_goes_after_an_error():
    need(hosts=True)
    started = []

    def fail(host):
        started.append(subprocess.Popen(host.command("sleep", "1000")))
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"), joined_hosts("a", "b") as (one, other):
        fail(one)
    (inside,) = started
    assert inside.wait(5) != 0
    assert not is_alive(one.pid)
    assert not is_alive(other.pid)


def test_everything_goes_when_we_are_killed():
    need(hosts=True)
    script = """
import subprocess, time
from kakehashi.qkd.consumers.hosts import joined_hosts
with joined_hosts("a", "b") as (one, other):
    inside = subprocess.Popen(one.command("sleep", "1000"))
    print(one.pid, other.pid, inside.pid, flush=True)
    time.sleep(1000)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert all(map(is_alive, pids))
        parent.send_signal(signal.SIGKILL)
        wait_for(lambda: not any(map(is_alive, pids)), "something goes on")
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def test_a_machine_that_allows_no_namespaces_says_so():
    need(hosts=True)
    script = "from kakehashi.qkd.consumers.hosts import joined_hosts\nwith joined_hosts('a', 'b'): pass"
    without = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
    done = subprocess.run([*without, sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "ResourceError: The kernel allows this process no namespaces: unshare" in done.stderr


def test_what_ping_says_is_read():
    assert read_ping("3 packets transmitted, 0 received, +3 errors, 100% packet loss") == (3, 0)
    assert read_ping("ping: unknown host") == (0, 0)
