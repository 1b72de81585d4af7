import numpy as np
import pytest
from tests.qkd.security.cases import GOLDEN, SETTINGS, expected_counts, modelled_leak

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure
from kakehashi.qkd.security.wiesemann import wiesemann_length

CASE = GOLDEN["wiesemann"]
FAILURE = Failure(secrecy=CASE["eps"][0], correctness=CASE["eps"][1])
KM = (20, 45, 50, 100)


def length_of(km, **amount):
    counts, n_sent = expected_counts("wiesemann", SETTINGS["wiesemann"], loss=km, **amount)
    return wiesemann_length(counts, SETTINGS["wiesemann"], leak_bits=modelled_leak(counts), failure=FAILURE), n_sent


@pytest.mark.parametrize(
    ("amount", "km", "rate"),
    [
        ({key: float(number)}, km, rate)
        for key, rows in CASE["rate"].items()
        for number, rates in rows.items()
        for km, rate in zip(KM, rates, strict=True)
    ],
)
def test_rates_are_those_of_the_authors_to_the_last_digit(amount, km, rate):
    length, n_sent = length_of(km, **amount)
    assert f"{max(length.exact, 0) * 625e6 / n_sent:.4f}" == rate


@pytest.mark.parametrize(("term", "value"), CASE["terms"]["values"].items())
def test_every_term_is_that_of_the_authors(term, value):
    length, _ = length_of(50, n_sent=1e10)
    assert f"{length.terms[term]:.{len(value.partition('.')[2])}f}" == value
    assert f"{length.exact:.4f}" == CASE["terms"]["exact"]


def test_empty_pulses_add_to_the_key_only_where_asked():
    counts = DecoyCounts(detections=np.array([[9e8, 9e8], [1e7, 1e7]]), errors=np.array([[9e6, 9e6], [1e5, 1e5]]))
    settings = DecoySettings(intensities=(0.5, 0.01), probabilities=(0.5, 0.5))
    without = wiesemann_length(counts, settings, leak_bits=0, failure=FAILURE)
    counted = wiesemann_length(counts, settings, leak_bits=0, failure=FAILURE, count_vacuum=True)
    assert without.terms["vacuum"] == 0
    assert counted.exact - without.exact == pytest.approx(counted.terms["vacuum"])
    assert counted.terms["vacuum"] > 1e6


def test_nothing_detected_gives_no_key():
    nothing = DecoyCounts(detections=np.zeros((2, 2)), errors=np.zeros((2, 2)))
    length = wiesemann_length(nothing, SETTINGS["wiesemann"], leak_bits=0, failure=FAILURE)
    assert length.bits == 0
    assert length.terms["phase_error"] == 0.5


def test_three_intensities_are_refused():
    counts = DecoyCounts(detections=np.ones((2, 3)), errors=np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"'wiesemann' needs 2 intensities, but the source sends 3"):
        wiesemann_length(counts, SETTINGS["lim"], leak_bits=0, failure=FAILURE)
