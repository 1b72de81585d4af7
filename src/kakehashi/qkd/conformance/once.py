"""Checks that every key is delivered once, and none is lost: redelivery, replay, duplicates, races, interleaving."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer, Client
from kakehashi.qkd.conformance.model import fail, untested
from kakehashi.qkd.conformance.reading import MisreadError, ReadKey, read_container
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

GONE = "Get key with key IDs: post-conditions, HTTP codes"
SILENT = "Get key with key IDs: all or nothing is not said"


@check("once-post", clause=GONE)
def again(session: Session) -> str:
    """A key that was fetched is gone: the same POST again is 400 with the standard's sentence."""
    key = session.draw()[0]
    _fetch_first(session, key)
    answer = session.fetch([key.key_id])
    session.expect_refusal(answer, message="not found")
    return describe(answer)


@check("once-get", clause=GONE)
def again_by_get(session: Session) -> str:
    """So it is for a GET, over a new connection."""
    key = session.draw()[0]
    _fetch_first(session, key)
    client = session.slave.new_client()
    answer = session.call(
        session.slave, "GET", session.master.sae_id, "dec_keys", query=f"key_ID={key.key_id}", client=client
    )
    client.close()
    session.expect_refusal(answer, message="not found")
    return describe(answer)


def _fetch_first(session: Session, key: ReadKey) -> None:
    if not session.is_there(key.key_id):
        untested(f"the key could not be fetched the first time: {session.came}")


@check("once-spelling", clause="Key container data format: key_ID is a UUID", demand="not-said", guards_keys=True)
def spelling(session: Session) -> str:
    """A key that was fetched does not come back under the same UUID in capitals."""
    key = session.draw()[0]
    _fetch_first(session, key)
    answer = session.fetch([key.key_id.upper()])
    if answer.status == 200:
        fail("the key is delivered again where its ID is written in capitals")
    return f"refused: {describe(answer)}"


@check("once-twice-in-one", clause=SILENT, demand="not-said", guards_keys=True)
def duplicate(session: Session) -> str:
    """A POST that names one key ID twice delivers the key once or refuses, and does not lose it."""
    key = session.draw()[0]
    answer = session.fetch([key.key_id, key.key_id])
    if answer.status == 200:
        if session.is_there(key.key_id):
            fail("the key was delivered, and can be fetched again")
        return f"delivered: {describe(answer)}"
    if not session.is_there(key.key_id):
        fail(f"the request was refused ({describe(answer)}) and the key is lost")
    return "refused, and the key can still be fetched"


@check("once-mixed", clause=GONE)
def mixed(session: Session) -> str:
    """A POST of a good key ID and an unknown one is 400 with the standard's sentence."""
    key = session.draw()[0]
    answer = session.fetch([key.key_id, str(uuid.uuid4())])
    session.expect_refusal(answer, message="not found")
    return describe(answer)


@check("once-mixed-kept", clause=SILENT, demand="not-said", guards_keys=True)
def mixed_kept(session: Session) -> str:
    """An error consumes nothing: good keys that were named beside unknown or fetched ones can be fetched after it."""
    for unknown_first in (True, False):
        key, fetched = (
            session.draw(2) if session.limits["max_key_per_request"] > 1 else (*session.draw(), *session.draw())
        )
        _fetch_first(session, fetched)
        for other in (str(uuid.uuid4()), fetched.key_id):
            ids = [other, key.key_id] if unknown_first else [key.key_id, other]
            answer = session.fetch(ids)
            if answer.status == 200:
                untested("the server answers such requests; another check judges that")
        if not session.is_there(key.key_id):
            fail("the request was refused and the good key is lost")
    return "nothing was consumed"


@check("once-malformed-kept", clause=SILENT, demand="not-said", guards_keys=True)
def malformed_kept(session: Session) -> str:
    """A good key ID beside one of a wrong type is refused, and the key can be fetched after it."""
    key = session.draw()[0]
    body = {"key_IDs": [{"key_ID": key.key_id}, {"key_ID": 7}]}
    answer = session.call(session.slave, "POST", session.master.sae_id, "dec_keys", body=body)
    if answer.status == 200:
        untested("the server answers such a request")
    if not session.is_there(key.key_id):
        fail("the request was refused and the good key is lost")
    return "nothing was consumed"


