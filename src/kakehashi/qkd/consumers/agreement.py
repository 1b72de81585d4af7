"""Two SAEs come to one key: fetched by the master, named in the open, fetched by the slave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from kakehashi.qkd.consumers.exchange import KeyIdListener, announce_key_id
from kakehashi.qkd.consumers.fetch import KeyClient
from kakehashi.qkd.consumers.model import Key, Timeline

__all__ = ["KeyAgreement"]


class KeyAgreement:
    """Gives the two sides equal keys, one after the other, while its ``with`` block lasts.

    Args:
        master: The side that fetches new keys.
        slave: The side that fetches them by their names.
        use: What the slave does with a key before it says that it has it.
        timeline: Gets every step.
        wrong_from: Give the slave's ``use`` this key and all later ones with one bit turned over; 0 is the first.

    Attributes:
        key_ids: Names of the keys so far.
    """

    def __init__(
        self,
        master: KeyClient,
        slave: KeyClient,
        use: Callable[[Key], None],
        *,
        timeline: Timeline,
        wrong_from: int | None = None,
    ) -> None:
        self._master, self._slave, self._use, self._timeline = master, slave, use, timeline
        self._wrong_from = wrong_from
        self._listener = KeyIdListener(master.sae_id, slave.sae_id, self._take)
        self.key_ids: list[str] = []

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self._listener.__exit__(*ended)

    def next_key(self) -> Key:
        """A key that the slave has put to use when this returns; the master may then use it.

        Raises:
            DeviceError: A KME refuses, or the slave cannot use the key.
        """
        with self._timeline.step(self._master.sae_id, "fetched a new key"):
            key = self._master.new_key(self._slave.sae_id)
        with self._timeline.step(self._master.sae_id, "named it to the other side, which has it"):
            announce_key_id(self._listener.address, self._master.sae_id, self._slave.sae_id, key.key_id)
        self.key_ids.append(key.key_id)
        return key

    def _take(self, key_id: str) -> None:
        with self._timeline.step(self._slave.sae_id, "fetched it by its name"):
            key = self._slave.key_by_id(self._master.sae_id, key_id)
        with self._timeline.step(self._slave.sae_id, "put it to use"):
            is_wrong = self._wrong_from is not None and len(self.key_ids) >= self._wrong_from
            self._use(key.spoilt() if is_wrong else key)
