"""Raw shots: packing, counting, order, and what is refused."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.model import Shots, parse_strings

WIDTHS = st.sampled_from([1, 2, 7, 8, 9, 32, 52, 64, 65, 130])


@st.composite
def tables(draw):
    """Counts by bit string, of any width that matters to the packing."""
    width = draw(WIDTHS)
    keys = draw(st.lists(st.integers(0, 2**width - 1), min_size=1, max_size=12, unique=True))
    counts = draw(st.lists(st.integers(1, 10**6), min_size=len(keys), max_size=len(keys)))
    return {format(key, f"0{width}b"): count for key, count in zip(keys, counts, strict=True)}


@hypothesis.given(tables())
def test_counts_round_trip_in_ascending_order(table):
    shots = Shots.from_counts(table)
    assert shots.to_counts() == table
    numbers = [int(key, 2) for key in shots.to_counts()]
    assert numbers == sorted(numbers)
    assert shots.n_shots == sum(table.values())
    assert shots.n_distinct == len(table)


@hypothesis.given(tables())
def test_qubit_is_bit_of_byte(table):
    shots = Shots.from_counts(table)
    for row, string in zip(shots.bits, shots.to_counts(), strict=True):
        for qubit in range(shots.n_qubits):
            assert (row[qubit // 8] >> (qubit % 8)) & 1 == int(string[-1 - qubit])


@hypothesis.given(tables(), st.randoms())
def test_repeats_and_order_do_not_matter(table, random):
    shots = Shots.from_counts(table)
    # Each row twice, in two parts of its count, shuffled.
    parts = [(row, 1) for row in shots.to_matrix()]
    parts += [(row, count - 1) for row, count in zip(shots.to_matrix(), shots.counts, strict=True) if count > 1]
    random.shuffle(parts)
    again = Shots.from_matrix(np.array([row for row, _ in parts]), counts=np.array([count for _, count in parts]))
    np.testing.assert_array_equal(again.bits, shots.bits)
    np.testing.assert_array_equal(again.counts, shots.counts)


def test_no_shots():
    shots = Shots.from_matrix(np.zeros((0, 5), dtype=bool))
    assert (shots.n_shots, shots.n_distinct, shots.n_qubits) == (0, 0, 5)
    assert shots.to_counts() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_qubits": 0}, "n_qubits"),
        ({"n_qubits": 9}, r"\(n_distinct, 2\)"),
        ({"bits": np.array([[1], [2]], dtype=np.int64)}, "uint8"),
        ({"counts": np.array([1])}, r"shape \(2,\)"),
        ({"counts": np.array([1, 0])}, "positive"),
        ({"counts": np.array([1.0, 2.0])}, "int64"),
        ({"n_qubits": 1}, "beyond qubit 0"),
        ({"bits": np.array([[2], [1]], dtype=np.uint8)}, "ascending"),
        ({"bits": np.array([[1], [1]], dtype=np.uint8)}, "distinct"),
    ],
)
def test_wrong_values_are_refused(changes, message):
    values = {"bits": np.array([[1], [2]], dtype=np.uint8), "counts": np.array([3, 4]), "n_qubits": 2}
    Shots(**values)
    with pytest.raises(InputError, match=message):
        Shots(**{**values, **changes})


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        ([], "no bit strings"),
        ([""], "no bit strings"),
        (["01", "011"], "one width"),
        (["01", "0x"], "'0x' is no bit string"),
        (["01", "0é"], "'0é' is no bit string"),
        (["é1", "01"], "no bit string"),
    ],
)
def test_wrong_strings_are_refused(strings, message):
    with pytest.raises(InputError, match=message):
        parse_strings(strings)


def test_counts_must_match_rows():
    with pytest.raises(InputError, match="counts"):
        Shots.from_packed(np.array([[1]], dtype=np.uint8), n_qubits=2, counts=np.array([1, 2]))
