import numpy as np
import pytest
import qkd._core as peer

from kakehashi.qkd.security.differential import MAX_RATE, differential_length
from kakehashi.qkd.security.intervals import binary_entropy
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure


def length_of(n, rate, *, mu=0.2, leak=0.0):
    counts = DecoyCounts(detections=np.array([[n], [0.0]]), errors=np.array([[rate * n], [0.0]]))
    settings = DecoySettings(intensities=(mu,), probabilities=(1.0,))
    return differential_length(counts, settings, leak_bits=leak, failure=Failure())


@pytest.mark.parametrize("mu", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("rate", [0.005, 0.023, 0.05])
def test_a_long_key_has_the_rate_of_an_independent_package(mu, rate):
    n, efficiency = 1e15, 1.16
    ours = length_of(n, rate, mu=mu, leak=n * efficiency * binary_entropy(rate)).exact / n
    assert max(ours, 0) == pytest.approx(peer.dps_rate(1.0, rate, mu, efficiency), rel=1e-5, abs=1e-6)


def test_a_bright_source_keeps_no_secret():
    assert length_of(1e9, 0.01, mu=0.5).bits == 0


def test_beyond_the_largest_rate_nothing_is_left():
    assert length_of(1e15, MAX_RATE - 0.01).bits > 0
    assert length_of(1e15, MAX_RATE).bits == 0
    assert length_of(0.0, 0.0).bits == 0
