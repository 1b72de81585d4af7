"""Two stores that share blocks, and what one tells the other, without servers."""

import secrets

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.keys.grant import Grant, draw_key_ids
from kakehashi.qkd.keys.model import KeyBlock
from kakehashi.qkd.keys.store import KeyStore

NODE_KEYS = {name: secrets.token_bytes(32) for name in "abc"}


def open_store(folder, node="a", **options):
    options = {"durable": False, **options}
    return KeyStore(folder / node, node=node, node_key=NODE_KEYS[node], **options)


def make_block(n_bytes=1000, *, peer="b", is_ours=True, block_id=None, bits=None, failure=1e-10):
    bits = bits if bits is not None else Bits.from_bytes(secrets.token_bytes(n_bytes))
    block_id = block_id or secrets.token_hex(16)
    return KeyBlock(
        block_id=block_id, peer=peer, is_ours=is_ours, bits=bits, failure=failure, bound="wiesemann",
        origin="distilled", made_utc=0.0,
    )  # fmt: skip


def share(owner, holder, n_bytes=1000, *, failure=1e-10):
    """Put a block into both; gives its bytes."""
    mine = make_block(n_bytes, peer=holder.node, failure=failure)
    theirs = make_block(peer=owner.node, is_ours=False, block_id=mine.block_id, bits=mine.bits, failure=failure)
    with holder.transaction():
        holder.add_block(theirs)
    with owner.transaction():
        owner.add_block(mine)
        owner.share_blocks([mine.block_id])
    return mine.bits.to_bytes()


def told(grant, *, readers=("bob",), key_ids=b"", **changes):
    """The grant as the other end hears of it."""
    fields = {
        "grant_id": grant.grant_id, "peer": "a", "is_ours": False, "sequence": grant.sequence, "account": grant.account,
        "key_bits": grant.key_bits, "parts": grant.parts, "master": grant.master, "readers": readers,
        "key_ids": key_ids, "expires_utc": 2e9,
    }  # fmt: skip
    return Grant(**fields | changes)


def deliver(owner, holder, n_keys=1, key_bits=256):
    """Allocate and announce; gives the grant as the holder has it, and the keys."""
    ids = draw_key_ids(n_keys)
    with owner.transaction():
        grant, keys = owner.allocate(holder.node, key_bits=key_bits, n_keys=n_keys, master="alice")
    heard = told(grant, key_ids=ids)
    with holder.transaction():
        holder.announce(heard)
    with owner.transaction():
        owner.confirm(grant.grant_id)
    return heard, bytes(keys)


def fetch(holder, grant, indices, reader="bob"):
    with holder.transaction():
        found = [holder.shelf.find(grant.key_id(index)) for index in indices]
        return [bytes(key) for key in holder.fetch(found, reader)]
