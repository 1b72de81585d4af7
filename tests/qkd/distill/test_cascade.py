import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.distill.strings import run, strings

from kakehashi.core.errors import DistillationError, InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.cascade import CascadeCorrector, CascadeReference


def entropy(p):
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


@pytest.mark.parametrize(("qber", "most"), [(0.005, 1.06), (0.01, 1.05), (0.02, 1.05), (0.05, 1.05), (0.11, 1.06)])
def test_little_more_than_the_limit_is_disclosed(qber, most):
    right, wrong = strings(20 * 2**14 + 77, qber)
    reference, corrector = CascadeReference(Bits.pack(right)), CascadeCorrector(Bits.pack(wrong), qber=qber, seed=3)
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    assert corrector.n_errors == np.sum(right != wrong)
    assert corrector.leaked_bits / (len(right) * entropy(np.mean(right != wrong))) < most


@settings(max_examples=40)
@given(st.integers(0, 5000), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 10**6))
def test_any_string_is_corrected_whatever_was_expected(n, qber, expected, seed):
    right, wrong = strings(n, qber, seed)
    reference = CascadeReference(Bits.pack(right))
    corrector = CascadeCorrector(Bits.pack(wrong), qber=expected, frame_bits=1024, seed=seed)
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    assert corrector.leaked_bits == reference.leaked_bits <= n


def test_an_empty_block_needs_no_question():
    corrector = CascadeCorrector(Bits.pack(np.zeros(0)), qber=0.02)
    assert corrector.is_done
    assert corrector.corrected() == Bits.pack(np.zeros(0))
    assert corrector.leaked_bits == corrector.n_errors == 0
    with pytest.raises(DistillationError, match="nothing more to ask"):
        corrector.question()


def test_without_errors_little_is_disclosed():
    right, _ = strings(2**16, 0)
    reference, corrector = CascadeReference(Bits.pack(right)), CascadeCorrector(Bits.pack(right), qber=0)
    run(reference, corrector)
    assert corrector.n_errors == 0
    assert corrector.leaked_bits == 4 * (4 + 3 + 3 + 5) + 37
    assert corrector.n_rounds == 5


def test_a_burst_of_errors_is_shared_by_all_frames():
    right, _ = strings(2**18, 0)
    wrong = right.copy()
    wrong[70_000:75_000] ^= 1
    reference, corrector = CascadeReference(Bits.pack(right)), CascadeCorrector(Bits.pack(wrong), qber=0.02)
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    assert corrector.leaked_bits < 1.06 * 2**18 * entropy(5000 / 2**18)


def test_a_question_stays_until_it_is_answered():
    corrector = CascadeCorrector(Bits.from_bytes(bytes(100)), qber=0.02)
    assert corrector.question() == corrector.question()
    with pytest.raises(DistillationError, match="not come to its end"):
        corrector.corrected()


def exchange(n_rounds):
    right, wrong = strings(3000, 0.05)
    reference, corrector = CascadeReference(Bits.pack(right)), CascadeCorrector(Bits.pack(wrong), qber=0.05, seed=1)
    questions, answers = [], []
    for _ in range(n_rounds):
        questions.append(corrector.question())
        answers.append(reference.answer(questions[-1]))
        corrector.take(answers[-1])
    return right, reference, corrector, questions, answers


def test_repeated_and_malformed_questions_disclose_nothing_and_do_not_disturb():
    right, reference, corrector, questions, _ = exchange(4)
    before = reference.leaked_bits
    good = corrector.question()
    bad = [b"", b"x", good[:-1], good + b"\0", good[:4] + b"\xff" * (len(good) - 4) + b"\xff", *questions]
    bad += [(9).to_bytes(4, "little") + good[4:]]
    for message in bad:
        with pytest.raises(DistillationError):
            reference.answer(message)
    assert reference.leaked_bits == before
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)
    with pytest.raises(DistillationError):
        reference.answer(questions[-1])


def test_repeated_and_malformed_answers_do_not_disturb():
    right, reference, corrector, _, answers = exchange(4)
    answer = reference.answer(corrector.question())
    for message in [b"", answer[:-1], answer + b"\0", *answers]:
        with pytest.raises(DistillationError):
            corrector.take(message)
    corrector.take(answer)
    run(reference, corrector)
    assert corrector.corrected() == Bits.pack(right)


def test_a_block_of_another_length_is_refused():
    corrector = CascadeCorrector(Bits.from_bytes(bytes(100)), qber=0.02)
    with pytest.raises(DistillationError, match="begun for 800 bits, but this end holds 808"):
        CascadeReference(Bits.from_bytes(bytes(101))).answer(corrector.question())


@given(st.data())
def test_a_lying_end_gets_an_error_or_an_end_but_no_more_bits_than_there_are(data):
    """Verdicts that nobody computed: the reference answers within the protocol, or says what is wrong, and stops."""
    right, wrong = strings(300, 0.05)
    reference, corrector = CascadeReference(Bits.pack(right)), CascadeCorrector(Bits.pack(wrong), qber=0.05, seed=1)
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    answer = reference.answer(corrector.question())
    for number in range(1, 3000):
        n = reference._end.n_pending
        lie = Bits.pack(rng.random(n) < 0.5).to_bytes()
        try:
            answer = reference.answer(number.to_bytes(4, "little") + lie)
        except DistillationError:
            break
    else:
        pytest.fail("the exchange does not end")
    assert reference.leaked_bits <= 300
    with pytest.raises(DistillationError):
        reference.answer((number + 1).to_bytes(4, "little"))
    assert answer


@given(st.integers(0, 10**6))
def test_false_answers_end_in_an_error_or_in_wrong_bits_for_verification_to_find(seed):
    _, wrong = strings(300, 0.05)
    rng = np.random.default_rng(seed)
    corrector = CascadeCorrector(Bits.pack(wrong), qber=0.05, seed=1)
    try:
        for number in range(3000):
            if corrector.is_done:
                break
            lie = Bits.pack(rng.random(corrector._end.n_pending) < 0.5).to_bytes()
            corrector.take(number.to_bytes(4, "little") + lie)
        assert corrector.is_done
    except DistillationError:
        with pytest.raises(DistillationError):
            corrector.corrected()


def test_arguments_out_of_range_are_refused():
    with pytest.raises(InputError, match="`qber`"):
        CascadeCorrector(Bits.from_bytes(b"a"), qber=-0.1)
    with pytest.raises(InputError, match="64 bits"):
        CascadeCorrector(Bits.from_bytes(b"a"), qber=0.1, seed=2**64)


def test_frames_with_the_same_errors_do_not_hide_each_other():
    right, _ = strings(2 * 1024, 0)
    wrong = right.copy()
    places = np.array([17, 40, 51, 60])  # of the first word of either frame
    wrong[places] ^= 1
    wrong[64 + places] ^= 1
    for seed in range(30):
        reference = CascadeReference(Bits.pack(right))
        corrector = CascadeCorrector(Bits.pack(wrong), qber=0, frame_bits=1024, seed=seed)
        run(reference, corrector)
        assert corrector.corrected() == Bits.pack(right)
