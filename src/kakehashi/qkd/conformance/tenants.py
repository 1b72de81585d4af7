"""Checks of what a third user may see, and of keys for several slaves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer, Client
from kakehashi.qkd.conformance.model import fail, untested, warn
from kakehashi.qkd.conformance.reading import MisreadError, ReadKey, read_container
from kakehashi.qkd.conformance.session import Actor, Session, describe

__all__ = ["CHECKS"]

CODES = "Get key with key IDs: HTTP codes, 401"
MULTICAST = "Key request data format: additional_slave_SAE_IDs"


def _expect_stranger_refused(session: Session, answer: Answer) -> None:
    """401; or, from a server of the third SAE's own, that it has no such key: the ID means nothing to it."""
    is_elsewhere = session.third.party.url not in (session.master.party.url, session.slave.party.url)
    session.expect_refusal(answer, statuses=(401, 400) if is_elsewhere else (401,), message="not found")


@check("tenant-read", clause=CODES, needs=("third",))
def read(session: Session) -> str:
    """An SAE not named as a slave gets 401, or 400 from a server that never had the key; the slave still gets it."""
    key = session.draw()[0]
    answer = session.fetch([key.key_id], by=session.third)
    if answer.status == 200:
        fail("an SAE that has no part in a key was given it")
    _expect_stranger_refused(session, answer)
    if not session.is_there(key.key_id):
        fail("the slave cannot fetch its key after another SAE tried")
    return f"{answer.status}, and the slave still gets its key"


@check("tenant-pretend", clause=CODES, needs=("third",), guards_keys=True)
def pretend(session: Session) -> str:
    """Nor does it get the key by naming itself, or the slave, as the master in the path."""
    key = session.draw()[0]
    for path in (session.third, session.slave):
        answer = session.fetch([key.key_id], by=session.third, of=path)
        if answer.status == 200:
            fail(f"an SAE that has no part in a key was given it when it named '{path.sae_id}' in the path")
        _expect_stranger_refused(session, answer)
    if not session.is_there(key.key_id):
        fail("the slave cannot fetch its key after another SAE tried")
    return f"{answer.status} each time"


@check("tenant-gone", clause=CODES, needs=("third",))
def gone(session: Session) -> str:
    """A key that its slave has fetched is not given to a third SAE either: 401, or 400 where its ID is forgotten."""
    key = session.draw()[0]
    if not session.is_there(key.key_id):
        untested(f"the slave could not fetch its key: {session.came}")
    answer = session.fetch([key.key_id], by=session.third)
    if answer.status == 200:
        fail("an SAE that has no part in a key was given it after the slave had it")
    session.expect_refusal(answer, statuses=(401, 400))
    return describe(answer)


@check("tenant-mixed", clause=CODES, needs=("third",))
def mixed(session: Session) -> str:
    """A list of the third SAE's own key and another's is refused, and consumes neither."""
    if session.limits["max_key_per_request"] < 2:
        untested("max_key_per_request is 1")
    # Not every server makes keys between two SAEs of its own: the third one's key comes from the other site then.
    is_at_home = session.third.party.url == session.master.party.url != session.slave.party.url
    giver = session.slave if is_at_home else session.master
    own, other = session.draw(by=giver, to=session.third)[0], session.draw()[0]
    for ids in ([own.key_id, other.key_id], [other.key_id, own.key_id]):
        answer = session.fetch(ids, by=session.third)
        if answer.status == 200:
            fail("another's key, or a part of the list, was given")
        _expect_stranger_refused(session, answer)
    if not session.is_there(own.key_id, by=session.third, of=giver) or not session.is_there(other.key_id):
        fail("a key was lost by a refused request")
    return f"{answer.status}, and both keys can still be fetched"


@check("multicast-limit", clause="Status data format: max_SAE_ID_count")
def limit(session: Session) -> str:
    """More additional slaves than max_SAE_ID_count are 400."""
    most = session.limits["max_SAE_ID_count"]
    if most > 1000:
        untested(f"max_SAE_ID_count is {most:,}")
    names = [f"kakehashi-nobody-{i}" for i in range(most + 1)]
    if most == 0 and session.has_third:
        names = [session.third.sae_id]
    answer = session.ask(additional_slave_SAE_IDs=names)
    if answer.status == 200:
        fail(f"{len(names)} additional slave(s) were accepted where max_SAE_ID_count is {most}")
    session.expect_refusal(answer)
    return describe(answer)


@check("multicast-nobody", clause=MULTICAST, demand="not-said")
def nobody(session: Session) -> str:
    """A request that names an additional slave whom nobody knows is refused as a whole."""
    if session.limits["max_SAE_ID_count"] < 1:
        untested("max_SAE_ID_count is 0: this server has no multicast")
    answer = session.ask(additional_slave_SAE_IDs=["kakehashi-nobody"])
    if answer.status == 200:
        warn("keys were given although one slave is unknown")
    return f"refused: {describe(answer)}"


def _cast(session: Session) -> ReadKey:
    if session.limits["max_SAE_ID_count"] < 1:
        untested("max_SAE_ID_count is 0: this server has no multicast")
    return session.draw(additional_slave_SAE_IDs=[session.third.sae_id])[0]


@check("multicast-same", clause=MULTICAST, needs=("third",))
def same(session: Session) -> str:
    """Slave and additional slave fetch the master's key, each once, in any order."""
    for order in ((session.slave, session.third), (session.third, session.slave)):
        key = _cast(session)
        for actor in order:
            session.match(session.fetch([key.key_id], by=actor), [key.key_id], what=f"the key of '{actor.sae_id}'")
        for actor in order:
            answer = session.fetch([key.key_id], by=actor)
            if answer.status == 200:
                fail(f"the key was delivered twice to '{actor.sae_id}'")
            session.expect_refusal(answer, message="not found")
    return "both get the key, once each"


@check("multicast-race", clause=MULTICAST, needs=("third",))
def race(session: Session) -> str:
    """Two slaves that fetch one key at the same moment, several times each, get one copy each."""
    key = _cast(session)

    def fetch(actor: Actor, client: Client) -> Answer:
        return session.fetch([key.key_id], by=actor, client=client)

    actors = [session.slave, session.third] * max(1, session.bounds.n_racers // 2)
    requests: list[Callable[[Client], Answer]] = [partial(fetch, actor) for actor in actors]
    answers = session.at_once(requests, actors)
    for actor in (session.slave, session.third):
        got = [answer for answer, by in zip(answers, actors, strict=True) if by is actor and answer.status == 200]
        if len(got) > 1:
            fail(f"the key was delivered {len(got)} times to '{actor.sae_id}'")
        if not got and not session.is_there(key.key_id, by=actor):
            fail(f"'{actor.sae_id}' did not get the key, and it is lost")
        if got and not _agrees(session, got[0]):
            fail(f"the key of '{actor.sae_id}' differs from the master's")
    return "one copy each"


def _agrees(session: Session, answer: Answer) -> bool:
    try:
        return all(session.watch.agrees(key) for key in read_container(answer))
    except MisreadError:
        return False


@check("multicast-master", clause=CODES, needs=("third",))
def master(session: Session) -> str:
    """Where there are several slaves, the master still gets 401."""
    key = _cast(session)
    answer = session.fetch([key.key_id], by=session.master)
    session.expect_refusal(answer, statuses=(401,))
    return describe(answer)


CHECKS = (read, pretend, gone, mixed, limit, nobody, same, race, master)
