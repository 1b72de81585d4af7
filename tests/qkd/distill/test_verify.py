"""Error verification: equal strings pass, others do not, and what is disclosed is counted."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.slow import polynomial_hash_slow
from kakehashi.qkd.distill.verify import Fingerprint, fingerprint, matches, verification_bits


def random_bits(n, seed=1):
    return Bits.pack(np.random.default_rng(seed).integers(0, 2, n))


@given(st.integers(0, 2_000))
def test_the_value_is_what_the_format_says(n):
    bits = random_bits(n)
    found = fingerprint(bits, failure=1e-12)
    data = bits.to_bytes()
    blocks = data + bytes(-len(data) % 16) + struct.pack("<QQ", n, 0)
    assert found.value == Bits.from_bytes(polynomial_hash_slow(found.point, blocks)).slice(0, found.value.n)
    assert matches(bits, found, failure=1e-12)


@given(st.integers(1, 1_000), st.data())
def test_one_wrong_bit_is_found(n, data):
    bits = random_bits(n)
    wrong = bits.unpack()
    wrong[data.draw(st.integers(0, n - 1))] ^= 1
    assert not matches(Bits.pack(wrong), fingerprint(bits, failure=1e-15), failure=1e-15)


def test_points_are_fresh():
    assert fingerprint(random_bits(10), failure=1e-10).point != fingerprint(random_bits(10), failure=1e-10).point


def test_the_failure_is_what_it_says():
    """With 3 bits and two blocks, a wrong string passes for at most one point in four."""
    bits, wrong = random_bits(100), random_bits(100, seed=2)
    n = 4_000
    passed = sum(matches(wrong, fingerprint(bits, failure=0.25), failure=0.25) for _ in range(n))
    assert verification_bits(100, 0.25) == 3
    assert passed < n / 4 + 5 * np.sqrt(n * 0.25 * 0.75)


def test_a_hash_is_as_long_as_its_failure_asks():
    assert verification_bits(10**8, 1e-15) == 70
    assert fingerprint(random_bits(1_000), failure=1e-10).value.n == verification_bits(1_000, 1e-10)
    with pytest.raises(InputError):
        verification_bits(10**8, 1e-40)


def test_other_lengths_and_shorter_hashes_are_refused():
    bits = random_bits(100)
    good = fingerprint(bits, failure=1e-15)
    with pytest.raises(DistillationError, match="string of 100 bits, and this one has 101"):
        matches(random_bits(101), good, failure=1e-15)
    short = Fingerprint(n=100, point=good.point, value=good.value.slice(0, 1))
    with pytest.raises(DistillationError, match="other end sent 1") as caught:
        matches(bits, short, failure=1e-15)
    assert caught.value.fault == "remote"


@pytest.mark.parametrize(
    "parts", [{"point": bytes(15)}, {"value": Bits.from_bytes(b"")}, {"value": Bits.from_bytes(bytes(17))}, {"n": -1}]
)
def test_fingerprints_that_cannot_be(parts):
    with pytest.raises(InputError, match="fingerprint"):
        Fingerprint(**{"n": 8, "point": bytes(16), "value": Bits.from_bytes(b"1"), **parts})
