from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.workflow.test_folder import make_turn

from kakehashi.device.model import Shots
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.report.model import SamplingSummary
from kakehashi.subspace.loop import Turn
from kakehashi.workflow.summary import WEIGHT_BINS_LOG10, summarize_sampling


@pytest.fixture(scope="module")
def problem() -> Problem:
    """One alpha and one beta electron in two orbitals: four qubits, the two of beta written first."""
    return load_problem("hydrogen-chain", n_atoms=2)


def turn_of(*weights: float) -> Turn:
    turn = make_turn()
    best = dataclasses.replace(turn.best, coefficients=np.sqrt(np.array([weights])))
    return dataclasses.replace(turn, best=best, n_configurations=17)


def bins(histogram: np.ndarray) -> dict[tuple[float, float], int]:
    """The bins that are not empty, by their edges."""
    edges = WEIGHT_BINS_LOG10
    return {(edges[i], edges[i + 1]): int(histogram[i]) for i in np.flatnonzero(histogram)}


def summarize(problem: Problem, counts: dict[str, int], *weights: float) -> SamplingSummary:
    return summarize_sampling(problem, "a device", Shots.from_counts(counts), turn_of(*(weights or (1.0,))))


def test_shots_are_counted_in_and_out_of_the_sector(problem: Problem) -> None:
    summary = summarize(problem, {"0101": 70, "1010": 10, "1001": 20, "0011": 40, "1111": 60})
    assert summary.device == "a device"
    assert (summary.n_shots, summary.n_distinct) == (200, 5)
    assert (summary.n_in_sector, summary.in_sector_fraction) == (3, 0.5)
    assert summary.n_recovered == 17
    assert summary.new_per_1000_shots == 15.0


def test_sampled_weights_are_shares_of_the_shots_in_the_sector(problem: Problem) -> None:
    summary = summarize(problem, {"0101": 900, "1010": 98, "1001": 2, "1111": 10**6})
    assert bins(summary.sampled_histogram) == {(-0.5, 0.0): 1, (-1.5, -1.0): 1, (-3.0, -2.5): 1}


def test_weights_of_the_state_are_counted_by_their_size(problem: Problem) -> None:
    summary = summarize(problem, {"0101": 1}, 0.7, 0.2, 0.1 - 2e-7, 2e-7)
    assert bins(summary.state_histogram) == {(-0.5, 0.0): 1, (-1.0, -0.5): 1, (-1.5, -1.0): 1, (-7.0, -6.5): 1}


def test_a_weight_of_nothing_is_left_out_and_a_tiny_one_is_in_the_lowest_bin(problem: Problem) -> None:
    summary = summarize(problem, {"0101": 1}, 1.0, 0.0, 1e-30, 1e-13)
    assert bins(summary.state_histogram) == {(-0.5, 0.0): 1, (-12.0, -11.5): 2}


def test_a_device_that_never_hits_the_sector_has_nothing_to_show(problem: Problem) -> None:
    summary = summarize(problem, {"1111": 5, "0000": 5})
    assert (summary.n_in_sector, summary.in_sector_fraction, summary.new_per_1000_shots) == (0, 0.0, 0.0)
    assert summary.sampled_histogram.sum() == 0
