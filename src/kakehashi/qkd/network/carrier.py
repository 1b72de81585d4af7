"""Keys on their way over several nodes: sent, carried on, taken in.

Whoever starts a key waits until its last share has arrived, writes it down, and only then tells the other end to do
the same, with a tag of the key that no node on the way can make if it lacks a share. A crash between leaves a key at
one end that is never handed out, since a key server asks first whether the other end has it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pydantic

from kakehashi.core.errors import DeviceError, DistillationError, InputError, KakehashiError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.peer_messages import grant_from_json, grant_to_json, number
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.grant import Grant
from kakehashi.qkd.keys.model import Account, KeyBlock
from kakehashi.qkd.keys.vault import wipe
from kakehashi.qkd.network.arrivals import Arrivals
from kakehashi.qkd.network.messages import MAX_TEXT, Note, Outcome, reason_of
from kakehashi.qkd.network.relay import (
    FORGERY,
    TAG_KEY_BITS,
    Claim,
    Header,
    open_sealed,
    read_header,
    seal,
    split,
    tag_of_whole,
)
from kakehashi.qkd.security.bounds import weakest

__all__ = ["PATH", "Carrier"]

logger = logging.getLogger(__name__)

PATH = "/kakehashi/node/v1/"
MAX_BITS = 8_000_000
"""Longest key that is relayed."""

T = TypeVar("T")


class Carrier:
    """A node's part in relays.

    Args:
        name: The node.
        commit: Its store.
        links: Its ways to other key servers.
        connect: Makes a connection to a node's door.
        on_note: Takes what happened.
    """

    def __init__(
        self,
        name: str,
        commit: GroupCommit,
        links: Mapping[str, PeerLink],
        *,
        connect: Callable[[str], HttpClient],
        on_note: Callable[[Note], None],
    ) -> None:
        self._name = name
        self._commit = commit
        self._links = links
        self._connect = connect
        self._on_note = on_note
        self._idle: dict[str, list[HttpClient]] = {}
        self._arrivals = Arrivals()

    def close(self) -> None:
        """Close connections that are idle; the others go with the calls on them."""
        for clients in self._idle.values():
            for client in clients:
                client.close()

    async def send_key(self, peer: str, routes: Sequence[tuple[str, ...]], n_bits: int) -> None:
        """Bring a new key to a node, in as many shares as there are routes.

        Raises:
            DeviceError: A node on the way cannot, or does not answer; nothing came of it.
        """
        began = time.monotonic()
        await _all_of([self._look_ahead(route, 0, n_bits + TAG_KEY_BITS) for route in routes])
        key, block_id = secrets.token_bytes(n_bits // 8), secrets.token_hex(16)
        tag_key = secrets.token_bytes(TAG_KEY_BITS // 8)
        shares = split(key + tag_key, len(routes))
        hops = [
            self._hop(
                Header(block_id=block_id, route=route, hop=0, share=i, n_shares=len(routes), failure=0.0, bound=""),
                share,
            )
            for i, (route, share) in enumerate(zip(routes, shares, strict=True))
        ]
        claims = await _all_of(hops)
        await self._store(block_id, peer, key, claims, is_ours=True)
        tag = tag_of_whole(block_id, routes, key, tag_key=tag_key)
        try:
            answer = await self._call(peer, "finish", {"block_id": block_id, "tag": tag.hex()})
            if answer.is_changed:
                self._alarm(f"The key for {peer} was changed on its way", routes)
            _expect_ok(answer, peer)
        except DeviceError:
            await self._commit.run(lambda: self._commit.store.withdraw_block(block_id))
            raise
        self._links[peer].wake()
        text = f"{n_bits:,} bits for {peer} in {time.monotonic() - began:.2f} s."
        for route in routes:
            self._on_note(Note(kind="relay", at_utc=time.time(), text=text, route=route, bits=n_bits))

    async def answer(self, caller: str, path: str, body: bytes) -> dict[str, Any]:
        """The answer to a node.

        Raises:
            InputError: The message makes no sense.
        """
        try:
            table = json.loads(body)
            if path == PATH + "ahead":
                outcome = await self._ahead(caller, table)
            elif path == PATH + "relay":
                outcome = await self._take(caller, table)
            elif path == PATH + "finish":
                outcome = await self._finish(caller, str(table["block_id"]), bytes.fromhex(table["tag"]))
            else:
                raise InputError(f"'{caller}' asked for {path}, which is not known here.")
            return outcome.model_dump(exclude_defaults=True)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, KakehashiError):
                raise
            raise InputError(f"'{caller}' sent a message that makes no sense: {type(error).__name__}.") from None

    # --- one hop

    async def _ahead(self, caller: str, table: Mapping[str, Any]) -> Outcome:
        route, hop = tuple(map(str, table["route"])), number(table["hop"])
        self._expect_route(caller, route, hop)
        try:
            await self._look_ahead(route, hop + 1, number(table["n_bits"]))
        except DeviceError as error:
            return _no(error)
        return Outcome(ok=True)

    async def _look_ahead(self, route: tuple[str, ...], hop: int, n_bits: int) -> None:
        """Ask every node on the way whether it has key for its hop, before the first one spends any.

        A share that is stopped half way has cost the key of all hops before. Where a far hop is dry, a node that tries
        again and again would use up what it has in common with its neighbour, and bring nothing to anybody.

        Raises:
            DeviceError: One has not, or does not answer.
        """
        if hop >= len(route) - 1:
            return
        peer = route[hop + 1]
        if not self._links[peer].is_up:
            raise DeviceError(f"'{self._name}' cannot reach '{peer}'.", transient=True)
        self._expect_stock(peer, n_bits)
        if hop + 2 < len(route):
            _expect_ok(await self._call(peer, "ahead", {"route": list(route), "hop": hop, "n_bits": n_bits}), peer)

    def _expect_route(self, caller: str, route: tuple[str, ...], hop: int) -> None:
        is_sane = len(set(route)) == len(route) and set(route) <= {self._name, *self._links}
        if not is_sane or hop < 0 or route[hop : hop + 2] != (caller, self._name):
            raise InputError(f"'{caller}' asked about a route that does not lead from it to '{self._name}'.")

    def _expect_stock(self, peer: str, n_bits: int) -> None:
        if self._commit.store.stock_bits(peer) < n_bits + TAG_KEY_BITS:
            raise DeviceError(f"'{self._name}' has not enough key in common with '{peer}'.", transient=True)

    async def _hop(self, header: Header, key: bytes) -> Claim:
        """Send a share over the next hop and wait until it is where it must go."""
        peer, n_bits = header.route[header.hop + 1], 8 * len(key)
        link = self._links[peer]
        if not link.is_up:
            raise DeviceError(f"'{peer}' cannot be reached.", transient=True)
        answer: Outcome | None = None
        with link.under_way():
            (pad_grant, pad), (tag_grant, tag_key) = await self._commit.run(lambda: self._spend(peer, n_bits))
            try:
                failure = header.failure + pad_grant.failure + tag_grant.failure + FORGERY
                before = [header.bound] if header.hop else []
                bound = weakest([*before, pad_grant.bound, tag_grant.bound])
                sent = replace(header, failure=failure, bound=bound)
                padded, tag = seal(sent.to_json(), key, pad=bytes(pad), tag_key=bytes(tag_key))
                answer = await self._call(
                    peer,
                    "relay",
                    {
                        "header": sent.to_json(),
                        "pad": grant_to_json(pad_grant),
                        "tag_key": grant_to_json(tag_grant),
                        "padded": base64.b64encode(padded).decode(),
                        "tag": base64.b64encode(tag).decode(),
                    },
                )
            finally:
                wipe(pad, tag_key)
                if answer is not None:  # whatever came of it, the peer has spent the same
                    self._commit.defer(lambda: self._commit.store.confirm(pad_grant.grant_id, tag_grant.grant_id))
                else:
                    link.doubt(pad_grant.grant_id, tag_grant.grant_id)
        _expect_ok(answer, peer)
        if answer.failure is None or answer.failure < failure:  # what comes after a hop makes no key better
            raise DeviceError(f"'{peer}' does not say what a relayed key may fail with.", transient=True)
        return answer.failure, weakest([bound, answer.bound])

    def _spend(self, peer: str, n_bits: int) -> tuple[tuple[Grant, bytearray], tuple[Grant, bytearray]]:
        store = self._commit.store
        self._expect_stock(peer, n_bits)  # before anything is changed
        return store.spend(peer, n_bits, Account.RELAYED), store.spend(peer, TAG_KEY_BITS, Account.AUTHENTICATION)

    async def _take(self, caller: str, table: Mapping[str, Any]) -> Outcome:
        header = read_header(table["header"], caller=caller, here=self._name)
        if not set(header.route) <= {self._name, *self._links}:
            raise InputError(f"'{caller}' relayed a key over nodes that are not in this network.")
        padded = base64.b64decode(table["padded"], validate=True)
        tag = base64.b64decode(table["tag"], validate=True)
        grants = [grant_from_json(table[name], peer=caller) for name in ("pad", "tag_key")]
        sizes = [(grant.account, grant.n_bits) for grant in grants]
        if (
            sizes != [(Account.RELAYED, 8 * len(padded)), (Account.AUTHENTICATION, TAG_KEY_BITS)]
            or 8 * len(padded) > MAX_BITS + TAG_KEY_BITS
        ):
            raise InputError(f"'{caller}' relayed a key under pads of another size or purpose.")
        store = self._commit.store
        pad, tag_key = await self._commit.run(lambda: [store.spend_at(grant) for grant in grants])
        try:
            key = open_sealed(header.to_json(), padded, tag, pad=bytes(pad), tag_key=bytes(tag_key))
        except DistillationError as error:
            self._alarm(f"From {caller}: {str(error).rstrip('.')}", [header.route])
            return _no(error)
        finally:
            wipe(pad, tag_key)
        if header.hop + 2 == len(header.route):
            try:
                self._arrivals.keep(header, key)
            except DistillationError as error:
                self._alarm(f"From {caller}: {str(error).rstrip('.')}", [header.route])
                return _no(error)
            return Outcome(ok=True, failure=header.failure, bound=header.bound)
        try:
            failure, bound = await self._hop(replace(header, hop=header.hop + 1), key)
        except DeviceError as error:
            return _no(error)
        return Outcome(ok=True, failure=failure, bound=bound)

    # --- the end of the way

    async def _finish(self, caller: str, block_id: str, tag: bytes) -> Outcome:
        arrived = self._arrivals.take(caller, block_id)
        try:
            key = arrived.open(block_id, tag)
        except DistillationError as error:
            self._alarm(f"A key from {caller} was changed on its way", arrived.routes)
            return _no(error, is_changed=True)
        await self._store(block_id, caller, key, arrived.claims, is_ours=False)
        return Outcome(ok=True)

    async def _store(self, block_id: str, peer: str, key: bytes, claims: Sequence[Claim], *, is_ours: bool) -> None:
        block = KeyBlock(
            block_id=block_id,
            peer=peer,
            is_ours=is_ours,
            bits=Bits.from_bytes(key),
            failure=min(1.0, sum(failure for failure, _ in claims) + FORGERY),
            bound=weakest(bound for _, bound in claims),
            origin="relayed",
            made_utc=time.time(),
        )
        n_bits = block.bits.n + TAG_KEY_BITS
        came = Distilled(sifted=n_bits, secret=n_bits)
        await self._commit.run(lambda: self._commit.store.add_block(block, came, tag_bits=TAG_KEY_BITS))

    def _alarm(self, text: str, routes: Sequence[tuple[str, ...]]) -> None:
        ways = " and ".join("-".join(route) for route in routes)
        self._on_note(Note(kind="alarm", at_utc=time.time(), text=f"{text} ({ways})."[:MAX_TEXT], route=routes[0]))

    async def _call(self, peer: str, what: str, table: Mapping[str, Any]) -> Outcome:
        """Ask a node. Each question has a connection to itself, so that relays cannot block each other in a ring.

        Raises:
            DeviceError: It does not answer, refuses, or answers what makes no sense.
        """
        idle = self._idle.setdefault(peer, [])
        client = idle.pop() if idle else self._connect(peer)
        status, body = await client.call(PATH + what, json.dumps(table).encode())
        idle.append(client)
        if status != 200:
            raise DeviceError(f"'{peer}' refused a relayed key: {reason_of(body) or status}", transient=True)
        try:
            return Outcome.model_validate_json(body)
        except pydantic.ValidationError:
            raise DeviceError(f"'{peer}' answered {what} with what makes no sense.", transient=True) from None


def _no(error: KakehashiError, *, is_changed: bool = False) -> Outcome:
    return Outcome(ok=False, why=str(error)[:MAX_TEXT], is_changed=is_changed)


def _expect_ok(answer: Outcome, peer: str) -> None:
    if not answer.ok:
        raise DeviceError(answer.why or f"'{peer}' does not say why.", transient=True)


async def _all_of(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What came of all; an error only when none is under way any more, so that one that hangs is not joined by others.

    Raises:
        DeviceError: One failed.
    """
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
