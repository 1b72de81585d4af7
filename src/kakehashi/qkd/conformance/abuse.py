"""Checks of what a client may do that is careless or malicious: broken, long and slow requests.

What is asked here the standard does not speak of, but for the statuses; all of it is bounded by the run's bounds.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from urllib.parse import quote

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.model import fail, untested, warn
from kakehashi.qkd.conformance.reading import MisreadError, read_container
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

N_SLOW = 6
"""Slow connections at once: more than a server with a handful of workers can spare."""
PATIENCE_S = 1.5
"""How long an ordinary answer may take beside them."""


def _fresh(session: Session, data: bytes, words: str, *, is_regular: bool = False) -> Answer:
    session.charge(1)
    answer = session.master.client.send(data)
    session.note(f"{session.master.sae_id}: {words}", answer, is_regular=is_regular)
    return answer


def _path(session: Session, what: str = "enc_keys") -> str:
    return f"{session.master.client.prefix}/api/v1/keys/{quote(session.slave.sae_id, safe='')}/{what}"


def _head(session: Session, *lines: str, what: str = "enc_keys") -> bytes:
    first = (
        f"POST {_path(session, what)} HTTP/1.1",
        f"Host: {session.master.client.host}",
        "Content-Type: application/json",
    )
    return "\r\n".join([*first, *lines, "", ""]).encode()


@check("abuse-json", clause="Get key: HTTP codes, 400")
def broken_json(session: Session) -> str:
    """Bodies that are no JSON, no UTF-8, cut off, or nested ten thousand deep are 400."""
    bodies = (
        b"{",
        b'{"number": 1',
        b"number=1",
        b"\xff\xfe{}",
        b'{"number": NaN}',
        b"[" * 10_000,
        b'{"extension_optional":' * 5_000 + b"1" + b"}" * 5_000,
    )
    for method in ("enc_keys", "dec_keys"):
        for body in bodies:
            answer = session.call(session.master, "POST", session.slave.sae_id, method, body=body, is_fresh=True)
            if answer.status != 400:
                fail(f"a broken body of {len(body)} bytes should be 400, but it was {describe(answer)}")
    return f"{2 * len(bodies)} such bodies are refused"


@check("abuse-numbers", clause="Get key: HTTP codes, 400")
def huge_numbers(session: Session) -> str:
    """Numbers beyond all measure are 400, and the server stays."""
    for name in ("number", "size"):
        for value in (2**31, 2**63, 2**64 + 8, 10**400):
            body = f'{{"{name}": {value}}}'.encode()
            answer = session.call(session.master, "POST", session.slave.sae_id, "enc_keys", body=body, is_fresh=True)
            if answer.status != 400:
                fail(f"{name} of {len(str(value))} digits should be 400, but it was {describe(answer)}")
    return "eight such requests are refused"


@check("abuse-long-body", clause="not in the standard", demand="not-said")
def long_body(session: Session) -> str:
    """A body of megabytes is refused, by status or by closing the connection."""
    n = session.bounds.max_body_bytes
    body = b'{"number": 1' + b" " * (n - 13) + b"}"
    answer = _fresh(session, _head(session, f"Content-Length: {n}") + body, f"POST of {n:,} bytes")
    if answer.status == 200:
        _swallow(session, answer)
        warn(f"a body of {n:,} bytes is taken")
    if answer.status in (500, 502, 504):
        fail(f"the server broke: {describe(answer)}")
    return f"refused: {describe(answer)}"


@check("abuse-long-head", clause="not in the standard", demand="not-said")
def long_head(session: Session) -> str:
    """A head of 200,000 bytes is refused."""
    data = _head(session, f"X-Long: {'x' * 200_000}", "Content-Length: 2") + b"{}"
    answer = _fresh(session, data, "POST with a header of 200,000 bytes")
    if answer.status == 200:
        _swallow(session, answer)
        warn("a head of 200,000 bytes is taken")
    return f"refused: {describe(answer)}"


@check("abuse-length", clause="not in the standard", demand="not-said", guards_keys=True)
def two_lengths(session: Session) -> str:
    """A request that says its length in two ways is refused: behind a proxy, keys would go to the wrong user."""
    body = b"0\r\n\r\n"
    doubtful = (
        ("a length and chunks", ("Content-Length: 5", "Transfer-Encoding: chunked"), body),
        ("two lengths", ("Content-Length: 2", "Content-Length: 5"), b"{}   "),
        ("a negative length", ("Content-Length: -1",), b"{}"),
    )
    for words, lines, payload in doubtful:
        answer = _fresh(session, _head(session, *lines) + payload, f"POST with {words}")
        if answer.status == 200:
            _swallow(session, answer)
            fail(f"a request with {words} was answered with a key")
    return "three such requests are refused"


@check("abuse-paths", clause="Get key: HTTP codes", demand="not-said")
def paths(session: Session) -> str:
    """Paths that try to leave their place, and IDs with strange octets, are refused without a breakdown."""
    base = "/api/v1/keys"
    for path in (
        f"{base}//enc_keys",
        f"{base}/%00/enc_keys",
        f"{base}/%FF%FE/enc_keys",
        f"{base}/..%2F..%2Fetc%2Fpasswd/enc_keys",
        f"{base}/%27%20OR%201%3D1%20--/enc_keys",
        f"{base}/{'a' * 4000}/enc_keys",
        f"{base}/{quote(session.slave.sae_id, safe='')}/enc_keys/../enc_keys%00",
    ):
        answer = session.call(session.master, "GET", "", "", path=path, is_regular=False, is_fresh=True)
        if answer.status == 200:
            _swallow(session, answer)
            fail(f"keys came for the path {path[:60]}")
        if answer.status is not None and answer.status >= 500 and answer.status != 503:
            fail(f"the server broke at the path {path[:60]}: {describe(answer)}")
    return "seven such paths are refused"


@check("abuse-methods", clause="Overview of methods", demand="not-said")
def methods(session: Session) -> str:
    """Methods that the standard does not have give no key."""
    for method in ("PUT", "DELETE", "PATCH"):
        answer = session.call(session.master, method, session.slave.sae_id, "enc_keys", body={}, is_regular=False)
        if answer.status == 200:
            _swallow(session, answer)
            fail(f"{method} is answered with {describe(answer)}")
    return f"refused: {describe(answer)}"


@check("abuse-codes", clause="HTTP codes: 200, 400, 401 and 503 alone", demand="not-said")
def codes(session: Session) -> str:
    """A wrong path or method has one of the standard's statuses, for clients know no others."""
    odd = []
    for method, path in (
        ("GET", "/api/v1/keys"),
        ("GET", "/nothing"),
        ("PUT", _path(session)),
        ("POST", _path(session, "status")),
    ):
        answer = session.call(
            session.master, method, "", "", path=path, body={} if method != "GET" else None, is_regular=False
        )
        if answer.status not in (400, 401, 503):
            odd.append(f"{method} {path}: {describe(answer)}")
    if odd:
        warn(f"{len(odd)} of 4 have another: {odd[0]}")
    return "all have"


