import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kakehashi.core.bits import unique_strings
from kakehashi.core.errors import InputError
from kakehashi.samples import (
    all_strings,
    carry_over,
    combine_spins,
    draw_strings,
    merge_configurations,
    strings_by_weight,
)


def some_configurations(weights, n_orb=6):
    strings = all_strings(n_orb=n_orb, n_electrons=2)
    n = len(weights)
    pairs = np.array([(a, b) for a in range(len(strings)) for b in range(len(strings))])[:n]
    return merge_configurations(
        strings[pairs[:, 0]], strings[pairs[:, 1]], np.asarray(weights, float), n_orb=n_orb, n_elec=(2, 2)
    )


def weight_by_row(configurations):
    pairs = zip(configurations.alpha[:, 0].tolist(), configurations.beta[:, 0].tolist(), strict=True)
    return dict(zip(pairs, configurations.weights.tolist(), strict=True))


def rows(configurations):
    return set(weight_by_row(configurations))


@given(st.integers(1, 200), st.integers(0, 2**32))
def test_marginal_weights_sum_to_one_and_descend(n, seed):
    configurations = some_configurations(np.random.default_rng(seed).random(n) + 1e-3)
    for which, (strings, weights) in zip(
        (configurations.alpha, configurations.beta), strings_by_weight(configurations), strict=True
    ):
        assert weights.sum() == pytest.approx(1)
        assert (np.diff(weights) <= 0).all()
        assert len(unique_strings(strings)) == len(strings)
        for string, weight in zip(strings, weights, strict=True):
            assert weight == pytest.approx(configurations.weights[(which == string).all(axis=1)].sum())


def test_equal_weights_come_in_ascending_order():
    (alpha, _), _ = strings_by_weight(some_configurations(np.ones(15 * 15)))
    np.testing.assert_array_equal(alpha, all_strings(n_orb=6, n_electrons=2))


def test_combined_spins_do_not_depend_on_which_is_which():
    rng = np.random.default_rng(0)
    alpha, beta = strings_by_weight(some_configurations(rng.random(40) + 0.1))
    one, two = combine_spins(alpha, beta), combine_spins(beta, alpha)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_allclose(one[1], two[1])
    assert one[1].sum() == pytest.approx(1)
    np.testing.assert_array_equal(unique_strings(one[0]), unique_strings(np.concatenate([alpha[0], beta[0]])))


def test_carry_over_keeps_the_heaviest_above_the_threshold():
    strings = all_strings(n_orb=5, n_electrons=2)
    weights = np.array([0.05, 0.3, 0.1, 0.2, 0.05, 0.1, 0.05, 0.05, 0.05, 0.05])
    np.testing.assert_array_equal(carry_over(strings, weights, keep=3), strings[[1, 3, 2]])
    np.testing.assert_array_equal(carry_over(strings, weights, threshold=0.15), strings[[1, 3]])
    np.testing.assert_array_equal(carry_over(strings, weights, keep=1, threshold=0.15), strings[[1]])
    assert len(carry_over(strings, weights)) == 10
    assert carry_over(strings, weights, keep=0).shape == (0, 2)


def test_carry_over_refuses_what_does_not_fit():
    strings = all_strings(n_orb=5, n_electrons=2)
    with pytest.raises(InputError, match=r"shape \(10,\)"):
        carry_over(strings, np.ones(3))
    with pytest.raises(InputError, match="not be negative"):
        carry_over(strings, np.ones(10), keep=-1)


@given(st.integers(1, 12), st.integers(0, 8), st.integers(0, 2**32))
def test_drawn_strings_are_distinct_with_the_included_ones_first(n, n_included, seed):
    rng = np.random.default_rng(seed)
    everything = all_strings(n_orb=5, n_electrons=2)
    pool = everything[rng.permutation(10)[:6]], rng.random(6) + 0.01
    include = everything[rng.integers(0, 10, n_included)]
    drawn = draw_strings(pool, n, include=include, rng=seed)
    first = list(dict.fromkeys(include[:, 0].tolist()))
    assert drawn[:, 0].tolist()[: len(first)] == first[:n]
    assert len(unique_strings(drawn)) == len(drawn)
    assert len(drawn) == min(n, len(unique_strings(np.concatenate([include, pool[0]]))))
    assert set(drawn[:, 0].tolist()) <= set(unique_strings(np.concatenate([include, pool[0]]))[:, 0].tolist())


def test_strings_are_drawn_by_weight_and_not_by_rank():
    strings = all_strings(n_orb=4, n_electrons=1)
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    rng = np.random.default_rng(6)
    first = [int(draw_strings((strings, weights), 1, rng=rng)[0, 0]) for _ in range(4000)]
    counts = [first.count(value) for value in strings[:, 0].tolist()]
    assert stats.chisquare(counts, weights * 4000).pvalue > 1e-4


def test_no_strings_cannot_be_drawn():
    with pytest.raises(InputError, match="`n` must be positive"):
        draw_strings((all_strings(n_orb=4, n_electrons=1), np.ones(4)), 0)
