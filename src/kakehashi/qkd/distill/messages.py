"""What the two ends say to each other, as bytes.

A message is one byte that says what it is, and its fields. Numbers are little-endian. Whatever does not read exactly
is a fault of the other end, or of somebody on the wire.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits

__all__ = [
    "Abort",
    "Answer",
    "Corrected",
    "Hello",
    "Kind",
    "Message",
    "Question",
    "Reported",
    "Seed",
    "Sifting",
    "Tag",
    "decode",
    "encode",
]


class Kind(enum.IntEnum):
    """The first byte of a message."""

    HELLO = 1
    REPORTED = 2
    SIFTING = 3
    QUESTION = 4
    ANSWER = 5
    CORRECTED = 6
    SEED = 7
    TAG = 8
    ABORT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of each end: what it takes for granted."""

    agreement: bytes
    """Digest of the options that both ends must share, 32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reported:
    """Receiver to sender: slots with a click, and the bases."""

    first_slot: int
    n_slots: int
    slot: NDArray[np.int64]
    basis: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sifting:
    """Sender to receiver: which clicks count, their intensities, and the bits of the test basis."""

    first_slot: int
    keep: NDArray[np.uint8]
    """One for each reported click: whether both ends can use it."""
    intensity: NDArray[np.uint8]
    """Of those that are kept."""
    test: Bits
    """The sender's bits of those that are kept in the test basis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Receiver to sender: of error correction."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Sender to receiver: of error correction."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corrected:
    """Receiver to sender: error correction is done; what was counted, and a hash of the bits with its key."""

    point: bytes
    """Where the hash was taken, 16 bytes."""
    value: Bits
    detections: NDArray[np.int64]
    """Shape ``(2, n_intensities)``."""
    errors: NDArray[np.int64]
    leaked_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Sender to receiver: the two ends agree; the length of the key and the seed of privacy amplification."""

    last_block: str
    """The newest block that the sender counts as made, 32 hexadecimal digits, or zeros."""
    n_key: int
    seed: Bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Either way: proof that all that was sent since the last one came from this end."""

    index: int
    """Number of the pad it was made with."""
    tag: Bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """Either way: the block in hand is given up."""

    reason: str


Message: TypeAlias = Hello | Reported | Sifting | Question | Answer | Corrected | Seed | Tag | Abort

MAX_CLICKS = 1 << 27


def encode(message: Message) -> bytes:
    """A message as bytes.

    Example:
        >>> decode(encode(Abort(reason="too many errors"))).reason
        'too many errors'
    """
    match message:
        case Hello():
            return bytes([Kind.HELLO]) + message.agreement
        case Reported():
            gaps, width = _gaps(message.first_slot, message.slot)
            head = struct.pack("<BqqIB", Kind.REPORTED, message.first_slot, message.n_slots, len(message.slot), width)
            return head + gaps + Bits.pack(message.basis).to_bytes()
        case Sifting():
            head = struct.pack("<BqII", Kind.SIFTING, message.first_slot, len(message.keep), message.test.n)
            return b"".join(
                [
                    head,
                    Bits.pack(message.keep).to_bytes(),
                    Bits.pack(message.intensity & 1).to_bytes(),
                    Bits.pack(message.intensity >> 1).to_bytes(),
                    message.test.to_bytes(),
                ]
            )
        case Question():
            return bytes([Kind.QUESTION]) + message.payload
        case Answer():
            return bytes([Kind.ANSWER]) + message.payload
        case Corrected():
            head = struct.pack(
                "<BBQB", Kind.CORRECTED, message.detections.shape[1], message.leaked_bits, message.value.n
            )
            counts = message.detections.astype("<i8").tobytes() + message.errors.astype("<i8").tobytes()
            return head + counts + message.point + message.value.to_bytes()
        case Seed():
            head = struct.pack("<B16sQQ", Kind.SEED, bytes.fromhex(message.last_block), message.n_key, message.seed.n)
            return head + message.seed.to_bytes()
        case Tag():
            return struct.pack("<BQH", Kind.TAG, message.index, message.tag.n) + message.tag.to_bytes()
        case Abort():
            return bytes([Kind.ABORT]) + message.reason.encode()[:500]


def decode(data: bytes) -> Message:
    """A message from bytes.

    Raises:
        DistillationError: The bytes are no message.
    """
    try:
        kind = Kind(data[0])
        return _READERS[kind](_Reader(data))
    except (ValueError, IndexError, struct.error, OverflowError) as error:
        raise DistillationError(f"The other end sent bytes that are no message: {error}.") from None


