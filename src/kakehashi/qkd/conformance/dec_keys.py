"""Checks of Get key with key IDs: who gets what, and what is refused."""

from __future__ import annotations

import uuid

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.model import fail, untested, warn
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

CLAUSE = "Get key with key IDs; Key IDs data format"


@check("dec-post", clause=CLAUSE)
def post(session: Session) -> str:
    """A slave that POSTs a key ID gets the master's key under that ID."""
    key = session.draw()[0]
    answer = session.fetch([key.key_id])
    if answer.status == 503:
        fail(f"the key is not handed out: {describe(answer)}")
    session.match(answer, [key.key_id], what="the key")
    return describe(answer)


@check("dec-get", clause="Get key with key IDs: GET for one ID")
def get(session: Session) -> str:
    """A slave may GET one key ID in the query."""
    key = session.draw()[0]
    answer = session.call(session.slave, "GET", session.master.sae_id, "dec_keys", query=f"key_ID={key.key_id}")
    session.match(answer, [key.key_id], what="the key")
    return describe(answer)


@check("dec-many", clause=CLAUSE)
def many(session: Session) -> str:
    """Keys that were asked for in several requests, of several sizes, can be fetched in one, in any order."""
    most = session.limits["max_key_per_request"]
    if most < 3:
        untested(f"max_key_per_request is {most}")
    keys = session.draw(min(2, most)) + session.draw(size=session.limits["min_key_size"] // 8 * 8 or 8)
    ids = [key.key_id for key in reversed(keys)]
    answer = session.fetch(ids)
    session.match(answer, ids)
    return describe(answer)


@check("dec-part", clause="Get key with key IDs")
def part(session: Session) -> str:
    """Keys of one request can be fetched one by one."""
    if session.limits["max_key_per_request"] < 2:
        untested("max_key_per_request is 1")
    ids = [key.key_id for key in session.draw(2)]
    for key_id in reversed(ids):
        answer = session.fetch([key_id])
        session.match(answer, [key_id], what="the key")
    return describe(answer)


@check(
    "dec-get-two",
    clause="Get key with key IDs: POST is a must for two or more IDs",
    demand="not-said",
    guards_keys=True,
)
def get_two(session: Session) -> str:
    """A GET with two key IDs is refused, and loses neither."""
    if session.limits["max_key_per_request"] < 2:
        untested("max_key_per_request is 1")
    ids = [key.key_id for key in session.draw(2)]
    query = "&".join(f"key_ID={key_id}" for key_id in ids)
    answer = session.call(session.slave, "GET", session.master.sae_id, "dec_keys", query=query, is_regular=False)
    if answer.status == 200:
        warn(f"a GET with two key IDs is answered: {describe(answer)}")
    are_there = [session.is_there(key_id) for key_id in ids]  # both are asked for, whatever the first says
    if not all(are_there):
        fail("a key was lost by a refused request")
    return "refused, and both keys can still be fetched"


@check("dec-unknown", clause="Get key with key IDs: HTTP codes")
def unknown(session: Session) -> str:
    """A key ID that was never given is 400 with the standard's sentence."""
    answer = session.fetch([str(uuid.uuid4())])
    session.expect_refusal(answer, message="not found")
    return describe(answer)


@check("dec-unknown-get", clause="Get key with key IDs: HTTP codes")
def unknown_get(session: Session) -> str:
    """The same by GET."""
    query = f"key_ID={uuid.uuid4()}"
    answer = session.call(session.slave, "GET", session.master.sae_id, "dec_keys", query=query)
    session.expect_refusal(answer, message="not found")
    return describe(answer)


@check("dec-no-uuid", clause="Key IDs data format")
def no_uuid(session: Session) -> str:
    """A key ID that is no UUID is 400."""
    for text in ("key-1", "", "'; DROP TABLE keys; --", "../../etc/passwd", "0" * 4000):
        answer = session.fetch([text])
        session.expect_refusal(answer)
    return "five such IDs are refused"


@check("dec-malformed", clause="Key IDs data format")
def malformed(session: Session) -> str:
    """A body that is no Key IDs object is 400."""
    bodies: tuple[object, ...] = (
        {},
        {"key_IDs": "x"},
        {"key_IDs": [7]},
        {"key_IDs": [{"key_id": str(uuid.uuid4())}]},
        [],
        7,
    )
    for body in bodies:
        answer = session.call(session.slave, "POST", session.master.sae_id, "dec_keys", body=body)
        session.expect_refusal(answer)
    return f"{len(bodies)} such bodies are refused"


@check("dec-empty", clause="Key IDs data format", demand="not-said")
def empty(session: Session) -> str:
    """A list of no key IDs is 400."""
    answer = session.fetch([])
    if answer.status != 400:
        warn(f"an empty list is answered with {describe(answer)}")
    return describe(answer)


@check("dec-master", clause="Get key with key IDs: HTTP codes, 401")
def master(session: Session) -> str:
    """The master, who is not among the slaves that it named, gets 401, and the slave its key after that."""
    key = session.draw()[0]
    for path in (session.master, session.slave):
        answer = session.fetch([key.key_id], by=session.master, of=path)
        session.expect_refusal(answer, statuses=(401,))
    if not session.is_there(key.key_id):
        fail("the slave cannot fetch its key after the master tried")
    return "401, and the slave still gets its key"


@check(
    "dec-other-master", clause="Get key with key IDs: the path names the master", demand="not-said", guards_keys=True
)
def other_master(session: Session) -> str:
    """A slave that names another master than the key's gets no key that way, and does not lose it."""
    key = session.draw()[0]
    answer = session.call(
        session.slave,
        "POST",
        "kakehashi-nobody",
        "dec_keys",
        body={"key_IDs": [{"key_ID": key.key_id}]},
        is_regular=False,
    )
    if answer.status == 200:
        warn("the server does not look at the master in the path")
    if not session.is_there(key.key_id):
        fail("the key was lost by a refused request")
    return f"{describe(answer)}; the key can still be fetched"


@check("dec-extensions", clause="Key IDs data format: key_ID_extension, key_IDs_extension", demand="not-said")
def extensions(session: Session) -> str:
    """The objects that the standard keeps for later use do not disturb."""
    key = session.draw()[0]
    body = {"key_IDs": [{"key_ID": key.key_id, "key_ID_extension": {}}], "key_IDs_extension": {}}
    answer = session.call(session.slave, "POST", session.master.sae_id, "dec_keys", body=body)
    session.match(answer, [key.key_id], what="the key")
    return describe(answer)


CHECKS = (
    post,
    get,
    many,
    part,
    get_two,
    unknown,
    unknown_get,
    no_uuid,
    malformed,
    empty,
    master,
    other_master,
    extensions,
)
