"""A whole session: sifting, estimation, correction, verification, amplification and tags, between two processes.

Each end is a process of its own, driven as `kakehashi qkd distill` drives it; they share a socket and a secret. The
photons are drawn beforehand and both halves lie in memory, so that what is timed is the work of the two ends and not
that of a simulator. No other package is known to run a session between two processes, so there is no peer beside it.

Rates are those between the first block and the last. Every setting runs for the totals, and again with a stopwatch
around each stage, whose own time is some percent.

Goal: 50 Mbit/s of sifted key at 2 % of wrong bits, one core for each end.

    OMP_NUM_THREADS=1 python benchmarks/qkd_session.py
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np
from record import keep

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill import receiver_session, sender_session, session
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.authenticate import Transcript
from kakehashi.qkd.distill.cascade import CascadeCorrector, CascadeReference
from kakehashi.qkd.distill.drive import Channel, drive_receiver, drive_sender
from kakehashi.qkd.distill.events import Event as SessionEvent
from kakehashi.qkd.distill.events import Made
from kakehashi.qkd.distill.ldpc import LdpcCorrector, LdpcReference
from kakehashi.qkd.distill.planes import Intensities
from kakehashi.qkd.distill.receiver_session import ReceiverSession
from kakehashi.qkd.distill.sender_session import SenderSession
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.distill.wire import Wire
from kakehashi.qkd.link.model import Detections, Preparations

QBER = 0.02
CLICKS = 500_000
"""Clicks of an exposure."""
SLOTS_PER_CLICK = 16
N_EXPOSURES = 4
"""Different ones, taken in turn."""
REPEATS = 3
"""Runs of each kind, of which the one with the least processor time is kept: what others do here only adds to it."""
SETTINGS: tuple[dict[str, Any], ...] = (
    {"block_bits": 10_000_000, "n_blocks": 6},
    {"block_bits": 100_000_000, "n_blocks": 3},
    {"block_bits": 10_000_000, "n_blocks": 4, "correction": "ldpc"},
)
INTENSITIES, PROBABILITIES = (0.45, 0.15), (0.7, 0.3)


def agreement_of(setting: dict[str, Any]) -> Agreement:
    return Agreement(
        link="benchmark",
        intensities=INTENSITIES,
        probabilities=PROBABILITIES,
        block_bits=setting["block_bits"],
        secrecy=1e-10,
        correction=setting.get("correction", "cascade"),
    )


def draw(number: int) -> tuple[Preparations, Detections]:
    """Both halves of an exposure: a click in a slot goes with an intensity as often as it sends photons."""
    rng = np.random.default_rng(number)
    n_slots = CLICKS * SLOTS_PER_CLICK
    slot = np.unique(rng.integers(0, n_slots, CLICKS))
    n = len(slot)
    weight = np.array(INTENSITIES) * PROBABILITIES
    intensity = (rng.random(n) > weight[0] / weight.sum()).astype(np.uint8)
    bit = rng.integers(0, 2, n, dtype=np.uint8)
    sent, seen = ((rng.random(n) < 0.1).astype(np.uint8) for _ in range(2))
    wrong = rng.random(n) < np.where(sent == seen, QBER, 0.5)
    common: dict[str, Any] = {"first_slot": 0, "n_slots": n_slots, "slot": slot}
    return (
        Preparations(**common, basis=sent, bit=bit, intensity=intensity),
        Detections(**common, basis=seen, bit=bit ^ wrong),
    )


class Half:
    """One end's half of endless exposures."""

    def __init__(self, which: int) -> None:
        self.exposures = [draw(number)[which] for number in range(N_EXPOSURES)]
        self.n_taken = 0
        self.spent_s = 0.0

    def take(self) -> Any:
        began = time.thread_time()
        half = self.exposures[self.n_taken % N_EXPOSURES]
        first = self.n_taken * half.n_slots
        columns = {"basis": half.basis, "bit": half.bit}
        if isinstance(half, Preparations):
            columns["intensity"] = half.intensity
        made = type(half)(first_slot=first, n_slots=half.n_slots, slot=half.slot + first, **columns)
        self.n_taken += 1
        self.spent_s += time.thread_time() - began
        return made

    prepare = detect = take


