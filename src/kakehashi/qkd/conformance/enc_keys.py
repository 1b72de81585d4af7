"""Checks of Get key: numbers, sizes, ways to ask."""

from __future__ import annotations

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.model import fail, untested, warn
from kakehashi.qkd.conformance.reading import MESSAGES, MisreadError, ReadKey, read_container, read_error, without_keys
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

CLAUSE = "Get key; Key request data format"


def _get(session: Session, query: str = "", *, n_keys: int = 1) -> Answer:
    return session.patiently(
        lambda: session.call(session.master, "GET", session.slave.sae_id, "enc_keys", query=query), n_keys=n_keys
    )


def _expect_400(session: Session, answer: Answer, what: str) -> None:
    if answer.status == 200:
        _swallow(session, answer)
    if answer.status != 400:
        fail(f"{what} should be answered with 400, but it was {describe(answer)}")


def _swallow(session: Session, answer: Answer) -> None:
    """Note keys that should not have come, so that they count where repeated bits are looked for."""
    try:
        session.watch.see_new(read_container(answer))
    except MisreadError:
        return


@check("enc-get", clause=CLAUSE)
def get(session: Session) -> str:
    """A GET without a query gives one key of the size that Get status calls key_size."""
    answer = _get(session)
    if answer.status == 503:
        fail(f"there is no key to be had: {describe(answer)}")
    session.new_keys(answer, number=1, size=session.limits["key_size"])
    return describe(answer)


@check("enc-post", clause=CLAUSE)
def post(session: Session) -> str:
    """A POST of an empty Key request gives the same as that GET."""
    answer = session.ask()
    session.new_keys(answer, number=1, size=session.limits["key_size"])
    return describe(answer)


@check("enc-get-query", clause="Get key: GET with number and size alone")
def get_query(session: Session) -> str:
    """A GET may ask for number and size in its query."""
    size = session.limits["key_size"]
    number = min(2, session.limits["max_key_per_request"])
    answer = _get(session, f"number={number}&size={size}", n_keys=number)
    session.new_keys(answer, number=number, size=size)
    return describe(answer)


@check("enc-get-more", clause="Get key: GET with number and size alone", demand="not-said")
def get_more(session: Session) -> str:
    """A GET that asks for more than number and size is not answered as if it had not."""
    answer = session.call(
        session.master,
        "GET",
        session.slave.sae_id,
        "enc_keys",
        query="additional_slave_SAE_IDs=kakehashi-nobody",
        is_regular=False,
    )
    if answer.status == 200:
        _swallow(session, answer)
        warn("a GET with additional_slave_SAE_IDs is answered as if it did not name them")
    return f"refused: {describe(answer)}"


@check("enc-number", clause=CLAUSE)
def number(session: Session) -> str:
    """A request for several keys gives so many, each with an ID of its own."""
    wanted = min(3, session.limits["max_key_per_request"])
    answer = session.ask(number=wanted)
    session.new_keys(answer, number=wanted, size=session.limits["key_size"])
    return describe(answer)


@check("enc-number-most", clause="Status data format: max_key_per_request")
def number_most(session: Session) -> str:
    """As many keys as max_key_per_request says can be had at once."""
    wanted = session.limits["max_key_per_request"]
    if wanted > session.bounds.max_keys // 4:
        untested(f"max_key_per_request is {wanted:,}, more than a quarter of the run's keys")
    answer = session.ask(number=wanted, size=session.limits["min_key_size"])
    session.new_keys(answer, number=wanted, size=session.limits["min_key_size"])
    return describe(answer)


@check("enc-number-over", clause="Status data format: max_key_per_request")
def number_over(session: Session) -> str:
    """One key more than max_key_per_request is 400."""
    wanted = session.limits["max_key_per_request"] + 1
    if wanted > session.bounds.max_keys // 4:
        untested(f"max_key_per_request is {wanted - 1:,}, more than a quarter of the run's keys")
    answer = session.ask(number=wanted, size=session.limits["min_key_size"])
    _expect_400(session, answer, f"number {wanted}")
    return describe(answer)


@check("enc-number-none", clause=CLAUSE, demand="not-said")
def number_none(session: Session) -> str:
    """A request for no key, or for fewer than none, is 400."""
    for wanted in (0, -1):
        _expect_400(session, session.ask(number=wanted), f"number {wanted}")
    return "0 and -1 are refused"


