import numpy as np
import pytest

from kakehashi.qkd.security.entangled import entangled_length
from kakehashi.qkd.security.intervals import binary_entropy
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure

ONE = DecoySettings(intensities=(1.0,), probabilities=(1.0,))


def length_of(n, k, rate, *, leak=0.0, failure=None):
    counts = DecoyCounts(detections=np.array([[n], [k]]), errors=rate * np.array([[n], [k]]))
    return entangled_length(counts, ONE, leak_bits=leak, failure=failure or Failure())


def test_a_long_key_reaches_one_less_the_entropy():
    share = length_of(1e14, 1e14, 0.03).exact / 1e14
    assert share == pytest.approx(1 - binary_entropy(0.03), rel=1e-4)


def test_eleven_per_cent_is_the_end():
    n = 1e15
    assert length_of(n, n, 0.10, leak=n * binary_entropy(0.10)).bits > 0
    assert length_of(n, n, 0.1101, leak=n * binary_entropy(0.1101)).bits == 0


def test_the_formula_at_one_point_worked_by_hand():
    # n = 1e6, k = 1e5, Q = 2 %: mu = sqrt(1.1e-5 * 1.00001 * ln(4e10)) = 0.016385, h(0.036385) = 0.225457...
    assert length_of(1e6, 1e5, 0.02).exact == pytest.approx(
        1e6 * (1 - binary_entropy(0.02 + 0.016385)) - 117.27, rel=1e-4
    )


def test_no_test_bits_give_no_key():
    assert length_of(1e6, 0.0, 0.0).bits == 0
