"""A run in progress: the parties, what they ask, what came, and the bounds that hold."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import quote

from kakehashi.qkd.conformance.client import Answer, Client, user_context
from kakehashi.qkd.conformance.model import Bounds, Hooks, Party, Target, fail, untested
from kakehashi.qkd.conformance.reading import (
    MESSAGES,
    MisreadError,
    ReadKey,
    read_container,
    read_error,
    read_status,
    without_keys,
)
from kakehashi.qkd.conformance.watch import Watch

__all__ = ["Actor", "Session", "describe"]

T = TypeVar("T")
N_TRIES = 3
PAUSE_S = 0.4
"""Between tries where a server says 503: a link may be refilling its store, a quota may be used up for a moment."""


class Actor:
    """A party and its connections."""

    def __init__(self, party: Party, target: Target, timeout_s: float) -> None:
        self.party = party
        self.sae_id = party.sae_id
        self.timeout_s = timeout_s
        self.server_name = target.server_name
        self.context = user_context(party, str(target.authority))
        self.client = self.new_client()

    def new_client(self, *, timeout_s: float | None = None) -> Client:
        """A client with connections of its own."""
        seconds = timeout_s or self.timeout_s
        return Client(self.party.url, self.context, timeout_s=seconds, server_name=self.server_name)


def describe(answer: Answer) -> str:
    """An answer in words, without key material.

    Example:
        >>> describe(Answer(status=400, body=b'{"message": "no"}'))
        '400, "no"'
        >>> describe(Answer(fault="no answer in time"))
        'no answer in time'
    """
    if answer.status is None:
        return answer.fault
    if answer.status == 200:
        try:
            keys = read_container(answer)
        except MisreadError:
            return f"200, {len(answer.body)} bytes"
        sizes = sorted({8 * len(key.value) for key in keys})
        return f"200, {len(keys)} key(s) of {', '.join(map(str, sizes[:4])) or 'no'} bits"
    try:
        return f'{answer.status}, "{without_keys(read_error(answer))}"'
    except MisreadError as error:
        return f"{answer.status}, and {error}"


class Session:
    """What checks are given.

    Args:
        target: Whom to ask.
        bounds: How far to go.
        hooks: Commands that stop and start the servers.
    """

    def __init__(self, target: Target, bounds: Bounds, hooks: Hooks | None = None) -> None:
        self.target = target
        self.bounds = bounds
        self.hooks = hooks
        self.watch = Watch()
        self.master = Actor(target.master, target, bounds.timeout_s)
        self.slave = Actor(target.slave, target, bounds.timeout_s)
        self._third = Actor(target.third, target, bounds.timeout_s) if target.third is not None else None
        self.start = time.monotonic()
        self.sent = self.came = ""
        self._n_keys_asked = 0
        self._limits: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def third(self) -> Actor:
        """The third party; the check ends where there is none."""
        if self._third is None or self.third_fault:
            untested(self.third_fault)
        return self._third

    @property
    def has_third(self) -> bool:
        """Whether there is one that can be used."""
        return not self.third_fault

    @cached_property
    def third_fault(self) -> str:
        """Why there is no third party; empty where there is. It is asked for once, at its own server."""
        if self._third is None:
            return "no third SAE was given"
        decided = self.sent, self.came
        answer = self.call(self._third, "GET", self.master.sae_id, "status", is_regular=False)
        self.sent, self.came = decided
        if answer.status not in (None, 401, 403):
            return ""
        party = self._third.party
        return (
            f"the server at {party.url} does not take '{party.sae_id}' for an SAE of its own ({describe(answer)});"
            " name that SAE's server with --third-url"
        )

    @property
    def limits(self) -> dict[str, Any]:
        """The server's Status, read once; the check ends where it cannot be read."""
        if self._limits is None:
            decided = self.sent, self.came
            try:
                self._limits = read_status(self.call(self.master, "GET", self.slave.sae_id, "status"))
                self.sent, self.came = decided  # this request is a means, and decides nothing
            except MisreadError as error:
                untested(f"the limits are not known: {error}")
        return self._limits

    # --- asking

    def call(
        self,
        by: Actor,
        method: str,
        sae: str,
        what: str,
        *,
        body: object = None,
        query: str = "",
        path: str | None = None,
        is_regular: bool = True,
        client: Client | None = None,
        is_fresh: bool = False,
    ) -> Answer:
        """One request.

        Args:
            by: Who asks.
            method: The method.
            sae: ID in the path.
            what: ``status``, ``enc_keys`` or ``dec_keys``.
            body: A JSON value, bytes as they are, or None for no body.
            query: The query.
            path: The path instead, as it is.
            is_regular: Whether the standard knows such requests; the statuses of others are not judged.
            client: Connections to use; the party's own where None.
            is_fresh: Whether to use a connection of its own: a server may close it after what it could not read.
        """
        self.charge(1)
        address = path if path is not None else f"/api/v1/keys/{quote(sae, safe='')}/{what}"
        address += f"?{query}" if query else ""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        answer = (client or by.client).request(method, address, data, is_fresh=is_fresh)
        self.note(f"{by.sae_id}: {method} {_short(address)}{_body_in_words(body)}", answer, is_regular=is_regular)
        return answer

    def note(self, sent: str, answer: Answer, *, is_regular: bool = True) -> None:
        """Remember what decided, and look at it."""
        self.watch.see(answer, is_regular=is_regular)
        with self._lock:
            self.sent, self.came = sent, describe(answer)

    def charge(self, n_requests: int, n_keys: int = 0) -> None:
        """Count what is asked for; the check ends where a bound is reached."""
        bounds = self.bounds
        with self._lock:
            is_late = time.monotonic() - self.start > bounds.max_seconds
            is_long = n_requests > 0 and self.watch.n_requests + n_requests > bounds.max_requests
            is_over = n_keys > 0 and self._n_keys_asked + n_keys > bounds.max_keys
            if not (is_late or is_long or is_over):
                self.watch.n_requests += n_requests
                self._n_keys_asked += n_keys
        if is_long:
            untested(f"the bound of {bounds.max_requests:,} requests is reached")
        if is_over:
            untested(f"the bound of {bounds.max_keys:,} keys is reached")
        if is_late:
            untested(f"the bound of {bounds.max_seconds:g} s is reached")

    def ask(
        self, *, by: Actor | None = None, to: Actor | None = None, client: Client | None = None, **fields: Any
    ) -> Answer:
        """Get key, by POST; asked again where the server says 503."""
        master, slave = by or self.master, to or self.slave
        body = {name: value for name, value in fields.items() if value is not None}
        return self.patiently(
            lambda: self.call(master, "POST", slave.sae_id, "enc_keys", body=body, client=client),
            n_keys=body["number"] if type(body.get("number")) is int else 1,
        )

    def patiently(self, request: Callable[[], Answer], *, n_keys: int = 1) -> Answer:
        """A request for keys that is made again, a few times, where the answer is 503."""
        self.charge(0, max(1, n_keys))
        for _ in range(N_TRIES - 1):
            answer = request()
            if answer.status != 503:
                return answer
            time.sleep(PAUSE_S)
        return request()

    def fetch(
        self,
        ids: Iterable[str],
        *,
        by: Actor | None = None,
        of: Actor | None = None,
        client: Client | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Get key with key IDs, by POST."""
        reader, master = by or self.slave, of or self.master
        body = {"key_IDs": [{"key_ID": key_id} for key_id in ids], **(extra or {})}
        return self.call(reader, "POST", master.sae_id, "dec_keys", body=body, client=client)

    # --- judging

    def new_keys(self, answer: Answer, *, number: int, size: int | None = None) -> list[ReadKey]:
        """The keys of an answer to Get key; the check fails where they are not what was asked for."""
        keys = self.expect_keys(answer)
        self.watch.see_new(keys)
        if len(keys) != number:
            fail(f"{number} key(s) were asked for and {len(keys)} came")
        if len({key.key_id for key in keys}) < number:
            fail("two keys of one answer have the same ID")
        if size is not None and any(len(key.value) != (size + 7) // 8 for key in keys):
            fail(f"keys of {size} bits were asked for, and {8 * len(keys[0].value)} bits came")
        return keys

    def expect_keys(self, answer: Answer) -> list[ReadKey]:
        """The keys of an answer; the check fails, or cannot be tried where the server has none."""
        if answer.status == 503:
            untested(f"the server gave no key: {describe(answer)}")
        if answer.status != 200:
            fail(f"keys should come with status 200, but it was {describe(answer)}")
        try:
            return read_container(answer)
        except MisreadError as error:
            fail(f"the Key container cannot be read: {error}")

    def draw(self, number: int = 1, size: int | None = None, **options: Any) -> list[ReadKey]:
        """New keys as a means: where they do not come the check cannot be tried, for it is about something else."""
        answer = self.ask(number=number, size=size, **options)
        try:
            keys = read_container(answer) if answer.status == 200 else []
        except MisreadError:
            keys = []
        self.watch.see_new(keys)
        if len(keys) != number or len({key.key_id for key in keys}) < number:
            untested(f"no keys to try it with: {describe(answer)}")
        return keys

    def match(self, answer: Answer, ids: Sequence[str], *, what: str = "the keys") -> None:
        """The check fails where an answer to Get key with key IDs is not just these keys, equal to the master's."""
        keys = self.expect_keys(answer)
        if sorted(key.key_id.lower() for key in keys) != sorted(key_id.lower() for key_id in ids):
            fail(f"{len(ids)} key(s) were named and others, or another number, came")
        if not all(self.watch.agrees(key) for key in keys):
            fail(f"{what} of the slave differ from those of the master")

    def is_there(self, key_id: str, *, by: Actor | None = None, of: Actor | None = None) -> bool:
        """Whether a slave can still fetch a key, and gets the master's; it is gone after that."""
        answer = self.fetch([key_id], by=by, of=of)
        try:
            return answer.status == 200 and [self.watch.agrees(key) for key in read_container(answer)] == [True]
        except MisreadError:
            return False

    def expect_refusal(self, answer: Answer, *, statuses: tuple[int, ...] = (400,), message: str | None = None) -> None:
        """The check fails where an answer is no error with one of these statuses and, if given, this message."""
        wanted = " or ".join(map(str, statuses))
        if answer.status not in statuses:
            fail(f"the answer should be {wanted}, but it was {describe(answer)}")
        if message is not None and answer.status == 400:
            try:
                said = read_error(answer)
            except MisreadError as error:
                fail(f"the answer should say '{MESSAGES[message]}', but {error}")
            if said != MESSAGES[message]:
                fail(f"the message should be '{MESSAGES[message]}', but is '{without_keys(said)}'")

    def at_once(self, requests: Sequence[Callable[[Client], Answer]], actors: Sequence[Actor]) -> list[Answer]:
        """Answers to requests that are made at the same time, each over a connection that stands already."""
        clients = [actor.new_client() for actor in actors]
        gate = threading.Barrier(len(requests))

        def run(request: Callable[[Client], Answer], client: Client, actor: Actor) -> Answer:
            self.warm(actor, client)
            gate.wait(self.bounds.timeout_s + 5)
            return request(client)

        try:
            with ThreadPoolExecutor(len(requests)) as pool:
                jobs = [partial(run, *job) for job in zip(requests, clients, actors, strict=True)]
                return [future.result() for future in [pool.submit(job) for job in jobs]]
        finally:
            for client in clients:
                client.close()

    def warm(self, actor: Actor, client: Client) -> None:
        """Have a connection stand before it is needed."""
        other = self.slave if actor is self.master else self.master
        self.call(actor, "GET", other.sae_id, "status", client=client)

    def close(self) -> None:
        """Close all connections."""
        for actor in (self.master, self.slave, self._third):
            if actor is not None:
                actor.client.close()


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:80]}… ({len(text)} characters)"


def _body_in_words(body: object) -> str:
    if body is None:
        return ""
    if isinstance(body, bytes):
        return f" with {len(body)} bytes"
    return " " + _short(json.dumps(body, ensure_ascii=False))
