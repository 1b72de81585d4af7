import dataclasses

import numpy as np
import pytest

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.distill.messages import decode, encode
from kakehashi.qkd.distill.sifting import Sifted, report, sift_at_receiver, sift_at_sender
from kakehashi.qkd.link.model import Detections, Preparations


def exposure(n_slots=5000, n_clicks=900, *, rng, sparse=False):
    """What both ends noted where one bit in ten is wrong; the sender may know clicked slots alone."""
    slot = np.sort(rng.choice(n_slots, n_clicks, replace=False)) + 77
    prepared_slot = slot if sparse else np.arange(n_slots) + 77
    n = len(prepared_slot)
    prepared = Preparations(
        first_slot=77,
        n_slots=n_slots,
        slot=prepared_slot,
        basis=(rng.random(n) < 0.2).astype(np.uint8),
        bit=rng.integers(0, 2, n, dtype=np.uint8),
        intensity=rng.integers(0, 3, n, dtype=np.uint8),
    )
    at = np.searchsorted(prepared_slot, slot)
    detected = Detections(
        first_slot=77,
        n_slots=n_slots,
        slot=slot,
        basis=(rng.random(n_clicks) < 0.2).astype(np.uint8),
        bit=prepared.bit[at] ^ (rng.random(n_clicks) < 0.1),
    )
    return prepared, detected


def sift(prepared, detected):
    reported, noted = report(detected)
    answer, here = sift_at_sender(decode(encode(reported)), prepared)
    return here, sift_at_receiver(decode(encode(answer)), noted)


@pytest.mark.parametrize("sparse", [True, False])
def test_both_ends_keep_the_same_clicks(sparse):
    prepared, detected = exposure(rng=np.random.default_rng(3), sparse=sparse)
    here, there = sift(prepared, detected)
    at = np.searchsorted(prepared.slot, detected.slot)
    same = prepared.basis[at] == detected.basis
    in_key = same & (detected.basis == 0)
    in_test = same & (detected.basis == 1)
    assert np.array_equal(here.key.unpack(), prepared.bit[at[in_key]])
    assert np.array_equal(there.key.unpack(), detected.bit[in_key])
    assert np.array_equal(here.test.unpack(), prepared.bit[at[in_test]])
    assert np.array_equal(here.key_intensity.unpack(), prepared.intensity[at[in_key]])
    assert np.array_equal(here.test_intensity.unpack(), prepared.intensity[at[in_test]])
    for name in ("key_intensity", "test_intensity"):
        assert getattr(here, name) == getattr(there, name)
    assert there.test_errors == here.test ^ there.test
    assert here.test_errors.n_ones == 0
    assert 0.02 < there.test_errors.unpack().mean() < 0.25
    assert len(here) == int(in_key.sum())


def test_a_click_of_which_the_sender_knows_nothing_does_not_count():
    prepared, detected = exposure(rng=np.random.default_rng(4))
    half = Preparations(
        first_slot=prepared.first_slot,
        n_slots=prepared.n_slots,
        slot=prepared.slot[::2],
        basis=prepared.basis[::2],
        bit=prepared.bit[::2],
        intensity=prepared.intensity[::2],
    )
    here, there = sift(half, detected)
    assert len(here) == len(there)
    assert len(here) < 0.6 * len(sift(prepared, detected)[0])


def test_parts_are_joined_in_order():
    rng = np.random.default_rng(5)
    parts = [sift(*exposure(rng=rng))[1] for _ in range(3)]
    joined = Sifted.join(parts)
    assert np.array_equal(joined.key.unpack(), np.concatenate([part.key.unpack() for part in parts]))
    assert len(joined.key_intensity) == len(joined)
    assert len(Sifted.join([])) == 0


def test_answers_to_something_else_are_a_fault():
    rng = np.random.default_rng(6)
    (prepared, detected), (_, other) = exposure(rng=rng), exposure(rng=rng, n_clicks=800)
    (reported, _), (_, other_noted) = report(detected), report(other)
    with pytest.raises(DistillationError, match="were reported for 77"):
        sift_at_sender(dataclasses.replace(reported, first_slot=78), prepared)
    answer, _ = sift_at_sender(reported, prepared)
    with pytest.raises(DistillationError, match="does not belong"):
        sift_at_receiver(answer, other_noted)
    with pytest.raises(DistillationError, match="another number of test bits"):
        sift_at_receiver(dataclasses.replace(answer, test=answer.test.slice(1, 7)), report(detected)[1])
