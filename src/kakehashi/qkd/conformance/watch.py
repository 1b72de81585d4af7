"""What can be said only over a whole run: key IDs, repeated bits, statistics, statuses, forms of errors.

No key is kept: of each there is a keyed hash, and of each eight bytes of it, under a secret of
this run alone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import Counter
from collections.abc import Sequence

from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.reading import MisreadError, ReadKey, is_uuid, read_error

__all__ = ["Watch"]

WORD_BYTES = 8
LOOKED_AT_BYTES = 4096
"""Of a longer key the rest is not compared: no server may keep its judge busy for ever."""


class Watch:
    """Sees every answer.

    Attributes:
        n_requests: Requests so far.
        n_keys: New keys so far.
        statuses: Answers by HTTP status, those to requests outside the standard left out.
        odd_errors: Errors 400 and 503 that are no Error object, by what is wrong.
        bare_401: Answers 401 without an Error object.
        odd_types: Content types other than JSON.
        odd_ids: How many key IDs were no UUID.
        repeated_ids: How many were seen before.
        repeated_bits: How many keys hold eight bytes that were seen before.
        key_ids: IDs of new keys, in order.
    """

    def __init__(self) -> None:
        self.n_requests = 0
        self.n_keys = 0
        self.statuses: Counter[int] = Counter()
        self.odd_errors: Counter[str] = Counter()
        self.bare_401 = 0
        self.odd_types: Counter[str] = Counter()
        self.odd_ids = 0
        self.repeated_ids = 0
        self.repeated_bits = 0
        self.key_ids: list[str] = []
        self.n_bits = self.n_ones = self.n_changes = 0
        self._secret = secrets.token_bytes(32)
        self._keys: dict[str, bytes] = {}
        self._words: set[bytes] = set()
        self._lock = threading.Lock()

    def see(self, answer: Answer, *, is_regular: bool) -> None:
        """Note an answer.

        Args:
            answer: What came.
            is_regular: Whether the request was one that the standard knows, good or bad.
        """
        with self._lock:
            if answer.status is None or not is_regular:
                return
            self.statuses[answer.status] += 1
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and (answer.status in (200, 400, 503) or answer.body):
                self.odd_types[kind or "none"] += 1
            if answer.status in (400, 401, 503):
                try:
                    read_error(answer)
                except MisreadError as error:
                    if answer.status == 401:
                        self.bare_401 += 1
                    else:
                        self.odd_errors[f"{answer.status}: {error}"] += 1

    def see_new(self, keys: Sequence[ReadKey]) -> None:
        """Note keys as a master got them."""
        with self._lock:
            for key in keys:
                self.n_keys += 1
                self.odd_ids += not is_uuid(key.key_id)
                key_id = key.key_id.lower()
                self.repeated_ids += key_id in self._keys
                self._keys[key_id] = self._tag(key.value)
                self.key_ids.append(key_id)
                self._count_bits(key.value)
                self.repeated_bits += self._is_repeated(key.value)

    def agrees(self, key: ReadKey) -> bool | None:
        """Whether a slave's key is the master's; None where no master got that ID."""
        known = self._keys.get(key.key_id.lower())
        return None if known is None else hmac.compare_digest(known, self._tag(key.value))

    def _tag(self, value: bytes) -> bytes:
        return hashlib.blake2b(value, key=self._secret, digest_size=16).digest()

    def _is_repeated(self, value: bytes) -> bool:
        """Whether eight bytes of a key, at any place, stand in an earlier one at a multiple of eight, or twice in it.

        So a stretch of 15 bytes that is given out again is found wherever it begins.
        """
        value = value[:LOOKED_AT_BYTES]
        places = range(max(0, len(value) - WORD_BYTES + 1))
        is_old = any(self._tag(value[i : i + WORD_BYTES]) in self._words for i in places)
        words = [self._tag(value[i : i + WORD_BYTES]) for i in places[::WORD_BYTES]]
        is_twice = len(set(words)) < len(words)
        self._words.update(words)
        return is_old or is_twice

    def _count_bits(self, value: bytes) -> None:
        number, n_bits = int.from_bytes(value), 8 * len(value)
        self.n_bits += n_bits
        self.n_ones += number.bit_count()
        if n_bits:
            self.n_changes += ((number ^ (number >> 1)) & ((1 << (n_bits - 1)) - 1)).bit_count()

    @property
    def n_pairs(self) -> int:
        """Neighbouring bits that were compared."""
        return self.n_bits - self.n_keys
