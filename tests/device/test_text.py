"""Plain text shots."""

import hypothesis
import pytest
from hypothesis import strategies as st

from kakehashi.core.errors import FileFormatError
from kakehashi.device.text import parse_text


def parse(text, **options):
    return parse_text(text, path="shots.txt", **options).to_counts()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0101\n0011\n0101\n", {"0011": 1, "0101": 2}),
        ("0101 7\n0011 2\n", {"0011": 2, "0101": 7}),
        ("0101,7\n0011:2\n1111\t1\n1100;4", {"0011": 2, "0101": 7, "1100": 4, "1111": 1}),
        ("01 01 7\n01 01\n", {"0101": 8}),
        ("01_01 7\n", {"0101": 7}),
        ("# a comment\n\n0101 7 # another\r\n", {"0101": 7}),
        ("0101 0\n0011 1\n", {"0011": 1}),
        ("01010101 11\n", {"01010101": 11}),
        ("1 1\n", {"11": 1}),
    ],
)
def test_spellings(text, expected):
    assert parse(text) == expected


def test_a_known_width_tells_halves_from_counts():
    assert parse("10 10\n", n_qubits=2) == {"10": 10}
    assert parse("10 10\n", n_qubits=4) == {"1010": 1}


@hypothesis.given(
    st.integers(2, 60).flatmap(
        lambda width: st.dictionaries(
            st.integers(0, 2**width - 1).map(lambda key: format(key, f"0{width}b")),
            st.integers(1, 10**9),
            min_size=1,
            max_size=9,
        )
    ),
    st.booleans(),
)
def test_round_trip(table, grouped):
    width = len(next(iter(table)))

    def write(bits):
        return f"{bits[: width // 2]}_{bits[width // 2 :]}" if grouped else bits

    text = "".join(f"{write(bits)} {count}\n" for bits, count in table.items())
    assert parse(text, n_qubits=width) == table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "shots.txt: there are no shots"),
        ("# nothing\n", "no shots"),
        ("0101 0\n", "no shots"),
        ("0101\n\n011\n", "shots.txt:3: the bit string has 3 bits, but 4 are in the lines before"),
        ("0101\n01x1\n", "shots.txt:2: expected a bit string of 0 and 1, but got '01x1'"),
        ("bitstring,count\n", "shots.txt:1: expected a bit string"),
        ("0101 -3\n", "shots.txt:1: expected a count after the bit string, but got '-3'"),
        ("0101 1.5\n", "expected a count"),
        ("0101 7 8\n", "expected a count"),
        ("0101 99999999999999999999999\n", "too large"),
        ("0101 9999999999999999999\n", "2\\^62"),
    ],
)
def test_faults_name_the_line(text, message):
    with pytest.raises(FileFormatError, match=message):
        parse(text)


def test_expected_width():
    with pytest.raises(FileFormatError, match=r"shots\.txt:1: the bit string has 4 bits, but 6 were expected"):
        parse("0101\n", n_qubits=6)


@hypothesis.given(st.text(alphabet="01 _,:#\n\tx9é", max_size=60), st.sampled_from([None, 2, 4]))
def test_anything_gives_shots_or_a_format_error(text, n_qubits):
    try:
        counts = parse(text, n_qubits=n_qubits)
    except FileFormatError:
        return
    assert sum(counts.values()) > 0
