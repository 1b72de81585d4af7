"""What a key server does for its users, whatever dialect they speak: status, keys for a master, keys for a slave."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from kakehashi.core.errors import DeviceError, ResourceError
from kakehashi.qkd.delivery.etsi014 import MESSAGES, KeyIds, KeyRequest, RefusalError, Status, check_request
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.quota import FairShare, Quota
from kakehashi.qkd.delivery.spec import KmeSpec
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.grant import Grant, draw_key_ids
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.vault import wipe
from kakehashi.qkd.security.bounds import is_composable, weakest

__all__ = ["Desk", "Issued"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Keys on their way out; whoever writes the answer wipes them.

    Attributes:
        key_ids: 16 bytes for each.
        keys: The keys, in the same order.
        failure: Probability with which they may fail, all together.
        bound: Name of the proof by which that holds, the weakest of those of all blocks.
    """

    key_ids: bytes
    keys: tuple[memoryview, ...]
    failure: float
    bound: str

    def wipe(self) -> None:
        """Overwrite the keys."""
        wipe(*self.keys)


@dataclass(frozen=True, slots=True)
class _Order:
    """What a request for keys comes to: who fetches where."""

    number: int
    size: int
    main: str
    """KME of the slave that the request names."""
    readers: Mapping[str, tuple[str, ...]]
    """Slaves by KME, this one among them where a slave is local."""


