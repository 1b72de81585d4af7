import asyncio
import base64
import json
import secrets
from dataclasses import replace

import pytest
from tests.qkd.relay_ring import NAMES, Ring

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.keys.model import Account
from kakehashi.qkd.network.relay import tag_of_whole


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


def test_a_route_that_hangs_is_waited_for_before_the_error_of_another(ring):
    """Else a node that answers late would have a new share under way with every try."""
    over = []

    async def late(header, share):
        await asyncio.sleep(0.05)
        over.append(header.share)
        raise DeviceError("late.")

    ring.carriers["d"]._hop = late
    ring.lose = "finish"
    betray(ring, "b", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ring.send(*TWO)
    assert over == [1]


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
