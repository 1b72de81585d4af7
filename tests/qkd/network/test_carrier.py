import asyncio
import itertools
import json
import secrets
import time
from dataclasses import replace

import pytest

from kakehashi.core.errors import DeviceError, InputError, KakehashiError
from kakehashi.qkd.delivery.peer_desk import PeerDesk
from kakehashi.qkd.delivery.peer_link import PeerLink
from kakehashi.qkd.delivery.serve import fill_blocks
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.commit import GroupCommit
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.network.carrier import Carrier
from kakehashi.qkd.network.relay import tag_of_whole

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
        if self.ring.lose_answer == path.rpartition("/")[2]:
            raise DeviceError("lost", transient=True)
        return 200, json.dumps(answer).encode()

    def close(self):
        pass


class Ring:
    """Four nodes; a and c have no link, and two ways to each other."""

    def __init__(self, folder, bounds=None):
        self.folder, self.lose, self.change, self.said, self.notes = folder, None, None, [], []
        self.lose_answer = None
        self.stores = {n: KeyStore(folder / n, node=n, node_key=secrets.token_bytes(32), durable=False) for n in NAMES}
        for one, other in LINKS:
            fill_blocks(
                self.stores[one],
                self.stores[other],
                n_bits=8000,
                n_blocks=2,
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


@pytest.fixture
def ring(tmp_path):
    return Ring(tmp_path)


def test_both_ends_get_one_key_and_every_hop_pays_for_it(ring):
    ring.send(("a", "b", "c"))
    assert ring.key("a", "c") == ring.key("c", "a")
    (here,), (there,) = ring.blocks("a", "c"), ring.blocks("c", "a")
    assert (here.is_ours, there.is_ours, here.origin) == (True, False, "relayed")
    assert here.failure == pytest.approx(4e-10)  # two grants on each of two hops
    assert there.failure == pytest.approx(here.failure)
    assert ring.audit() == []
    for node, peer in (("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")):
        assert ring.account(node, peer, "relayed") == 1024 + 256
        assert ring.account(node, peer, "authentication") == 256
    assert ring.account("a", "d", "relayed") == 0
    for node, peer in ("ac", "ca"):
        assert ring.account(node, peer, "stored") == 1024
        assert ring.account(node, peer, "authentication") == 256


@pytest.mark.parametrize("weak", [("a", "b"), ("b", "c")])
def test_a_key_over_several_links_keeps_the_weakest_of_their_bounds(tmp_path, weak):
    ring = Ring(tmp_path, bounds={weak: "differential"})
    ring.send(("a", "b", "c"))
    assert [block.bound for node, peer in ("ac", "ca") for block in ring.blocks(node, peer)] == ["differential"] * 2
    ring.send(("a", "d", "c"))
    assert sorted(block.bound for block in ring.blocks("a", "c")) == ["differential", "wiesemann"]
    assert sorted(block.bound for block in ring.blocks("c", "a")) == ["differential", "wiesemann"]
    ring.send(("a", "b", "c"), ("a", "d", "c"))
    assert sorted(block.bound for block in ring.blocks("a", "c")) == ["differential"] * 2 + ["wiesemann"]


def test_shares_over_two_routes_give_one_key_and_no_node_between_sees_it(ring):
    ring.send(("a", "b", "c"), ("a", "d", "c"))
    name, key = ring.key("a", "c")
    assert (name, key) == ring.key("c", "a")
    assert {len(table["header"]["route"]) for _, _, what, table in ring.said if what == "relay"} == {3}
    assert ring.audit() == []
    assert ring.account("a", "d", "relayed") == ring.account("b", "c", "relayed") == 1024 + 256


def test_no_key_is_on_the_wire(ring):
    ring.send(("a", "b", "c"))
    _, key = ring.key("a", "c")
    said = json.dumps([table for *_, table in ring.said])
    import base64

    assert base64.b64encode(bytes(key)).decode() not in said
    assert bytes(key).hex() not in said


def test_a_changed_message_is_an_alarm_and_no_key(ring):
    def change(table):
        table["padded"] = "A" * 8 + table["padded"][8:]

    ring.change = change
    with pytest.raises(DeviceError, match="tag"):
        ring.send(("a", "b", "c"))
    assert [note.kind for note in ring.notes] == ["alarm"]
    assert ring.blocks("a", "c") == ring.blocks("c", "a") == []
    assert ring.audit() == []


def betray(ring, name, change):
    """Have a node change what it sends on."""
    carrier = ring.carriers[name]
    honest = carrier._hop

    async def hop(header, share):
        return await honest(header, change(share))

    carrier._hop = hop


def flip(bit):
    def change(share):
        changed = bytearray(share)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    return change


ONE, TWO = [("a", "b", "c")], [("a", "b", "c"), ("a", "d", "c")]


@pytest.mark.parametrize("routes", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("bit", [0, 1023, 1024, 1024 + 128, 1024 + 255])
def test_what_a_node_changes_is_found_by_both_ends_and_destroyed(ring, routes, bit):
    betray(ring, "b", flip(bit))
    with pytest.raises(DeviceError, match="what came is not what was sent"):
        ring.send(*routes)
    ways = " and ".join("-".join(route) for route in routes)
    assert [(note.kind, note.route) for note in ring.notes] == [("alarm", routes[0])] * 2
    assert [note.text for note in ring.notes] == [
        f"A key from a was changed on its way ({ways}).",
        f"The key for c was changed on its way ({ways}).",
    ]
    assert ring.blocks("a", "c") == ring.blocks("c", "a") == []
    assert ring.account("a", "c", "expired") == 1024
    assert ring.audit() == []


def test_a_node_that_has_the_whole_key_can_still_change_it(ring):
    """What the explanation says of a single route: nothing that is sent over one node alone can bind it."""

    def change(share):
        key, tag_key = share[:-32], share[-32:]
        other = secrets.token_bytes(len(key))
        (block_id,) = {table["header"]["block_id"] for *_, what, table in ring.said if what == "relay"}
        tags = (tag_of_whole(block_id, ONE, text, tag_key=tag_key) for text in (key, other))
        pad = bytes(a ^ b ^ c for a, b, c in zip(tag_key[16:], *tags, strict=True))
        return other + tag_key[:16] + pad

    betray(ring, "b", change)
    ring.send(*ONE)
    assert ring.key("a", "c") != ring.key("c", "a")


def test_a_node_cannot_pass_off_shares_of_others(ring):
    """It would have all of the key that arrives, and could make its tag if it could also break into TLS."""

    async def both(header, share):
        for i in range(2):
            await honest(replace(header, share=i), share)
        return 0.0, ""

    honest = ring.carriers["b"]._hop
    ring.carriers["b"]._hop = both
    with pytest.raises(DeviceError, match=r"over one node|does not fit"):
        ring.send(*TWO)
    assert {note.kind for note in ring.notes} == {"alarm"}
    assert ring.blocks("a", "c") == ring.blocks("c", "a") == []
    assert ring.audit() == []


@pytest.mark.parametrize("lost", ["relay", "finish"])
def test_a_lost_message_costs_the_key_and_nothing_else(ring, lost):
    ring.lose = lost
    with pytest.raises(DeviceError):
        ring.send(("a", "b", "c"))
    assert ring.stores["a"].stock_bits("c") == 0
    ring.lose = None
    ring.send(("a", "d", "c"))
    assert ring.key("a", "c") == ring.key("c", "a")
    assert ring.audit() == []


@pytest.mark.parametrize(("what", "account"), [("lose", "expired"), ("lose_answer", "relayed")])
def test_the_pads_of_a_hop_that_failed_are_settled_without_a_break(ring, what, account):
    setattr(ring, what, "relay")
    with pytest.raises(DeviceError):
        ring.send(("a", "b", "c"))
    setattr(ring, what, None)
    ring.send(("a", "b", "c"))  # whatever is still to be settled holds nobody up
    ring.settle()
    assert [ring.stores[n].untold(other) for n in NAMES for other in NAMES if n != other] == [[]] * 12
    size = ring.account("a", "b", "relayed") // (1 if account == "expired" else 2)
    assert ring.audit() == []
    for node, peer in (("a", "b"), ("b", "a")):
        tags = 256 if account == "expired" else 512
        assert ring.account(node, peer, "authentication") == tags
        assert ring.account(node, peer, "expired") == (size + 256 if account == "expired" else 0)
        assert ring.account(node, peer, "relayed") == (size if account == "expired" else 2 * size)


def test_a_relayed_key_that_is_late_finds_its_pads_given_up(ring):
    ring.lose = "relay"
    with pytest.raises(DeviceError):
        ring.send(("a", "b", "c"))
    ring.lose = None
    ring.settle()
    _, callee, _, table = next(said for said in ring.said if said[2] == "relay")
    with pytest.raises(InputError, match="not free"):
        asyncio.run(ring.carriers[callee].answer("a", "/kakehashi/node/v1/relay", json.dumps(table).encode()))
    assert ring.audit() == []


def test_a_hop_without_key_refuses_and_nothing_is_stored(ring):
    with pytest.raises(DeviceError, match="not enough key"):
        ring.send(("a", "b", "c"), n_bits=16_000)
    assert ring.blocks("c", "a") == []


def test_a_far_hop_without_key_costs_the_near_ones_nothing(ring):
    store = ring.stores["b"]
    with store.transaction():
        store.spend("c", store.stock_bits("c") - 256, Account.AUTHENTICATION)
    before = ring.stores["a"].stock_bits("b")
    for _ in range(5):
        with pytest.raises(DeviceError, match="'b' has not enough key in common with 'c'"):
            ring.send(("a", "b", "c"))
    assert ring.stores["a"].stock_bits("b") == before
    ring.send(("a", "d", "c"))
    assert ring.key("a", "c") == ring.key("c", "a")


@pytest.mark.parametrize(
    "change", [{"route": ["a", "b", "x"]}, {"route": ["a", "b", "a"]}, {"route": ["d", "b"]}, {"hop": 1}, {"hop": -1}]
)
def test_nobody_may_ask_about_a_route_that_is_not_his(ring, change):
    body = json.dumps({"route": ["a", "b", "c"], "hop": 0, "n_bits": 64} | change).encode()
    with pytest.raises(InputError, match="asked about a route"):
        asyncio.run(ring.carriers["b"].answer("a", "/kakehashi/node/v1/ahead", body))


def test_a_route_over_strangers_is_refused_before_a_pad_is_spent(ring):
    ring.send(("a", "b", "c"))
    _, callee, _, table = next(said for said in ring.said if said[2] == "relay")
    table["header"]["route"] = ["a", "b", "x"]
    with pytest.raises(InputError, match="not in this network"):
        asyncio.run(ring.carriers[callee].answer("a", "/kakehashi/node/v1/relay", json.dumps(table).encode()))


def test_a_replay_finds_its_pads_gone(ring):
    ring.send(("a", "b", "c"))
    caller, callee, _, table = next(said for said in ring.said if said[2] == "relay")
    body = json.dumps(table).encode()
    with pytest.raises(InputError, match="not free"):
        asyncio.run(ring.carriers[callee].answer(caller, "/kakehashi/node/v1/relay", body))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"header": 1}', b'{"block_id": 1}', b'{"block_id": 1, "tag": "x"}']
)
@pytest.mark.parametrize("what", ["relay", "finish", "other"])
def test_a_message_that_makes_no_sense_is_refused(ring, what, body):
    with pytest.raises(InputError):
        asyncio.run(ring.carriers["b"].answer("a", f"/kakehashi/node/v1/{what}", body))
