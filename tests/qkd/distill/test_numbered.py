import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.distill.numbered import check_bits, number_message, read_body


@given(st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_a_message_is_read_under_its_number_alone(number, body):
    message = number_message(number, body)
    assert read_body(message, number, "answer") == body
    with pytest.raises(DistillationError, match=f"expected answer {number + 1}, but got {number}"):
        read_body(message, number + 1, "answer")


def test_what_is_too_short_or_long_is_refused():
    with pytest.raises(DistillationError, match="3 bytes is no question"):
        read_body(b"abc", 0, "question")
    check_bits(b"", 0, "answer")
    check_bits(b"\xff", 8, "answer")
    for body, n in [(b"", 1), (b"\xff", 7), (b"\0\0", 8)]:
        with pytest.raises(DistillationError, match=f"must hold {n} bits"):
            check_bits(body, n, "answer")
