import numpy as np
import pytest
import qkd._core as peer
from tests.qkd.security.cases import EFFICIENCY, GOLDEN, SETTINGS, expected_counts, modelled_leak

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.intervals import hoeffding_deviation
from kakehashi.qkd.security.lim import lim_length
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure

CASE = GOLDEN["lim"]
FAILURE = Failure(secrecy=CASE["eps"][0], correctness=CASE["eps"][1])
KM = (20, 50, 100)


def length_of(km, n_sent):
    counts, _ = expected_counts("lim", SETTINGS["lim"], n_sent=n_sent, loss=km)
    return lim_length(counts, SETTINGS["lim"], leak_bits=modelled_leak(counts), failure=FAILURE), counts


@pytest.mark.parametrize(
    ("n_sent", "km", "bits"),
    [(float(n), km, bits) for n, row in CASE["length"].items() for km, bits in zip(KM, row, strict=True)],
)
def test_lengths_are_those_of_a_second_implementation(n_sent, km, bits):
    assert length_of(km, n_sent)[0].bits == bits


@pytest.mark.parametrize(
    ("n_sent", "term", "value"), [(n, term, value) for n, row in CASE["terms"].items() for term, value in row.items()]
)
def test_every_term_is_that_of_a_second_implementation(n_sent, term, value):
    assert f"{length_of(50, float(n_sent))[0].terms[term]:.{len(value.partition('.')[2])}f}" == value


@pytest.mark.parametrize("km", KM)
@pytest.mark.parametrize("n_sent", [1e10, 1e11, 1e13])
def test_an_independent_package_gives_the_same_length(n_sent, km):
    length, counts = length_of(km, n_sent)
    settings, each = SETTINGS["lim"], FAILURE.secrecy / 21
    sent = (*settings.intensities, settings.probabilities)
    rows = [tuple(row) for row in counts.detections]
    vacuum, single = peer.decoy_counts(*sent, rows[0], each)
    _, test_single = peer.decoy_counts(*sent, rows[1], each)
    errors = length.terms["test_single_errors"]
    phase = peer.bb84_phase(errors, test_single, single, FAILURE.secrecy)
    n_key, rate = sum(rows[0]), counts.errors[0].sum() / sum(rows[0])
    theirs = peer.bb84_length(vacuum, single, phase, n_key, rate, EFFICIENCY, FAILURE.secrecy, FAILURE.correctness)
    # The package leaves a lower bound on counts below 0, which is valid and looser.
    their_errors = peer.decoy_errors(*sent, tuple(counts.errors[1]), each)
    cut = counts.errors[1, 2] < hoeffding_deviation(counts.errors[1].sum(), each)
    assert errors < their_errors if cut else errors == pytest.approx(their_errors, rel=1e-12)
    assert length.terms["phase_error"] == pytest.approx(phase, rel=1e-12)
    assert max(length.exact, 0) == pytest.approx(theirs, rel=1e-9, abs=1)


def test_a_signal_below_the_sum_of_the_decoys_is_refused():
    counts = DecoyCounts(detections=np.ones((2, 3)), errors=np.zeros((2, 3)))
    settings = DecoySettings(intensities=(0.5, 0.4, 0.2), probabilities=(0.5, 0.25, 0.25))
    with pytest.raises(InputError, match="needs a signal above"):
        lim_length(counts, settings, leak_bits=0, failure=FAILURE)
