"""Tokens and arithmetic."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.circuit.qasm3_syntax import Cursor, read_expression
from kakehashi.core.errors import FileFormatError


def evaluate(text, **values):
    return read_expression(Cursor(text, path="a"), free=tuple(values))(values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 ** 2", 19),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("(1 - 2) - 3", -4),
        ("8 / 2 / 2", 2),
        ("7 % 4", 3),
        ("1_000 + 0x1F + 0b101", 1036),
        (".5e1", 5),
        ("sin(pi/2) + arccos(1) + sqrt(4)", 3),
        ("tau - 2*π", 0),
    ],
)
def test_arithmetic(text, value):
    assert evaluate(text) == pytest.approx(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(value):
    assert evaluate(repr(value)) == value


def test_names_take_their_values():
    assert evaluate("2*a - b", a=3.0, b=1.0) == 5


@pytest.mark.parametrize("text", ["1/0", "sqrt(-1)", "1e308 * 10", "0 ** -1", "(-1) ** 0.5"])
def test_what_is_no_number_is_said(text):
    with pytest.raises(FileFormatError, match="gives no finite number"):
        evaluate(text)


def test_depth_has_an_end():
    with pytest.raises(FileFormatError, match="nested more than 100 deep"):
        evaluate("(" * 5000 + "1" + ")" * 5000)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_sentence(text):
    from kakehashi.circuit.qasm3_program import Program

    with contextlib.suppress(FileFormatError):
        Program(text, path="a").read()


def test_lines_and_columns_begin_with_one():
    cursor = Cursor("a\n  b", path="a")
    cursor.take()
    assert cursor.line_of(cursor.peek) == 2
    with pytest.raises(FileFormatError, match=r"a:2: Column 3: no\."):
        cursor.fail("no")
    assert math.isclose(evaluate("euler"), math.e)
