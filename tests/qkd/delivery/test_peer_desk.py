import json

import pytest
from tests.qkd.kme_pair import make_grant, run_pair

from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.peer_messages import MAX_BATCH, grant_to_json
from kakehashi.qkd.keys.audit import audit_store
from kakehashi.qkd.keys.grant import Part
from kakehashi.qkd.keys.model import Account


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"grants": 1}', b'{"grants": [1]}', b'{"untold": [], "after": "x"}']
)
@pytest.mark.parametrize("what", ["announce", "void", "reconcile", "other"])
def test_a_message_that_makes_no_sense_is_refused(tmp_path, what, body):
    async def story(net):
        with pytest.raises(InputError):
            await net.nodes["b"].peer_desk.answer("a", f"/kakehashi/kme/v1/{what}", body)

    run_pair(tmp_path, story)


def test_a_peer_cannot_name_users_or_blocks_that_are_not_its_own(tmp_path):
    async def story(net):
        desk = net.nodes["b"].peer_desk
        block = next(iter(net.nodes["b"].store.shelf.by_id))
        good = make_grant(parts=(Part(block_id=block, first=0, n_bits=128),), mask=b"", account=Account.DELIVERED)
        for table, sentence in (
            (grant_to_json(good, ["alice"]), "no user"),
            (grant_to_json(good, []), "must have readers"),
            (grant_to_json(make_grant(), ["bob"]), "not free"),
            (grant_to_json(good, ["bob"]) | {"account": "expired"}, "Nothing can be announced"),
        ):
            answer = await desk.answer("a", "/kakehashi/kme/v1/announce", json.dumps({"grants": [table]}).encode())
            assert sentence in answer["refused"]["1" * 32]
        table = {"grants": [grant_to_json(good, ["bob"])]}
        answer = await desk.answer("c", "/kakehashi/kme/v1/announce", json.dumps(table).encode())
        assert "not free" in answer["refused"]["1" * 32]
        assert audit_store(net.nodes["b"].folder).is_clean

    run_pair(tmp_path, story)


@pytest.mark.parametrize("what", ["announce", "void"])
def test_a_message_holds_so_many_grants_and_no_more(tmp_path, what):
    """All of them are one transaction, for which everybody else waits."""

    async def story(net):
        def ask(n):
            body = json.dumps({"grants": [grant_to_json(make_grant())] * n}).encode()
            return net.nodes["b"].peer_desk.answer("a", f"/kakehashi/kme/v1/{what}", body)

        assert (await ask(MAX_BATCH))["refused"]
        with pytest.raises(InputError, match="257 grants at once"):
            await ask(MAX_BATCH + 1)

    run_pair(tmp_path, story)
