"""Error correction by low-density parity checks: one message, or a few, for links with a long way.

The reference sends the syndromes of all frames at once; the corrector finds the likeliest errors that explain how its
own differ. The method is rate-adaptive: syndromes of some pairs of rows are sent as their sums, and where decoding
fails the second of a pair is asked for, pair after pair ("blind" reconciliation, in the form that merges checks: a pair
of merged checks is the same as two checks that share a punctured bit). A frame that fails with all of them, or whose
32-bit hash does not fit what was found, is disclosed bit by bit and pays for itself. So every frame ends right but for
a wrong string with the right hash, and a failure costs key, never the block.

**What leaks** is what the reference sends: syndromes, hashes, disclosed frames, at most all bits of each frame. The
corrector says which frames it could not decode, which depends on the errors alone, and nothing else about them.

Codes are built by both ends from four numbers (:mod:`~kakehashi.qkd.distill.ldpc_code`).
"""

from __future__ import annotations

import hashlib
import math
import secrets
import struct

import numpy as np
from numpy.typing import NDArray

from kakehashi._native import decode_ldpc, fill_syndrome
from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.ldpc_code import LdpcBase, build_base
from kakehashi.qkd.distill.numbered import check_bits, number_message, read_body

__all__ = ["LdpcCorrector", "LdpcReference"]

HASH_BITS = 32
MAX_ITERATIONS = 60
SCALE = 32  # of the decoder's logarithms

_PLAN = struct.Struct("<4sQHHHBQ")
_MAGIC = b"KHL1"

Small = NDArray[np.uint8]


