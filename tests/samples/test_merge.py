import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.bits import pack_strings
from kakehashi.core.errors import InputError
from kakehashi.samples import check_sector, merge_configurations


def random_rows(rng, n, n_orb, n_electrons):
    occupations = np.zeros((n, n_orb), dtype=bool)
    for row in occupations:
        row[rng.choice(n_orb, n_electrons, replace=False)] = True
    return pack_strings(occupations)


def as_number(low_high):
    return int(low_high[0]) | int(low_high[1]) << 64


@given(n_orb=st.sampled_from([2, 5, 31, 32, 33, 63, 64, 65, 127, 128]), seed=st.integers(0, 2**32))
def test_merging_adds_the_weights_of_equal_rows_and_sorts(n_orb, seed):
    rng = np.random.default_rng(seed)
    n_elec = (int(rng.integers(0, n_orb + 1)), int(rng.integers(0, n_orb + 1)))
    pool = [random_rows(rng, 6, n_orb, k) for k in n_elec]
    rows = rng.integers(0, 6, (40, 2))
    weights = rng.random(40) + 0.01
    alpha, beta = pool[0][rows[:, 0]], pool[1][rows[:, 1]]

    expected: dict[int, float] = {}
    for a, b, w in zip(alpha, beta, weights, strict=True):
        key = as_number(a) | as_number(b) << n_orb
        expected[key] = expected.get(key, 0.0) + w / weights.sum()

    merged = merge_configurations(alpha, beta, weights, n_orb=n_orb, n_elec=n_elec)
    keys = [as_number(a) | as_number(b) << n_orb for a, b in zip(merged.alpha, merged.beta, strict=True)]
    assert keys == sorted(expected)
    np.testing.assert_allclose(merged.weights, [expected[key] for key in keys], rtol=1e-12)


def test_nothing_merges_to_nothing():
    nothing = np.zeros((0, 2), dtype=np.uint64)
    merged = merge_configurations(nothing, nothing, np.zeros(0), n_orb=3, n_elec=(1, 2))
    assert len(merged) == 0
    assert merged.n_elec == (1, 2)


def test_rows_of_another_sector_are_refused():
    rows = np.array([[3, 0]], dtype=np.uint64)
    with pytest.raises(InputError, match="1 electrons in every row"):
        merge_configurations(rows, rows, np.ones(1), n_orb=3, n_elec=(1, 1))


@pytest.mark.parametrize("n_elec", [(-1, 0), (0, 5), (5, 0)])
def test_impossible_sector(n_elec):
    with pytest.raises(InputError, match="do not fit into 4 orbitals"):
        check_sector(n_orb=4, n_elec=n_elec)
