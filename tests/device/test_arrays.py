"""NumPy files, against qiskit's own BitArray."""

import io

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from qiskit.primitives import BitArray

from kakehashi.core.errors import FileFormatError
from kakehashi.device.arrays import parse_bit_array, parse_numpy


def saved(array, **others):
    buffer = io.BytesIO()
    if others:
        np.savez(buffer, array=array, **others)
    else:
        np.save(buffer, array)
    return buffer.getvalue()


@hypothesis.given(
    st.sampled_from([1, 7, 8, 9, 32, 52, 65]).flatmap(
        lambda width: st.dictionaries(
            st.integers(0, 2**width - 1).map(lambda key: format(key, f"0{width}b")),
            st.integers(1, 20),
            min_size=1,
            max_size=9,
        )
    )
)
def test_round_trip_of_qiskits_bit_array(table):
    width = len(next(iter(table)))
    bit_array = BitArray.from_counts(table, num_bits=width)
    assert bit_array.get_counts() == table
    zipped = saved(bit_array.array, num_bits=bit_array.num_bits)
    assert parse_numpy(zipped, path="x.npz").to_counts() == table
    assert parse_numpy(saved(bit_array.array), path="x.npy", n_qubits=width).to_counts() == table
    matrix = np.unpackbits(bit_array.array, axis=1)[:, -width:].astype(bool)
    assert parse_numpy(saved(matrix), path="x.npy").to_counts() == table


def test_bits_beyond_the_width_are_ignored_like_qiskit_does():
    array = np.array([[0b11111101]], dtype=np.uint8)
    assert BitArray(array, 3).get_counts() == {"101": 1}
    assert parse_bit_array(array, 3, path="x.npy").to_counts() == {"101": 1}


def test_all_parameter_sets_are_counted():
    bit_array = BitArray(np.array([[[1], [2]], [[2], [3]]], dtype=np.uint8), 2)
    assert parse_bit_array(bit_array.array, 2, path="x.npy").to_counts() == {"01": 1, "10": 2, "11": 1}


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (saved(np.zeros((2, 1), dtype=np.uint8)), {}, "give n_qubits"),
        (saved(np.zeros((2, 1), dtype=np.uint8)), {"n_qubits": 9}, r"\(n_shots, 2\)"),
        (saved(np.zeros((2, 1), dtype=np.uint8), num_bits=4), {"n_qubits": 6}, "4 bits, but 6"),
        (saved(np.zeros((2, 1), dtype=np.uint8), num_bits=-1), {}, "positive"),
        (saved(np.zeros((2, 1), dtype=np.uint8), num_bits="a"), {}, "not a readable NumPy file"),
        (saved(np.zeros((0, 1), dtype=np.uint8)), {"n_qubits": 4}, "no shots"),
        (saved(np.zeros((2, 1))), {"n_qubits": 4}, "float64"),
        (saved(np.zeros((0, 4), dtype=bool)), {}, "no shots"),
        (saved(np.zeros(4, dtype=bool)), {}, "matrix of bools"),
        (saved(np.zeros((2, 4), dtype=bool)), {"n_qubits": 6}, "4 bits, but 6"),
        (saved(np.zeros((2, 4), dtype=bool))[:40], {}, "not a readable NumPy file"),
        (b"\x93NUMPYjunk", {}, "not a readable NumPy file"),
    ],
)
def test_faults(content, options, message):
    with pytest.raises(FileFormatError, match=message):
        parse_numpy(content, path="x.npy", **options)


def test_archive_without_the_array():
    buffer = io.BytesIO()
    np.savez(buffer, other=np.zeros(3))
    with pytest.raises(FileFormatError, match="as `array`"):
        parse_numpy(buffer.getvalue(), path="x.npz")


def test_pickles_are_refused():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="not a readable"):
        parse_numpy(buffer.getvalue(), path="x.npy")