def _sizes(session: Session) -> list[int]:
    low, high = session.limits["min_key_size"], session.limits["max_key_size"]
    low, high = -(-low // 8) * 8, high // 8 * 8
    if low > high:
        untested("no multiple of 8 lies between min_key_size and max_key_size")
    n = session.bounds.n_sizes
    spread = {low + (high - low) * i // (n - 1) // 8 * 8 for i in range(n)}
    return sorted(spread | {low, min(low + 8, high), max(high - 8, low), high})


@check("enc-sizes", clause="Get key; Status data format: min_key_size, max_key_size")
def sizes(session: Session) -> str:
    """A key of every multiple of 8 bits between the limits has just that size (a sample, both ends among it)."""
    tried = _sizes(session)
    for size in tried:
        session.new_keys(session.ask(size=size), number=1, size=size)
    return f"{len(tried)} sizes from {tried[0]} to {tried[-1]} bits"


@check("enc-size-limits", clause="Status data format: min_key_size, max_key_size")
def size_limits(session: Session) -> str:
    """Sizes beyond the limits, by 8 bits and by 1, are 400."""
    low, high = session.limits["min_key_size"], session.limits["max_key_size"]
    tried = [size for size in (low - 8, low - 1, high + 1, high + 8, 0, -8) if size != low]
    for size in tried:
        _expect_400(session, session.ask(size=size), f"size {size}")
    return f"{', '.join(map(str, tried))} are refused"


@check("enc-size-odd", clause="Get key: HTTP codes, size")
def size_odd(session: Session) -> str:
    """A size that is no multiple of 8 is served with all its bits, or is 400 with the standard's sentence."""
    low, high = session.limits["min_key_size"], session.limits["max_key_size"]
    tried = [size for size in (low + 1, session.limits["key_size"] + 4, high - 1) if low <= size <= high and size % 8]
    if not tried:
        untested("there is no such size between the limits")
    for size in tried:
        answer = session.ask(size=size)
        if answer.status == 200:
            session.new_keys(answer, number=1, size=size)
        else:
            session.expect_refusal(answer, message="size")
    return describe(answer)


@check("enc-types", clause=CLAUSE)
def types(session: Session) -> str:
    """Fields of another type than the standard's, and a body that is no object, are 400."""
    size = session.limits["key_size"]
    bodies: tuple[object, ...] = (
        {"number": "two"},
        {"number": 1.5},
        {"size": f"{size} bits"},
        {"size": [size]},
        {"additional_slave_SAE_IDs": "bob"},
        [],
        "number",
    )
    for body in bodies:
        answer = session.call(session.master, "POST", session.slave.sae_id, "enc_keys", body=body)
        _expect_400(session, answer, f"the body {body!r}")
    return f"{len(bodies)} such bodies are refused"


@check("enc-query-types", clause="Get key: GET with number and size alone")
def query_types(session: Session) -> str:
    """A GET whose number or size is no number is 400."""
    for query in ("number=two", "size=1e2", "number=", "number=99999999999999999999"):
        _expect_400(session, _get(session, query), f"?{query}")
    return "four such queries are refused"


@check("enc-stranger", clause="Get key: HTTP codes", demand="not-said")
def stranger(session: Session) -> str:
    """Keys for an SAE that nobody knows are refused: nobody could ever fetch them."""
    answer = session.call(session.master, "POST", "kakehashi-nobody", "enc_keys", body={}, is_regular=False)
    if answer.status == 200:
        _swallow(session, answer)
        warn("the server gives keys for an SAE that nobody knows")
    return f"refused: {describe(answer)}"


def _say_one(keys: list[ReadKey]) -> str:
    return keys[0].key_id


@check("enc-other-way", clause="Get key: the caller is the master")
def other_way(session: Session) -> str:
    """The slave may be a master too: keys that it asks for are fetched by the other side, and are equal."""
    keys = session.draw(by=session.slave, to=session.master)
    answer = session.fetch([_say_one(keys)], by=session.master, of=session.slave)
    session.match(answer, [_say_one(keys)])
    return describe(answer)


@check("enc-consumed", clause="Get key: post-conditions")
def consumed(session: Session) -> str:
    """The same request sent again, to the letter, gives another key under another ID."""
    first = session.draw()[0]
    again = session.draw()[0]
    if first.key_id.lower() == again.key_id.lower():
        fail("the repeated request gives the same key ID")
    if first.value == again.value:
        fail("the repeated request gives the same key under another ID")
    return "another key comes"


def _message(answer: Answer) -> str:
    try:
        return read_error(answer)
    except MisreadError:
        return ""


@check("enc-size-sentence", clause="Get key: HTTP codes, size", demand="may")
def size_sentence(session: Session) -> str:
    """An error that is not about multiples of 8 does not use that sentence."""
    size = session.limits["max_key_size"] // 8 * 8 + 8
    answer = session.ask(size=size)
    if _message(answer) == MESSAGES["size"]:
        warn(f"size {size} is a multiple of 8, but the answer says '{without_keys(MESSAGES['size'])}'")
    return describe(answer)


CHECKS = (
    get,
    post,
    get_query,
    get_more,
    number,
    number_most,
    number_over,
    number_none,
    sizes,
    size_limits,
    size_odd,
    size_sentence,
    types,
    query_types,
    stranger,
    other_way,
    consumed,
)
