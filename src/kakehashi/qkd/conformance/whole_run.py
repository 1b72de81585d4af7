"""Checks of the whole run, made last: what only many answers together can show."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.model import fail, untested, warn
from kakehashi.qkd.conformance.reading import is_uuid
from kakehashi.qkd.conformance.session import Session

__all__ = ["CHECKS"]

SIGMAS = 6.0
"""How far a count may be off: by chance, once in five hundred million runs."""
LEAST_BITS = 2000


def _require_keys(session: Session) -> None:
    if session.watch.n_keys == 0:
        untested("no key ever came")


@check("key-id-form", clause="Key container data format: key_ID is a UUID")
def id_form(session: Session) -> str:
    """Every key ID is a UUID."""
    _require_keys(session)
    if session.watch.odd_ids:
        fail(f"{session.watch.odd_ids} of {session.watch.n_keys} key IDs are no UUIDs")
    return f"all {session.watch.n_keys} are"


@check("key-id-once", clause="Key container data format: key_ID is unique", guards_keys=True)
def id_once(session: Session) -> str:
    """No key ID is given to two keys."""
    _require_keys(session)
    if session.watch.repeated_ids:
        fail(f"{session.watch.repeated_ids} key IDs came a second time")
    return f"{session.watch.n_keys} different ones"


@check("key-id-pattern", clause="not in the standard: how key IDs are chosen", demand="not-said")
def id_pattern(session: Session) -> str:
    """Key IDs cannot be guessed from earlier ones: neither numbers that count, nor times, nor a fixed part."""
    numbers = [int(key_id.replace("-", ""), 16) for key_id in session.watch.key_ids if is_uuid(key_id)]
    if len(numbers) < 16:
        untested(f"only {len(numbers)} UUIDs came")
    versions = {(number >> 76) & 0xF for number in numbers}
    if versions <= {1, 6, 7}:
        warn("the UUIDs are made of the time")
    n_free = sum(
        0.25 * len(numbers) < sum(number >> place & 1 for number in numbers) < 0.75 * len(numbers)
        for place in range(128)
    )
    n_changes = sum((a ^ b).bit_count() for a, b in pairwise(numbers)) / (len(numbers) - 1)
    if n_free < 64 or n_changes < 32:
        fail(f"only {n_free} of the IDs' 128 bits vary, and {n_changes:.0f} of them from one ID to the next")
    return f"{n_free} of 128 bits vary, {n_changes:.0f} from one ID to the next"


@check("key-bits-once", clause="Get key: post-conditions", guards_keys=True)
def bits_once(session: Session) -> str:
    """No stretch of key is delivered under two IDs, whatever sizes were asked for."""
    _require_keys(session)
    if session.watch.repeated_bits:
        fail(f"{session.watch.repeated_bits} keys hold eight bytes that an earlier key, or they themselves, held")
    return f"none in {session.watch.n_bits:,} bits"


def _random_enough(session: Session) -> None:
    session.charge(0)
    wanted = session.bounds.n_random
    while len(session.watch.key_ids) < wanted:
        session.draw(min(session.limits["max_key_per_request"], wanted - len(session.watch.key_ids)))


@check("key-random", clause="not in the standard: keys are random", demand="not-said", guards_keys=True)
def random(session: Session) -> str:
    """Ones and zeros are about as many, and neighbouring bits differ about half of the time."""
    _random_enough(session)
    watch = session.watch
    if watch.n_bits < LEAST_BITS:
        untested(f"only {watch.n_bits} bits came")
    for words, n, total in (("ones", watch.n_ones, watch.n_bits), ("changes", watch.n_changes, watch.n_pairs)):
        off = (n - total / 2) / (sqrt(total) / 2)
        if abs(off) > SIGMAS:
            fail(f"of {total:,} bits there are {n:,} {words}, {off:+.1f} standard deviations from half")
    ones, changes = watch.n_ones / watch.n_bits, watch.n_changes / watch.n_pairs
    return f"{ones:.4f} ones, {changes:.4f} changes in {watch.n_bits:,} bits"


@check("error-form", clause="Error data format")
def error_form(session: Session) -> str:
    """Every 400 and 503 carries an Error object with a message."""
    odd = session.watch.odd_errors
    if odd:
        fail(f"{odd.total()} do not; {odd.most_common(1)[0][0]}")
    n = session.watch.statuses[400] + session.watch.statuses[503]
    return f"all {n} do" if n else untested("there was no error")


@check("error-401", clause="HTTP codes, 401: no data model is given", demand="not-said")
def error_401(session: Session) -> str:
    """A 401 carries an Error object too, for clients read one from every error."""
    n = session.watch.statuses[401]
    if not n:
        untested("there was no 401")
    if session.watch.bare_401:
        warn(f"{session.watch.bare_401} of {n} do not")
    return f"all {n} do"


@check("codes", clause="HTTP codes: 200, 400, 401 and 503 alone")
def codes(session: Session) -> str:
    """Requests that the standard knows, good or bad, are answered with its statuses alone."""
    odd = {status: n for status, n in session.watch.statuses.items() if status not in (200, 400, 401, 503)}
    if odd:
        fail("; ".join(f"{n} answers were {status}" for status, n in sorted(odd.items())))
    if not session.watch.statuses:
        untested("there was no answer")
    return ", ".join(f"{n} x {status}" for status, n in sorted(session.watch.statuses.items()))


@check("content-type", clause="application/json")
def content_type(session: Session) -> str:
    """Every body is application/json."""
    odd = session.watch.odd_types
    if odd:
        fail(f"{odd.total()} answers are of another type, such as {odd.most_common(1)[0][0][:60]}")
    if not session.watch.statuses:
        untested("there was no answer")
    return "all are"


CHECKS = (id_form, id_once, id_pattern, bits_once, random, error_form, error_401, codes, content_type)