class Desk:
    """The service of one key server.

    Args:
        spec: What it is.
        commit: Its store.
        links: Its peers.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        spec: KmeSpec,
        commit: GroupCommit,
        links: Mapping[str, PeerLink],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.spec = spec
        self.homes = {sae.id: sae.kme for sae in spec.sae}
        self._sizes = spec.limits.sizes()
        self._commit = commit
        self._links = links
        self._clock = clock
        limits = spec.limits
        self._quota = Quota(
            bits_per_s=limits.quota_bits_per_s, burst_bits=limits.quota_burst_bits, clock=time.monotonic
        )
        n_users = sum(home == spec.name for home in self.homes.values()) if limits.fair_share else 1
        self._shares = {name: FairShare(n_users=n_users, clock=time.monotonic) for name in links}

    def is_local(self, sae: str) -> bool:
        """Whether a user belongs to this node."""
        return self.homes.get(sae) == self.spec.name

    def status(self, master: str, slave: str) -> Status:
        """How many keys of the usual size there are for a pair.

        Raises:
            RefusalError: 400, where the slave is unknown.
        """
        home = self._home(slave)
        stored = self._commit.store.stock_bits(home) // self._sizes.key_size if home != self.spec.name else 0
        return Status(
            source_kme=self.spec.name, target_kme=home, master=master, slave=slave, stored=stored, sizes=self._sizes
        )

    async def get_keys(self, master: str, slave: str, request: KeyRequest) -> Issued:
        """New keys for a master. Every slave's KME has written them down when this returns.

        Raises:
            RefusalError: 400, where the request is wrong; 503, where there is no key, no way to a peer, or no share
            left.
        """
        order = self._order(master, slave, request)
        remote = [name for name in order.readers if name != self.spec.name]
        links = [self._links[name] for name in remote]
        for link in links:
            if not link.is_up:
                since = "cannot be reached" if link.has_been_up else "has not been reached yet since this KME started"
                raise RefusalError(503, f"KME '{link.name}' {since}", retry_after_s=1)
        self._take_share(master, order, remote)
        try:
            return await self._issue(master, order, request, links)
        except BaseException:
            self._note_share(master, -order.number * order.size, remote)
            raise

    async def _issue(self, master: str, order: _Order, request: KeyRequest, links: list[PeerLink]) -> Issued:
        key_ids = draw_key_ids(order.number)
        with ExitStack() as stack:
            for link in links:
                stack.enter_context(link.under_way())
            try:
                grants, keys = await self._commit.run(lambda: self._allocate(master, order, key_ids, request))
            except ResourceError as error:
                logger.warning("No keys for '%s': %s", master, error)
                raise RefusalError(
                    503, "there is not enough key, or it cannot be written down that it was used"
                ) from None
            await self._announce(grants, order)
        view, n = memoryview(keys), order.size // 8
        return Issued(
            key_ids=key_ids,
            keys=tuple(view[n * i : n * (i + 1)] for i in range(order.number)),
            failure=sum(grant.failure for grant in grants.values()),
            bound=weakest(grant.bound for grant in grants.values()),
        )

    async def get_keys_with_ids(self, reader: str, master: str, asked: KeyIds) -> Issued:
        """The keys that a slave names, all or none.

        Raises:
            RefusalError: 401, where a key is there but not for this slave, or not from this master; 400, where one is
            not.
        """
        ids = [key_id for key_id in asked.key_ids if key_id is not None]
        if len(ids) > self._sizes.max_key_per_request:
            raise RefusalError(400, f"there may be at most {self._sizes.max_key_per_request} key_IDs")
        has_strange = len(ids) < len(asked.key_ids) or len(set(ids)) < len(ids)
        store = self._commit.store

        def fetch() -> tuple[list[bytearray], float, str]:
            found: list[tuple[Grant, int]] = []
            is_missing = has_strange
            for key_id in ids:
                place = store.shelf.find(key_id)
                if place is None:
                    readers = store.shelf.readers_of_gone(key_id)
                    if readers is not None and reader not in readers:
                        raise _unauthorized()
                    is_missing = True
                    continue
                grant, index = place
                if reader not in grant.readers or grant.master != master:
                    raise _unauthorized()
                is_there = store.is_ready(grant) and grant.waiting[self._place(grant, index, reader)]
                is_missing |= not is_there
                found.append(place)
            if is_missing:
                raise RefusalError(400, MESSAGES["not found"])
            failure = sum({grant.grant_id: grant.failure for grant, _ in found}.values())
            bound = weakest(grant.bound for grant, _ in found)
            return store.fetch(found, reader), failure, bound

        try:
            keys, failure, bound = await self._commit.run(fetch)
        except ResourceError as error:
            logger.warning("No keys for '%s': %s", reader, error)
            raise RefusalError(
                503, "it cannot be written down that the keys were delivered; nothing was lost"
            ) from None
        return Issued(key_ids=b"".join(ids), keys=tuple(memoryview(key) for key in keys), failure=failure, bound=bound)

    @staticmethod
    def _place(grant: Grant, index: int, reader: str) -> int:
        return index * len(grant.readers) + grant.readers.index(reader)

    def _home(self, sae: str) -> str:
        home = self.homes.get(sae)
        if home is None:
            raise RefusalError(400, "the SAE of the path or of additional_slave_SAE_IDs is not known to this KME")
        return home

    def _order(self, master: str, slave: str, request: KeyRequest) -> _Order:
        number, size = check_request(request, self._sizes)
        slaves = (slave, *request.additional)
        if len(set(slaves)) < len(slaves) or master in slaves:
            raise RefusalError(400, "every slave SAE may be named once, and none may be the master")
        readers: dict[str, tuple[str, ...]] = {}
        for sae in slaves:
            home = self._home(sae)
            readers[home] = (*readers.get(home, ()), sae)
        main = self._home(slave)
        if main == self.spec.name:
            main = next((home for home in readers if home != main), "")
        if not main:
            raise RefusalError(400, "this KME makes no keys between SAEs that are both its own")
        return _Order(number, size, main, readers)

    def _take_share(self, master: str, order: _Order, remote: list[str]) -> None:
        bits = order.number * order.size
        store = self._commit.store
        if any(store.stock_bits(name) < bits for name in remote):
            raise RefusalError(503, "there is not enough key")
        wait_s = self._quota.wait_s(master, bits)
        if wait_s:
            hint = {} if math.isinf(wait_s) else {"retry_after_s": math.ceil(wait_s)}
            raise RefusalError(503, "the quota of this SAE is used up", **hint)
        for name in remote:
            if not self._shares[name].allows(master, bits, stock_bits=store.stock_bits(name)):
                raise RefusalError(503, "the rest of the key is kept for other SAEs")

        # Before anything is waited for, so that many requests at once do not take what each of them may.
        self._note_share(master, bits, remote)

    def _note_share(self, master: str, bits: int, remote: list[str]) -> None:
        self._quota.take(master, bits)
        for name in remote:
            self._shares[name].take(master, bits)

    def _allocate(
        self, master: str, order: _Order, key_ids: bytes, request: KeyRequest
    ) -> tuple[dict[str, Grant], bytearray]:
        """Cut the keys, and a pad for each further KME that gets them. Checks all before it changes anything."""
        store = self._commit.store
        bits = order.number * order.size
        others = [name for name in order.readers if name not in (order.main, self.spec.name)]
        if any(store.stock_bits(name) < bits for name in (order.main, *others)):
            raise ResourceError("There is not enough key.")
        homes, most = (order.main, *others), request.max_failure
        if most is not None and sum(store.next_failure(home, bits) for home in homes) > most:
            raise RefusalError(400, MESSAGES["mandatory unmet"])
        if request.must_be_composable and not all(is_composable(store.next_bound(home, bits)) for home in homes):
            raise RefusalError(400, MESSAGES["mandatory unmet"])
        grant, keys = store.allocate(
            order.main,
            key_bits=order.size,
            n_keys=order.number,
            master=master,
            readers=order.readers.get(self.spec.name, ()),
            key_ids=key_ids,
            expires_utc=self._clock() + self.spec.limits.key_lifetime_s,
        )
        grants = {order.main: grant}
        for name in others:
            extra, pad = store.allocate(
                name, key_bits=order.size, n_keys=order.number, master=master, account=Account.RELAYED
            )
            # A copy for the peer: the IDs belong to the keys, and this node knows them by the first grant.
            mask = bytes(a ^ b for a, b in zip(keys, pad, strict=True))
            grants[name] = replace(extra, key_ids=key_ids, mask=mask)
            wipe(pad)
        return grants, keys

    async def _announce(self, grants: Mapping[str, Grant], order: _Order) -> None:
        """Have every peer write down its grant; one that cannot voids them all."""
        told = [self._links[name].announce(grant, order.readers[name]) for name, grant in grants.items()]
        outcomes = await asyncio.gather(*told, return_exceptions=True)
        store = self._commit.store
        ids = [grant.grant_id for grant in grants.values()]
        failed = {
            name: outcome for name, outcome in zip(grants, outcomes, strict=True) if isinstance(outcome, BaseException)
        }
        if not failed:
            if self.spec.name in order.readers:  # a slave of this very node may ask next
                await self._commit.run(lambda: store.confirm(*ids))
            else:
                self._commit.defer(lambda: store.confirm(*ids))
            return
        await self._commit.run(lambda: store.void(*ids))
        for name in grants:
            self._links[name].wake()
        name, error = next(iter(failed.items()))
        if not isinstance(error, DeviceError):
            raise error
        logger.warning("Keys were given up: %s", error)
        raise RefusalError(503, f"KME '{name}' of a slave SAE could not take the keys")


def _unauthorized() -> RefusalError:
    return RefusalError(401, "this SAE was not named as a slave of every one of these keys")
