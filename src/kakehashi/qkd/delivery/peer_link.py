"""A key server's way to another: what it announces, gives up and compares.

What they say is in :mod:`~kakehashi.qkd.delivery.peer_messages`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kakehashi.core.errors import DeviceError, KakehashiError
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.peer_messages import MAX_BATCH, PATH, grant_from_json, grant_to_json
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.grant import Grant
from kakehashi.qkd.keys.lifecycle import GrantState

__all__ = ["PeerLink"]

logger = logging.getLogger(__name__)

CLOSED_S = 60.0
"""Time between two messages about grants that are over."""
LATE_S = 120.0
"""How long a block may still be on its way to the other end after it was given up here; longer than a relayed key waits
there for the word that it is whole."""


class PeerLink:
    """This node's way to one peer: batches announcements, and reconciles after every break.

    Args:
        name: The peer.
        clients: Connections to it; one message is under way on each.
        commit: The store.
        pause_s: Time between attempts to reach it, and between looks for new blocks.
    """

    def __init__(self, name: str, clients: Sequence[HttpClient], commit: GroupCommit, *, pause_s: float = 1.0) -> None:
        self.name = name
        self.is_up = self.has_been_up = False
        self.why_down = "it has not been reached yet"
        self._clients = clients
        self._commit = commit
        self._pause_s = pause_s
        self._queue: asyncio.Queue[tuple[dict[str, Any], asyncio.Future[None]]] = asyncio.Queue()
        self._n_under_way = 0
        self._closed_at = 0.0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_wanted = asyncio.Event()
        self._refused: dict[str, float] = {}
        """Grants that the peer did not give up, and until when it is asked again."""
        self._in_doubt: set[str] = set()
        """Grants that were spent on a message which the peer may never have got."""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        work = [self._keep_up(), *(self._send(client) for client in self._clients)]
        self._tasks = [asyncio.create_task(item) for item in work]

    async def close(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            client.close()

    @contextlib.contextmanager
    def under_way(self) -> Any:
        """While a request uses the link, the two ends do not compare their books."""
        self._n_under_way += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._n_under_way -= 1
            if not self._n_under_way:
                self._is_idle.set()

    async def announce(self, grant: Grant, readers: Sequence[str]) -> None:
        """Tell the peer of a grant; it has written it down when this returns.

        Raises:
            DeviceError: The peer refused, or its answer is missing; whether it knows of the grant is open until the
                next reconciliation.
        """
        if not self.is_up:
            raise DeviceError(f"'{self.name}' cannot be reached: {self.why_down}.", transient=True)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((grant_to_json(grant, readers), future))
        await future

    def wake(self) -> None:
        """Look for new blocks, and for grants to be given up, without waiting for the next turn."""
        self._is_wanted.set()

    def try_anew(self) -> None:
        """Speak to the peer, even if there is nothing to tell: one of the two may no longer believe the other."""
        self._closed_at = -CLOSED_S
        self.wake()

    def doubt(self, *grant_ids: str) -> None:
        """What was spent on a message may not have reached the peer: have it settled without waiting for a break."""
        self._in_doubt.update(grant_ids)
        self.wake()

    async def _send(self, client: HttpClient) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < MAX_BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            refused = {table["grant_id"]: "nothing was heard of it" for table, _ in batch}
            try:
                answer = await self._call(client, "announce", {"grants": [table for table, _ in batch]})
                refused = dict(answer["refused"])
            except (DeviceError, KeyError, TypeError, ValueError) as error:
                self._lose(str(error))
            except Exception:  # as in `_keep_up`
                logger.exception("A fault of kakehashi: '%s' was told of nothing.", self.name)
                self._lose("a fault of kakehashi")
            for table, future in batch:
                if future.done():
                    continue
                if table["grant_id"] in refused:
                    logger.warning("'%s' refused a grant: %.400s", self.name, refused[table["grant_id"]])
                    future.set_exception(DeviceError(f"'{self.name}' does not have the key.", transient=True))
                else:
                    future.set_result(None)

    def _lose(self, reason: str) -> None:
        if self.is_up:
            logger.warning("The link to '%s' is down: %s", self.name, reason)
        self.is_up, self.why_down = False, reason.rstrip(".")
        self._is_wanted.set()

    async def _keep_up(self) -> None:
        while True:
            try:
                if not self.is_up:
                    await self._is_idle.wait()
                    await self._reconcile(self._clients[0])
                    self.is_up = self.has_been_up = True
                    logger.info("The link to '%s' is up.", self.name)
                else:
                    await self._tell(self._clients[0])
            except (DeviceError, KeyError, TypeError, ValueError) as error:
                self._lose(str(error))
            except KakehashiError as error:
                logger.warning("Nothing can be settled with '%s': %s", self.name, error)
            except Exception:  # this task must not end: nothing else brings the link up again
                logger.exception("A fault of kakehashi: nothing can be settled with '%s' now.", self.name)
                self._lose("a fault of kakehashi")
            self._is_wanted.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._is_wanted.wait()

    async def _reconcile(self, client: HttpClient) -> None:
        """Compare the books with nothing under way. What the peer does not know of is given up on both sides."""
        store = self._commit.store
        untold, blocks = store.untold(self.name), store.unshared_blocks(self.name)
        question = {
            "untold": [[grant.sequence, grant.grant_id] for grant in untold],
            "after": store.shelf.top.get(self.name, 0),
            "blocks": blocks,
            "closed": self._closed_up_to(),
        }
        answer = await self._call(client, "reconcile", question)
        known, shared = set(answer["known"]), _shared(blocks, answer)
        lost = [grant_from_json(table, peer=self.name) for table in answer["extra"]]

        def settle() -> None:
            store.share_blocks(shared)
            for grant in untold:
                if grant.state is GrantState.ALLOCATED and grant.grant_id not in known:
                    store.void(grant.grant_id)
                elif grant.state in (GrantState.ALLOCATED, GrantState.SPENT) and grant.grant_id in known:
                    store.confirm(grant.grant_id)
            store.adopt_lost(lost)

        await self._commit.run(settle)
        await self._give_up(client, [grant for grant in store.untold(self.name) if grant.state in GIVEN_UP])

    async def _tell(self, client: HttpClient) -> None:
        """New blocks, and grants that were given up since."""
        store = self._commit.store
        blocks = store.unshared_blocks(self.name)
        if blocks or time.monotonic() > self._closed_at + CLOSED_S:
            question = {"untold": [], "after": 2**62, "blocks": blocks, "closed": self._closed_up_to()}
            answer = await self._call(client, "reconcile", question)
            shared = _shared(blocks, answer)
            await self._commit.run(lambda: store.share_blocks(shared))
        untold = {grant.grant_id: grant for grant in store.untold(self.name)}
        self._in_doubt &= untold.keys()
        lost = [g for g in untold.values() if g.state is GrantState.EXPIRED or g.grant_id in self._in_doubt]
        await self._give_up(client, lost)

    def _closed_up_to(self) -> int:
        self._closed_at = time.monotonic()
        return self._commit.store.shelf.closed_up_to(self.name)

    async def _give_up(self, client: HttpClient, grants: Sequence[Grant]) -> None:
        for first in range(0, len(grants), MAX_BATCH):
            some = grants[first : first + MAX_BATCH]
            answer = await self._call(client, "void", {"grants": [grant_to_json(grant) for grant in some]})
            refused = answer["refused"]
            told = [g.grant_id for g in some if g.grant_id not in refused or self._is_final(g, refused[g.grant_id])]
            lost = [grant.grant_id for grant in some if grant.grant_id not in refused]
            await self._commit.run(functools.partial(self._settle, lost, told))
            for grant_id in told:
                self._refused.pop(grant_id, None)

    def _settle(self, lost: Sequence[str], told: Sequence[str]) -> None:
        self._commit.store.forfeit(*lost)
        self._commit.store.confirm(*told)

    def _is_final(self, grant: Grant, reason: str) -> bool:
        """Whether a peer that did not give up a grant need not be asked again.

        What it spent is spent at both ends, and what it handed out cannot be called back. But a block may come to it
        after the word that it was given up, and would lie there for ever if it were not asked once more.
        """
        rows = [self._commit.store.shelf.by_id.get(part.block_id) for part in grant.parts]
        if any(row is None or not row.is_shared for row in rows):
            now = time.monotonic()
            if now < self._refused.setdefault(grant.grant_id, now + LATE_S):
                return False
            logger.info("'%s' never had what grant %s was cut from.", self.name, grant.grant_id)
        elif grant.state is not GrantState.SPENT:
            logger.error("'%s' does not give up grant %s: %.400s", self.name, grant.grant_id, reason)
        return True

    async def _call(self, client: HttpClient, what: str, table: Mapping[str, Any]) -> dict[str, Any]:
        status, body = await client.call(PATH + what, json.dumps(table).encode())
        if status != 200:
            raise DeviceError(f"'{self.name}' answered {status} to {what}", transient=True)
        try:
            found: dict[str, Any] = json.loads(body)
        except ValueError:
            raise DeviceError(f"'{self.name}' answered no JSON to {what}", transient=True) from None
        return found


def _shared(asked: Sequence[tuple[str, int]], answer: Mapping[str, Any]) -> list[str]:
    """Which blocks that it was asked about a peer has; of others it cannot tell."""
    found = set(answer["blocks"])
    return [block_id for block_id, _ in asked if block_id in found]


GIVEN_UP = (GrantState.EXPIRED, GrantState.SPENT)
