"""Links in formulas, whose key lengths are known to the last digit printed."""

import json
from pathlib import Path

import numpy as np

from kakehashi.qkd.security.intervals import binary_entropy
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings

GOLDEN = json.loads((Path(__file__).parents[2] / "reference" / "qkd_key_lengths.json").read_text(encoding="utf-8"))

BASES = np.array([0.9, 0.1])
"""How often each end chooses each basis, in every case."""

EFFICIENCY = 1.16


def expected_counts(case, settings, *, n_sent=None, sifted=None, key_sifted=None, loss):
    """Expected counts of a link, real numbers: of ``n_sent`` pulses, or so many that ``sifted`` bits result."""
    mu, p = np.array(settings.intensities), np.array(settings.probabilities)
    gain, error = CLICKS[case](mu, loss)
    if sifted is not None:
        n_sent = sifted / (np.sum(BASES**2) * np.sum(p * gain))
    if key_sifted is not None:
        n_sent = key_sifted / (BASES[0] ** 2 * np.sum(p * gain))
    share = n_sent * BASES[:, None] ** 2 * p
    return DecoyCounts(detections=share * gain, errors=share * error), n_sent


def modelled_leak(counts):
    """What error correction would disclose at the usual efficiency."""
    detections, errors = counts.detections[0].sum(), counts.errors[0].sum()
    return float(detections * EFFICIENCY * binary_entropy(errors / detections))


def _wiesemann(mu, length_km):
    transmission, dark = 10 ** (-0.02 * length_km), 200 / 625e6
    return 1 - (1 - dark) * np.exp(-mu * transmission), 0.02 * (1 - np.exp(-mu * transmission)) + dark / 2


def _lim(mu, length_km):
    transmission = 0.1 * 10 ** (-0.02 * length_km)
    clicks = 1 - (1 - 1.2e-6) * np.exp(-transmission * mu)
    return 1.04 * clicks, 6e-7 + 0.005 * (1 - np.exp(-transmission * mu)) + 0.02 * clicks


def _rusca(mu, loss_db):
    transmission = 0.15 * 10 ** (-loss_db / 10)
    return 1 - (1 - 2e-6) * np.exp(-mu * transmission), 1e-6 + 0.025 * (1 - np.exp(-mu * transmission))


CLICKS = {"wiesemann": _wiesemann, "lim": _lim, "rusca": _rusca}

SETTINGS = {
    "wiesemann": DecoySettings(intensities=(0.5, 0.15), probabilities=(0.9, 0.1)),
    "lim": DecoySettings(intensities=(0.5, 0.1, 2e-4), probabilities=(0.6, 0.3, 0.1)),
    "rusca": DecoySettings(intensities=(0.45, 0.15), probabilities=(0.7, 0.3)),
}
