import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kakehashi.core.bits import count_electrons, lowest_string, pack_strings, unique_strings, unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.samples import all_strings, random_configurations, random_strings


@pytest.mark.parametrize(("n_orb", "n_electrons"), [(1, 0), (1, 1), (6, 0), (6, 3), (6, 6), (9, 4), (70, 2), (128, 1)])
def test_all_strings_are_all_combinations(n_orb, n_electrons):
    strings = all_strings(n_orb=n_orb, n_electrons=n_electrons)
    occupations = np.zeros((math.comb(n_orb, n_electrons), n_orb), dtype=bool)
    for row, filled in zip(occupations, itertools.combinations(range(n_orb), n_electrons), strict=True):
        row[list(filled)] = True
    np.testing.assert_array_equal(strings, unique_strings(pack_strings(occupations)))


@given(n_orb=st.integers(1, 128), n=st.integers(0, 40), seed=st.integers(0, 2**32), data=st.data())
def test_strings_are_distinct_and_in_the_sector(n_orb, n, seed, data):
    n_electrons = data.draw(st.integers(0, n_orb))
    strings = random_strings(n, n_orb=n_orb, n_electrons=n_electrons, rng=seed)
    assert len(strings) == min(n, math.comb(n_orb, n_electrons))
    assert len(unique_strings(strings)) == len(strings)
    assert (count_electrons(strings) == n_electrons).all()
    assert unpack_strings(strings, 128)[:, n_orb:].sum() == 0


@pytest.mark.parametrize("n", [1, 4, 9, 14])
def test_every_string_is_equally_likely(n):
    # 4 of 15 goes through draws with rejection, 9 and 14 through the full list.
    everything = all_strings(n_orb=6, n_electrons=2)
    n_trials = 3000
    counts = dict.fromkeys(everything[:, 0].tolist(), 0)
    rng = np.random.default_rng(8)
    for _ in range(n_trials):
        for string in random_strings(n, n_orb=6, n_electrons=2, rng=rng)[:, 0].tolist():
            counts[string] += 1
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize("n", [4, 9])
def test_a_head_is_random_too(n):
    first = [int(random_strings(n, n_orb=6, n_electrons=2, rng=seed)[0, 0]) for seed in range(1500)]
    _, counts = np.unique(first, return_counts=True)
    assert len(counts) == 15
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("n", [3, 7, 15])
def test_included_strings_come_first_and_count(n):
    include = np.concatenate([lowest_string(2), np.array([[40, 0]], dtype=np.uint64)])
    strings = random_strings(n, n_orb=6, n_electrons=2, rng=0, include=include)
    np.testing.assert_array_equal(strings[:2], include)
    assert len(strings) == n == len(unique_strings(strings))


def test_with_included_strings_the_others_are_equally_likely():
    rng = np.random.default_rng(2)
    counts = dict.fromkeys(all_strings(n_orb=6, n_electrons=2)[:, 0].tolist(), 0)
    for _ in range(3000):
        for s in random_strings(5, n_orb=6, n_electrons=2, rng=rng, include=lowest_string(2))[1:, 0].tolist():
            counts[s] += 1
    assert counts.pop(3) == 0
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize("n", [15, 16, 1000])
def test_all_there_are(n):
    strings = random_strings(n, n_orb=6, n_electrons=2, rng=1)
    np.testing.assert_array_equal(unique_strings(strings), all_strings(n_orb=6, n_electrons=2))


def test_a_large_draw_from_a_huge_space():
    strings = random_strings(100_000, n_orb=36, n_electrons=27, rng=1)
    assert len(unique_strings(strings)) == 100_000
    np.testing.assert_allclose(unpack_strings(strings, 36).mean(axis=0), 27 / 36, atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "at least 0"),
        ({"n": 1, "include": np.array([[3, 0], [5, 0]], dtype=np.uint64)}, "at least 2"),
        ({"n": 3, "include": np.array([[7, 0]], dtype=np.uint64)}, "2 electrons in 4 orbitals"),
        ({"n": 3, "include": np.array([[33, 0]], dtype=np.uint64)}, "2 electrons in 4 orbitals"),
        ({"n": 3, "include": np.array([[3, 0], [3, 0]], dtype=np.uint64)}, "each string once"),
        ({"n": 3, "n_electrons": 5}, "do not fit into 4 orbitals"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        random_strings(**({"n_orb": 4, "n_electrons": 2, "rng": 0} | arguments))


@given(n_orb=st.integers(1, 128), n=st.integers(0, 40), seed=st.integers(0, 2**32), data=st.data())
def test_configurations_are_distinct_and_in_the_sector(n_orb, n, seed, data):
    n_elec = (data.draw(st.integers(0, n_orb)), data.draw(st.integers(0, n_orb)))
    alpha, beta = random_configurations(n, n_orb=n_orb, n_elec=n_elec, rng=seed)
    assert len(alpha) == len(beta) == min(n, math.comb(n_orb, n_elec[0]) * math.comb(n_orb, n_elec[1]))
    assert len(np.unique(np.concatenate([alpha, beta], axis=1), axis=0)) == len(alpha)
    assert (count_electrons(alpha) == n_elec[0]).all()
    assert (count_electrons(beta) == n_elec[1]).all()


@pytest.mark.parametrize("n", [3, 7])  # drawn one by one, and taken from the list of all
def test_configurations_are_uniform(n):
    generator = np.random.default_rng(1)
    counts = np.zeros((4, 3))
    for _ in range(1500):
        alpha, beta = random_configurations(n, n_orb=3, n_elec=(1, 2), rng=generator)
        np.add.at(counts, (np.log2(alpha[:, 0]).astype(int), np.log2(7 - beta[:, 0]).astype(int)), 1)
    assert counts[3].sum() == 0
    # Without replacement the counts scatter less than a multinomial's: the test is on the safe side.
    assert stats.chisquare(counts[:3].reshape(-1)).pvalue > 1e-4


def test_a_negative_number_of_configurations_is_refused():
    with pytest.raises(InputError, match="must not be negative"):
        random_configurations(-1, n_orb=3, n_elec=(1, 1))
