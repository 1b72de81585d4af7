import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure


def test_failures_of_a_key_add():
    assert Failure(secrecy=1e-9, correctness=1e-12).total == pytest.approx(1.001e-9)


@pytest.mark.parametrize("secrecy", [0, 1, -1e-9])
def test_a_failure_is_a_probability(secrecy):
    with pytest.raises(InputError, match="between 0 and 1"):
        Failure(secrecy=secrecy)


@pytest.mark.parametrize(
    ("intensities", "probabilities", "match"),
    [((0.5,), (0.5, 0.5), "for each"), ((0.1, 0.5), (0.5, 0.5), "fall"), ((0.5, 0.1), (0.5, 0.4), "sum to 1")],
)
def test_impossible_settings_are_refused(intensities, probabilities, match):
    with pytest.raises(InputError, match=match):
        DecoySettings(intensities=intensities, probabilities=probabilities)


def test_there_are_not_more_errors_than_detections():
    with pytest.raises(InputError, match="more errors"):
        DecoyCounts(detections=np.ones((2, 2)), errors=2 * np.ones((2, 2)))
    with pytest.raises(InputError, match="shape"):
        DecoyCounts(detections=np.ones(2), errors=np.ones(2))
