"""Servers that lose keys, deliver them twice, or give bad ones; and the checks that must see it."""

import hashlib
import json
import secrets
import time
import uuid

from tests.qkd.conformance.broken.server import Refusal, Server, Waiting


class Redelivers(Server):
    """Delivered keys are never deleted: their slave may fetch them for ever."""

    fails = frozenset({"once-post", "once-get", "once-spelling", "race-fetch", "multicast-same", "multicast-race"}) | {
        "crash-fetched"
    }

    def take(self, caller, key_id):
        return self.waiting[key_id].value


class RedeliversInCapitals(Server):
    """IDs that were fetched are remembered as they were spelt."""

    fails = frozenset({"once-spelling"})

    def __init__(self, folder):
        self.spelt = set()
        super().__init__(folder)

    def dec(self, caller, master, ids):
        with self.lock:
            if any((caller, key_id) in self.spelt for key_id in ids):
                self.not_found()
            for key_id in ids:
                known = self.waiting.get(key_id.lower()) or self.gone.get(key_id.lower())
                if known and key_id.isupper():
                    known.left.add(caller)
                    self.waiting[key_id.lower()] = known
            found = super().dec(caller, master, ids)
            self.spelt |= {(caller, key_id) for key_id in ids}
            return found


class LosesUndelivered(Server):
    """Keys that wait are overwritten by the next request."""

    fails = frozenset({"dec-many", "once-interleaved", "race-ask", "tenant-mixed"})

    def put(self, made):
        self.gone |= self.waiting
        self.waiting = dict(made)


class DropsOtherPairs(Server):
    """A request drops the keys that wait for other pairs."""

    fails = frozenset({"once-interleaved", "tenant-mixed"})

    def put(self, made):
        new = next(iter(made.values()))
        kept = {i: k for i, k in self.waiting.items() if (k.master, k.slaves) == (new.master, new.slaves)}
        self.gone |= {i: k for i, k in self.waiting.items() if i not in kept}
        self.waiting = kept | made


class ConsumesOnError(Server):
    """Good keys that are named beside an unknown one are gone."""

    fails = frozenset({"once-mixed-kept", "once-twice-in-one"})

    def find(self, caller, ids):
        try:
            super().find(caller, ids)
        except Refusal:
            for key_id in set(ids):
                if self.has(caller, key_id):
                    self.take(caller, key_id)
            raise


class LosesDuplicates(Server):
    """An ID that is named twice in one request consumes the key, and then it fails."""

    fails = frozenset({"once-twice-in-one"})

    def find(self, caller, ids):
        if len(set(ids)) < len(ids) and self.has(caller, ids[0]):
            self.take(caller, ids[0])
        super().find(caller, ids)


class TakesWhileReading(Server):
    """Keys are taken one by one while the list is read."""

    fails = frozenset({"once-malformed-kept"})

    def route(self, caller, method, path, query, body):
        try:
            items = json.loads(body)["key_IDs"] if path.endswith("dec_keys") else []
            odd = [item["key_ID"] for item in items if isinstance(item["key_ID"], int)]
        except (ValueError, TypeError, KeyError, RecursionError):
            odd, items = [], []
        if odd:
            for item in items:
                if self.has(caller, item["key_ID"]):
                    self.take(caller, item["key_ID"])
        return super().route(caller, method, path, query, body)


class UnequalKeys(Server):
    """The slave gets another key than the master."""

    fails = (
        frozenset({"dec-post", "dec-get", "dec-many", "dec-part", "enc-other-way", "once-interleaved", "abuse-alive"})
        | {
            "dec-master",
            "tenant-read",
            "tenant-pretend",
            "tenant-mixed",
            "multicast-same",
            "multicast-race",
            "race-ask",
        }
        | {
            "dec-get-two",
            "dec-other-master",
            "once-twice-in-one",
            "once-malformed-kept",
            "crash-waiting",
            "crash-load",
        }
    )
    warns = frozenset({"dec-extensions"})

    def take(self, caller, key_id):
        value = super().take(caller, key_id)
        return value[:-1] + bytes([value[-1] ^ 1])


