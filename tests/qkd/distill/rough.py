"""A wire between two ends that loses, doubles, delays, reorders and changes what it carries."""

import heapq
import itertools
import random


class RoughWire:
    """Carries datagrams both ways in simulated time.

    Args:
        one, other: Ends with ``receive(datagram, now)``, ``outgoing(now)`` and ``next_time()``.
        seed: Of everything that goes wrong.
        loss, double: Probabilities.
        delay_s: Shortest and longest time on the wire; where they differ, datagrams overtake each other.
        tamper: Given a datagram and its direction, what arrives instead; None drops it.
    """

    def __init__(self, one, other, *, seed=0, loss=0.0, double=0.0, delay_s=(0.01, 0.01), tamper=None):
        self.ends = [one, other]
        self.random = random.Random(seed)
        self.loss, self.double, self.delay_s, self.tamper = loss, double, delay_s, tamper
        self.now = 0.0
        self.flying = []
        self.counter = itertools.count()
        self.n_bytes = [0, 0]

    def replace(self, which, end):
        self.ends[which] = end

    def post(self, which):
        for datagram in self.ends[which].outgoing(self.now):
            self.n_bytes[which] += len(datagram)
            for _ in range(2 if self.random.random() < self.double else 1):
                if self.random.random() < self.loss:
                    continue
                arriving = self.tamper(datagram, which) if self.tamper else datagram
                if arriving is not None:
                    self.inject(arriving, 1 - which)

    def inject(self, datagram, towards):
        at = self.now + self.random.uniform(*self.delay_s)
        heapq.heappush(self.flying, (at, next(self.counter), towards, datagram))

    def step(self):
        """Let the next thing happen; False where nothing will any more."""
        self.post(0), self.post(1)
        times = [t for end in self.ends if (t := end.next_time()) is not None]
        if self.flying:
            times.append(self.flying[0][0])
        if not times:
            return False
        self.now = max(self.now, min(times)) + 1e-9
        while self.flying and self.flying[0][0] <= self.now:
            _, _, towards, datagram = heapq.heappop(self.flying)
            self.deliver(towards, datagram)
        return True

    def deliver(self, towards, datagram):
        self.ends[towards].receive(datagram, self.now)

    def run(self, until=lambda: False, *, steps=20_000):
        for _ in range(steps):
            if until() or not self.step():
                return
        raise AssertionError("nothing came to an end")
