"""Tags: equal at both ends, and only there; each pad once; the account of failures."""

import json
import math
import secrets
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from kakehashi import _native
from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.authenticate import TagKey, Transcript, forgery_bound, tag_bits
from kakehashi.qkd.distill.slow import polynomial_hash_slow

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "polyval.json").read_text())
POINT = bytes(range(1, 17))


def bytes_of(data):
    return np.frombuffer(data, dtype=np.uint8)


def make_key(n_pads=4, n_bits=60, point=POINT, **options):
    pads = Bits.pack(np.random.default_rng(3).integers(0, 2, n_pads * n_bits))
    return TagKey(Bits.from_bytes(point), pads, n_bits=n_bits, **{"max_failure": 1e-9, **options})


def transcript_of(key, *messages, context=b"a to b"):
    transcript = Transcript(key, context)
    for message in messages:
        transcript.update(message)
    return transcript


def test_the_kernel_has_the_value_of_the_standard(instruction_set):
    polynomial = _native.Polynomial(bytes_of(bytes.fromhex(REFERENCE["hash_key"])))
    polynomial.extend(bytes_of(bytes.fromhex(REFERENCE["blocks"])))
    assert polynomial.value().hex() == REFERENCE["value"], instruction_set


def test_the_kernel_is_its_slow_twin(instruction_set):
    rng = np.random.default_rng(4)
    for n_blocks in (*range(20), 100):
        point, blocks = rng.bytes(16), rng.bytes(16 * n_blocks)
        whole, parts = _native.Polynomial(bytes_of(point)), _native.Polynomial(bytes_of(point))
        whole.extend(bytes_of(blocks))
        cut = 16 * int(rng.integers(0, n_blocks + 1))
        parts.extend(bytes_of(blocks[:cut]))
        kept = parts.copy()
        parts.extend(bytes_of(blocks[cut:]))
        assert whole.value() == parts.value() == polynomial_hash_slow(point, blocks), instruction_set
        kept.extend(bytes_of(blocks[cut:]))
        assert kept.value() == whole.value()


def test_the_kernel_takes_whole_blocks_only():
    with pytest.raises(ValueError, match="16 bytes"):
        _native.Polynomial(bytes_of(bytes(15)))
    with pytest.raises(ValueError, match="16 bytes"):
        _native.Polynomial(bytes_of(POINT)).extend(bytes_of(bytes(17)))


@given(st.lists(st.binary(max_size=70), max_size=8))
def test_a_tag_is_what_the_format_says(messages):
    key = make_key()
    tag = key.tag(transcript_of(key, *messages, context=b"context"), 1)
    stream = b"".join(struct.pack("<Q", len(m)) + m for m in (b"context", *messages))
    blocks = stream + bytes(-len(stream) % 16) + struct.pack("<QQ", 8 * len(stream), 0)
    value = Bits.from_bytes(polynomial_hash_slow(POINT, blocks)).slice(0, 60)
    pad = Bits.pack(np.random.default_rng(3).integers(0, 2, 240)).slice(60, 60)
    assert tag == value ^ pad


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.data())
def test_any_change_is_found(messages, data):
    alice, bob = make_key(), make_key()
    tag = alice.tag(transcript_of(alice, *messages), 0)
    changed = list(messages)
    what = data.draw(st.sampled_from(["flip", "drop", "append", "join", "order"]))
    if what == "flip":
        i = data.draw(st.integers(0, len(changed) - 1))
        changed[i] = bytes([changed[i][0] ^ 1]) + changed[i][1:]
    elif what == "drop":
        changed.pop()
    elif what == "append":
        changed.append(b"")
    elif what == "join":
        changed = [b"".join(changed)]
    else:
        changed.reverse()
    assert bob.check(transcript_of(bob, *changed), 0, tag) == (changed == messages)


def test_a_changed_tag_context_or_point_is_found():
    alice = make_key(6)
    tags = [alice.tag(transcript_of(alice, b"message"), i) for i in range(6)]
    bob = make_key(6)
    assert bob.check(transcript_of(bob, b"message"), 3, tags[3])
    assert not bob.check(transcript_of(bob, b"message"), 0, tags[0] ^ Bits.pack(np.eye(1, 60, 59, dtype=int)[0]))
    assert not bob.check(transcript_of(bob, b"message"), 1, tags[1].slice(0, 59))
    assert not bob.check(transcript_of(bob, b"message", context=b"b to a"), 2, tags[2])
    assert not bob.check(transcript_of(bob, b"message"), 4, tags[5])
    stranger = make_key(6, point=secrets.token_bytes(16))
    assert not stranger.check(transcript_of(stranger, b"message"), 0, tags[0])


def test_a_pad_is_used_once():
    key = make_key()
    tag = key.tag(transcript_of(key), 2)
    for use in (key.tag, lambda transcript, i: key.check(transcript, i, tag)):
        with pytest.raises(DistillationError, match="used twice") as caught:
            use(transcript_of(key), 2)
        assert caught.value.fault == "local"
        with pytest.raises(DistillationError, match="Pad 4 is not there"):
            use(transcript_of(key), 4)
        with pytest.raises(DistillationError, match="Pad -1 is not there"):
            use(transcript_of(key), -1)
    assert key.n_left == 3
    assert key.n_used_bits == 60


