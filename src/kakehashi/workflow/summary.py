"""What the device gave, in numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.model import Shots
from kakehashi.problem.model import Problem
from kakehashi.report.model import SamplingSummary
from kakehashi.samples.postselect import in_sector_fraction, postselect
from kakehashi.subspace.loop import Turn

__all__ = ["summarize_sampling"]

WEIGHT_BINS_LOG10 = np.linspace(-12.0, 0.0, 25)


def _histogram(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    positive = weights[weights > 0]
    lowest, highest = WEIGHT_BINS_LOG10[[0, -1]]
    logs = np.clip(np.log10(positive), lowest, highest)
    return np.histogram(logs, bins=WEIGHT_BINS_LOG10)[0].astype(np.int64)


def summarize_sampling(problem: Problem, device: str, shots: Shots, turn: Turn) -> SamplingSummary:
    """Count what the device gave and what the state made of it.

    Weights below the lowest bin are counted in it.
    """
    configurations = postselect(shots, n_orb=problem.n_orb, n_elec=problem.n_elec)
    return SamplingSummary(
        device=device,
        n_shots=shots.n_shots,
        n_distinct=shots.n_distinct,
        in_sector_fraction=in_sector_fraction(shots, n_orb=problem.n_orb, n_elec=problem.n_elec),
        n_in_sector=len(configurations),
        n_recovered=turn.n_configurations,
        new_per_1000_shots=1000.0 * len(configurations) / max(shots.n_shots, 1),
        weight_bins_log10=WEIGHT_BINS_LOG10,
        sampled_histogram=_histogram(configurations.weights),
        state_histogram=_histogram(np.square(turn.best.coefficients).reshape(-1)),
    )
