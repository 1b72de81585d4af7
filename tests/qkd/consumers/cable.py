"""Listens on the cable between two hosts: what anybody on the wire sees of a tunnel."""

import collections
import contextlib
import sys

from kakehashi.qkd.consumers.hosts import CABLE, joined_hosts
from kakehashi.qkd.consumers.processes import running, wait_for

LISTEN = f"""
import socket
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(({CABLE!r}, 0))
print("ready", flush=True)
while True:
    try:
        frame = wire.recv(65536)
    except OSError:  # the cable is gone
        break
    if frame[12:14] == bytes([8, 0]):
        print({{1: "icmp", 17: "udp", 50: "esp"}}.get(frame[23], frame[23]), flush=True)
"""


class Cable:
    """Stands in for ``joined_hosts`` and counts packets by protocol."""

    def __init__(self, folder):
        self.log = folder / "cable"

    @contextlib.contextmanager
    def joined_hosts(self, one, other):
        with joined_hosts(one, other) as hosts, running(hosts[0].command(sys.executable, "-c", LISTEN), self.log):
            wait_for(lambda: "ready" in self.log.read_text(), "nobody listens on the cable")
            yield hosts

    @property
    def packets(self):
        return collections.Counter(self.log.read_text().split()[1:])
