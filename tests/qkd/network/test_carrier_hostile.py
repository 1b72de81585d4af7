"""What a neighbour in an attacker's hands may answer and send: it costs key, and nothing else."""

import asyncio
import base64
import json

import pytest
from tests.qkd.relay_ring import Ring

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.network.carrier import MAX_BITS
from kakehashi.qkd.network.relay import TAG_KEY_BITS


@pytest.fixture
def ring(tmp_path):
    return Ring(tmp_path)


GOOD = {"ok": True, "failure": 0.5, "bound": "lim"}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"7",
        b"{}",
        b"[" * 100_000,
        b'{"ok": true, "failure": NaN}',
        b'{"ok": true, "failure": Infinity}',
        json.dumps({"ok": True}),
        *(json.dumps(GOOD | {"failure": failure}) for failure in (-1.0, 0.0, 1e-30, 1.0, 1e9, "0.5", [], 10**400)),
        *(json.dumps(GOOD | {"bound": bound}) for bound in ("x" * 65, "\ud800", "a\nb", 5, None)),
        json.dumps(GOOD | {"ok": 1}),
        json.dumps(GOOD | {"other": 1}),
        json.dumps({"ok": False, "why": "x" * 401}),
        json.dumps({"ok": False, "why": "\ud800"}),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_and_nothing_is_stored(ring, answer):
    ring.instead = {"relay": (200, answer if isinstance(answer, bytes) else answer.encode())}
    with pytest.raises(DeviceError, match=r"^'b' (answered relay with|does not say)"):
        ring.send(("a", "b", "c"))
    assert ring.blocks("a", "c") == []
    ring.instead = {}
    ring.settle()
    assert ring.stores["a"].untold("b") == []
    assert ring.audit() == []


@pytest.mark.parametrize("what", ["ahead", "finish"])
@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"ok": "yes"}'])
def test_no_question_may_be_answered_by_nonsense(ring, what, answer):
    ring.instead = {what: (200, answer)}
    with pytest.raises(DeviceError, match="makes no sense"):
        ring.send(("a", "b", "c"))
    assert ring.blocks("a", "c") == []


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b'{"message": []}', json.dumps({"message": "x" * 401}).encode()])
def test_a_refusal_needs_no_reason_and_a_long_one_is_not_repeated(ring, body):
    ring.instead = {"relay": (503, body)}
    with pytest.raises(DeviceError, match=r"refused a relayed key: 503$"):
        ring.send(("a", "b", "c"))


def test_a_neighbour_cannot_make_a_key_better_than_what_was_spent_on_it(ring):
    ring.instead = {"relay": (200, json.dumps({"ok": True, "failure": 0.25, "bound": "lim"}).encode())}
    ring.send(("a", "b", "c"))
    (block,) = ring.blocks("a", "c")
    assert (block.failure, block.bound) == (0.25, "lim")  # no better than wiesemann, which is that of the first hop
    ring.instead = {"relay": (200, json.dumps({"ok": True, "failure": 0.9, "bound": "zzz"}).encode())}
    ring.send(("a", "b", "c"), ("a", "d", "c"))
    assert [(b.failure, b.bound) for b in ring.blocks("a", "c")][1:] == [(1.0, "zzz")]


def test_a_neighbour_cannot_name_a_better_proof_than_that_of_the_hop_before(tmp_path):
    ring = Ring(tmp_path, bounds={("a", "b"): "differential"})
    ring.instead = {"relay": (200, json.dumps({"ok": True, "failure": 0.25, "bound": "lim"}).encode())}
    ring.send(("a", "b", "c"))
    assert [block.bound for block in ring.blocks("a", "c")] == ["differential"]


def relay_again(ring, change):
    """Have what was relayed to b relayed once more, and other than it was."""
    _, callee, _, table = next(said for said in ring.said if said[2] == "relay")
    change(table)
    asyncio.run(ring.carriers[callee].answer("a", "/kakehashi/node/v1/relay", json.dumps(table).encode()))


def test_a_key_longer_than_any_is_refused_before_a_pad_is_looked_for(ring):
    def grow(n_bits):
        def change(table):
            table["pad"] |= {"key_bits": n_bits, "parts": [[table["pad"]["parts"][0][0], 0, n_bits]]}
            table["padded"] = base64.b64encode(bytes(n_bits // 8)).decode()

        return change

    ring.send(("a", "b", "c"))
    with pytest.raises(InputError, match="two grants"):
        relay_again(ring, grow(MAX_BITS + TAG_KEY_BITS))
    with pytest.raises(InputError, match="another size"):
        relay_again(ring, grow(MAX_BITS + TAG_KEY_BITS + 8))


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**30, "\ud800" * 32, None])
@pytest.mark.parametrize("name", ["sequence", "key_bits", "grant_id", "master"])
def test_pads_that_no_store_can_hold_are_refused(ring, name, value):
    ring.send(("a", "b", "c"))
    with pytest.raises(InputError):
        relay_again(ring, lambda table: table["pad"].update({name: value}))
    assert ring.audit() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"header": 1}',
        b'{"block_id": 1}',
        b'{"block_id": 1, "tag": "x"}',
        b'{"route": ["a", "b"], "hop": Infinity}',
        b'{"route": ["a", "b", "c"], "hop": 0, "n_bits": NaN}',
        b'{"header": {"block_id": "", "route": [], "hop": Infinity}}',
    ],
)
@pytest.mark.parametrize("what", ["ahead", "relay", "finish", "other"])
def test_a_message_that_makes_no_sense_is_refused(ring, what, body):
    with pytest.raises(InputError):
        asyncio.run(ring.carriers["b"].answer("a", f"/kakehashi/node/v1/{what}", body))
