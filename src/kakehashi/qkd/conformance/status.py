"""Checks of Get status."""

from __future__ import annotations

import time

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.model import fail, untested, warn
from kakehashi.qkd.conformance.reading import MisreadError, read_object, read_status
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

N_ROUNDS = 3
N_TAKEN = 4
IDLE_S = 0.2
"""How long the number of stored keys must stay as it is before a fall of it says something."""


@check("status-fields", clause="Get status; Status data format")
def fields(session: Session) -> str:
    """Get status answers a GET with 200 and a Status object that has every required field in its type."""
    answer = session.call(session.master, "GET", session.slave.sae_id, "status")
    if answer.status != 200:
        fail(f"the status should come with 200, but it was {describe(answer)}")
    try:
        read_status(answer)
    except MisreadError as error:
        fail(f"{error}")
    return "all eleven fields are there"


@check("status-names", clause="Status data format")
def names(session: Session) -> str:
    """master_SAE_ID is the caller and slave_SAE_ID the one in the path, in both directions."""
    for by, of in ((session.master, session.slave), (session.slave, session.master)):
        try:
            found = read_status(session.call(by, "GET", of.sae_id, "status"))
        except MisreadError as error:
            untested(f"the status cannot be read: {error}")
        if (found["master_SAE_ID"], found["slave_SAE_ID"]) != (by.sae_id, of.sae_id):
            fail(f"the names of the caller '{by.sae_id}' and of '{of.sae_id}' in the path are given otherwise")
        if not found["source_KME_ID"] or not found["target_KME_ID"]:
            fail("the ID of a KME is empty")
    return "caller and path are named"


@check("status-kmes", clause="Status data format: source_KME_ID, target_KME_ID")
def kmes(session: Session) -> str:
    """source_KME_ID and target_KME_ID change places where the slave asks for the status of the master."""
    try:
        there, back = (
            read_status(session.call(by, "GET", of.sae_id, "status"))
            for by, of in ((session.master, session.slave), (session.slave, session.master))
        )
    except MisreadError as error:
        untested(f"the status cannot be read: {error}")
    if (there["source_KME_ID"], there["target_KME_ID"]) != (back["target_KME_ID"], back["source_KME_ID"]):
        fail("the KMEs of the one direction are not those of the other, in each other's place")
    return "the two directions name the same KMEs"


@check("status-count", clause="Status data format: stored_key_count")
def count(session: Session) -> str:
    """stored_key_count falls by the number of keys that were taken, where nobody else takes keys or makes them."""
    n_taken = min(N_TAKEN, session.limits["max_key_per_request"])
    falls = []
    for _ in range(N_ROUNDS):
        before = _stored(session)
        time.sleep(IDLE_S)
        if _stored(session) != before:
            untested("keys are made, or taken by others, while the suite looks on")
        if not n_taken <= before < session.limits["max_key_count"]:
            untested(f"{before:,} keys are stored: too few to take, or as many as are counted at all")
        session.draw(n_taken)
        falls.append(before - _stored(session))
        if falls[-1] == n_taken:
            break
    taken = f"{n_taken} keys were taken, {len(falls)} time(s)"
    if not any(falls):
        fail(f"{taken}, and stored_key_count stays the same")
    if falls[-1] != n_taken:
        warn(f"{taken}, and stored_key_count fell by {', '.join(map(str, falls))}")
    return f"{taken}, and so many fewer are stored"


def _stored(session: Session) -> int:
    try:
        found = read_status(session.call(session.master, "GET", session.slave.sae_id, "status"))
    except MisreadError as error:
        untested(f"the status cannot be read: {error}")
    stored: int = found["stored_key_count"]
    return stored


@check("status-limits", clause="Status data format")
def limits(session: Session) -> str:
    """The limits agree: min_key_size <= key_size <= max_key_size, counts not negative, stored <= max_key_count."""
    found = session.limits
    if not 0 < found["min_key_size"] <= found["key_size"] <= found["max_key_size"]:
        fail(
            f"min_key_size {found['min_key_size']}, key_size {found['key_size']} and max_key_size"
            f" {found['max_key_size']} are not in order"
        )
    if found["max_key_per_request"] < 1 or found["max_SAE_ID_count"] < 0:
        fail("max_key_per_request is below 1, or max_SAE_ID_count below 0")
    if not 0 <= found["stored_key_count"] <= found["max_key_count"]:
        fail(f"stored_key_count is {found['stored_key_count']} and max_key_count {found['max_key_count']}")
    return f"keys of {found['min_key_size']} to {found['max_key_size']} bits, {found['max_key_per_request']} a request"


@check("status-path", clause="Get status: the SAE ID in the path is URL-encoded")
def path(session: Session) -> str:
    """An SAE ID whose every octet is percent-encoded is the same SAE."""
    encoded = "".join(f"%{octet:02X}" for octet in session.slave.sae_id.encode())
    plain = session.call(session.master, "GET", session.slave.sae_id, "status")
    answer = session.call(session.master, "GET", "", "", path=f"/api/v1/keys/{encoded}/status")
    if plain.status != 200:
        untested("there is no status")
    if answer.status != 200:
        fail(f"the encoded ID was not understood: {describe(answer)}")
    try:
        names = [read_object(each).get("slave_SAE_ID") for each in (plain, answer)]
    except MisreadError as error:
        untested(f"the status cannot be read: {error}")
    if names[0] != names[1]:
        fail("the ID was not decoded")
    return "the encoded ID is decoded"


@check("status-stranger", clause="Get status: HTTP codes", demand="not-said")
def stranger(session: Session) -> str:
    """The status of an SAE that nobody knows is an error."""
    answer = session.call(session.master, "GET", "kakehashi-nobody", "status", is_regular=False)
    if answer.status == 200:
        warn("the server gives a status for an SAE that nobody knows")
    if answer.status not in (400, 401, 503):
        fail(f"of the standard's errors 400 fits; it was {describe(answer)}")
    return f"refused: {describe(answer)}"


CHECKS = (fields, names, kmes, limits, count, path, stranger)
