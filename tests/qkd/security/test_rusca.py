import numpy as np
import pytest
import qkd._core as peer
from tests.qkd.security.cases import GOLDEN, SETTINGS, expected_counts, modelled_leak

from kakehashi.qkd.security.model import DecoyCounts, Failure
from kakehashi.qkd.security.one_decoy import bound_basis
from kakehashi.qkd.security.rusca import phase_error, rusca_length

CASE = GOLDEN["rusca"]
FAILURE = Failure(secrecy=CASE["eps"][0], correctness=CASE["eps"][1])


@pytest.mark.parametrize(
    ("loss", "sifted", "row"),
    [
        (float(loss), sifted, row)
        for loss, rows in CASE["length"].items()
        for sifted, row in zip((1e7, 1e8), rows, strict=True)
    ],
)
def test_lengths_are_those_of_a_second_implementation(loss, sifted, row):
    counts, n_sent = expected_counts("rusca", SETTINGS["rusca"], key_sifted=sifted, loss=loss)
    length = rusca_length(counts, SETTINGS["rusca"], leak_bits=modelled_leak(counts), failure=FAILURE)
    found = [f"{length.exact:.4f}", f"{length.terms['phase_error']:.8f}", f"{length.exact * 1.25e9 / n_sent:.3f}"]
    assert found == row


@pytest.mark.parametrize("loss", [5, 10, 14.5, 20])
def test_a_million_bits_are_too_few(loss):
    counts, _ = expected_counts("rusca", SETTINGS["rusca"], key_sifted=1e6, loss=loss)
    assert rusca_length(counts, SETTINGS["rusca"], leak_bits=modelled_leak(counts), failure=FAILURE).bits == 0


@pytest.mark.parametrize("basis", [0, 1])
@pytest.mark.parametrize("loss", [5.0, 14.5])
def test_an_independent_package_gives_the_same_bounds(basis, loss):
    settings, each = SETTINGS["rusca"], FAILURE.secrecy / 19
    counts, _ = expected_counts("rusca", settings, key_sifted=1e8, loss=loss)
    detections, errors = counts.detections[basis], counts.errors[basis]
    ours = bound_basis(detections, errors, settings, each, clip=False)
    sent = (*settings.intensities, settings.probabilities)
    vacuum, single, vacuum_upper = peer.sarg_counts(*sent, tuple(detections), tuple(errors), each)
    assert ours.single_errors_upper == pytest.approx(peer.sarg_errors(*sent, tuple(errors), each), rel=1e-12)
    assert ours.vacuum_lower == pytest.approx(vacuum, rel=1e-12)
    # The package takes the worst of several valid bounds on empty pulses, the paper the best.
    assert ours.vacuum_upper <= vacuum_upper * (1 + 1e-12)
    assert ours.single_lower >= single * (1 - 1e-12)


def test_nothing_is_known_of_phases_without_single_photons():
    assert phase_error(0, 0, 1e6, 1e-9, 19) == 0.5
    assert phase_error(0, 1e6, 0, 1e-9, 19) == 0.5
    assert phase_error(6e5, 1e6, 1e6, 1e-9, 19) == 0.5


def test_no_error_seen_is_not_no_error():
    seen_none, seen_one = phase_error(0, 1e5, 1e6, 1e-9, 19), phase_error(1, 1e5, 1e6, 1e-9, 19)
    assert 0 < seen_none <= seen_one < 0.01


@pytest.mark.parametrize("slip", ["lower vacuum bound", "own totals"])
def test_known_slips_would_give_more_key_than_there_is(slip):
    counts, _ = expected_counts("rusca", SETTINGS["rusca"], key_sifted=1e7, loss=14.5)
    right = rusca_length(counts, SETTINGS["rusca"], leak_bits=modelled_leak(counts), failure=FAILURE).exact
    wrong = {"lower vacuum bound": 1839378, "own totals": 1444833}[slip]
    assert right == pytest.approx(954898.5, abs=0.1)
    assert right < wrong


def test_more_errors_never_give_more_key():
    base = np.array([[8e7, 1.2e7], [1e6, 1.5e5]])
    lengths = [
        rusca_length(
            DecoyCounts(detections=base, errors=rate * base), SETTINGS["rusca"], leak_bits=0, failure=FAILURE
        ).bits
        for rate in np.linspace(0, 0.2, 41)
    ]
    assert lengths == sorted(lengths, reverse=True)