class _Reader:
    """Takes fields off the front; the end must be reached."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 1

    def fields(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.data):
            raise ValueError("it is too short")
        self.at += n
        return self.data[self.at - n : self.at]

    def bits(self, n: int) -> Bits:
        return Bits(np.frombuffer(self.take((n + 7) // 8), dtype=np.uint8), n)

    def end(self) -> None:
        if self.at != len(self.data):
            raise ValueError("it is too long")


def _hello(reader: _Reader) -> Hello:
    agreement = reader.take(32)
    reader.end()
    return Hello(agreement=agreement)


def _reported(reader: _Reader) -> Reported:
    first_slot, n_slots, n, width = reader.fields("qqIB")
    if n > MAX_CLICKS or n > n_slots or width not in (1, 2, 4, 8):
        raise ValueError("its counts are impossible")
    gaps = np.frombuffer(reader.take(n * width), dtype=f"<u{width}")
    slot = first_slot - 1 + np.cumsum(gaps, dtype=np.int64)
    basis = reader.bits(n).unpack()
    reader.end()
    # Slots are compared and not gaps: the sum of gaps may have run over.
    if n and (slot[0] < first_slot or slot[-1] >= first_slot + n_slots or np.any(slot[1:] <= slot[:-1])):
        raise ValueError("its slots do not ascend within the exposure")
    return Reported(first_slot=first_slot, n_slots=n_slots, slot=slot, basis=basis)


def _sifting(reader: _Reader) -> Sifting:
    first_slot, n, n_test = reader.fields("qII")
    if n > MAX_CLICKS:
        raise ValueError("its counts are impossible")
    keep = reader.bits(n).unpack()
    n_kept = int(keep.sum())
    low, high = reader.bits(n_kept).unpack(), reader.bits(n_kept).unpack()
    test = reader.bits(n_test)
    reader.end()
    return Sifting(first_slot=first_slot, keep=keep, intensity=(low | high << 1).astype(np.uint8), test=test)


def _corrected(reader: _Reader) -> Corrected:
    n_intensities, leaked, n_value = reader.fields("BQB")
    if not 1 <= n_intensities <= 4 or not 1 <= n_value <= 128:
        raise ValueError("its counts are impossible")
    shape = (2, n_intensities)
    detections = np.frombuffer(reader.take(16 * n_intensities), dtype="<i8").reshape(shape).astype(np.int64)
    errors = np.frombuffer(reader.take(16 * n_intensities), dtype="<i8").reshape(shape).astype(np.int64)
    point, value = reader.take(16), reader.bits(n_value)
    reader.end()
    if np.any(errors < 0) or np.any(errors > detections):
        raise ValueError("its counts are impossible")
    return Corrected(point=point, value=value, detections=detections, errors=errors, leaked_bits=leaked)


def _seed(reader: _Reader) -> Seed:
    last = reader.take(16).hex()
    n_key, n_seed = reader.fields("QQ")
    seed = reader.bits(n_seed)
    reader.end()
    return Seed(last_block=last, n_key=n_key, seed=seed)


def _tag(reader: _Reader) -> Tag:
    index, n = reader.fields("QH")
    tag = reader.bits(n)
    reader.end()
    return Tag(index=index, tag=tag)


_READERS: Mapping[Kind, Callable[[_Reader], Message]] = {
    Kind.HELLO: _hello,
    Kind.REPORTED: _reported,
    Kind.SIFTING: _sifting,
    Kind.QUESTION: lambda reader: Question(payload=reader.data[1:]),
    Kind.ANSWER: lambda reader: Answer(payload=reader.data[1:]),
    Kind.CORRECTED: _corrected,
    Kind.SEED: _seed,
    Kind.TAG: _tag,
    Kind.ABORT: lambda reader: Abort(reason=reader.data[1:].decode(errors="replace")),
}


def _gaps(first_slot: int, slot: NDArray[np.int64]) -> tuple[bytes, int]:
    """Distances between slots, in the fewest bytes that hold the largest."""
    gaps = np.diff(slot, prepend=first_slot - 1)
    largest = int(gaps.max(initial=1))
    width = next(width for width in (1, 2, 4, 8) if largest < 1 << 8 * width)
    return gaps.astype(f"<u{width}").tobytes(), width