@check("once-interleaved", clause="Get key; Get key with key IDs")
def interleaved(session: Session) -> str:
    """Keys of many requests, sizes, directions and pairs, asked for before any is fetched, are all there and equal."""
    size = session.limits["min_key_size"] // 8 * 8 or 8
    pairs = [(session.master, session.slave), (session.slave, session.master)]
    waiting = []
    for turn in range(3):
        for by, to in pairs:
            options = {"size": size} if turn == 1 else {}
            waiting += [(by, to, key) for key in session.draw(by=by, to=to, **options)]
    if session.has_third:
        answer = session.ask(by=session.master, to=session.third)
        if answer.status == 200:
            keys = session.expect_keys(answer)
            session.watch.see_new(keys)
            waiting += [(session.master, session.third, key) for key in keys]
    waiting += [(session.master, session.slave, key) for key in session.draw()]
    for by, to, key in reversed(waiting):
        answer = session.fetch([key.key_id], by=to, of=by)
        if answer.status != 200:
            fail(f"a key that was given to '{by.sae_id}' is lost to '{to.sae_id}': {describe(answer)}")
        session.match(answer, [key.key_id], what="the key")
    return f"{len(waiting)} keys of {3 if session.has_third else 2} pairs are there and equal"


def _race(session: Session, key: ReadKey) -> list[Answer]:
    n = session.bounds.n_racers

    def fetch(client: Client) -> Answer:
        return session.fetch([key.key_id], client=client)

    requests: list[Callable[[Client], Answer]] = [fetch] * n
    return session.at_once(requests, [session.slave] * n)


@check("race-fetch", clause=GONE)
def race_fetch(session: Session) -> str:
    """Of many requests for one key ID at the same moment, over connections of their own, one gets the key."""
    for _ in range(3):
        key = session.draw()[0]
        answers = _race(session, key)
        n = sum(answer.status == 200 for answer in answers)
        if n > 1:
            fail(f"one key was delivered {n} times to {len(answers)} requests at once")
        if n == 0 and not session.is_there(key.key_id):
            fail("no request got the key, and it is lost")
        other = next((a for a in answers if a.status not in (200, 400, 503)), None)
        if other is not None:
            fail(f"a loser of the race should get 400, but it was {describe(other)}")
    return f"one of {len(answers)}, three times"


@check("race-ask", clause="Get key: post-conditions")
def race_ask(session: Session) -> str:
    """Many requests for keys at the same moment give different keys and IDs, all of which can be fetched."""
    n = session.bounds.n_racers
    session.charge(0, n)

    def ask(client: Client) -> Answer:
        return session.call(session.master, "POST", session.slave.sae_id, "enc_keys", body={}, client=client)

    requests: list[Callable[[Client], Answer]] = [ask] * n
    answers = session.at_once(requests, [session.master] * n)
    try:
        keys = [key for answer in answers if answer.status == 200 for key in read_container(answer)]
    except MisreadError as error:
        fail(f"the Key container cannot be read: {error}")
    session.watch.see_new(keys)
    if len(keys) < 2:
        untested(f"{len(keys)} of {n} requests at once got a key: {session.came}")
    if len({key.key_id.lower() for key in keys}) < len(keys):
        fail("two requests at once got the same key ID")
    if len({key.value for key in keys}) < len(keys):
        fail("two requests at once got the same key")
    lost = sum(not session.is_there(key.key_id) for key in keys)
    if lost:
        fail(f"{lost} of {len(keys)} keys that were asked for at once cannot be fetched")
    return f"{len(keys)} different keys"


CHECKS = (
    again,
    again_by_get,
    spelling,
    duplicate,
    mixed,
    mixed_kept,
    malformed_kept,
    interleaved,
    race_fetch,
    race_ask,
)