class _Frames:
    """What both ends know: the code, how the string is cut, and how much of each frame was disclosed."""

    def __init__(self, *, n_bits: int, n_columns: int, n_rows: int, n_pairs: int, z_log: int, seed: int) -> None:
        self.n_bits, self.z_log, self.n_rows, self.n_pairs, self.seed = n_bits, z_log, n_rows, n_pairs, seed
        self.base: LdpcBase = build_base(n_columns=n_columns, n_rows=n_rows, n_pairs=n_pairs, z=1 << z_log)
        self.n_places = n_columns << z_log
        self.n_frames = -(-n_bits // self.n_places)
        edges = np.arange(self.n_frames + 1, dtype=np.int64) * n_bits // max(self.n_frames, 1)
        self.first, self.size = edges[:-1], np.diff(edges)
        self.open = np.ones(self.n_frames, dtype=bool)
        self.step = -1  # pairs that were split; n_pairs + 1 once open frames were disclosed
        self.leaked = np.zeros(self.n_frames, dtype=np.int64)
        self.told = 0  # whether each open frame could be decoded, as the corrector says after every answer
        self.hash_bits = _hash_matrix(seed, self.n_places)

    def to_bytes(self) -> bytes:
        return _PLAN.pack(
            _MAGIC, self.n_bits, self.base.n_bit_columns, self.n_rows, self.n_pairs, self.z_log, self.seed
        )

    def frame(self, bits: Small, f: int) -> Small:
        """One frame of a string, filled up with zeros, which both ends know, in between."""
        places = np.zeros(self.base.n_columns << self.z_log, dtype=np.uint8)
        places[self.places(f)] = bits[self.first[f] : self.first[f] + self.size[f]]
        return places

    def places(self, f: int) -> NDArray[np.int64]:
        """Where a frame's bits stand: spread evenly, so that columns of every degree have their share of zeros."""
        size = int(self.size[f])
        spread: NDArray[np.int64] = np.arange(size, dtype=np.int64) * self.n_places // size
        return spread

    def syndrome(self, places: Small) -> Small:
        """Shape (n_rows, z)."""
        out = np.empty((self.n_rows, 1 << self.z_log), dtype=np.uint8)
        base = self.base
        fill_syndrome(base.z, base.n_columns, base.row_start, base.column, base.shift, places, out.reshape(-1))
        return out

    def hash(self, places: Small) -> Small:
        """A random linear hash of a frame, 32 bits: two strings share it with a probability of 2^-32."""
        ones = np.flatnonzero(places[: self.n_places])
        value = np.bitwise_xor.reduce(self.hash_bits[ones]) if len(ones) else np.uint32(0)
        return np.unpackbits(np.array([value], dtype="<u4").view(np.uint8), bitorder="little")

    def n_leaked(self, *, both_ways: bool) -> int:
        """Bits that were disclosed so far."""
        return int(self.leaked.sum()) + (self.told if both_ways else 0)

    def n_disclosed(self, f: int) -> int:
        """Bits that the answer of this step holds for an open frame."""
        if self.step < 0:
            return ((self.n_rows - self.n_pairs) << self.z_log) + HASH_BITS
        return 1 << self.z_log if self.step < self.n_pairs else int(self.size[f])

    def n_answer(self) -> int:
        """Bits of this step's answer."""
        return sum(self.n_disclosed(int(f)) for f in np.flatnonzero(self.open))

    def move_on(self) -> None:
        """Count what the answer discloses, and what is said after it, and go to the next step."""
        self.told += int(np.count_nonzero(self.open))
        for f in np.flatnonzero(self.open):
            self.leaked[f] = min(self.leaked[f] + self.n_disclosed(int(f)), self.size[f])
        self.step += 1


class LdpcReference:
    """The end whose bits are taken as right; see :class:`~kakehashi.qkd.distill.model.ReferenceSide`.

    Args:
        bits: The string.
        both_ways: Whether the corrector's bits count as disclosed too: one for each frame and answer.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> right, errors = rng.integers(0, 2, 20_000), rng.random(20_000) < 0.02
        >>> reference = LdpcReference(Bits.pack(right))
        >>> corrector = LdpcCorrector(Bits.pack(right ^ errors), qber=0.02)
        >>> while not corrector.is_done:
        ...     corrector.take(reference.answer(corrector.question()))
        >>> corrector.corrected() == Bits.pack(right), corrector.n_errors == int(errors.sum())
        (True, True)
        >>> corrector.leaked_bits == reference.leaked_bits < 6000
        True
    """

    def __init__(self, bits: Bits, *, both_ways: bool = False) -> None:
        self._both_ways = both_ways
        self._n_bits = bits.n
        self._bits = bits.unpack()
        self._frames: _Frames | None = None
        self._n_answered = 0

    @property
    def leaked_bits(self) -> int:
        """Bits of syndromes, hashes and disclosed frames, at most all bits of each frame."""
        return 0 if self._frames is None else self._frames.n_leaked(both_ways=self._both_ways)

    def answer(self, message: bytes) -> bytes:
        """The syndromes of all frames, or more of those that could not be decoded.

        Raises:
            DistillationError: The message is not the next question of this exchange; nothing is disclosed.
        """
        body = read_body(message, self._n_answered, "question")
        if self._frames is None:
            frames = _read_plan(body, self._n_bits)
        else:
            frames = self._frames
            _take_failures(frames, body)
        parts = [self._disclose(frames, int(f)) for f in np.flatnonzero(frames.open)]
        frames.move_on()
        self._frames = frames
        self._n_answered += 1
        return number_message(self._n_answered - 1, Bits.pack(np.concatenate(parts)).to_bytes())

    def _disclose(self, frames: _Frames, f: int) -> Small:
        places = frames.frame(self._bits, f)
        if frames.step >= frames.n_pairs:
            return places[frames.places(f)]
        syndrome = frames.syndrome(places)
        if frames.step >= 0:
            second: Small = syndrome[2 * frames.step + 1]
            return second
        merged = syndrome[0 : 2 * frames.n_pairs : 2] ^ syndrome[1 : 2 * frames.n_pairs : 2]
        return np.concatenate([merged.ravel(), syndrome[2 * frames.n_pairs :].ravel(), frames.hash(places)])


class LdpcCorrector:
    """The end that decodes; see :class:`~kakehashi.qkd.distill.model.Corrector`.

    Args:
        bits: The string with errors.
        qber: Expected share of wrong bits, 0 to 0.5.
        seed: Public seed of the hash; by default 64 bits of the system's randomness.
        both_ways: As for :class:`LdpcReference`.

    Raises:
        InputError: An argument is out of range.

    Example:
        >>> corrector = LdpcCorrector(Bits.from_bytes(bytes(1000)), qber=0.05)
        >>> corrector.is_done, len(corrector.question())
        (False, 31)
    """

    def __init__(self, bits: Bits, *, qber: float, seed: int | None = None, both_ways: bool = False) -> None:
        if not 0 <= qber <= 0.5:
            raise InputError(f"`qber` must lie between 0 and 0.5, but is {qber}.")
        seed = secrets.randbits(64) if seed is None else seed
        if not 0 <= seed < 1 << 64:
            raise InputError("The seed must have 64 bits.")
        self._both_ways = both_ways
        self._frames = _plan(bits.n, qber, seed)
        self._qber = min(max(qber, 1e-4), 0.499)
        self._n_bits = bits.n
        self._bits = bits.unpack()
        self._right = self._bits.copy()
        self._differ: dict[int, Small] = {}  # syndromes of the errors
        self._hashes: dict[int, Small] = {}
        self._n_taken = self._n_disclosed = 0
        self._body = self._frames.to_bytes()

    @property
    def leaked_bits(self) -> int:
        """As :attr:`LdpcReference.leaked_bits`."""
        return self._frames.n_leaked(both_ways=self._both_ways)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to ask."""
        return not self._frames.open.any()

    @property
    def n_errors(self) -> int:
        """Number of bits that were changed."""
        return int(np.count_nonzero(self._bits != self._right))

    @property
    def n_rounds(self) -> int:
        """Questions that were answered: round trips so far."""
        return self._n_taken

    @property
    def n_disclosed(self) -> int:
        """Frames that could not be decoded and were disclosed bit by bit."""
        return self._n_disclosed

    def question(self) -> bytes:
        """The next question; the same one again until it has been answered.

        Raises:
            DistillationError: There is nothing more to ask.
        """
        if self.is_done:
            raise DistillationError("Error correction has nothing more to ask.", fault="local")
        return number_message(self._n_taken, self._body)

    def take(self, answer: bytes) -> None:
        """Take the answer to the last question, and decode.

        Raises:
            DistillationError: It does not belong to the question.
        """
        if self.is_done:
            raise DistillationError("Error correction has asked nothing.")
        frames = self._frames
        body = read_body(answer, self._n_taken, "answer")
        n = frames.n_answer()
        check_bits(body, n, "answer")
        disclosed = Bits(np.frombuffer(body, dtype=np.uint8), n).unpack()
        asked, at = np.flatnonzero(frames.open), 0
        for f in map(int, asked):
            n_frame = frames.n_disclosed(f)
            if self._learn(f, disclosed[at : at + n_frame]):
                frames.open[f] = False
            at += n_frame
        self._body = Bits.pack(frames.open[asked]).to_bytes()
        still_open = frames.open.copy()
        frames.open[asked] = True
        frames.move_on()
        frames.open = still_open
        self._n_taken += 1

    def corrected(self) -> Bits:
        """The bits after correction. Whether they are right is for verification to say.

        Raises:
            DistillationError: There is more to ask.
        """
        if not self.is_done:
            raise DistillationError("Error correction has not come to its end.", fault="local")
        return Bits.pack(self._right)

    def _learn(self, f: int, disclosed: Small) -> bool:
        """Take in what the answer holds for a frame; gives whether the frame is right now."""
        frames = self._frames
        here = slice(int(frames.first[f]), int(frames.first[f] + frames.size[f]))
        if frames.step >= frames.n_pairs:
            self._right[here] = disclosed
            self._n_disclosed += 1
            return True
        places = frames.frame(self._bits, f)
        own = frames.syndrome(places)
        n_pairs = frames.n_pairs
        if frames.step < 0:
            own[0 : 2 * n_pairs : 2] ^= own[1 : 2 * n_pairs : 2]
            own[1 : 2 * n_pairs : 2] = 0
            sent = disclosed[:-HASH_BITS].reshape(-1, 1 << frames.z_log)
            own[0 : 2 * n_pairs : 2] ^= sent[:n_pairs]
            own[2 * n_pairs :] ^= sent[n_pairs:]
            self._differ[f], self._hashes[f] = own, disclosed[-HASH_BITS:]
        else:
            second = 2 * frames.step + 1
            self._differ[f][second] = own[second] ^ disclosed
            self._differ[f][second - 1] ^= self._differ[f][second]
        errors = self._decode(f)
        if errors is None or not np.array_equal(frames.hash(places ^ errors), self._hashes[f]):
            return False
        self._right[here] ^= errors[frames.places(f)]
        del self._differ[f]
        return True

    def _decode(self, f: int) -> Small | None:
        frames = self._frames
        base, z = frames.base, 1 << frames.z_log
        belief = np.zeros(base.n_columns * z, dtype=np.int16)
        belief[: frames.n_places] = 4000  # known to be zeros, but for
        belief[frames.places(f)] = round(SCALE * math.log((1 - self._qber) / self._qber))
        # A pair that was split has no unknown: its column stands for nothing.
        belief[frames.n_places : frames.n_places + (frames.step + 1) * z] = 4000
        n_iterations = decode_ldpc(
            base.z,
            base.n_columns,
            base.row_start,
            base.column,
            base.shift,
            self._differ[f].reshape(-1),
            belief,
            MAX_ITERATIONS,
        )
        if n_iterations < 0:
            return None
        errors = (belief < 0).astype(np.uint8)
        errors[frames.n_places :] = 0
        return errors


def _plan(n_bits: int, qber: float, seed: int) -> _Frames:
    log_places = min(max((n_bits - 1).bit_length(), 11), 16)
    n_frames = -(-n_bits // (1 << log_places))
    share = n_bits / (n_frames << log_places) if n_frames else 1.0
    p = min(max(qber, 0.004), 0.5)
    rate = (-p * math.log2(p) - (1 - p) * math.log2(1 - p)) * share
    # So many columns that there are rows enough to choose among.
    log_columns = 7 if rate * 128 >= 12 else 8
    n_columns = 1 << log_columns
    # Rows for a little more than decoding needs at worst; an eighth of them are saved at first.
    n_rows = min(max(math.ceil((1.2 * rate + 0.015) * n_columns), 8), n_columns)
    return _Frames(
        n_bits=n_bits,
        n_columns=n_columns,
        n_rows=n_rows,
        n_pairs=max(2, round(n_rows / 8)),
        z_log=log_places - log_columns,
        seed=seed,
    )


def _read_plan(body: bytes, n_bits: int) -> _Frames:
    if len(body) != _PLAN.size or body[:4] != _MAGIC:
        raise DistillationError("The first message of error correction is no plan of an LDPC code.")
    _, n, n_columns, n_rows, n_pairs, z_log, seed = _PLAN.unpack(body)
    if n != n_bits or n == 0:
        raise DistillationError(f"Error correction was begun for {n} bits, but this end holds {n_bits}.")
    if z_log > 10:
        raise DistillationError(f"There is no code with circulants of 2^{z_log}.")
    try:
        return _Frames(n_bits=n, n_columns=n_columns, n_rows=n_rows, n_pairs=n_pairs, z_log=z_log, seed=seed)
    except InputError as error:
        raise DistillationError(f"There is no such code: {error}") from error


def _take_failures(frames: _Frames, body: bytes) -> None:
    asked = np.flatnonzero(frames.open)
    check_bits(body, len(asked), "question")
    failed = Bits(np.frombuffer(body, dtype=np.uint8), len(asked)).unpack().astype(bool)
    if not failed.any() or frames.step > frames.n_pairs:
        raise DistillationError("A question came after everything had been answered.")
    frames.open[asked[~failed]] = False


def _hash_matrix(seed: int, n: int) -> NDArray[np.uint32]:
    octets = hashlib.shake_128(b"kakehashi ldpc hash" + seed.to_bytes(8, "little")).digest(4 * n)
    return np.frombuffer(octets, dtype="<u4").astype(np.uint32)
