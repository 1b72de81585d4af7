"""Readout mitigation against the truth: known states at 2 to 156 qubits, and the inverse matrix itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.mitigation.readout import (
    mitigate_parity,
    mitigate_probabilities,
    quasi_probabilities,
    readout_overhead,
)
from kakehashi.device.model import Shots
from kakehashi.device.noise.model import Readout


def uniform(n_bits, rise=0.01, fall=0.01):
    return Readout(prob_meas1_prep0=np.full(n_bits, rise), prob_meas0_prep1=np.full(n_bits, fall))


def misread(true, readout, seed):
    rng = np.random.default_rng(seed)
    flip = rng.random(true.shape) < np.where(true, readout.prob_meas0_prep1, readout.prob_meas1_prep0)
    return Shots.from_matrix(true ^ flip)


def ghz(n_bits, n_shots, seed):
    return np.repeat(np.random.default_rng(seed).random(n_shots)[:, None] < 0.5, n_bits, axis=1)


RATES = st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), min_size=3, max_size=3)


@given(RATES, st.lists(st.integers(1, 1000), min_size=8, max_size=8))
def test_it_is_the_inverse_matrix(rates, counts):
    rise, fall = np.array(rates).T
    readout = Readout(prob_meas1_prep0=rise, prob_meas0_prep1=fall)
    whole = np.eye(1)
    for a, b in rates:
        whole = np.kron(np.array([[1 - a, b], [a, 1 - b]]), whole)
    strings = ["".join(s) for s in itertools.product("01", repeat=3)]
    shots = Shots.from_counts(dict(zip(strings, counts, strict=True)))
    expected = np.linalg.solve(whole, np.array(counts) / sum(counts))
    found = mitigate_probabilities(shots, readout, strings)
    assert found.values == pytest.approx(expected, abs=1e-8)
    assert found.values.sum() == pytest.approx(1)
    assert quasi_probabilities(shots, readout).values == pytest.approx(expected, abs=1e-8)
    parity = np.array([(-1) ** (s[1:].count("1")) for s in strings])
    assert mitigate_parity(shots, readout, [0, 1]).value == pytest.approx(float(parity @ expected), abs=1e-8)


@pytest.mark.parametrize("n_bits", [20, 60, 127, 156])
def test_a_known_state_comes_back_without_bias_at_any_width(n_bits):
    """GHZ: half of the shots are all 0. A system restricted to the strings seen gives 0.34 at 127 bits."""
    readout = uniform(n_bits)
    found = [
        mitigate_probabilities(misread(ghz(n_bits, 5000, s), readout, s), readout, ["0" * n_bits]) for s in range(8)
    ]
    values, errors = (np.array([getattr(f, name)[0] for f in found]) for name in ("values", "errors"))
    assert values.mean() == pytest.approx(0.5, abs=4 * errors.mean() / np.sqrt(8))
    assert np.std(values) == pytest.approx(errors.mean(), rel=0.8)
    assert found[0].unmitigated[0] == pytest.approx(0.5 * 0.99**n_bits, abs=0.05)


def test_asymmetric_rates_of_a_product_state():
    """Strings of X on the even bits, with rates that differ from bit to bit."""
    n_bits = 40
    rng = np.random.default_rng(2)
    readout = Readout(prob_meas1_prep0=rng.uniform(0, 0.02, n_bits), prob_meas0_prep1=rng.uniform(0, 0.05, n_bits))
    true = np.tile(np.arange(n_bits) % 2 == 0, (20_000, 1))
    shots = misread(true, readout, 1)
    string = "".join("1" if q % 2 == 0 else "0" for q in reversed(range(n_bits)))
    found = mitigate_probabilities(shots, readout, [string])
    assert found.values[0] == pytest.approx(1.0, abs=4 * found.errors[0])
    for bits in ([0], [1, 2], list(range(n_bits))):
        parity = mitigate_parity(shots, readout, bits)
        assert parity.value == pytest.approx((-1) ** sum(b % 2 == 0 for b in bits), abs=4 * parity.error)


def test_error_bars_cover_and_the_overhead_is_what_it_costs():
    readout = uniform(4, 0.05, 0.15)
    found = [mitigate_parity(misread(ghz(4, 1000, s), readout, s), readout, [0, 1, 2]) for s in range(300)]
    pulls = np.array([f.value / f.error for f in found])  # three signs of a GHZ state: 0 on average
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    assert abs(np.mean(pulls)) < 0.25
    assert np.mean([f.overhead for f in found]) <= readout_overhead(readout, [0, 1, 2])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s: mitigate_parity(s, uniform(3), [0]), "rates for 3 bits, but the shots have 2"),
        (lambda s: mitigate_parity(s, uniform(2, 0.5, 0.5), [0]), "Bit 0 is misread with probabilities 0.5 and 0.5"),
        (lambda s: mitigate_parity(s, uniform(2, np.nan, 0.5), [0]), "Bit 0 is misread with probabilities nan"),
        (lambda s: mitigate_parity(s, uniform(2), [0, 0]), "must be distinct and below 2"),
        (lambda s: mitigate_parity(s, uniform(2), [2]), "must be distinct and below 2"),
        (lambda s: mitigate_probabilities(s, uniform(2), ["000"]), "strings have 3 bits, but the shots have 2"),
    ],
)
def test_what_is_wrong_is_said(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(Shots.from_counts({"00": 1, "11": 1}))
