"""A key server as a whole: its store, its peers, its two doors."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from kakehashi.core.errors import InputError, KakehashiError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.delivery.api import PeerApi, UserApi, refuse
from kakehashi.qkd.delivery.certificates import Kind, identity
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.credentials import Credentials
from kakehashi.qkd.delivery.desk import Desk
from kakehashi.qkd.delivery.peer_desk import PeerDesk
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.server import Bounds, Handler, HttpServer
from kakehashi.qkd.delivery.spec import KmeSpec, PeerSpec
from kakehashi.qkd.keys.clock import SteadyClock
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.model import NO_PROOF, KeyBlock
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.keys.vault import forbid_core_dumps, read_node_key

__all__ = ["Kme", "fill_blocks", "run_kme", "until_told_to_stop"]

logger = logging.getLogger(__name__)

N_CONNECTIONS = 2
"""Connections to each peer."""
HOUSEKEEPING_S = 1.0
LOOK_S = 0.1
PATIENCE_S = 1.0
"""How often a peer is looked after at the start, and after what time it is said that it is waited for."""
BLOCK_TURNS = 30
"""Blocks live long, and grants are over for long: both are looked at once in so many turns of the housekeeping."""
SWITCH_S = 0.0005
"""Longest time for which the thread that waits for the disk may be kept from noting that it is done."""


class Kme:
    """A key server that runs in the event loop of its caller.

    Args:
        spec: What it is.
        clock: Seconds since 1970; by default a :class:`~kakehashi.qkd.keys.clock.SteadyClock`.
        on_renewed: Called when there are new contexts of TLS in ``credentials``.

    Raises:
        InputError: A file that the spec names is missing or wrong.
    """

    def __init__(
        self,
        spec: KmeSpec,
        *,
        clock: Callable[[], float] | None = None,
        on_renewed: Callable[[], None] = lambda: None,
    ) -> None:
        clock = clock or SteadyClock()
        self.spec = spec
        self._on_renewed = on_renewed
        self.credentials = Credentials(spec.name, spec.certificate, spec.private_key, spec.authority, spec.revoked)
        self.store = KeyStore(
            spec.store, node=spec.name, node_key=read_node_key(spec.node_key), durable=spec.durable, clock=clock
        )
        self.commit = GroupCommit(self.store)
        self.links = {
            peer.name: PeerLink(peer.name, [self._client(peer) for _ in range(N_CONNECTIONS)], self.commit)
            for peer in spec.peer
        }
        self.desk = Desk(spec, self.commit, self.links, clock=clock)
        lifetime_s = spec.limits.key_lifetime_s
        peer_desk = PeerDesk(self.commit, is_reader=self.desk.is_local, key_lifetime_s=lifetime_s, clock=clock)
        self._user_door = self._door(UserApi(self.desk, with_skip=spec.skip).handle, "sae")
        self._peer_door = self._door(PeerApi(peer_desk, frozenset(self.links)).handle, "kme")
        self._housekeeper: asyncio.Task[None] | None = None
        self.port = self.peer_port = 0

    def _client(self, peer: PeerSpec) -> HttpClient:
        return HttpClient(
            *split_address(peer.address),
            name=peer.name,
            kind="kme",
            context=lambda: self.credentials.client,
            timeout_s=self.spec.limits.request_timeout_s,
        )

    def _door(self, handler: Handler, kind: Kind) -> HttpServer:
        limits = self.spec.limits
        is_peer = kind == "kme"
        bounds = Bounds(
            max_connections=limits.max_connections,
            max_connections_per_name=limits.max_connections_per_sae,
            max_body_bytes=2**24 if is_peer else limits.max_body_bytes,
            max_handshakes_per_address=limits.max_handshakes_per_address,
            handshake_timeout_s=limits.handshake_timeout_s,
            request_timeout_s=limits.request_timeout_s,
            idle_timeout_s=3600.0 if is_peer else limits.idle_timeout_s,
        )

        def naming(certificate: Any) -> str | None:
            return identity(certificate, kind)

        context = self.credentials.server
        return HttpServer(handler, refuse=refuse, context=context, naming=naming, bounds=bounds)

    async def start(self) -> None:
        """Open the doors and look for the peers.

        Raises:
            InputError: An address cannot be had.
        """
        sys.setswitchinterval(SWITCH_S)
        self.peer_port = await self._peer_door.start(*split_address(self.spec.peer_listen))
        self.port = await self._user_door.start(*split_address(self.spec.listen))
        for link in self.links.values():
            link.start()
        self._housekeeper = asyncio.create_task(self._keep_house())

    async def close(self) -> None:
        """Let what is under way end, and close."""
        if self._housekeeper is not None:
            self._housekeeper.cancel()
            await asyncio.gather(self._housekeeper, return_exceptions=True)
        await self._user_door.close()
        for link in self.links.values():
            await link.close()
        await self._peer_door.close()
        await self.commit.close()
        self.store.close()

    async def _fold(self) -> None:
        """Sum up what is over, in portions, so that users wait for none of it."""
        at = await self.commit.run(self.store.fold)
        while at:
            at = await self.commit.run(functools.partial(self.store.fold, at))
        while await self.commit.run(self.store.fold_ledger):
            pass

    def _renew_credentials(self) -> None:
        try:
            if not self.credentials.renew():
                return
        except InputError as error:
            logger.warning("The files of TLS have changed, but what they were still holds: %s", error)
            return
        for door in (self._user_door, self._peer_door):
            door.listener.renew(self.credentials.server, self.credentials.is_revoked)
        for link in self.links.values():
            link.try_anew()
        self._on_renewed()
        logger.info("The files of TLS have changed, and what they say now holds.")

    async def _keep_house(self) -> None:
        max_age_s = self.spec.limits.block_lifetime_s
        turn = 0
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            turn += 1
            self._renew_credentials()
            try:
                bits = await self.commit.run(self.store.expire)
                if turn % BLOCK_TURNS == 0:
                    bits += await self.commit.run(lambda: self.store.expire_blocks(max_age_s=max_age_s))
                    await self._fold()
            except KakehashiError as error:
                logger.warning("Nothing could expire: %s", error)
                continue
            if bits:
                logger.info("%d bits have expired.", bits)


def split_address(address: str) -> tuple[str, int]:
    """Host and port.

    Example:
        >>> split_address("[::1]:8443")
        ('::1', 8443)
    """
    host, _, port = address.rpartition(":")
    if int(port) > 65_535:
        raise InputError(f"{address} has no port: the highest is 65535.")
    return host.strip("[]"), int(port)


def fill_blocks(
    one: KeyStore, other: KeyStore, *, n_bits: int, n_blocks: int = 1, failure: float = 1.0, bound: str = NO_PROOF
) -> None:
    """Put random bits into two stores as if a link had distilled them.

    For trials of the delivery alone: bits that one program made and another copied are no quantum keys.

    Args:
        one: Owner of the first block, the third, and so on.
        other: Owner of the rest.
        n_bits: Size of each block.
        n_blocks: Number of blocks.
        failure: What each is said to fail with; nothing is promised by default.
        bound: By which proof that is said to hold; by none by default.
    """
    for index in range(n_blocks):
        block_id = secrets.token_hex(16)
        bits = Bits.from_bytes(secrets.token_bytes(n_bits // 8))
        for store, peer, is_ours in ((other, one.node, index % 2 == 1), (one, other.node, index % 2 == 0)):
            block = KeyBlock(
                block_id=block_id,
                peer=peer,
                is_ours=is_ours,
                bits=bits,
                failure=failure,
                bound=bound,
                origin="distilled",
                made_utc=time.time(),
            )
            with store.transaction():
                store.add_block(block)


async def until_told_to_stop() -> None:
    """Wait until the program is interrupted or terminated."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


async def run_kme(spec: KmeSpec, *, say: Callable[[str], None]) -> None:
    """Serve until the program is told to stop.

    Args:
        spec: What to serve.
        say: Gets a sentence once the doors are open, and one about each peer.
    """
    forbid_core_dumps()
    kme = Kme(spec)
    try:
        await kme.start()
        say(
            f"KME '{spec.name}' serves SAEs on {spec.listen.rpartition(':')[0]}:{kme.port}"
            f" and KMEs on {spec.peer_listen.rpartition(':')[0]}:{kme.peer_port}."
        )
        telling = [asyncio.create_task(_tell_of(link, say)) for link in kme.links.values()]
        await until_told_to_stop()
        for task in telling:
            task.cancel()
    finally:
        await kme.close()


async def _tell_of(link: PeerLink, say: Callable[[str], None]) -> None:
    """Say whether a peer is reached, without which no key is delivered to its users; and that it is waited for."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if link.is_up:
            break
        await asyncio.sleep(LOOK_S)
    else:
        say(f"It waits for KME '{link.name}', which cannot be reached yet: {link.why_down}.")
    while not link.is_up:
        await asyncio.sleep(LOOK_S)
    say(f"KME '{link.name}' is reached: keys can be delivered to its SAEs.")
