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
from kakehashi.qkd.distill.planes import Intensities

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
    gap_bytes: int
    """Bytes of each distance: 1, 2, 4 or 8."""
    gaps: NDArray[np.uint8]
    """Distance of each click's slot from the one before, the first from ``first_slot - 1``, as little-endian bytes."""
    basis: Bits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sifting:
    """Sender to receiver: which clicks count, their intensities, and the bits of the test basis."""

    first_slot: int
    keep: Bits
    """One for each reported click: whether both ends can use it."""
    intensity: Intensities
    """Of those that are kept."""
    test: Bits
    """The sender's bits of those that are kept in the test basis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Receiver to sender: of error correction."""

    lane: int
    """Which part of the block is meant, see :mod:`~kakehashi.qkd.distill.lanes`."""
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Sender to receiver: of error correction."""

    lane: int
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
MAX_SLOT = 1 << 53
MAX_REASON = 500


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
            n, width = message.basis.n, message.gap_bytes
            head = struct.pack("<BqqIB", Kind.REPORTED, message.first_slot, message.n_slots, n, width)
            return b"".join([head, message.gaps, message.basis.data])
        case Sifting():
            head = struct.pack("<BqII", Kind.SIFTING, message.first_slot, message.keep.n, message.test.n)
            planes = (message.keep, message.intensity.low, message.intensity.high, message.test)
            return b"".join([head, *(plane.data for plane in planes)])
        case Question():
            return bytes([Kind.QUESTION, message.lane]) + message.payload
        case Answer():
            return bytes([Kind.ANSWER, message.lane]) + message.payload
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
            return bytes([Kind.ABORT]) + message.reason.encode()[:MAX_REASON]


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
        return self.array(n).tobytes()

    def array(self, n: int) -> NDArray[np.uint8]:
        """As many bytes, not copied."""
        if n < 0 or self.at + n > len(self.data):
            raise ValueError("it is too short")
        self.at += n
        return np.frombuffer(self.data, np.uint8, n, self.at - n)

    def bits(self, n: int) -> Bits:
        return Bits(self.array((n + 7) // 8), n)

    def end(self) -> None:
        if self.at != len(self.data):
            raise ValueError("it is too long")


def _hello(reader: _Reader) -> Hello:
    agreement = reader.take(32)
    reader.end()
    return Hello(agreement=agreement)


def _reported(reader: _Reader) -> Reported:
    first_slot, n_slots, n, width = reader.fields("qqIB")
    if n > MAX_CLICKS or not n <= n_slots <= MAX_SLOT or not 0 <= first_slot <= MAX_SLOT or width not in (1, 2, 4, 8):
        raise ValueError("its counts are impossible")
    gaps = reader.array(n * width)
    basis = reader.bits(n)
    reader.end()
    # In floating point a sum does not run over, and up to 2^53 it is exact.
    distances = gaps.view(f"<u{width}")
    if n and (distances.min() < 1 or int(distances.sum(dtype=np.float64)) > n_slots):
        raise ValueError("its slots do not ascend within the exposure")
    return Reported(first_slot=first_slot, n_slots=n_slots, gap_bytes=width, gaps=gaps, basis=basis)


def _sifting(reader: _Reader) -> Sifting:
    first_slot, n, n_test = reader.fields("qII")
    if n > MAX_CLICKS:
        raise ValueError("its counts are impossible")
    keep = reader.bits(n)
    n_kept = keep.n_ones
    intensity = Intensities(reader.bits(n_kept), reader.bits(n_kept))
    test = reader.bits(n_test)
    reader.end()
    return Sifting(first_slot=first_slot, keep=keep, intensity=intensity, test=test)


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


def _abort(reader: _Reader) -> Abort:
    reason = reader.data[1 : MAX_REASON + 1].decode(errors="replace")
    return Abort(reason="".join(letter if letter.isprintable() else " " for letter in reason))  # it may go into a log


_READERS: Mapping[Kind, Callable[[_Reader], Message]] = {
    Kind.HELLO: _hello,
    Kind.REPORTED: _reported,
    Kind.SIFTING: _sifting,
    Kind.QUESTION: lambda reader: Question(lane=reader.data[1], payload=reader.data[2:]),
    Kind.ANSWER: lambda reader: Answer(lane=reader.data[1], payload=reader.data[2:]),
    Kind.CORRECTED: _corrected,
    Kind.SEED: _seed,
    Kind.TAG: _tag,
    Kind.ABORT: _abort,
}
