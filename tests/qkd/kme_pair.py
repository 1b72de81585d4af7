"""Two key servers in one process, joined without a network, that can be stopped between any two writes."""

import asyncio
import contextlib
import json
import secrets
import shutil
import time

from kakehashi.core.errors import DeviceError, KakehashiError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.delivery.desk import Desk
from kakehashi.qkd.delivery.etsi014 import KeyIds, KeyRequest, RefusalError
from kakehashi.qkd.delivery.peer_desk import PeerDesk
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.spec import KmeSpec
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.grant import Grant, Part, draw_key_ids
from kakehashi.qkd.keys.model import Account, KeyBlock
from kakehashi.qkd.keys.store import KeyStore

HOMES = {"alice": "a", "anna": "a", "bob": "b", "bea": "b", "carol": "c"}


class Crash(BaseException):
    """The program is gone."""


def make_spec(name, peers, **limits):
    return KmeSpec.model_validate_json(
        json.dumps(
            {
                "name": name,
                "store": name,
                "listen": "127.0.0.1:0",
                "peer_listen": "127.0.0.1:0",
                "certificate": "x",
                "private_key": "x",
                "authority": "x",
                "sae": [{"id": sae, "kme": kme} for sae, kme in HOMES.items() if kme in (name, *peers)],
                "peer": [{"name": peer, "address": "127.0.0.1:1"} for peer in peers],
                "limits": {"fair_share": False, **limits},
            }
        )
    )


class Wire:
    """What one server sees of another: a client that can lose questions and answers."""

    def __init__(self, net, caller, callee):
        self.net, self.caller, self.callee = net, caller, callee

    async def call(self, path, body):
        if self.net.lose == "question":
            raise DeviceError("lost", transient=True)
        node = self.net.nodes[self.callee]
        try:
            answer = await node.peer_desk.answer(self.caller, path, body)
        except Crash:
            raise DeviceError("gone", transient=True) from None
        except KakehashiError as error:
            raise DeviceError(str(error), transient=True) from None
        if self.net.lose == "answer" or node.is_dead or self.net.nodes[self.caller].is_dead:
            raise DeviceError("lost", transient=True)
        return 200, json.dumps(answer).encode()

    def close(self):
        pass


class Node:
    """One server. ``arm(n)`` stops it at its n-th write from now; its folder is kept as it was in that moment."""

    def __init__(self, net, name, folder, node_key, limits):
        self.name, self.folder, self.node_key, self.net, self.limits = name, folder, node_key, net, limits
        self.countdown = None
        self.is_dead = self.is_full = False
        self.writes = []
        self.store = KeyStore(folder, node=name, node_key=node_key, durable=False, clock=net.clock, trace=self._trace)
        self.commit = GroupCommit(self.store)
        peers = [other for other in net.names if other != name]
        self.spec = make_spec(name, peers, **limits)
        self.links = {p: PeerLink(p, [Wire(net, name, p)], self.commit, pause_s=0.002) for p in peers}
        self.desk = Desk(self.spec, self.commit, self.links, clock=net.clock)
        self.peer_desk = PeerDesk(
            self.commit,
            is_reader=self.desk.is_local,
            key_lifetime_s=self.spec.limits.key_lifetime_s,
            clock=net.clock,
        )

    def arm(self, n):
        self.countdown = n

    def _trace(self, point):
        self.writes.append(point)
        if self.is_dead:
            raise Crash
        if self.is_full and point == "commit":
            raise ResourceError("There is no space left.")
        if self.countdown is not None:
            self.countdown -= 1
            if self.countdown <= 0:
                self.is_dead = True
                left = self.folder.with_name(f"{self.folder.name}_")
                shutil.rmtree(left, ignore_errors=True)
                shutil.copytree(self.folder, left)
                raise Crash

    async def close(self):
        for link in self.links.values():
            await link.close()
        with contextlib.suppress(Crash, KakehashiError):
            await self.commit.close()
        self.store.close()


