import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.bounds import BOUNDS
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure
from kakehashi.qkd.security.one_decoy import bound_basis

SETTINGS = DecoySettings(intensities=(0.5, 0.15), probabilities=(0.7, 0.3))


def counts_by_photons(n_sent, transmission, dark, misalignment):
    """Expected detections and errors of each intensity, and those from pulses of 0 and 1 photon."""
    mu, p = np.array(SETTINGS.intensities), np.array(SETTINGS.probabilities)
    photons = np.arange(40)[:, None]
    weight = n_sent * p * np.exp(-mu) * mu**photons / np.cumprod(np.maximum(photons, 1), axis=0, dtype=float)
    signal = 1 - (1 - transmission) ** photons
    click, wrong = signal + dark * (1 - signal), signal * misalignment + dark / 2 * (1 - signal)
    per_photon = (weight * click).sum(axis=1), (weight * wrong).sum(axis=1)
    return (weight * click).sum(axis=0), (weight * wrong).sum(axis=0), per_photon


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("transmission", [0.3, 0.02, 1e-3])
@pytest.mark.parametrize("n_sent", [1e9, 1e11, 1e14])
def test_bounds_hold_what_happened(n_sent, transmission, clip):
    detections, errors, (clicks, wrong) = counts_by_photons(n_sent, transmission, 1e-6, 0.01)
    bounds = bound_basis(detections, errors, SETTINGS, 1e-10, clip=clip)
    assert bounds.vacuum_lower <= clicks[0] <= bounds.vacuum_upper
    assert bounds.single_lower <= clicks[1]
    assert bounds.single_errors_upper >= wrong[1]


def test_bounds_are_near_when_much_is_seen():
    detections, errors, (clicks, wrong) = counts_by_photons(1e17, 0.02, 1e-6, 0.01)
    bounds = bound_basis(detections, errors, SETTINGS, 1e-10, clip=True)
    assert bounds.single_lower == pytest.approx(clicks[1], rel=0.1)
    # Two intensities cannot take errors of several photons off: they stay in.
    assert wrong[1] < bounds.single_errors_upper < 2 * wrong[1]


@pytest.mark.parametrize("bound", ["wiesemann", "rusca"])
def test_a_dark_decoy_is_refused_and_not_divided_by(bound):
    settings = DecoySettings(intensities=(0.5, 0.0), probabilities=(0.9, 0.1))
    counts = DecoyCounts(detections=np.full((2, 2), 1e6), errors=np.full((2, 2), 1e4))
    with pytest.raises(InputError, match="decoy above 0"):
        BOUNDS[bound](counts, settings, leak_bits=0, failure=Failure())
