"""What a key server answers to another, see :mod:`~kakehashi.qkd.delivery.peer_messages`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kakehashi.core.errors import InputError, KakehashiError
from kakehashi.qkd.delivery.peer_messages import MAX_BATCH, PATH, grant_from_json, grant_to_json, number, text
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.grant import Grant
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.store import KeyStore

__all__ = ["PeerDesk"]


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

        if len(tables) > MAX_BATCH:
            raise InputError(f"'{peer}' told of {len(tables)} grants at once, more than {MAX_BATCH}.")
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
        asked = [(number(sequence), text(grant_id, 32)) for sequence, grant_id in table["untold"]]
        blocks = [(text(block_id, 32), number(n)) for block_id, n in table["blocks"]]
        closed, after = number(table["closed"]), number(table["after"])
        store = self._commit.store

        def do() -> tuple[list[str], list[Grant], list[str]]:
            store.note_closed(peer, closed)
            known, extra = store.find_grants(peer, asked, after=after)
            return known, extra, store.known_blocks(peer, blocks)

        known, extra, shared = await self._commit.run(do)
        return {"known": known, "extra": [grant_to_json(grant) for grant in extra], "blocks": shared}
