"""A trusted node: its ends of links, its key store and key server, its part in relays, its reports."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from kakehashi.core.errors import DeviceError, InputError, KakehashiError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.delivery.api import guard, refuse
from kakehashi.qkd.delivery.certificates import identity
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.etsi014 import RefusalError
from kakehashi.qkd.delivery.serve import Kme, until_told_to_stop
from kakehashi.qkd.delivery.server import Answer, Bounds, HttpServer, Request
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.distill.events import Event, GivenUp, Made, Restarted, Retracted
from kakehashi.qkd.keys.model import KeyBlock
from kakehashi.qkd.keys.vault import forbid_core_dumps
from kakehashi.qkd.network.carrier import Carrier
from kakehashi.qkd.network.kms import is_nobody_there
from kakehashi.qkd.network.link_end import LinkEnd
from kakehashi.qkd.network.messages import MAX_NOTES, MAX_TEXT, NodeReport, Note, Orders
from kakehashi.qkd.network.plan import HOST, PATIENCE_S, Plan
from kakehashi.qkd.network.spec import MANAGER, LinkOfNetwork, agreement_of
from kakehashi.qkd.network.tunnel import LinkDoor, call_link

__all__ = ["Node", "drop_sent", "halve", "run_node"]

logger = logging.getLogger(__name__)

SUPPLY_S = 0.25
CALL_S = 2.0
"""How long a receiver waits for its sender before it looks whether it shall end."""
FAULT_S = 1.0
"""How long a node waits after a fault of its own before it goes on."""
MAX_ANSWER_BYTES = 2**21
"""Longest answer of a node or of the management server: orders for all peers of the largest network fit."""


def halve(made: Made, *, peer: str, is_sender: bool, now: float) -> list[tuple[KeyBlock, Distilled, int]]:
    """Two blocks of one that a link has made: the first is the sender's to hand out, the second the receiver's.

    Args:
        made: The block.
        peer: Node at the other end.
        is_sender: Whether this node is the sender.
        now: Seconds since 1970.

    Returns:
        Each with its account and the bits of it that were kept for tags. The first bears what it cost to make both.
    """
    n_first = made.key.n // 16 * 8
    sizes = (n_first, made.key.n - n_first)
    account = made.account
    accounts = (
        Distilled(
            sifted=account.sifted - sizes[1],
            estimation=account.estimation,
            correction=account.correction,
            verification=account.verification,
            amplification=account.amplification,
            aborted=account.aborted,
            secret=account.secret - sizes[1],
        ),
        Distilled(sifted=sizes[1], secret=sizes[1]),
    )
    found = []
    for half, size in enumerate(sizes):
        block = KeyBlock(
            block_id=hashlib.sha256(f"{made.block_id} {half}".encode()).hexdigest()[:32],
            peer=peer,
            is_ours=is_sender == (half == 0),
            bits=Bits.concatenate([made.key.slice(half * n_first, size)]),
            failure=made.failure,
            bound=made.length.bound,
            origin="distilled",
            made_utc=now,
        )
        found.append((block, accounts[half], made.n_tag_bits if half == 0 else 0))
    return found


class Node:
    """A node that runs in the event loop of its caller.

    Args:
        plan: The network's folder.
        name: Which node.
        links: Which of its links it runs; all where not given.

    Raises:
        InputError: There is no such node.
    """

    def __init__(self, plan: Plan, name: str, *, links: frozenset[str] | None = None) -> None:
        if name not in plan.spec.names:
            raise InputError(f"'{name}' is no node of this network; there are: {', '.join(plan.spec.names)}.")
        self.plan = plan
        self.name = name
        self.kme = Kme(plan.kme(name), on_renewed=self._renew)
        inward = self.kme.credentials.server
        self._notes: deque[Note] = deque(maxlen=MAX_NOTES)
        self._carrier = Carrier(
            name, self.kme.commit, self.kme.links, connect=self._connect, on_note=self._notes.append
        )
        wanted = [k for k in plan.spec.link if name in k.ends and (links is None or k.name in links)]
        self._link_door = LinkDoor({k.name: k.sender for k in wanted if k.receiver == name}, inward)
        self._ends = [self._make_end(link) for link in wanted]
        self._door = HttpServer(
            self._handle,
            refuse=refuse,
            context=inward,
            naming=lambda certificate: identity(certificate, "kme"),
            bounds=Bounds(
                max_body_bytes=2**22,
                handshake_timeout_s=PATIENCE_S,
                request_timeout_s=PATIENCE_S,
                idle_timeout_s=3600.0,
            ),
        )
        self._orders = Orders()
        self._has_manager = True
        self._is_urgent = asyncio.Event()
        self._supplies: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop

    def _make_end(self, link: LinkOfNetwork) -> LinkEnd:
        is_sender = link.sender == self.name
        peer = link.receiver if is_sender else link.sender

        async def channel() -> socket.socket:
            if is_sender:
                port = self.plan.addresses.nodes[peer].links
                return await call_link(HOST, port, link.name, peer=peer, context=self.kme.credentials.client)
            try:
                async with asyncio.timeout(CALL_S):
                    return await self._link_door.next_call(link.name)
            except TimeoutError:
                raise DeviceError(f"'{peer}' has not called for link '{link.name}'.", transient=True) from None

        def take(end: LinkEnd, event: Event) -> None:
            asyncio.run_coroutine_threadsafe(self._take(end, peer, event), self._loop).result()

        return LinkEnd(
            role="sender" if is_sender else "receiver",
            agreement=agreement_of(link, max_qber=self.plan.spec.management.max_qber),
            stock_file=self.plan.stock(self.name, link.name),
            photons=str(self.plan.photons(link.name)),
            open_channel=lambda: asyncio.run_coroutine_threadsafe(channel(), self._loop).result(),
            on_event=take,
            no_light=f"its photons do not run (kakehashi qkd network photons {self.plan.folder} {link.name}).",
        )

    async def start(self) -> None:
        """Open the doors, and begin.

        Raises:
            InputError: A port is taken.
        """
        self._loop = asyncio.get_running_loop()
        doors = self.plan.addresses.nodes[self.name]
        await self.kme.start()
        await self._door.start(HOST, doors.node)
        await self._link_door.start(HOST, doors.links)
        for end in self._ends:
            end.start()
        reporting = functools.partial(self._report_once, self._client(self.plan.addresses.manager, MANAGER))
        self._tasks = [asyncio.create_task(_for_ever(turn)) for turn in (reporting, self._supply_once)]

    async def close(self) -> None:
        """End everything; what has been made is on disk."""
        for end in self._ends:
            end.stop()
        await self._link_door.close()
        tasks = [*self._tasks, *self._supplies.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in self._ends:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3.0):
                    while end.is_alive():
                        await asyncio.sleep(0.02)
        self._carrier.close()
        await self._door.close()
        await self.kme.close()

    def _renew(self) -> None:
        credentials = self.kme.credentials
        for door in (self._door, self._link_door):
            door.listener.renew(credentials.server, credentials.is_revoked)
        for end in self._ends:
            end.call_anew()

    # --- what links make

    async def _take(self, end: LinkEnd, peer: str, event: Event) -> None:
        link, store = end.agreement.link, self.kme.store
        if isinstance(event, Made):
            blocks = halve(event, peer=peer, is_sender=end.role == "sender", now=time.time())

            def put() -> None:
                for block, account, tag_bits in blocks:
                    store.add_block(block, account, tag_bits=tag_bits)

            await self.kme.commit.run(put)
            self.kme.links[peer].wake()
        elif isinstance(event, Retracted):
            first = [hashlib.sha256(f"{event.block_id} {half}".encode()).hexdigest()[:32] for half in (0, 1)]
            await self.kme.commit.run(lambda: [store.withdraw_block(block_id) for block_id in first])
        elif isinstance(event, GivenUp) and event.account.sifted:
            block_id = secrets.token_hex(16)
            await self.kme.commit.run(lambda: store.add_aborted(block_id, peer, event.account))
        if isinstance(event, GivenUp | Restarted):
            kind: Literal["alarm", "link"] = "alarm" if event.is_alarm else "link"
            self._note(Note(kind=kind, at_utc=time.time(), text=event.reason[:MAX_TEXT], link=link))

    def _note(self, note: Note) -> None:
        self._notes.append(note)
        if note.kind == "alarm":
            logger.warning("%s: %s", note.link or self.name, note.text)
            self._is_urgent.set()

    # --- relays

    async def _handle(self, request: Request) -> Answer:
        return await guard(self._answer(request))

    async def _answer(self, request: Request) -> bytes:
        if request.name not in self.plan.spec.names or request.method != "POST":
            raise RefusalError(401, "the certificate names no node of this network")
        try:
            return json.dumps(await self._carrier.answer(request.name, request.path, bytes(request.body))).encode()
        except InputError as error:
            raise RefusalError(400, str(error)) from None

    def _connect(self, peer: str) -> HttpClient:
        return self._client(self.plan.addresses.nodes[peer].node, peer)

    def _client(self, port: int, name: str) -> HttpClient:
        return HttpClient(
            HOST,
            port,
            name=name,
            kind="kme",
            context=lambda: self.kme.credentials.client,
            timeout_s=PATIENCE_S,
            max_answer_bytes=MAX_ANSWER_BYTES,
        )

    async def _supply_once(self) -> None:
        """Have keys brought to every node for which there are orders, until there is enough."""
        relay = self.plan.spec.relay
        await asyncio.sleep(SUPPLY_S)
        for peer, routes in self._orders.routes.items():
            task = self._supplies.get(peer)
            if (task is None or task.done()) and self.kme.store.stock_bits(peer) < relay.stock_bits:
                self._supplies[peer] = asyncio.create_task(self._supply(peer, routes, relay.block_bits))

    async def _supply(self, peer: str, routes: tuple[tuple[str, ...], ...], n_bits: int) -> None:
        try:
            await self._carrier.send_key(peer, routes, n_bits)
        except KakehashiError as error:
            logger.info("No key for '%s' over others: %s", peer, error)
            await asyncio.sleep(0.5)
        except Exception:
            logger.exception("A fault of kakehashi: no key for '%s' over others.", peer)
            await asyncio.sleep(FAULT_S)

    # --- reports

    def report(self) -> NodeReport:
        """What this node tells the management server now."""
        store = self.kme.store
        oldest = [row.added_utc for row in store.shelf.blocks.values() if row.free and row.is_ours]
        return NodeReport(
            node=self.name,
            at_utc=time.time(),
            stock_bits={peer: store.stock_bits(peer) for peer in self.kme.links},
            oldest_utc=min(oldest, default=0.0),
            links=tuple(end.report for end in self._ends),
            notes=tuple(self._notes),
        )

    async def _report_once(self, client: HttpClient) -> None:
        """Report, take orders; without the server, or with orders that make no sense, the last orders hold."""
        self._look_at_links()
        report = self.report()
        try:
            status, body = await client.call("/kakehashi/kms/v1/report", report.model_dump_json().encode())
            if status == 200:
                orders = Orders.model_validate_json(body)
                orders.expect_sane(self.name, self.plan.spec)
                self._orders = orders
                drop_sent(self._notes, report.notes)
            self._see_manager()
        except DeviceError as error:
            self._see_manager(error)
        except ValueError as error:
            reason = f": {error}" if isinstance(error, InputError) else "."
            logger.warning("The management server's orders make no sense%s", reason)
        await self._delete_old()
        self._is_urgent.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.spec.management.report_s):
                await self._is_urgent.wait()

    def _see_manager(self, error: DeviceError | None = None) -> None:
        """Say once that it does not answer, and once that it does again."""
        if self._has_manager and error is not None:
            why = "" if is_nobody_there(error) else f" ({str(error).rstrip('.')})"
            logger.warning("The management server does not answer%s; until it does the last orders hold.", why)
        elif not self._has_manager and error is None:
            logger.warning("The management server answers.")
        self._has_manager = error is None

    def _look_at_links(self) -> None:
        for end in self._ends:
            text = end.early_alarm()
            if text is not None:
                self._notes.append(Note(kind="alarm", at_utc=time.time(), text=text, link=end.agreement.link))

    async def _delete_old(self) -> None:
        limit = self._orders.max_key_age_s
        if not self.kme.store.old_blocks(max_age_s=limit):
            return
        try:
            bits = await self.kme.commit.run(lambda: self.kme.store.expire_blocks(max_age_s=limit))
        except KakehashiError as error:
            logger.warning("Old key could not be destroyed: %s", error)
            return
        if bits:
            text = f"{bits:,} bits older than {limit:g} s were destroyed."
            self._note(Note(kind="deletion", at_utc=time.time(), text=text, bits=bits))


async def _for_ever(turn: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again: a fault in one turn must not be the last that is heard of a node."""
    while True:
        try:
            await turn()
        except Exception:
            logger.exception("A fault of kakehashi.")
            await asyncio.sleep(FAULT_S)


def drop_sent(notes: deque[Note], sent: Sequence[Note]) -> None:
    """Take the notes that were sent out of those that wait; a full queue may have let some of them go meanwhile.

    Example:
        >>> notes = deque((Note(kind="link", at_utc=at, text="") for at in range(3)), maxlen=3)
        >>> sent = tuple(notes)
        >>> notes.append(Note(kind="alarm", at_utc=3, text=""))
        >>> drop_sent(notes, sent)
        >>> [note.kind for note in notes]
        ['alarm']
    """
    for note in sent:
        if notes and notes[0] is note:
            notes.popleft()


async def run_node(plan: Plan, name: str, *, links: frozenset[str] | None, say: Callable[[str], None]) -> None:
    """Run a node until the program is told to stop.

    Args:
        plan: The network's folder.
        name: Which node.
        links: As :class:`Node`.
        say: Gets a sentence once the doors are open.
    """
    forbid_core_dumps()
    node = Node(plan, name, links=links)
    try:
        await node.start()
        say(f"Node '{name}' is up; users fetch keys at https://{HOST}:{node.kme.port}.")
        await until_told_to_stop()
    finally:
        await node.close()
