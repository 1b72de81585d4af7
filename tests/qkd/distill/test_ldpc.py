import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.distill.strings import run, strings

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.ldpc import LdpcCorrector, LdpcReference


@pytest.mark.parametrize(("qber", "most"), [(0.01, 1.45), (0.02, 1.3), (0.05, 1.3)])
def test_frames_are_corrected_in_a_few_messages(qber, most):
    right, wrong = strings(2 * 2**16, qber)
    reference, corrector = LdpcReference(Bits.pack(right)), LdpcCorrector(Bits.pack(wrong), qber=qber)
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    assert corrector.n_errors == np.sum(right != wrong)
    entropy = -qber * math.log2(qber) - (1 - qber) * math.log2(1 - qber)
    assert corrector.leaked_bits / (len(right) * entropy) < most
    assert corrector.n_rounds < 12


@settings(max_examples=8)
@given(st.integers(0, 20_000), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 10**6))
def test_any_string_is_corrected_whatever_was_expected(n, qber, expected, seed):
    right, wrong = strings(n, qber, seed)
    reference, corrector = LdpcReference(Bits.pack(right)), LdpcCorrector(Bits.pack(wrong), qber=expected, seed=seed)
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    assert corrector.leaked_bits == reference.leaked_bits <= n


def test_a_frame_that_cannot_be_decoded_is_disclosed_and_costs_all_its_bits():
    right, wrong = strings(10_000, 0.2)
    reference, corrector = LdpcReference(Bits.pack(right)), LdpcCorrector(Bits.pack(wrong), qber=0.02)
    run(reference, corrector)
    assert corrector.leaked_bits == reference.leaked_bits == 10_000


def test_an_empty_block_needs_no_question():
    corrector = LdpcCorrector(Bits.pack(np.zeros(0)), qber=0.02)
    assert corrector.is_done
    assert corrector.corrected().n == corrector.leaked_bits == corrector.n_errors == 0
    with pytest.raises(DistillationError, match="nothing more to ask"):
        corrector.question()


def test_repeated_and_malformed_messages_disclose_nothing_and_do_not_disturb():
    right, wrong = strings(9000, 0.03)
    reference, corrector = LdpcReference(Bits.pack(right)), LdpcCorrector(Bits.pack(wrong), qber=0.022, seed=1)
    first = corrector.question()
    assert corrector.question() == first
    for message in [b"", first[:-1], first + b"\0", first[:4] + b"KHC1" + first[8:], first[:-9] + b"\x20" + first[-8:]]:
        with pytest.raises(DistillationError):
            reference.answer(message)
    assert reference.leaked_bits == 0
    answer = reference.answer(first)
    leaked = reference.leaked_bits
    for message in [first, b"", (1).to_bytes(4, "little"), (1).to_bytes(4, "little") + b"\0"]:
        with pytest.raises(DistillationError):
            reference.answer(message)
    for message in [b"", answer[:-1], answer + b"\0", b"\1" + answer[1:]]:
        with pytest.raises(DistillationError):
            corrector.take(message)
    assert reference.leaked_bits == leaked
    corrector.take(answer)
    assert corrector.leaked_bits == leaked
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    with pytest.raises(DistillationError, match="asked nothing"):
        corrector.take(answer)


def test_a_block_of_another_length_is_refused():
    corrector = LdpcCorrector(Bits.from_bytes(bytes(100)), qber=0.02)
    with pytest.raises(DistillationError, match="begun for 800 bits, but this end holds 808"):
        LdpcReference(Bits.from_bytes(bytes(101))).answer(corrector.question())


def test_arguments_out_of_range_are_refused():
    with pytest.raises(InputError, match="`qber`"):
        LdpcCorrector(Bits.from_bytes(b"a"), qber=0.7)
    with pytest.raises(InputError, match="64 bits"):
        LdpcCorrector(Bits.from_bytes(b"a"), qber=0.1, seed=-1)
