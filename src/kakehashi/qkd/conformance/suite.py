"""The catalogue of checks, and a run of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from importlib.metadata import version
from itertools import groupby
from threading import BrokenBarrierError
from types import MappingProxyType

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.qkd.conformance import (
    abuse,
    crash,
    dec_keys,
    enc_keys,
    exhaustion,
    extensions,
    once,
    status,
    tenants,
    transport,
    whole_run,
)
from kakehashi.qkd.conformance.check import Check
from kakehashi.qkd.conformance.model import Bounds, Finding, Hooks, Report, Target, Verdict, VerdictError
from kakehashi.qkd.conformance.reading import printable
from kakehashi.qkd.conformance.session import Session

__all__ = ["CATALOGUE", "run_suite", "select", "table_of_checks"]

logger = logging.getLogger(__name__)

CATALOGUE: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "connection": transport.CHECKS,
        "get status": status.CHECKS,
        "get key": enc_keys.CHECKS,
        "get key with key IDs": dec_keys.CHECKS,
        "extensions": extensions.CHECKS,
        "once and not lost": once.CHECKS,
        "several users": tenants.CHECKS,
        "abuse": abuse.CHECKS,
        "crash": crash.CHECKS,
        "exhaustion": exhaustion.CHECKS,
        "whole run": whole_run.CHECKS,
    }
)
"""Checks by group, in the order in which they are made: those that may hurt come late."""


def select(only: Sequence[str] = (), leave_out: Sequence[str] = ()) -> list[tuple[str, Check]]:
    """Checks by their IDs or patterns of such, with their groups.

    Args:
        only: Checks to make; all where empty.
        leave_out: Checks not to make.

    Raises:
        InputError: A pattern fits no check.

    Example:
        >>> [found.id for _, found in select(["race-*"])]
        ['race-fetch', 'race-ask']
    """
    every = [(group, one) for group, checks in CATALOGUE.items() for one in checks]
    for pattern in (*only, *leave_out):
        if not any(fnmatch(one.id, pattern) for _, one in every):
            raise InputError(f"There is no check '{pattern}'; docs/reference/conformance-checks.md lists them.")
    return [
        (group, one)
        for group, one in every
        if (not only or any(fnmatch(one.id, pattern) for pattern in only))
        and not any(fnmatch(one.id, pattern) for pattern in leave_out)
    ]


def run_suite(
    target: Target,
    *,
    bounds: Bounds | None = None,
    hooks: Hooks | None = None,
    only: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    progress: Progress = silent,
    on_group: Callable[[Sequence[Finding]], None] = lambda _: None,
) -> Report:
    """Judge a server.

    Args:
        target: Whom to ask, and as whom.
        bounds: How far to go.
        hooks: Commands that stop and start the servers; without, crashes are not tested.
        only: IDs of checks to make, or patterns; all where empty.
        leave_out: IDs of checks not to make, or patterns.
        progress: Hears of each check, before it is made.
        on_group: Gets what the checks of a group have found, once the last of them is made.

    Raises:
        InputError: A file or a pattern is wrong.
        DeviceError: A server cannot be reached at all.
    """
    chosen = select(only, leave_out)
    session = Session(target, bounds or Bounds(), hooks)
    reporter = Reporter(progress)
    findings: list[Finding] = []
    try:
        _reach(session)
        for group, members in groupby(chosen, key=lambda pair: pair[0]):
            n_before = len(findings)
            for _, one in members:
                reporter.step("check", one.id, step=len(findings) + 1, total=len(chosen))
                findings.append(_make(session, group, one))
            on_group(findings[n_before:])
    finally:
        session.close()
    return Report(
        url=target.master.url,
        findings=tuple(findings),
        n_requests=session.watch.n_requests,
        n_keys=session.watch.n_keys,
        duration_s=time.monotonic() - session.start,
        version=version("kakehashi"),
    )


def _reach(session: Session) -> None:
    """Both sites answer at all; with a sentence where not, instead of fifty failures."""
    for by, of in ((session.master, session.slave), (session.slave, session.master)):
        answer = session.call(by, "GET", of.sae_id, "status", is_regular=False)
        if answer.status is None:
            raise DeviceError(f"{by.party.url} cannot be asked as '{by.sae_id}': {answer.fault}.", transient=True)


def _make(session: Session, group: str, one: Check) -> Finding:
    start = time.monotonic()
    session.sent = session.came = ""
    verdict: Verdict = "pass"
    try:
        for need in one.needs:
            _require(session, need)
        sentence = one.run(session)
    except VerdictError as error:
        verdict, sentence = error.verdict, error.sentence
    except BrokenBarrierError:
        verdict, sentence = "not-tested", "the requests could not be made at the same moment"
    except Exception as error:  # noqa: BLE001 - no server may end the run of its judge, whatever it answers
        logger.warning("Check %s could not read an answer: %s.", one.id, type(error).__name__)
        verdict, sentence = "not-tested", f"the suite could not make sense of an answer ({type(error).__name__})"
    if verdict == "fail" and not one.fails:
        verdict = "warn"
    return Finding(
        check=one.id,
        group=group,
        clause=one.clause,
        demand=one.demand,
        demands=one.demands,
        verdict=verdict,
        sentence=printable(f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}."),
        sent=printable(session.sent),
        came=printable(session.came),
        duration_s=round(time.monotonic() - start, 4),
    )


def _require(session: Session, need: str) -> None:
    missing = {
        "third": session.third_fault,
        "hooks": "" if session.hooks is not None else "no commands to stop and start the servers were given",
        "exhaust": "" if session.bounds.exhaust_keys > 0 else "taking all keys was not allowed",
    }[need]
    if missing:
        raise VerdictError("not-tested", missing)


def table_of_checks() -> str:
    """The catalogue as tables in Markdown, for the reference page."""
    lines = []
    for group, checks in CATALOGUE.items():
        lines += [
            f"## {group[:1].upper()}{group[1:]}",
            "",
            "| check | what has to hold | clause | standard | verdict | needs |",
        ]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        for one in checks:
            worst = "fail" if one.fails else "warn"
            cells = (f"`{one.id}`", one.demands, one.clause, one.demand, worst, ", ".join(one.needs))
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("|  |", "| |"))
        lines.append("")
    return "\n".join(lines)
