"""Two hosts on one machine: namespaces of their own for network, mounts and processes, joined by a cable.

A host is what its first process holds together: a ``cat`` that reads from a pipe of ours. When the pipe closes, because
the block ends, an error is raised, or this process is killed, the ``cat`` ends, the kernel kills all that runs in its
namespace of processes, and network, tunnels and the file system in memory under ``/run`` go with them. Nothing has a
name on the machine, so nothing is left and two runs do not meet.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kakehashi.core.errors import DeviceError, ResourceError
from kakehashi.qkd.consumers.packages import find_program, require_namespaces, require_programs
from kakehashi.qkd.consumers.processes import end

__all__ = ["CABLE", "Host", "joined_hosts", "read_ping", "require_hosts"]

CABLE = "cable"
"""Name of the network device that leads to the other host."""
FIRST_PROCESS = "mount -t tmpfs -o mode=700 tmpfs /run && echo ready && exec cat"


class Host:
    """One of the two; made by :func:`joined_hosts`.

    Args:
        name: For errors.
        pid: Its first process.
        outer: Its address on the cable.
        inner: The address that is to be reached through a tunnel alone.
    """

    def __init__(self, name: str, pid: int, *, outer: str, inner: str) -> None:
        self.name, self.pid, self.outer, self.inner = name, pid, outer, inner

    def command(self, *words: str) -> list[str]:
        """What runs a command on this host."""
        program = find_program(words[0]) or words[0]
        enter = find_program("nsenter") or "nsenter"
        return [enter, "--target", str(self.pid), "--net", "--mount", "--pid", "--", program, *words[1:]]

    def run(self, *words: str, stdin: str = "", timeout_s: float = 30.0) -> str:
        """What a command writes.

        Args:
            words: The command; no key may be in it.
            stdin: What it reads; keys go here.
            timeout_s: How long it may take.

        Raises:
            DeviceError: It fails; with its last line.
        """
        done = self._run(*words, stdin=stdin, timeout_s=timeout_s)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise DeviceError(f"{words[0]} fails at '{self.name}': {said}")
        return done.stdout

    def succeeds(self, *words: str) -> bool:
        """Whether a command ends with 0."""
        return self._run(*words).returncode == 0

    def write(self, path: str, text: str) -> None:
        """A file that root alone can read; under ``/run`` it is in this host's memory, not on a disk."""
        self.run("sh", "-c", 'umask 077 && cat > "$0"', path, stdin=text)

    def ping(self, other: Host, *, count: int = 10, interval_s: float = 0.2) -> tuple[int, int]:
        """How many pings from inside were sent to the other's inside, and how many came back."""
        return read_ping(self._run(*self.ping_words(other, count=count, interval_s=interval_s)).stdout)

    def ping_words(self, other: Host, *, count: int, interval_s: float = 0.2) -> tuple[str, ...]:
        """The command that pings."""
        ways = ("-I", self.inner, "-c", str(count), "-i", f"{interval_s:g}", "-W", "1", "-n", "-O")
        return ("ping", *ways, other.inner)

    def _run(self, *words: str, stdin: str = "", timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                self.command(*words), input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise DeviceError(f"{words[0]} at '{self.name}' does not end within {timeout_s:g} s.") from None


def read_ping(text: str) -> tuple[int, int]:
    """Numbers of pings sent and of answers, from what ``ping`` writes in the end.

    Example:
        >>> read_ping("5 packets transmitted, 4 received, 20% packet loss, time 820ms")
        (5, 4)
    """
    found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def require_hosts() -> None:
    """Nothing where :func:`joined_hosts` has what it needs.

    Raises:
        MissingDependencyError: A program of the system is missing.
        ResourceError: Not root, or no TUN device.
    """
    require_programs("ip", "ping", "unshare", "nsenter")
    require_namespaces()


@contextlib.contextmanager
def joined_hosts(one: str, other: str) -> Iterator[tuple[Host, Host]]:
    """Two hosts with a cable between them, while the block lasts.

    Their addresses on the cable are 10.99.0.1 and 10.99.0.2; inside they are 10.99.1.1 and 10.99.1.2, to which no route
    leads until a tunnel makes one.

    Args:
        one: Name of the first.
        other: Name of the second.

    Raises:
        MissingDependencyError: A program of the system is missing.
        ResourceError: Not root, no TUN device, or a kernel that allows no namespaces.
    """
    require_hosts()
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(_namespaces()) for _ in range(2)]
        first, second = (
            Host(name, pid, outer=f"10.99.0.{n}", inner=f"10.99.1.{n}")
            for n, (name, pid) in enumerate(zip((one, other), pids, strict=True), start=1)
        )
        ends = [("netns", str(pid), "name", CABLE) for pid in pids]
        cable = [find_program("ip") or "ip", "link", "add", *ends[0], "type", "veth", "peer", *ends[1]]
        made = subprocess.run(cable, capture_output=True, text=True, check=False)
        if made.returncode:
            raise ResourceError(f"No cable between two namespaces can be made: {made.stderr.strip()}.")
        for host in (first, second):
            host.run("ip", "address", "add", f"{host.outer}/24", "dev", CABLE)
            for device in ("lo", CABLE):
                host.run("ip", "link", "set", device, "up")
        yield first, second


@contextlib.contextmanager
def _namespaces() -> Iterator[int]:
    """Namespaces, held by a first process; gives its id."""
    unshare = find_program("unshare") or "unshare"
    ways = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    with subprocess.Popen(
        [unshare, *ways, "sh", "-c", FIRST_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline() != b"ready\n":
                said = process.stderr.read().decode().strip() if process.stderr else ""
                raise ResourceError(f"The kernel allows this process no namespaces: {said}.")
            yield _child_of(process.pid)
        finally:
            end(process)


def _child_of(pid: int) -> int:
    """The one child of a process, by our own numbers; in its namespace it has number 1."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                return int(path.parent.name)
    raise ResourceError("The first process of a namespace has ended.")