def _swallow(session: Session, answer: Answer) -> None:
    with contextlib.suppress(MisreadError):
        session.watch.see_new(read_container(answer))


def _is_served(session: Session, timeout_s: float) -> tuple[bool, Answer]:
    """Whether an ordinary request over a new connection is answered in time."""
    client = session.master.new_client(timeout_s=timeout_s)
    start = time.monotonic()
    answer = session.call(session.master, "GET", session.slave.sae_id, "status", client=client)
    client.close()
    return answer.status == 200 and time.monotonic() - start < timeout_s, answer


def _expect_served(session: Session, beside: str) -> None:
    end = time.monotonic() + session.bounds.slow_seconds
    while True:
        is_good, answer = _is_served(session, PATIENCE_S)
        if not is_good:
            fail(f"beside {beside}, another user waits more than {PATIENCE_S:g} s ({describe(answer)})")
        if time.monotonic() > end:
            return
        time.sleep(0.3)


@check("abuse-slow-hello", clause="not in the standard", demand="not-said")
def slow_hello(session: Session) -> str:
    """Clients that connect and say nothing keep nobody else waiting."""
    _require_alive(session)
    address = session.master.client.host, session.master.client.port
    session.charge(N_SLOW)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            for _ in range(N_SLOW):
                stack.enter_context(socket.create_connection(address, timeout=5))
        _expect_served(session, f"{N_SLOW} connections that say nothing")
    return f"{N_SLOW} silent connections for {session.bounds.slow_seconds:g} s"


@check("abuse-slow-body", clause="not in the standard", demand="not-said")
def slow_body(session: Session) -> str:
    """Clients that send a byte now and then keep nobody else waiting."""
    _require_alive(session)
    session.charge(N_SLOW)
    with contextlib.ExitStack() as stack:
        connections: list[ssl.SSLSocket] = []
        with contextlib.suppress(OSError):
            for _ in range(N_SLOW):
                connection = stack.enter_context(session.master.client.connect(timeout_s=PATIENCE_S))
                connection.sendall(_head(session, "Content-Length: 1000") + b"{")
                connections.append(connection)
        _expect_served(session, f"{N_SLOW} requests whose bodies come byte by byte")
    return f"{len(connections)} slow requests for {session.bounds.slow_seconds:g} s"


def _require_alive(session: Session) -> None:
    if not _is_served(session, session.bounds.timeout_s)[0]:
        untested("the server does not answer even without that")


@check("abuse-alive", clause="Get key; Get key with key IDs", guards_keys=True)
def alive(session: Session) -> str:
    """After all of this the server still gives equal keys to both sides."""
    time.sleep(0.2)
    key = session.draw()[0]
    answer = session.fetch([key.key_id])
    session.match(answer, [key.key_id], what="the key")
    return describe(answer)


CHECKS = (
    broken_json,
    huge_numbers,
    long_body,
    long_head,
    two_lengths,
    paths,
    methods,
    codes,
    slow_hello,
    slow_body,
    alive,
)
