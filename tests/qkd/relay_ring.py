"""Four nodes in a ring without a network between them, for tests of relays."""

import asyncio
import itertools
import json
import secrets
import time

from kakehashi.core.errors import DeviceError, KakehashiError
from kakehashi.qkd.delivery.peer_desk import PeerDesk
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.serve import fill_blocks
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.network.carrier import Carrier

NAMES = "abcd"
LINKS = [("a", "b"), ("b", "c"), ("a", "d"), ("d", "c")]


class Wire:
    """A client without a network; it can change or lose what goes over it."""

    def __init__(self, ring, caller, callee):
        self.ring, self.caller, self.callee = ring, caller, callee

    async def call(self, path, body):
        table = json.loads(body)
        self.ring.said.append((self.caller, self.callee, path.rpartition("/")[2], table))
        if self.ring.lose == path.rpartition("/")[2]:
            raise DeviceError("lost", transient=True)
        if self.ring.change is not None and "padded" in table:
            self.ring.change(table)
        desks = self.ring.carriers if path.startswith("/kakehashi/node/") else self.ring.peer_desks
        try:
            answer = await desks[self.callee].answer(self.caller, path, json.dumps(table).encode())
        except KakehashiError as error:
            return 400, json.dumps({"message": str(error)}).encode()
        if path.rpartition("/")[2] in self.ring.instead:
            return self.ring.instead[path.rpartition("/")[2]]
        if self.ring.lose_answer == path.rpartition("/")[2]:
            raise DeviceError("lost", transient=True)
        return 200, json.dumps(answer).encode()

    def close(self):
        pass


class Ring:
    """Four nodes; a and c have no link, and two ways to each other."""

    def __init__(self, folder, bounds=None):
        self.folder, self.lose, self.change, self.said, self.notes = folder, None, None, [], []
        self.lose_answer, self.instead = None, {}
        self.stores = {n: KeyStore(folder / n, node=n, node_key=secrets.token_bytes(32), durable=False) for n in NAMES}
        for one, other in LINKS:
            fill_blocks(
                self.stores[one],
                self.stores[other],
                n_bits=8000,
                n_blocks=2,
                failure=1e-10,
                bound=(bounds or {}).get((one, other), "wiesemann"),
            )
        for one in NAMES:
            store = self.stores[one]
            with store.transaction():
                for other in NAMES:
                    store.share_blocks([block_id for block_id, _ in store.unshared_blocks(other)])
        self.commits = {n: GroupCommit(self.stores[n]) for n in NAMES}
        self.carriers, self.links = {}, {}
        self.peer_desks = {
            n: PeerDesk(self.commits[n], is_reader=lambda _: False, key_lifetime_s=60.0, clock=time.time) for n in NAMES
        }
        for one in NAMES:
            links = {o: PeerLink(o, [Wire(self, one, o)], self.commits[one]) for o in NAMES if o != one}
            self.links[one] = links
            for link in links.values():
                link.is_up = True
            self.carriers[one] = Carrier(
                one,
                self.commits[one],
                links,
                connect=lambda other, one=one: Wire(self, one, other),
                on_note=self.notes.append,
            )

    def send(self, *routes, n_bits=1024):
        self.run(lambda: self.carriers["a"].send_key("c", routes, n_bits))

    def settle(self):
        """Have all pairs say what they say in a quiet moment, without a break."""

        async def work():
            for links in self.links.values():
                for link in links.values():
                    await link._tell(link._clients[0])

        self.run(work)

    def run(self, work):
        async def all_of_it():
            try:
                await work()
            finally:
                for commit in self.commits.values():
                    await commit.close()
                    commit.__init__(commit.store)

        asyncio.run(all_of_it())

    def blocks(self, node, peer):
        return [b for b in self.stores[node].shelf.blocks.values() if b.peer == peer and b.free]

    def key(self, node, peer):
        """The one key that a node has from a relay, read out of its store."""
        (block,) = self.blocks(node, peer)
        return block.block_id, self.stores[node]._chunks.read(block.number, 0, block.n_bits)

    def audit(self):
        for store in self.stores.values():
            store.close()
        faults = [fault for n in NAMES for fault in audit_store(self.folder / n).faults]
        for one, other in itertools.combinations(NAMES, 2):
            faults += audit_pair(self.folder / one, self.folder / other).faults
        return faults

    def account(self, node, peer, account):
        (link,) = [link for link in audit_store(self.folder / node).links if link.name == peer]
        return link.accounts[account]
