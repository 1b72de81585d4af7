"""Two ends of a link, each a process of its own, for whoever wants to see keys being made.

The processes share nothing but the socket between them and the secret that they were set up with. What comes back to
the caller is what may be public: accounts and rates, and of each key its SHA-256, to compare.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.connection
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from kakehashi.core.errors import DeviceError, KakehashiError
from kakehashi.core.system import start_apart
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.drive import Channel, drive_receiver, drive_sender
from kakehashi.qkd.distill.events import Event, GivenUp, Made
from kakehashi.qkd.distill.receiver_session import ReceiverSession
from kakehashi.qkd.distill.sender_session import SenderSession
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.link.ends import ReceiverEnd, SenderEnd
from kakehashi.qkd.link.source import addresses_in

__all__ = ["Report", "Role", "distil_in_processes"]

Role: TypeAlias = Literal["sender", "receiver"]

SECRET_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an end says of a block, and nothing of its key but a hash.

    Attributes:
        role: Which end.
        block_id: The block; empty where it was given up.
        account: What became of its sifted bits.
        key_sha256: Hash of the key that is left for users.
        n_key: Its bits.
        qber: Error rate, where known.
        reason: Why the block was given up.
        channel_bytes: Bytes that this end has sent over the classical channel so far.
        processor_s: Processor time of this end so far.
        at_s: Seconds since the end was started.
    """

    role: Role
    block_id: str
    account: Distilled
    key_sha256: str
    n_key: int
    qber: float | None
    reason: str
    channel_bytes: int
    processor_s: float
    at_s: float


def distil_in_processes(
    agreement: Agreement, photons: Path | str, *, n_blocks: int, timeout_s: float = 600.0
) -> Iterator[Report]:
    """Start both ends, and yield their reports until each has made ``n_blocks``.

    Args:
        agreement: What both take for granted.
        photons: Folder with the sockets of a simulated link, see :class:`~kakehashi.qkd.link.source.SourceProcess`.
        n_blocks: Blocks that are wanted of each end.
        timeout_s: Longest time without a report.

    Raises:
        DeviceError: An end stopped, or nothing came for ``timeout_s``.
    """
    context = multiprocessing.get_context("spawn")
    secret = secrets.token_bytes(SECRET_BYTES)
    with ExitStack() as stack:
        pair = socket.socketpair()
        pipes: list[multiprocessing.connection.Connection] = []
        for role, connection in zip(("sender", "receiver"), pair, strict=True):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_run_end,
                args=(role, agreement.model_dump_json(), secret, str(photons), connection, theirs),
                name=f"kakehashi-{role}",
                daemon=True,
            )
            start_apart(process)
            stack.callback(process.join, 5)
            stack.callback(process.terminate)
            connection.close()
            theirs.close()
            pipes.append(ours)
        yield from _reports(pipes, n_blocks, timeout_s)


def _reports(pipes: list[multiprocessing.connection.Connection], n_blocks: int, timeout_s: float) -> Iterator[Report]:
    made = dict.fromkeys(("sender", "receiver"), 0)
    while min(made.values()) < n_blocks:
        ready = multiprocessing.connection.wait(pipes, timeout_s)
        if not ready:
            raise DeviceError(f"No block came of the link within {timeout_s:g} s.")
        for pipe in ready:
            assert isinstance(pipe, multiprocessing.connection.Connection)
            try:
                report = pipe.recv()
            except EOFError:
                raise DeviceError("An end of the link stopped.") from None
            if isinstance(report, KakehashiError):
                raise report
            made[report.role] += bool(report.block_id)
            yield report


def _run_end(
    role: Role,
    agreement_json: str,
    secret: bytes,
    photons: str,
    connection: socket.socket,
    pipe: multiprocessing.connection.Connection,
) -> None:
    agreement = Agreement.model_validate_json(agreement_json)
    stock = Stock.from_secret(Bits.from_bytes(secret), is_sender=role == "sender", forgery=agreement.forgery)
    channel, began = Channel(connection), time.monotonic()
    try:
        for event in _events(role, agreement, stock, photons, channel):
            report = _report(role, event, channel, began)
            if report is not None:
                pipe.send(report)
    except KakehashiError as error:
        pipe.send(error)


def _events(role: Role, agreement: Agreement, stock: Stock, photons: str, channel: Channel) -> Iterator[Event]:
    addresses = addresses_in(photons)
    if role == "sender":
        with SenderEnd(addresses["sender"]) as sender:
            yield from drive_sender(SenderSession(agreement, stock), sender, channel, should_stop=lambda: False)
    else:
        with ReceiverEnd(addresses["receiver"]) as receiver:
            session = ReceiverSession(agreement, stock)
            yield from drive_receiver(session, receiver, channel, should_stop=lambda: False)


def _report(role: Role, event: Event, channel: Channel, began: float) -> Report | None:
    if not isinstance(event, Made | GivenUp):
        return None
    made = event if isinstance(event, Made) else None
    return Report(
        role=role,
        block_id=made.block_id if made else "",
        account=event.account,
        key_sha256=hashlib.sha256(made.key.to_bytes()).hexdigest() if made else "",
        n_key=made.key.n if made else 0,
        qber=event.qber,
        reason="" if isinstance(event, Made) else event.reason,
        channel_bytes=channel.n_sent,
        processor_s=time.process_time(),
        at_s=time.monotonic() - began,
    )
