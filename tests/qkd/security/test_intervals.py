import numpy as np
import pytest
from scipy import stats

from kakehashi.qkd.security.intervals import (
    binary_entropy,
    hoeffding_deviation,
    photon_probability,
    sampling_deviation,
    scaled_counts,
    serfling_deviation,
)
from kakehashi.qkd.security.model import DecoySettings

SETTINGS = DecoySettings(intensities=(0.5, 0.15), probabilities=(0.9, 0.1))


def test_entropy_is_that_of_a_coin():
    assert binary_entropy(0.11) == pytest.approx(stats.bernoulli(0.11).entropy() / np.log(2))
    assert binary_entropy(-1) == binary_entropy(0) == 0
    assert binary_entropy(0.7) == 1


def test_photon_numbers_are_those_of_the_mixture():
    for n in range(4):
        mixture = 0.9 * stats.poisson(0.5).pmf(n) + 0.1 * stats.poisson(0.15).pmf(n)
        assert photon_probability(SETTINGS, n) == pytest.approx(mixture)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5])
def test_a_count_leaves_the_deviation_less_often_than_said(p):
    n, failure = 2000, 1e-3
    deviation = hoeffding_deviation(n, failure)
    assert stats.binom(n, p).sf(n * p + deviation) <= failure


@pytest.mark.parametrize(
    ("bound", "bad"),
    [("serfling", 20), ("serfling", 200), ("serfling", 600), ("hypergeometric", 200), ("hypergeometric", 600)],
)
def test_the_unseen_bits_are_rarely_worse_than_the_deviation_says(bad, bound):
    assert probability_beyond(bound, bad) <= 1e-3


def test_the_approximation_that_older_proofs_use_is_no_bound_where_few_bits_are_wrong():
    assert probability_beyond("hypergeometric", 20) > 3e-3


def probability_beyond(bound, bad):
    """Of 2,000 bits, ``bad`` are wrong and 500 are seen: exact probability that the others hold more than the bound."""
    test, key, failure = 500, 1500, 1e-3
    seen = np.arange(test + 1)
    weight = stats.hypergeom(test + key, bad, test).pmf(seen)
    rate = seen / test
    if bound == "serfling":
        deviation = np.full(test + 1, serfling_deviation(test, key, failure))
    else:
        shown = np.clip(rate, 1 / (test + 1), 0.5)
        deviation = np.array([sampling_deviation(r, test, key, failure=failure, n_terms=1) for r in shown])
    exceeds = (bad - seen) / key > rate + deviation
    return weight[exceeds].sum()


def test_scaled_bounds_hold_the_count_between_them():
    counts = np.array([1000.0, 50.0])
    lower, upper = scaled_counts(counts, SETTINGS, 1e-9, clip=False)
    scale = np.exp(SETTINGS.intensities) / np.array(SETTINGS.probabilities)
    assert np.all(lower <= scale * counts)
    assert np.all(upper >= scale * counts)
    assert lower[1] == 0
    _, clipped = scaled_counts(counts, SETTINGS, 1e-300, clip=True)
    assert clipped[0] == pytest.approx(scale[0] * 1050)
