import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.bits import (
    MAX_ORBITALS,
    count_electrons,
    lowest_string,
    pack_strings,
    rank_strings,
    unique_strings,
    unpack_strings,
)
from kakehashi.core.errors import InputError


def numbers(strings):
    """Strings as Python's integers of any size: the definition of their order."""
    return [int(low) | int(high) << 64 for low, high in strings]


@given(n=st.integers(0, 20), n_orb=st.integers(1, MAX_ORBITALS), seed=st.integers(0, 2**32))
def test_packing_writes_orbital_p_into_bit_p_and_unpacking_reads_it(n, n_orb, seed):
    occupations = np.random.default_rng(seed).random((n, n_orb)) < 0.5
    strings = pack_strings(occupations)
    assert strings.shape == (n, 2)
    assert strings.dtype == np.uint64
    assert numbers(strings) == [sum(1 << p for p in np.flatnonzero(row).tolist()) for row in occupations]
    back = unpack_strings(strings, n_orb)
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, occupations)
    np.testing.assert_array_equal(count_electrons(strings), occupations.sum(axis=1))


def test_more_orbitals_than_fit():
    with pytest.raises(InputError, match="At most 128 orbitals are supported, but there are 129"):
        pack_strings(np.zeros((1, 129), dtype=bool))


def test_views_that_are_not_contiguous_unpack_too():
    occupations = np.random.default_rng(0).random((10, 100)) < 0.5
    strings = pack_strings(occupations)
    np.testing.assert_array_equal(unpack_strings(strings[::2], 100), occupations[::2])
    np.testing.assert_array_equal(unpack_strings(np.asfortranarray(strings), 100), occupations)


@given(st.lists(st.integers(0, 2**128 - 1) | st.integers(0, 3) | st.integers(2**64 - 2, 2**64 + 2), max_size=30))
def test_strings_are_ordered_as_128_bit_integers(values):
    strings = np.array([[v & (2**64 - 1), v >> 64] for v in values], dtype=np.uint64).reshape(-1, 2)
    assert numbers(strings[rank_strings(strings)]) == sorted(values)
    assert numbers(unique_strings(strings)) == sorted(set(values))


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 128])
def test_lowest_string(n):
    assert numbers(lowest_string(n)) == [2**n - 1]


@pytest.mark.parametrize("n", [-1, 129])
def test_lowest_string_refuses_what_does_not_fit(n):
    with pytest.raises(InputError, match=f"0 to 128, but is {n}"):
        lowest_string(n)
