import contextlib
import dataclasses
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.messages import (
    Abort,
    Answer,
    Corrected,
    Hello,
    Kind,
    Question,
    Reported,
    Seed,
    Sifting,
    Tag,
    decode,
    encode,
)
from kakehashi.qkd.distill.planes import Intensities
from kakehashi.qkd.distill.sifting import report
from kakehashi.qkd.link.model import Detections

SMALL = np.array([1, 0, 1], np.uint8)


def reported(slot, *, first_slot, n_slots):
    n = len(slot)
    detected = Detections(
        first_slot=first_slot, n_slots=n_slots, slot=np.array(slot, np.int64), basis=SMALL[:n], bit=SMALL[:n]
    )
    return report(detected)[0]


MESSAGES = [
    Hello(agreement=bytes(range(32))),
    reported([100, 105, 1 << 39], first_slot=100, n_slots=1 << 40),
    reported([], first_slot=0, n_slots=5),
    Sifting(
        first_slot=7,
        keep=Bits.pack(SMALL),
        intensity=Intensities.pack(np.array([2, 1], np.uint8)),
        test=Bits.pack(np.ones(1)),
    ),
    Question(lane=1, payload=b"which?"),
    Answer(lane=0, payload=b""),
    Corrected(
        point=bytes(range(16)),
        value=Bits.from_bytes(b"v"),
        detections=np.arange(4).reshape(2, 2) + 9,
        errors=np.eye(2, dtype=int),
        leaked_bits=5,
    ),
    Seed(last_block="0123456789abcdef" * 2, n_key=8, seed=Bits.pack(np.ones(13))),
    Tag(index=1 << 40, tag=Bits.pack(np.ones(61))),
    Abort(reason="too many errors"),
]


def same(a, b):
    return all(
        np.array_equal(x, y) if isinstance(x := getattr(a, f.name), np.ndarray) else x == y
        for f in dataclasses.fields(a)
        for y in [getattr(b, f.name)]
    )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_what_is_said_is_heard(message):
    heard = decode(encode(message))
    assert type(heard) is type(message)
    assert same(message, heard)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_cut_short_is_a_fault_or_another_message_never_an_accident(message):
    data = encode(message)
    for n in range(len(data)):
        with contextlib.suppress(DistillationError):
            decode(data[:n])


@pytest.mark.parametrize(("largest", "gap_bytes"), [(255, 1), (256, 2), (65_536, 4), (1 << 33, 8)])
def test_distances_between_slots_take_as_few_bytes_as_they_can(largest, gap_bytes):
    assert reported([largest - 1, largest], first_slot=0, n_slots=1 << 40).gap_bytes == gap_bytes


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_fault(data):
    with contextlib.suppress(DistillationError):
        decode(data)


@pytest.mark.parametrize("slot", [[5, 5], [6, 5], [4, 6], [5, 15]])
def test_slots_that_do_not_ascend_within_the_exposure_are_a_fault(slot):
    gaps = np.diff(slot, prepend=4).astype(np.uint8)
    message = Reported(first_slot=5, n_slots=10, gap_bytes=1, gaps=gaps, basis=Bits.pack(np.zeros(2)))
    with pytest.raises(DistillationError):
        decode(encode(message))


def test_gaps_that_run_over_are_a_fault():
    """Their sum comes back to where it may be; what lies between would be read far outside."""
    gaps = np.array([1, 1 << 63, 1 << 63], "<u8").tobytes()
    data = struct.pack("<BqqIB", Kind.REPORTED, 0, 1000, 3, 8) + gaps + b"\0"
    with pytest.raises(DistillationError, match="do not ascend"):
        decode(data)


@pytest.mark.parametrize(("first_slot", "n_slots"), [(-1, 10), (1 << 54, 10), (0, 1 << 54), (0, -1)])
def test_slots_that_no_link_counts_to_are_a_fault(first_slot, n_slots):
    with pytest.raises(DistillationError, match="impossible"):
        decode(struct.pack("<BqqIB", Kind.REPORTED, first_slot, n_slots, 0, 1))


@pytest.mark.parametrize("n_bits", [0, 129, 255])
def test_a_hash_of_an_impossible_length_is_a_fault(n_bits):
    message = Corrected(
        point=bytes(16),
        value=Bits.from_bytes(bytes(32)).slice(0, n_bits),
        detections=np.ones((2, 1), int),
        errors=np.zeros((2, 1), int),
        leaked_bits=0,
    )
    with pytest.raises(DistillationError, match="impossible"):
        decode(encode(message))


def test_more_errors_than_detections_are_a_fault():
    message = Corrected(
        point=bytes(16),
        value=Bits.from_bytes(b"v"),
        detections=np.zeros((2, 1), int),
        errors=np.ones((2, 1), int),
        leaked_bits=0,
    )
    with pytest.raises(DistillationError, match="impossible"):
        decode(encode(message))


def test_a_reason_is_one_short_line():
    data = bytes([Kind.ABORT]) + b"no\nWARNING: all is well\x1b[2J" + b"x" * 10_000
    assert decode(data).reason == "no WARNING: all is well [2J" + "x" * (500 - 27)
