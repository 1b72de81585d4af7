"""What a conformance run asks, whom, within which bounds, and what it found."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from kakehashi.core.errors import InputError

__all__ = [
    "Bounds",
    "Demand",
    "Finding",
    "Hooks",
    "Judgement",
    "Party",
    "Report",
    "Target",
    "Verdict",
    "VerdictError",
    "fail",
    "untested",
    "warn",
]

Verdict = Literal["pass", "fail", "warn", "not-tested"]
Demand = Literal["must", "may", "not-said"]
"""What the standard says about a matter: it binds, it leaves the choice, or it is silent."""

Judgement = Literal["conformant", "not conformant", "no verdict"]

ESSENTIAL = ("enc-get", "dec-post")
"""Without these nothing else means much: of a server that gave no key to both sides nothing good can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A user of keys whom the suite plays.

    Attributes:
        sae_id: Its ID, as the server knows it.
        certificate: Its certificate, PEM.
        private_key: Its private key, PEM.
        url: The server of its site, ``https://host[:port][/prefix]``.

    Raises:
        InputError: The URL is not such a one, or a file is missing.
    """

    sae_id: str
    certificate: Path
    private_key: Path
    url: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_good = parts.scheme == "https" and bool(parts.hostname) and not parts.query and parts.port != 0
        except ValueError:
            is_good = False
        if not is_good:
            raise InputError(f"The server's address must look like https://host:port, but is '{self.url}'.")
        if not self.sae_id:
            raise InputError("An SAE ID must not be empty.")
        for path in (self.certificate, self.private_key):
            if not path.is_file():
                raise InputError(f"{path} is not there; it should be a PEM file of SAE '{self.sae_id}'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Servers under test and those who ask them.

    Attributes:
        master: Asks for keys.
        slave: Fetches them by their IDs.
        third: An SAE that has no part in those keys; without it what one user may see of another is not tested.
        authority: Certificates that sign those of the servers, PEM.
        server_name: Name to look for in the servers' certificates where it is not the one in the URL.

    Raises:
        InputError: Two parties have one ID, or the authority's file is missing.
    """

    master: Party
    slave: Party
    third: Party | None = None
    authority: Path
    server_name: str | None = None

    def __post_init__(self) -> None:
        ids = [party.sae_id for party in (self.master, self.slave, self.third) if party is not None]
        if len(set(ids)) < len(ids):
            raise InputError("Master, slave and third SAE must be different.")
        if not self.authority.is_file():
            raise InputError(f"{self.authority} is not there; it should hold the authority's certificate, PEM.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a run may go; what is left then is not tested.

    Attributes:
        max_requests: Most requests, broken connections among them.
        max_keys: Most keys that are asked for.
        max_seconds: Longest time.
        timeout_s: How long one answer may take.
        n_racers: Requests at once where a race is tried.
        n_sizes: Key sizes that are tried, smallest and largest among them.
        n_random: Keys that are looked at for randomness.
        max_body_bytes: Longest body that is sent.
        slow_seconds: How long slow clients hold their connections.
        exhaust_keys: Keys that may be drawn to see what an empty store does; 0 leaves that out.
    """

    max_requests: int = 3000
    max_keys: int = 5000
    max_seconds: float = 300.0
    timeout_s: float = 10.0
    n_racers: int = 8
    n_sizes: int = 16
    n_random: int = 128
    max_body_bytes: int = 4 * 2**20
    slow_seconds: float = 3.0
    exhaust_keys: int = 0

    def __post_init__(self) -> None:
        least = {"n_racers": 2, "n_sizes": 2, "n_random": 16, "exhaust_keys": 0, "max_body_bytes": 1024}
        for name in self.__slots__:
            if getattr(self, name) < least.get(name, 1e-3):
                raise InputError(f"The bound `{name}` must be at least {least.get(name, 1)}.")

    def sentence(self) -> str:
        """What is stated before a run starts.

        Example:
            >>> Bounds().sentence()
            'At most 3,000 requests, 5,000 keys, 300 s, 8 requests at once, and bodies of 4,194,304 bytes.'
        """
        return (
            f"At most {self.max_requests:,} requests, {self.max_keys:,} keys, {self.max_seconds:g} s,"
            f" {self.n_racers} requests at once, and bodies of {self.max_body_bytes:,} bytes."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Commands of the caller's that stop the servers at once and start them again.

    Attributes:
        kill: Stops them without giving them time, as a power cut would.
        restart: Starts them; returns when they are on their way.
        recover_s: How long they may take until they answer.
    """

    kill: str
    restart: str
    recover_s: float = 30.0


class VerdictError(Exception):
    """Ends a check with another verdict than ``pass``."""

    def __init__(self, verdict: Verdict, sentence: str) -> None:
        self.verdict: Verdict = verdict
        self.sentence = sentence
        super().__init__(sentence)


def fail(sentence: str) -> NoReturn:
    """End a check: what it asks for does not hold."""
    raise VerdictError("fail", sentence)


def warn(sentence: str) -> NoReturn:
    """End a check: it holds, with something that the operator should know."""
    raise VerdictError("warn", sentence)


def untested(sentence: str) -> NoReturn:
    """End a check: it could not be tried."""
    raise VerdictError("not-tested", sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its ID.
        group: Its part of the catalogue.
        clause: Where the standard speaks of it.
        demand: What the standard says.
        demands: What has to hold, one sentence.
        verdict: How it came out.
        sentence: Why.
        sent: The request that decided, without key material.
        came: What came back, without key material.
        duration_s: Time it took.
    """

    check: str
    group: str
    clause: str
    demand: Demand
    demands: str
    verdict: Verdict
    sentence: str
    sent: str = ""
    came: str = ""
    duration_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run found.

    Attributes:
        url: The master's server.
        findings: One for each check, in the catalogue's order.
        n_requests: Requests that were made.
        n_keys: Keys that came.
        duration_s: Time of the run.
        started: When it began, UTC.
        version: Version of kakehashi.
    """

    url: str
    findings: tuple[Finding, ...]
    n_requests: int
    n_keys: int
    duration_s: float
    version: str
    started: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))

    @property
    def counts(self) -> dict[str, int]:
        """Findings by verdict."""
        found = Counter(finding.verdict for finding in self.findings)
        return {verdict: found[verdict] for verdict in ("pass", "fail", "warn", "not-tested")}

    @property
    def judgement(self) -> Judgement:
        """What the findings come to; a good word only where keys were really delivered to both sides.

        Example:
            >>> Report(url="https://kme", findings=(), n_requests=0, n_keys=0, duration_s=0.0, version="1").judgement
            'no verdict'
        """
        if self.counts["fail"]:
            return "not conformant"
        return "no verdict" if self.untried else "conformant"

    @property
    def untried(self) -> tuple[str, ...]:
        """Checks of :data:`ESSENTIAL` that were not made, or could not be tried."""
        tried = {finding.check for finding in self.findings if finding.verdict != "not-tested"}
        return tuple(name for name in ESSENTIAL if name not in tried)

    @property
    def is_conformant(self) -> bool:
        """Nothing failed, and keys were really delivered to both sides."""
        return self.judgement == "conformant"

    def to_json(self) -> dict[str, Any]:
        """Plain values.

        Example:
            >>> Report(url="https://kme", findings=(), n_requests=0, n_keys=0, duration_s=0.0, version="1").to_json()[
            ...     "schema"]
            'kakehashi.qkd.conformance/1'
        """
        return {
            "schema": "kakehashi.qkd.conformance/1",
            "standard": "ETSI GS QKD 014 V1.1.1",
            "version": self.version,
            "url": self.url,
            "started": self.started,
            "duration_s": round(self.duration_s, 3),
            "n_requests": self.n_requests,
            "n_keys": self.n_keys,
            "judgement": self.judgement,
            "is_conformant": self.is_conformant,
            "counts": self.counts,
            "findings": [finding.to_json() for finding in self.findings],
        }
