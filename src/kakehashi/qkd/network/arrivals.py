"""Shares of keys that have come here, and wait for the others and for the word that they count."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.network.relay import Claim, Header, join, open_whole

__all__ = ["Arrivals", "Arrived"]

PENDING_S = 60.0
"""How long shares wait for the others, and a whole key for the word that it counts."""


@dataclass(slots=True)
class Arrived:
    """Shares of one key.

    Attributes:
        n_shares: How many there shall be.
        headers: Of those that are here, by the number of the share.
        shares: The shares.
    """

    n_shares: int
    headers: dict[int, Header] = field(default_factory=dict)
    shares: dict[int, bytes] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether all are here."""
        return len(self.shares) == self.n_shares

    @property
    def routes(self) -> list[tuple[str, ...]]:
        """Over which they came, in the order of the shares."""
        return [self.headers[share].route for share in sorted(self.headers)]

    @property
    def claims(self) -> list[Claim]:
        """With what probability each may fail, and by which proof."""
        return [(header.failure, header.bound) for header in self.headers.values()]

    def add(self, header: Header, share: bytes) -> None:
        """One more.

        Raises:
            DistillationError: It is not one of them: it is here already, or another share came over one of its nodes,
                or differs in length or number. A node that relays one share could else pass off others.
        """
        others = {name for route in self.routes for name in route[1:-1]}
        sizes = {len(other) for other in self.shares.values()}
        if header.n_shares != self.n_shares or header.share in self.shares or sizes - {len(share)}:
            raise DistillationError("A share of a relayed key does not fit those that are here.")
        if others & set(header.route[1:-1]):
            raise DistillationError("Two shares of a relayed key came over one node.")
        self.headers[header.share], self.shares[header.share] = header, share

    def open(self, block_id: str, tag: bytes) -> bytes:
        """The key.

        Args:
            block_id: Its name.
            tag: Of the whole key.

        Raises:
            DistillationError: The tag is wrong: a node on the way changed its share.
        """
        return open_whole(block_id, self.routes, join(list(self.shares.values())), tag)


class Arrivals:
    """All keys that wait at a node, each for some time.

    Example:
        >>> import asyncio
        >>> from kakehashi.qkd.network.relay import tag_of_whole
        >>> async def story():
        ...     arrivals, route = Arrivals(), ("a", "b", "c")
        ...     header = Header(block_id="0" * 32, route=route, hop=1, share=0, n_shares=1, failure=1e-10,
        ...                     bound="lim")
        ...     arrivals.keep(header, b"key" + bytes(range(32)))
        ...     tag = tag_of_whole(header.block_id, [route], b"key", tag_key=bytes(range(32)))
        ...     return arrivals.take("a", header.block_id).open(header.block_id, tag)
        >>> asyncio.run(story())
        b'key'
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Arrived] = {}

    def keep(self, header: Header, share: bytes) -> None:
        """A share that is where it must go.

        Raises:
            DistillationError: As :meth:`Arrived.add`.
        """
        name = (header.route[0], header.block_id)
        if name not in self._waiting:
            self._waiting[name] = Arrived(header.n_shares)
            asyncio.get_running_loop().call_later(PENDING_S, self._waiting.pop, name, None)
        self._waiting[name].add(header, share)

    def take(self, sender: str, block_id: str) -> Arrived:
        """The shares of a whole key; they wait no longer.

        Raises:
            InputError: There is no such key, or not all of it is here.
        """
        arrived = self._waiting.pop((sender, block_id), None)
        if arrived is None or not arrived.is_whole:
            raise InputError(f"No whole key {block_id[:32]} of '{sender}' waits here.")
        return arrived
