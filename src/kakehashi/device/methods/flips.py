"""Readout errors on packed bits, drawn sparsely: the cost goes with the number of errors, not of bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.noise.model import Readout

__all__ = ["apply_readout", "draw_events", "one_row_per_shot"]

DENSE = 0.2
"""Above this probability it is quicker to draw a number for every shot than the gaps between errors."""


def one_row_per_shot(
    bits: NDArray[np.uint8], counts: NDArray[np.int64], rng: np.random.Generator, *, shuffle: bool = False
) -> NDArray[np.uint8]:
    """Rows with counts as one row per shot, shape ``(n_shots, n_bytes)``; always a copy.

    Args:
        bits: Packed rows.
        counts: How often each came.
        rng: Source of random numbers.
        shuffle: Whether to bring the shots into random order, as is needed to join them with independent ones.

    Example:
        >>> rows = one_row_per_shot(np.array([[1], [2]], dtype=np.uint8), np.array([2, 1]), np.random.default_rng(1))
        >>> rows.ravel().tolist()
        [1, 1, 2]
    """
    single = len(counts) == int(counts.sum()) and bool((counts == 1).all())
    rows = bits.copy() if single else np.repeat(bits, counts, axis=0)
    return rows[rng.permutation(len(rows))] if shuffle else rows


def draw_events(n_shots: int, probability: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Shots in which an event of a given probability happens, ascending.

    Args:
        n_shots: Number of shots.
        probability: Of the event in each of them, above 0.
        rng: Source of random numbers.

    Example:
        >>> draw_events(4, 1.0, np.random.default_rng(1)).tolist()
        [0, 1, 2, 3]
    """
    if probability >= DENSE:
        return np.flatnonzero(rng.random(n_shots) < probability)
    places: list[NDArray[np.int64]] = []
    last = -1
    while last < n_shots:
        left = (n_shots - last) * probability
        gaps = rng.geometric(probability, size=int(left + 5 * np.sqrt(left) + 10))
        found = last + np.cumsum(gaps)
        places.append(found)
        last = int(found[-1])
    every = np.concatenate(places)
    return every[every < n_shots]


def apply_readout(bits: NDArray[np.uint8], readout: Readout, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Misread bits; flips may differ between 0 and 1 and grow with the other ones on the same readout line.

    Args:
        bits: One row per shot, shape ``(n_shots, ceil(n_bits / 8))``, dtype uint8; changed in place.
        readout: Probabilities of the bits.
        rng: Source of random numbers.

    Returns:
        ``bits``.

    Example:
        >>> certain = Readout(prob_meas1_prep0=np.array([0.0, 1.0]), prob_meas0_prep1=np.array([1.0, 0.0]))
        >>> apply_readout(np.array([[1], [1]], dtype=np.uint8), certain, np.random.default_rng(1)).ravel().tolist()
        [2, 2]
    """
    up, down = readout.prob_meas1_prep0, readout.prob_meas0_prep1
    shared = readout.line is not None and readout.line_crosstalk > 0
    true = bits.copy() if shared else bits
    for b in range(len(up)):
        byte, place = b // 8, b % 8
        others: list[int] = []
        if shared and readout.line is not None and readout.line[b] >= 0:
            others = [j for j in np.flatnonzero(readout.line == readout.line[b]).tolist() if j != b]
        most = min(1.0, float(max(up[b], down[b])) + len(others) * readout.line_crosstalk)
        if most <= 0:
            continue
        rows = draw_events(len(bits), most, rng)
        rates = np.where(true[rows, byte] >> place & 1, down[b], up[b])
        for j in others:
            rates = rates + readout.line_crosstalk * (true[rows, j // 8] >> (j % 8) & 1)
        hit = rows[rng.random(len(rows)) * most < rates]
        bits[hit, byte] ^= np.uint8(1 << place)
    return bits
