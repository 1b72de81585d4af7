"""Messages in order over datagrams that may be lost, doubled, delayed or changed. No input or output happens here.

Frames carry a checksum against accidents. Against intent there is none: whoever can write on the wire can stop a link,
and nothing here tries to prevent that. That nobody can change what is said is for the tags of
:mod:`kakehashi.qkd.distill.session`.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections import deque
from dataclasses import dataclass

from kakehashi.core.errors import DistillationError

__all__ = ["Wire"]

HEADER = struct.Struct("<2sB8s8sIIBI")
CHECKSUM = struct.Struct("<I")
MAGIC = b"KQ"
NOBODY = bytes(8)
IS_LAST, HAS_DATA = 1, 2


@dataclass(slots=True)
class _Frame:
    sequence: int
    flags: int
    payload: bytes
    sent_at: float | None = None


class Wire:
    """One end of a resending connection.

    Each end draws an identity when it starts, and a frame says from whom it comes and for whom it is, as far as its
    sender knows. So frames of an earlier connection are known for what they are. An end that sees the other start anew
    says so by :attr:`was_restarted`, and is then itself replaced by a new one.

    Args:
        max_payload: Most bytes in one frame.
        window: Most frames on their way.
        first_resend_s: How long an acknowledgement is waited for at first; the time doubles up to eight times.
        max_message: Most bytes of a message; a longer one is a fault of the other end.
        patience_s: How long frames may go unanswered before :meth:`is_stalled`.

    Example:
        >>> one, other = Wire(), Wire()
        >>> one.send(b"a" * 100_000)
        >>> [message[:3] for datagram in one.outgoing(0.0) for message in other.receive(datagram, 0.0)]
        [b'aaa']
    """

    def __init__(
        self,
        *,
        max_payload: int = 60_000,
        window: int = 256,
        first_resend_s: float = 1.0,
        max_message: int = 1 << 28,
        patience_s: float = 60.0,
    ) -> None:
        self.identity = secrets.token_bytes(8)
        self.peer: bytes | None = None
        self.was_restarted = False
        self.n_dropped = 0
        self._patience_s = patience_s
        self._heard_at: float | None = None
        self._max_payload, self._window, self._max_message = max_payload, window, max_message
        self._first_resend_s = self._resend_s = first_resend_s
        self._queue: deque[_Frame] = deque()
        self._flying: deque[_Frame] = deque()
        self._next_sent = self._next_taken = 0
        self._early: dict[int, tuple[int, bytes]] = {}
        self._parts: list[bytes] = []
        self._n_bytes = 0
        self._must_acknowledge = False

    def send(self, message: bytes) -> None:
        """Queue a message."""
        pieces = [message[i : i + self._max_payload] for i in range(0, len(message), self._max_payload)] or [b""]
        for number, piece in enumerate(pieces):
            flags = HAS_DATA | (IS_LAST if number == len(pieces) - 1 else 0)
            self._queue.append(_Frame(self._next_sent, flags, piece))
            self._next_sent += 1

    @property
    def n_unsent(self) -> int:
        """Frames that were not acknowledged yet."""
        return len(self._queue) + len(self._flying)

    @property
    def n_queued(self) -> int:
        """Frames that were never sent yet."""
        return len(self._queue)

    def outgoing(self, now: float) -> list[bytes]:
        """Datagrams to send at time ``now``, in seconds of any clock that does not run backwards."""
        frames = [f for f in self._flying if f.sent_at is not None and now - f.sent_at >= self._resend_s]
        if frames:
            self._resend_s = min(2 * self._resend_s, 8 * self._first_resend_s)
        while self._queue and len(self._flying) < self._window:
            frame = self._queue.popleft()
            self._flying.append(frame)
            frames.append(frame)
        for frame in frames:
            frame.sent_at = now
        datagrams = [self._encode(frame.sequence, frame.flags, frame.payload) for frame in frames]
        if self._must_acknowledge and not datagrams:
            datagrams.append(self._encode(0, 0, b""))
        self._must_acknowledge = False
        return datagrams

    def next_time(self) -> float | None:
        """When :meth:`outgoing` will next have something to resend."""
        times = [f.sent_at + self._resend_s for f in self._flying if f.sent_at is not None]
        return min(times, default=None)

    def is_stalled(self, now: float) -> bool:
        """Whether nothing has come for longer than patience allows though something was sent."""
        waits = [f.sent_at for f in self._flying if f.sent_at is not None]
        if not waits:
            return False
        if self._heard_at is None:
            self._heard_at = now
        return now - self._heard_at > self._patience_s

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Messages that are complete with this datagram, in order.

        A datagram that is no frame is dropped and counted.

        Raises:
            DistillationError: A message is longer than any can be.
        """
        frame = _decode(datagram)
        if frame is None:
            self.n_dropped += 1
            return []
        sender, addressee, sequence, acknowledged, flags, payload = frame
        if addressee not in (self.identity, NOBODY) or not self._is_peer(sender, addressee, sequence, flags):
            return []
        self._heard_at = now
        self._acknowledge(acknowledged)
        if not flags & HAS_DATA:
            return []
        self._must_acknowledge = True
        if self._next_taken <= sequence < self._next_taken + self._window:
            self._early[sequence] = (flags, payload)
        return self._complete()

    def _is_peer(self, sender: bytes, addressee: bytes, sequence: int, flags: int) -> bool:
        if sender == self.peer:
            return True
        begins = sequence == 0 and bool(flags & HAS_DATA)
        if sender == self.identity or not (begins or addressee == self.identity):
            return False
        if self.peer is None:
            self.peer = sender
            return True
        self.was_restarted = True
        return False

    def _acknowledge(self, acknowledged: int) -> None:
        while self._flying and self._flying[0].sequence < acknowledged:
            self._flying.popleft()
            self._resend_s = self._first_resend_s

    def _complete(self) -> list[bytes]:
        messages = []
        while self._next_taken in self._early:
            flags, payload = self._early.pop(self._next_taken)
            self._next_taken += 1
            self._parts.append(payload)
            self._n_bytes += len(payload)
            if self._n_bytes > self._max_message:
                raise DistillationError("The other end sent a message longer than any can be.")
            if flags & IS_LAST:
                messages.append(b"".join(self._parts))
                self._parts, self._n_bytes = [], 0
        return messages

    def _encode(self, sequence: int, flags: int, payload: bytes) -> bytes:
        addressee = self.peer or NOBODY
        head = HEADER.pack(MAGIC, 1, self.identity, addressee, sequence, self._next_taken, flags, len(payload))
        return head + payload + CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(head)))


def _decode(datagram: bytes) -> tuple[bytes, bytes, int, int, int, bytes] | None:
    if len(datagram) < HEADER.size + CHECKSUM.size:
        return None
    magic, version, sender, addressee, sequence, acknowledged, flags, length = HEADER.unpack_from(datagram)
    if magic != MAGIC or version != 1 or len(datagram) != HEADER.size + length + CHECKSUM.size:
        return None
    if CHECKSUM.unpack_from(datagram, HEADER.size + length)[0] != zlib.crc32(datagram[: -CHECKSUM.size]):
        return None
    return sender, addressee, sequence, acknowledged, flags, datagram[HEADER.size : HEADER.size + length]
