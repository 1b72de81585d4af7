"""What two key servers say to each other, so that a key is known at both ends before anybody has it.

Messages are JSON over mutual TLS; no key is in them. Three questions, each of which may be asked twice with the same
effect:

``announce``
    These ranges of your copy of my blocks are keys with these IDs, for these users of yours; keep them.
``void``
    These ranges are given up; destroy them.
``reconcile``
    After a break: which of my grants do you know, and which after my last one? Which of my blocks have you? And, now
    and then without a break: up to this one, I have nothing more to ask about my grants.

A grant that the other end refuses is named in the answer with the reason. Until two servers have reconciled, nothing is
handed out from what they share.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kakehashi.core.errors import DeviceError, InputError, KakehashiError
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.grant import Grant, Part
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.store import KeyStore

__all__ = ["PeerDesk", "PeerLink", "grant_from_json", "grant_to_json"]

logger = logging.getLogger(__name__)

MAX_BATCH = 256
"""Grants in one message."""
PATH = "/kakehashi/kme/v1/"
CLOSED_S = 60.0
"""Time between two messages about grants that are over."""
LATE_S = 120.0
"""How long a block may still be on its way to the other end after it was given up here; longer than a relayed key waits
there for the word that it is whole."""


def grant_to_json(grant: Grant, readers: Sequence[str] = ()) -> dict[str, Any]:
    """What the other end has to know of a grant: all but the key.

    Args:
        grant: The grant.
        readers: Users at the other end.
    """
    return {
        "grant_id": grant.grant_id,
        "sequence": grant.sequence,
        "account": str(grant.account),
        "key_bits": grant.key_bits,
        "parts": [[part.block_id, part.first, part.n_bits] for part in grant.parts],
        "master": grant.master,
        "readers": list(readers),
        "key_ids": base64.b64encode(grant.key_ids).decode(),
        "mask": base64.b64encode(grant.mask).decode(),
    }


def grant_from_json(table: Mapping[str, Any], *, peer: str, expires_utc: float = 0.0) -> Grant:
    """A grant of a peer as it told of it.

    Raises:
        InputError: It is malformed.
    """
    try:
        return Grant(
            grant_id=_text(table["grant_id"], 32),
            peer=peer,
            is_ours=False,
            sequence=int(table["sequence"]),
            account=Account(table["account"]),
            key_bits=int(table["key_bits"]),
            parts=tuple(Part(block_id=_text(b, 32), first=int(f), n_bits=int(n)) for b, f, n in table["parts"]),
            master=_text(table["master"], 255),
            readers=tuple(_text(name, 255) for name in table["readers"]),
            key_ids=base64.b64decode(table["key_ids"], validate=True),
            mask=base64.b64decode(table["mask"], validate=True),
            expires_utc=expires_utc,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"'{peer}' told of a grant that makes no sense: {error}.") from None


def _text(value: object, at_most: int) -> str:
    if not isinstance(value, str) or len(value) > at_most:
        raise InputError(f"a name of at most {at_most} characters was expected")
    return value


class PeerDesk:
    """Answers what peers ask.

    Args:
        commit: The store.
        is_reader: Whether a user belongs to this node.
        key_lifetime_s: How long a key waits for its reader here.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        commit: GroupCommit,
        *,
        is_reader: Callable[[str], bool],
        key_lifetime_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._commit = commit
        self._is_reader = is_reader
        self._lifetime_s = key_lifetime_s
        self._clock = clock

    async def answer(self, peer: str, path: str, body: bytes) -> dict[str, Any]:
        """The answer to one message.

        Raises:
            InputError: It is malformed.
            ResourceError: It could not be written down.
        """
        try:
            table = json.loads(body)
            if path == PATH + "announce":
                return {"refused": await self._each(peer, table["grants"], self._announce)}
            if path == PATH + "void":
                return {"refused": await self._each(peer, table["grants"], self._void)}
            if path == PATH + "reconcile":
                return await self._reconcile(peer, table)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, KakehashiError):
                raise
            raise InputError(f"'{peer}' sent a message that makes no sense: {type(error).__name__}.") from None
        raise InputError(f"'{peer}' asked for {path}, which is not known here.")

    async def _each(
        self, peer: str, tables: Sequence[Mapping[str, Any]], work: Callable[[KeyStore, Grant], None]
    ) -> dict[str, str]:
        """Do work for each grant, all in one transaction; gives those that were refused."""
        expires = self._clock() + self._lifetime_s

        def do() -> dict[str, str]:
            refused = {}
            for table in tables:
                grant = grant_from_json(table, peer=peer, expires_utc=expires)
                try:
                    work(self._commit.store, grant)
                except InputError as error:
                    refused[grant.grant_id] = str(error)
            return refused

        for table in tables:  # before anything is changed: a refusal must change nothing
            grant_from_json(table, peer=peer)
        return await self._commit.run(do)

    def _announce(self, store: KeyStore, grant: Grant) -> None:
        strangers = [name for name in grant.readers if not self._is_reader(name)]
        if strangers:
            raise InputError(f"'{strangers[0]}' is no user of this node.")
        if grant.account not in (Account.DELIVERED, Account.RELAYED):
            raise InputError(f"Nothing can be announced for the account '{grant.account}'.")
        store.announce(grant)

    def _void(self, store: KeyStore, grant: Grant) -> None:
        store.void_at(grant)

    async def _reconcile(self, peer: str, table: Mapping[str, Any]) -> dict[str, Any]:
        asked = [(int(sequence), _text(grant_id, 32)) for sequence, grant_id in table["untold"]]
        blocks = [(_text(block_id, 32), int(n)) for block_id, n in table["blocks"]]
        store = self._commit.store

        def do() -> tuple[list[str], list[Grant], list[str]]:
            store.note_closed(peer, int(table["closed"]))
            known, extra = store.find_grants(peer, asked, after=int(table["after"]))
            return known, extra, store.known_blocks(peer, blocks)

        known, extra, shared = await self._commit.run(do)
        return {"known": known, "extra": [grant_to_json(grant) for grant in extra], "blocks": shared}


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
        self.is_up = False
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
                    logger.warning("'%s' refused a grant: %s", self.name, refused[table["grant_id"]])
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
                    self.is_up = True
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
        untold = store.untold(self.name)
        question = {
            "untold": [[grant.sequence, grant.grant_id] for grant in untold],
            "after": store.shelf.top.get(self.name, 0),
            "blocks": store.unshared_blocks(self.name),
            "closed": self._closed_up_to(),
        }
        answer = await self._call(client, "reconcile", question)
        known = set(answer["known"])
        lost = [grant_from_json(table, peer=self.name) for table in answer["extra"]]

        def settle() -> None:
            store.share_blocks(answer["blocks"])
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
            await self._commit.run(lambda: store.share_blocks(answer["blocks"]))
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
            logger.error("'%s' does not give up grant %s: %s", self.name, grant.grant_id, reason)
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


GIVEN_UP = (GrantState.EXPIRED, GrantState.SPENT)