class Stopwatch:
    """Processor time of this thread by stage; a stage within another is not counted twice."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self._stage, self._since = "rest", time.thread_time()

    def turn(self, stage: str) -> str:
        now, before = time.thread_time(), self._stage
        self.spent_s[before] = self.spent_s.get(before, 0.0) + now - self._since
        self._stage, self._since = stage, now
        return before

    def around(self, holder: Any, name: str, stage: str) -> None:
        """Count a function as a stage wherever ``holder`` calls it."""
        inner: Callable[..., Any] = getattr(holder, name)

        def timed(*args: Any, **options: Any) -> Any:
            before = self.turn(stage)
            try:
                return inner(*args, **options)
            finally:
                self.turn(before)

        setattr(holder, name, timed)

    def around_all(self) -> None:
        self.around(sender_session, "sift_at_sender", "sifting")
        self.around(receiver_session, "report", "sifting")
        self.around(receiver_session, "sift_at_receiver", "sifting")
        self.around(session.Sifted, "join", "sifting")
        for kind in (CascadeReference, LdpcReference):
            self.around(kind, "answer", "correction")
        for kind in (CascadeCorrector, LdpcCorrector):
            for name in ("__init__", "question", "take", "corrected"):
                self.around(kind, name, "correction")
        self.around(sender_session, "matches", "verification")
        self.around(receiver_session, "fingerprint", "verification")
        self.around(sender_session, "draw_seed", "amplification")
        for module in (sender_session, receiver_session):
            self.around(module, "amplify", "amplification")
        self.around(session.Session, "_length", "estimation")
        self.around(Intensities, "count", "estimation")
        self.around(Transcript, "update", "authentication")
        self.around(session, "encode", "messages")
        self.around(session, "decode", "messages")
        for name in ("send", "receive", "outgoing"):
            self.around(Wire, name, "wire")
        for name in ("send", "receive"):
            self.around(Channel, name, "socket")


def until_over(events: Iterator[SessionEvent], over: Event) -> Iterator[SessionEvent]:
    """All events. When all is over, the other end may be the first to go."""
    try:
        yield from events
    except DeviceError:
        if not over.is_set():
            raise


def run_end(
    role: str, setting: dict[str, Any], secret: bytes, connection: socket.socket, pipe: Connection, over: Event
) -> None:
    agreement, half = agreement_of(setting), Half(role == "receiver")
    stock = Stock.from_secret(Bits.from_bytes(secret), is_sender=role == "sender", forgery=agreement.forgery)
    watch = Stopwatch()
    if setting["is_timed"]:
        watch.around_all()
    channel, marks = Channel(connection), []
    pipe.send("ready")
    pipe.recv()
    events: Iterator[SessionEvent]
    if role == "sender":
        events = drive_sender(SenderSession(agreement, stock), half, channel, should_stop=over.is_set)
    else:
        events = drive_receiver(ReceiverSession(agreement, stock), half, channel, should_stop=over.is_set)
    for event in until_over(events, over):
        if not isinstance(event, Made):
            raise SystemExit(f"{role}: {event}")
        watch.turn("rest")
        marks.append(
            {
                "at_s": time.monotonic(),
                "processor_s": time.process_time(),
                "photons_s": half.spent_s,
                "sent_bytes": channel.n_sent,
                "account": {name: getattr(event.account, name) for name in ("sifted", "correction", "secret")},
                "qber": event.qber,
                "stages": dict(watch.spent_s),
            }
        )
        if len(marks) == setting["n_blocks"]:
            pipe.send(marks)  # and goes on: the other end may still wait for what was said last


def run(setting: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Marks of both ends, one for each block."""
    context = multiprocessing.get_context("spawn")
    secret, pair, pipes = secrets.token_bytes(4096), socket.socketpair(), {}
    processes, over = [], context.Event()
    for role, connection in zip(("sender", "receiver"), pair, strict=True):
        pipes[role], theirs = context.Pipe()
        processes.append(
            context.Process(target=run_end, args=(role, setting, secret, connection, theirs, over), daemon=True)
        )
        processes[-1].start()
        connection.close()
        theirs.close()
    for pipe in pipes.values():
        pipe.recv()
    for pipe in pipes.values():
        pipe.send("go")
    marks = {role: pipe.recv() for role, pipe in pipes.items()}
    over.set()
    for process in processes:
        process.join()
    return marks


def spent_s(marks: dict[str, list[dict[str, Any]]]) -> float:
    """Processor time of both ends between their first block and their last."""
    return sum(float(mine[-1]["processor_s"] - mine[0]["processor_s"]) for mine in marks.values())


def measure(setting: dict[str, Any]) -> dict[str, Any]:
    marks = min((run(setting | {"is_timed": False}) for _ in range(REPEATS)), key=spent_s)
    timed = min((run(setting | {"is_timed": True}) for _ in range(REPEATS)), key=spent_s)
    n_bits = sum(mark["account"]["sifted"] for mark in marks["sender"][1:])
    leaked = sum(mark["account"]["correction"] for mark in marks["sender"][1:])
    row: dict[str, Any] = {
        "correction": setting.get("correction", "cascade"),
        "block_bits": setting["block_bits"],
        "n_blocks": setting["n_blocks"] - 1,
        "sifted_bits": n_bits,
        "leaked_bits": leaked,
        "secret_bits": sum(mark["account"]["secret"] for mark in marks["sender"][1:]),
        "qber": float(np.mean([mark["qber"] for mark in marks["sender"][1:]])),
    }
    for role, mine in marks.items():
        spent = {name: mine[-1][name] - mine[0][name] for name in ("at_s", "processor_s", "photons_s", "sent_bytes")}
        first, last = timed[role][0]["stages"], timed[role][-1]["stages"]
        n_timed = sum(mark["account"]["sifted"] for mark in timed[role][1:])
        row[role] = {
            "mbit_per_s": n_bits / spent["at_s"] / 1e6,
            "mbit_per_processor_s": n_bits / spent["processor_s"] / 1e6,
            "photons_ns_per_bit": 1e9 * spent["photons_s"] / n_bits,
            "sent_bytes_per_bit": spent["sent_bytes"] / n_bits,
            "stages_ns_per_bit": {
                stage: 1e9 * (last[stage] - first.get(stage, 0.0)) / n_timed for stage in sorted(last)
            },
        }
    return row


def main() -> None:
    chosen = [SETTINGS[int(i)] for i in sys.argv[1:]] or SETTINGS
    rows, load = [], os.getloadavg()[0]
    for setting in chosen:
        row = measure(setting)
        rows.append(row)
        print(f"{row['correction']} {row['block_bits']:.0e} qber {row['qber']:.4f} secret {row['secret_bits']}")
        for role in ("sender", "receiver"):
            end = row[role]
            stages = "  ".join(f"{name} {ns:.2f}" for name, ns in end["stages_ns_per_bit"].items())
            print(
                f"  {role:8} {end['mbit_per_s']:.1f} Mbit/s by the clock, {end['mbit_per_processor_s']:.1f} a processor"
                f" second; ns a bit: photons {end['photons_ns_per_bit']:.2f}  {stages}",
                flush=True,
            )
    if chosen is SETTINGS:
        print(keep("qkd_session", rows, time="clock and processor time of each end", load_before=load))


if __name__ == "__main__":
    main()