class Races(Server):
    """Looks first and takes later, without a lock."""

    fails = frozenset({"race-fetch", "multicast-race"})

    def dec(self, caller, master, ids):
        for key_id in ids:
            self.authorize(caller, master, key_id.lower())
        self.find(caller, [key_id.lower() for key_id in ids])
        places = {key_id: self.waiting[key_id.lower()] for key_id in ids}
        time.sleep(0.03)
        with self.lock:
            for key_id in ids:
                if self.has(caller, key_id.lower()):
                    self.take(caller, key_id.lower())
        return self.container({key_id: place.value for key_id, place in places.items()})


class CountsIds(Server):
    """Key IDs are a number that counts."""

    warns = frozenset({"key-id-pattern"})
    number = 2**100

    def new_id(self):
        with self.lock:
            self.number += 1
            return str(uuid.UUID(int=self.number))


class IdsOfTime(Server):
    """Key IDs are made of the clock and the network card."""

    warns = frozenset({"key-id-pattern"})

    def new_id(self):
        return str(uuid.uuid1())


class NamesInsteadOfUuids(Server):
    """Key IDs are words."""

    fails = frozenset({"key-id-form"})

    def new_id(self):
        return f"key-{secrets.token_hex(8)}"


class ReusesIds(Server):
    """A key ID comes again later, with another key."""

    fails = frozenset({"key-id-once"})
    has_reused = False

    def new_id(self):
        if len(self.gone) > 20 and not self.has_reused:
            self.has_reused = True
            key_id = next(iter(self.gone))
            del self.gone[key_id]
            return key_id
        return super().new_id()


class SameKeyAgain(Server):
    """Every key is the beginning of one and the same stretch of bits."""

    fails = frozenset({"enc-consumed", "race-ask", "key-bits-once", "key-random", "crash-load"})
    bits = hashlib.shake_256(b"the same").digest(128)

    def new_key(self, n_bytes):
        return self.bits[:n_bytes]


class OverlappingKeys(Server):
    """Keys are cut from a stream so that each begins some bytes before the end of the last."""

    fails = frozenset({"key-bits-once", "crash-load"})
    stream, place = b"", 0

    def new_key(self, n_bytes):
        with self.lock:
            self.stream += secrets.token_bytes(2 * n_bytes)
            start = max(0, self.place - 15)
            self.place = start + n_bytes
            return self.stream[start : self.place]


class BiasedKeys(Server):
    """The lowest bit of every byte is 0."""

    fails = frozenset({"key-random"})

    def new_key(self, n_bytes):
        return bytes(octet & 0xFE for octet in secrets.token_bytes(n_bytes))


class ForgetsDeliveries(Server):
    """Deliveries are not written down, so that a crash brings keys back."""

    fails = frozenset({"crash-fetched"})

    def crash(self):
        for key_id, place in self.gone.items():
            self.waiting[key_id] = Waiting(place.master, place.slaves, place.value)
        self.gone = {}


class ChangesKeys(Server):
    """After a crash IDs stand for other keys."""

    fails = frozenset({"crash-waiting", "crash-load"})

    def crash(self):
        for place in self.waiting.values():
            place.value = secrets.token_bytes(len(place.value))


class EmptiedByOne(Server):
    """One user may take everything."""

    warns = frozenset({"exhaust-share"})
    stock_bits = 1_500_000


class EmptyIs500(Server):
    """An empty store ends in a 500."""

    fails = frozenset({"exhaust", "codes"})
    stock_bits = 1_500_000

    def enc(self, caller, slave, request):
        try:
            return super().enc(caller, slave, request)
        except Refusal as refusal:
            raise Refusal(500 if refusal.status == 503 else refusal.status, refusal.message) from None
