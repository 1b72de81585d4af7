"""Declarations and operands."""

import pytest

from kakehashi.circuit.qasm3_registers import Registers
from kakehashi.circuit.qasm3_syntax import Cursor
from kakehashi.core.errors import FileFormatError


def after(text, *declared):
    registers = Registers(Cursor(text, path="a"))
    registers.qubits = dict(declared)
    registers.n_declared = max((numbers.stop for _, numbers in declared), default=0)
    return registers


def test_slices_include_their_end_and_count_from_the_end():
    declared = ("q", range(2, 6))
    assert after("q[1:2]", declared).qubit_operand() == range(3, 5)
    assert after("q[-1]", declared).qubit_operand() == range(5, 6)
    assert after("q[-2:-1]", declared).qubit_operand() == range(4, 6)
    assert after("q, q[0]", declared).qubit_list() == [2, 3, 4, 5, 2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("q[4]", "index 4 is outside 'q', which has 4 elements"),
        ("q[2:1]", "index 2:1 is outside"),
        ("q[-5]", "index -5 is outside"),
        ("q[0.5]", "expected a whole number, but found 0.5"),
        ("r[0]", "expected a qubit, but found 'r'"),
        ("q[0", "expected ']', but found the end of the file"),
    ],
)
def test_operands_that_are_wrong(text, sentence):
    with pytest.raises(FileFormatError) as caught:
        after(text, ("q", range(4))).qubit_operand()
    assert sentence in str(caught.value)


def test_a_name_is_taken_once():
    registers = after("q", ("q", range(4)))
    with pytest.raises(FileFormatError, match="already taken"):
        registers.require_new(registers.cursor.take())