def test_a_wrong_tag_is_charged_and_takes_no_pad():
    alice, bob = make_key(), make_key()
    for turn in (1, 2):
        assert not bob.check(transcript_of(bob), 0, Bits.pack(np.zeros(60, int)))
        assert bob.failure == turn * forgery_bound(transcript_of(bob).n_bytes, 60)
        assert bob.n_left == 4
    assert bob.check(transcript_of(bob), 0, alice.tag(transcript_of(alice), 0))
    assert bob.n_left == 3


def test_a_transcript_has_one_tag_and_one_key():
    key = make_key()
    transcript = transcript_of(key)
    with pytest.raises(DistillationError, match="belongs to the key"):
        make_key().tag(transcript, 0)
    key.tag(transcript, 0)
    with pytest.raises(DistillationError, match="one tag only"):
        key.tag(transcript, 1)
    with pytest.raises(DistillationError, match="no more messages"):
        transcript.update(b"late")
    assert key.n_left == 3  # a refusal costs no pad


def test_failures_add_up_to_a_limit():
    key = make_key(10, n_bits=32, max_failure=4e-9, failure=1e-9)
    bound = forgery_bound(transcript_of(key).n_bytes, 32)
    assert bound == 2 * 2.0**-32
    n = key.tags_of_life(14)
    for i in range(n):
        key.tag(transcript_of(key), i)
    assert key.failure == pytest.approx(1e-9 + n * bound)
    assert key.failure <= key.max_failure < key.failure + bound
    assert key.tags_of_life(14) == 0
    with pytest.raises(DistillationError, match="replace its point"):
        key.tag(transcript_of(key), n)
    assert key.n_left == 10 - n


def test_the_failure_of_new_pads_is_charged():
    key = make_key(1)
    key.add_pads(Bits.pack(np.zeros(120, int)), failure=1e-10)
    assert (key.n_left, key.failure) == (3, 1e-10)
    key.tag(transcript_of(key), 2)
    with pytest.raises(InputError, match="multiples of 60"):
        key.add_pads(Bits.from_bytes(b"1"))
    with pytest.raises(InputError, match="failure probability"):
        key.add_pads(Bits.from_bytes(b""), failure=1.0)


@given(st.integers(0, 10**9), st.floats(1e-25, 0.49))
def test_tag_bits_are_the_fewest_that_suffice(n_bytes, failure):
    n_bits = tag_bits(n_bytes, failure)
    assert forgery_bound(n_bytes, n_bits) <= failure < forgery_bound(n_bytes, n_bits - 1) or n_bits == 1
    assert n_bits == max(math.ceil(math.log2((math.ceil(n_bytes / 16) + 1) / failure) - 1e-9), 1)


@pytest.mark.parametrize(("n_bytes", "failure"), [(-1, 0.1), (1, 0.0), (1, 1.0), (10**6, 1e-35)])
def test_tags_that_cannot_be(n_bytes, failure):
    with pytest.raises(InputError):
        tag_bits(n_bytes, failure)


def test_keys_that_cannot_be():
    no_pads = Bits.from_bytes(b"")
    with pytest.raises(InputError, match="128 bits, but 8"):
        TagKey(Bits.from_bytes(b"1"), no_pads, n_bits=60, max_failure=0.1)
    for n_bits in (0, 129):
        with pytest.raises(InputError, match="1 to 128"):
            make_key(0, n_bits=n_bits)
    for max_failure in (0.0, 1.0):
        with pytest.raises(InputError, match="max_failure"):
            make_key(max_failure=max_failure)


def test_nothing_shows_secret_bits():
    key = make_key()
    assert repr(key) == "TagKey(n_bits=60, n_left=4, failure=0)"
    assert repr(transcript_of(key)) == "Transcript(n_bytes=14)"


class TwoEnds(RuleBasedStateMachine):
    """Tags lost, delivered late or not at all: pads stay in step, and each is used once at each end."""

    @initialize()
    def start(self):
        self.ends = [make_key(3), make_key(3)]
        self.sent: list[tuple[int, bytes, Bits]] = []
        self.used: list[set[int]] = [set(), set()]
        self.added = 3

    @rule(n=st.integers(1, 3))
    def add(self, n):
        for end in self.ends:
            end.add_pads(Bits.pack(np.ones(60 * n, int)))
        self.added += n

    @precondition(lambda self: len(self.used[0]) < self.added)
    @rule(message=st.binary(max_size=40), data=st.data())
    def send(self, message, data):
        index = data.draw(st.sampled_from(sorted(set(range(self.added)) - self.used[0])))
        self.sent.append((index, message, self.ends[0].tag(transcript_of(self.ends[0], message), index)))
        self.used[0].add(index)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), tampered=st.booleans())
    def deliver(self, data, tampered):
        index, message, tag = self.sent.pop(data.draw(st.integers(0, len(self.sent) - 1)))
        received = transcript_of(self.ends[1], message + b"!" if tampered else message)
        assert self.ends[1].check(received, index, tag) != tampered
        if not tampered:
            self.used[1].add(index)

    @rule(index=st.integers(0, 30))
    def reuse(self, index):
        for end, used in zip(self.ends, self.used, strict=True):
            if index in used:
                with pytest.raises(DistillationError, match="used twice"):
                    end.tag(transcript_of(end), index)
            assert end.n_left == self.added - len(used)
            assert end.n_used_bits == 60 * len(used)


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
