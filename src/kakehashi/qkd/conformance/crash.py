"""Checks across a crash: the caller's commands stop the servers at once and start them again."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

from kakehashi.qkd.conformance.check import check
from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.model import Hooks, VerdictError, fail, untested
from kakehashi.qkd.conformance.reading import MisreadError, ReadKey, read_container
from kakehashi.qkd.conformance.session import Session, describe

__all__ = ["CHECKS"]

logger = logging.getLogger(__name__)

COMMAND_S = 60.0
N_LOAD = 500
LOAD_PAUSE_S = 0.004
"""Requests beside a crash, and the pause between them."""
N_FETCHED = 60
SILENT = "not in the standard: what a crash may cost"


def _run(command: str, what: str) -> None:
    # The caller's own command, in the caller's own shell, as he would type it. Its output goes nowhere: a pipe would be
    # waited for until the servers that inherit it end.
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, shell=True, stdin=nowhere, stdout=nowhere, stderr=nowhere) as shell:  # noqa: S602
        try:
            code = shell.wait(COMMAND_S)
        except BaseException as error:
            shell.kill()
            shell.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                untested(f"the {what} command did not end within {COMMAND_S:g} s")
            raise
    if code:
        untested(f"the {what} command ended with {code}")


def _hooks(session: Session) -> Hooks:
    if session.hooks is None:
        untested("no commands to stop and start the servers were given")
    return session.hooks


def _crash(session: Session, *, and_then: Callable[[], None] = lambda: None) -> None:
    """Stop and start the servers, do something, and wait until keys go through again."""
    hooks = _hooks(session)
    try:
        _run(hooks.kill, "kill")
        for actor in (session.master, session.slave):
            actor.client.close()
        _run(hooks.restart, "restart")
    except KeyboardInterrupt:  # of which the commands hear too, in a terminal
        logger.warning("Interrupted while the servers were stopped: they are started again.")
        with contextlib.suppress(VerdictError):
            _run(hooks.restart, "restart")
        raise
    and_then()
    end = time.monotonic() + hooks.recover_s
    while time.monotonic() < end:
        answer = session.call(session.master, "POST", session.slave.sae_id, "enc_keys", body={}, is_regular=False)
        try:
            keys = read_container(answer) if answer.status == 200 else []
        except MisreadError:
            keys = []
        session.watch.see_new(keys)
        if keys and session.fetch([keys[0].key_id]).status == 200:
            return
        time.sleep(0.25)
    fail(f"within {hooks.recover_s:g} s of the restart no key went through: {session.came}")


@check("crash-fetched", clause="Get key with key IDs: post-conditions", guards_keys=True, needs=("hooks",))
def fetched(session: Session) -> str:
    """A key that was fetched before a crash is not delivered again after it."""
    _hooks(session)
    key = session.draw()[0]
    if not session.is_there(key.key_id):
        untested(f"the key could not be fetched: {session.came}")
    _crash(session)
    answer = session.fetch([key.key_id])
    if answer.status == 200:
        fail("the crash brought a key back that had been delivered")
    session.expect_refusal(answer, message="not found")
    return describe(answer)


@check("crash-waiting", clause=SILENT, demand="not-said", guards_keys=True, needs=("hooks",))
def waiting(session: Session) -> str:
    """A key that waits for its slave when the servers crash is the master's afterwards, or is gone; never another."""
    _hooks(session)
    keys = [session.draw()[0] for _ in range(4)]
    _crash(session)
    n_there = 0
    for key in keys:
        answer = session.fetch([key.key_id])
        if answer.status == 200:
            session.match(answer, [key.key_id], what="the key")
            n_there += 1
        else:
            session.expect_refusal(answer, message="not found")
    return f"{n_there} of {len(keys)} keys outlived the crash, equal at both ends"


def _collect(session: Session, stop: threading.Event, keys: list[ReadKey]) -> None:
    client = session.master.new_client()
    path = f"/api/v1/keys/{quote(session.slave.sae_id, safe='')}/enc_keys"
    for _ in range(N_LOAD):
        if stop.wait(LOAD_PAUSE_S):
            break
        answer: Answer = client.request("POST", path, b"{}")
        try:
            keys += read_container(answer) if answer.status == 200 else []
        except MisreadError:
            continue
        if answer.status != 200:
            time.sleep(0.05)
    client.close()


@check("crash-load", clause=SILENT, demand="not-said", guards_keys=True, needs=("hooks",))
def load(session: Session) -> str:
    """A crash in the middle of requests leaves no key that differs at the two ends, and no ID or bits come again."""
    _hooks(session)
    session.draw()
    session.charge(N_LOAD, N_LOAD)
    keys: list[ReadKey] = []
    stop = threading.Event()
    thread = threading.Thread(target=_collect, args=(session, stop, keys))
    thread.start()
    try:
        time.sleep(0.5)
        _crash(session, and_then=stop.set)
    finally:
        stop.set()
        thread.join()
    before = session.watch.repeated_ids, session.watch.repeated_bits
    session.watch.see_new(keys)
    if (session.watch.repeated_ids, session.watch.repeated_bits) != before:
        fail("a key ID, or bits of a key, came twice around the crash")
    n_there = 0
    tried = keys[:: max(1, len(keys) // N_FETCHED)]  # from before and after the crash
    for key in tried:
        answer = session.fetch([key.key_id])
        if answer.status == 200:
            session.match(answer, [key.key_id], what="the key")
            n_there += 1
    return f"{len(keys)} keys around the crash; {n_there} of {len(tried)} fetched, all equal"


CHECKS = (fetched, waiting, load)