class Net:
    """Servers by name, and a clock that the test moves."""

    def __init__(self, folder, names=("a", "b"), **limits):
        self.names, self.folder, self.limits = names, folder, limits
        self.now, self.lose = 1e9, None
        self.nodes = {n: Node(self, n, folder / n, secrets.token_bytes(32), limits) for n in names}

    def clock(self):
        return self.now

    def _block(self, one, other, n_bytes, failure, bound="wiesemann"):
        block_id, bits = secrets.token_hex(16), Bits.from_bytes(secrets.token_bytes(n_bytes))
        fields = {"block_id": block_id, "bits": bits, "failure": failure, "origin": "distilled", "made_utc": 0.0}
        fields["bound"] = bound
        yield self.nodes[other], KeyBlock(peer=one, is_ours=False, **fields)
        yield self.nodes[one], KeyBlock(peer=other, is_ours=True, **fields)

    def fill(self, one, other, n_bytes, failure=1e-10, bound="wiesemann"):
        """A block of ``one`` that both have."""
        for node, block in self._block(one, other, n_bytes, failure, bound):
            with node.store.transaction():
                node.store.add_block(block)
        return block.bits

    async def fill_running(self, one, other, n_bytes, failure=1e-10):
        """The same while servers run."""
        for node, block in self._block(one, other, n_bytes, failure):
            await node.commit.run(lambda store=node.store, block=block: store.add_block(block))

    def start(self):
        for node in self.nodes.values():
            for link in node.links.values():
                link.start()

    async def until_up(self, *, timeout=5):
        """Until all have reconciled; those that are gone start anew."""
        end = time.monotonic() + timeout
        await self.revive()
        while not all(link.is_up for node in self.nodes.values() for link in node.links.values()):
            assert time.monotonic() < end, [link.why_down for n in self.nodes.values() for link in n.links.values()]
            await asyncio.sleep(0.001)
            await self.revive()

    async def until_shared(self):
        await self.until_up()
        while any(n.store.unshared_blocks(p) for n in self.nodes.values() for p in n.links):
            for node in self.nodes.values():
                for link in node.links.values():
                    link.wake()
            await asyncio.sleep(0.001)

    async def revive(self):
        """Start anew those that are gone, from what they left on disk."""
        for name, node in list(self.nodes.items()):
            if node.is_dead:
                await node.close()
                shutil.rmtree(node.folder)
                node.folder.with_name(f"{node.folder.name}_").rename(node.folder)
                self.nodes[name] = Node(self, name, node.folder, node.node_key, self.limits)
                for link in self.nodes[name].links.values():
                    link.start()
                for other in self.nodes.values():
                    if name in other.links:
                        other.links[name]._lose("gone")

    async def settle(self):
        """Until every grant is told."""
        await self.until_up()
        end = time.monotonic() + 5
        while any(n.store.untold(p) for n in self.nodes.values() for p in n.links):
            assert time.monotonic() < end
            for node in self.nodes.values():
                node.commit._flush()
                for link in node.links.values():
                    link.wake()
            await asyncio.sleep(0.001)

    async def enc(self, master="alice", slave="bob", **request):
        """Keys for a master, as ``{key ID: key}``."""
        issued = await self.nodes[HOMES[master]].desk.get_keys(master, slave, KeyRequest(**request))
        ids = issued.key_ids
        return {ids[16 * i : 16 * i + 16]: bytes(key) for i, key in enumerate(issued.keys)}

    async def dec(self, ids, reader="bob", master="alice"):
        """Keys for a slave, likewise."""
        desk = self.nodes[HOMES[reader]].desk
        issued = await desk.get_keys_with_ids(reader, master, KeyIds(key_ids=tuple(ids)))
        return dict(zip(ids, (bytes(key) for key in issued.keys), strict=True))

    async def close(self):
        for node in self.nodes.values():
            await node.close()


def run_pair(folder, story):
    """Two servers that share a block, while a story is told."""

    async def all_of_it():
        net = Net(folder)
        net.fill("a", "b", 1000)
        net.start()
        try:
            await net.until_shared()
            await story(net)
        finally:
            await net.close()

    asyncio.run(all_of_it())


def make_grant(**changes):
    """A grant of bits that nobody has."""
    fields = {
        "grant_id": "1" * 32, "peer": "b", "is_ours": True, "sequence": 4, "account": Account.RELAYED, "key_bits": 64,
        "parts": (Part(block_id="2" * 32, first=8, n_bits=128),), "master": "alice", "key_ids": draw_key_ids(2),
        "mask": bytes(range(16)),
    }  # fmt: skip
    return Grant(**fields | changes)


def run(folder, story, names=("a", "b"), fill=4096, **limits):
    async def all_of_it():
        net = Net(folder, names, **limits)
        for one in names:
            for other in names:
                if one != other:
                    net.fill(one, other, fill)
        net.start()
        await net.until_shared()
        try:
            return await story(net)
        finally:
            await net.close()

    return asyncio.run(all_of_it())


def assert_books_balance(net):
    for node in net.nodes.values():
        audit = audit_store(node.folder)
        assert audit.faults == ()
        assert all(block.is_balanced for block in audit.blocks)
    names = net.names
    for one, other in ((one, other) for one in names for other in names if one < other):
        assert audit_pair(net.nodes[one].folder, net.nodes[other].folder).faults == ()


class Witness:
    """Remembers who got what, and objects if a key is given twice or differs."""

    def __init__(self):
        self.masters = {}
        self.slaves = {}

    def master(self, sent):
        for key_id, key in sent.items():
            assert key_id not in self.masters
            assert key not in self.masters.values()
            self.masters[key_id] = key

    def slave(self, reader, got):
        for key_id, key in got.items():
            assert (reader, key_id) not in self.slaves
            assert self.masters.get(key_id, key) == key
            self.slaves[reader, key_id] = key


async def attempt(work, *statuses):
    """The outcome, or None where the server said 503 or another of the statuses, or went away."""
    try:
        return await work
    except Crash:
        return None
    except RefusalError as refusal:
        if refusal.status in (503, *statuses):
            return None
        raise
