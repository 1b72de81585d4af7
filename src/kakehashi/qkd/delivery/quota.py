"""How much one user may take, so that an authorised one cannot empty the store for all."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["FairShare", "Quota"]


class Quota:
    """So many bits a second in the long run, and so many at once after a rest (a token bucket for each user).

    Args:
        bits_per_s: Long-run rate; 0 for no limit.
        burst_bits: Most at once.
        clock: Seconds from anywhere.

    Example:
        >>> quota = Quota(bits_per_s=100, burst_bits=1000, clock=lambda: 0.0)
        >>> quota.wait_s("alice", 1000), quota.wait_s("alice", 256)
        (0.0, 0.0)
        >>> quota.take("alice", 1000)
        >>> quota.wait_s("alice", 256)
        2.56
    """

    def __init__(self, *, bits_per_s: int, burst_bits: int, clock: Callable[[], float]) -> None:
        self._rate = bits_per_s
        self._burst = burst_bits
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, user: str, bits: int) -> float:
        """How long the user has to wait before it may take so many bits; infinite where that is more than a burst."""
        if not self._rate:
            return 0.0
        if bits > self._burst:
            return math.inf
        return max(0.0, (bits - self._now(user)) / self._rate)

    def take(self, user: str, bits: int) -> None:
        """Note that it took them."""
        if self._rate:
            self._left[user] = (self._now(user) - bits, self._clock())

    def _now(self, user: str) -> float:
        left, at = self._left.get(user, (float(self._burst), self._clock()))
        return min(float(self._burst), left + max(0.0, self._clock() - at) * self._rate)


class FairShare:
    """Nobody may take more than an equal share of what there was in the last minute.

    What was taken fades with a time constant of a minute. A user's share is what all have taken lately and what is
    left, divided by the number of users; so one of two users may take half of a full store at once, and the other finds
    the other half, whenever it comes.

    Args:
        n_users: Number of users that share the stock.
        clock: Seconds from anywhere.

    Example:
        >>> share = FairShare(n_users=2, clock=lambda: 0.0)
        >>> share.allows("mallory", 600, stock_bits=1000), share.allows("mallory", 500, stock_bits=1000)
        (False, True)
    """

    FADE_S = 60.0

    def __init__(self, *, n_users: int, clock: Callable[[], float]) -> None:
        self._n_users = max(1, n_users)
        self._clock = clock
        self._taken: dict[str, float] = {}
        self._at = clock()

    def allows(self, user: str, bits: int, *, stock_bits: int) -> bool:
        """Whether the user may take so many of the stock."""
        self._fade()
        there_was = stock_bits + sum(self._taken.values())
        return self._taken.get(user, 0.0) + bits <= there_was / self._n_users

    def take(self, user: str, bits: int) -> None:
        """Note that it took them."""
        self._taken[user] = self._taken.get(user, 0.0) + bits

    def _fade(self) -> None:
        now = self._clock()
        kept = math.exp(-max(0.0, now - self._at) / self.FADE_S)
        self._taken = {user: bits * kept for user, bits in self._taken.items() if bits * kept >= 1}
        self._at = now
