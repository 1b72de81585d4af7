"""Two stores whose keys are used in all ways there are, and a clock that the test moves."""

from tests.qkd.key_pair import fetch, open_store, share, told

from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.fold import KEPT_S
from kakehashi.qkd.keys.grant import draw_key_ids
from kakehashi.qkd.keys.model import Account


class Pair:
    def __init__(self, folder):
        self.folder, self.now = folder, 1e9
        self.owner, self.holder = (open_store(folder, name, clock=lambda: self.now) for name in "ab")
        self.data = share(self.owner, self.holder)

    def deliver(self, n_keys=1, *, lifetime_s=100.0, is_fetched=True):
        ids = draw_key_ids(n_keys)
        with self.owner.transaction():
            grant, _ = self.owner.allocate("b", key_bits=256, n_keys=n_keys, master="alice")
        heard = told(grant, key_ids=ids, expires_utc=self.now + lifetime_s)
        with self.holder.transaction():
            self.holder.announce(heard)
        with self.owner.transaction():
            self.owner.confirm(grant.grant_id)
        if is_fetched:
            fetch(self.holder, heard, range(n_keys))
        return heard

    def spend(self):
        with self.owner.transaction():
            grant, _ = self.owner.spend("b", 64, Account.AUTHENTICATION)
        with self.holder.transaction():
            self.holder.spend_at(told(grant, readers=(), master="", expires_utc=self.now))
        with self.owner.transaction():
            self.owner.confirm(grant.grant_id)

    def give_up(self, *, is_announced):
        with self.owner.transaction():
            grant, _ = self.owner.allocate("b", key_bits=256, master="alice")
        heard = told(grant, key_ids=draw_key_ids(1), expires_utc=self.now + 100)
        with self.holder.transaction():
            if is_announced:
                self.holder.announce(heard)
        with self.owner.transaction():
            self.owner.void(grant.grant_id)
        with self.holder.transaction():
            self.holder.void_at(told(grant, expires_utc=self.now))
        with self.owner.transaction():
            self.owner.confirm(grant.grant_id)

    def say_closed(self):
        self.holder.note_closed("a", self.owner.shelf.closed_up_to("b"))

    def age(self):
        self.now += KEPT_S + 200
        with self.holder.transaction():
            self.holder.expire()
        self.say_closed()

    def accounts(self):
        return [audit_store(store.folder).links[0].accounts for store in (self.owner, self.holder)]

    def faults(self):
        folders = [store.folder for store in (self.owner, self.holder)]
        return [f for folder in folders for f in audit_store(folder).faults] + list(audit_pair(*folders).faults)
