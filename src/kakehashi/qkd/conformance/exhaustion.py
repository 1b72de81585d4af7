"""Checks of an empty store, and of a user that takes all it can. They are made only where the caller allows it."""

from __future__ import annotations

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.model import fail
from kakehashi.qkd.conformance.reading import MisreadError, read_container
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]


@check("exhaust", clause="Get key: HTTP codes, 503", needs=("exhaust",))
def exhaust(session: Session) -> str:
    """One user that takes key after key is refused with 503 in the end, or cannot empty the store within the bound."""
    limits = session.limits
    number, size, n_left = limits["max_key_per_request"], limits["max_key_size"] // 8 * 8, session.bounds.exhaust_keys
    while n_left > 0:
        wanted = min(number, n_left)
        session.charge(0, wanted)
        body = {"number": wanted, "size": size}
        answer = session.call(session.master, "POST", session.slave.sae_id, "enc_keys", body=body)
        if answer.status == 200:
            _note(session, answer)
            n_left -= wanted
            continue
        session.expect_refusal(answer, statuses=(503,))
        # There may be less than this request asked for, and still some: take smaller pieces until nothing is left.
        if wanted == 1 and size <= limits["key_size"]:
            return f"after {session.bounds.exhaust_keys - n_left:,} keys: {describe(answer)}"
        number, size = (number // 2, size) if wanted > 1 else (1, limits["key_size"])
    return f"{session.bounds.exhaust_keys:,} keys did not empty the store"


def _note(session: Session, answer: Answer) -> None:
    try:
        session.watch.see_new(read_container(answer))
    except MisreadError as error:
        fail(f"the Key container cannot be read: {error}")


@check("exhaust-share", clause="not in the standard", demand="not-said", needs=("exhaust", "third"))
def share(session: Session) -> str:
    """After one user took all that it may, another still gets a key."""
    other_site = session.slave if session.third.party.url == session.master.party.url else session.master
    answer = session.ask(by=session.third, to=other_site)
    if answer.status != 200:
        fail(f"one user can take everybody's keys: {describe(answer)}")
    _note(session, answer)
    return describe(answer)


CHECKS = (exhaust, share)
