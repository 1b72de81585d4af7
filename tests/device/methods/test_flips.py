"""Flips come with the stated rates, and follow the true bits of their line."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.device.methods.flips import apply_readout, one_row_per_shot
from kakehashi.device.noise.model import Readout


@pytest.mark.parametrize("rate", [0.003, 0.05, 0.4])
def test_rates_of_both_flips(rate):
    n = 200_000
    readout = Readout(prob_meas1_prep0=np.full(9, rate), prob_meas0_prep1=np.full(9, rate / 3))
    bits = np.zeros((n, 2), dtype=np.uint8)
    bits[:, 0] = 0b00001111
    read = np.unpackbits(apply_readout(bits, readout, np.random.default_rng(1)), axis=1, bitorder="little")[:, :9]
    error = 5 * np.sqrt(rate / n)
    assert 1 - read[:, :4].mean(axis=0) == pytest.approx(np.full(4, rate / 3), abs=error)
    assert read[:, 4:].mean(axis=0) == pytest.approx(np.full(5, rate), abs=error)


def test_crosstalk_counts_the_other_ones_of_a_line():
    n = 200_000
    readout = Readout(
        prob_meas1_prep0=np.array([0.01, 0.0, 0.0]),
        prob_meas0_prep1=np.zeros(3),
        line=np.array([4, 4, -1]),
        line_crosstalk=0.1,
    )
    bits = np.full((n, 1), 0b110, dtype=np.uint8)
    read = apply_readout(bits, readout, np.random.default_rng(2))[:, 0]
    assert (read & 1).mean() == pytest.approx(0.11, abs=0.005)
    assert (read >> 1 == 0b11).all()


def test_rows_are_repeated_and_shuffled():
    bits = np.arange(4, dtype=np.uint8)[:, None]
    rows = one_row_per_shot(bits, np.array([1, 0, 2, 500]), np.random.default_rng(3), shuffle=True)
    assert np.bincount(rows.ravel()).tolist() == [1, 0, 2, 500]
    assert rows[:3].ravel().tolist() != [0, 2, 2]
