"""Going on from the samples: selected configuration interaction, on all ranks where a run has several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kakehashi.core.progress import Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.energy.carry import read_carried
from kakehashi.energy.ladder import Climb, climb, second_checkpoint
from kakehashi.energy.properties import properties_of
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import Seeds, Start
from kakehashi.problem.model import Problem
from kakehashi.report.properties import StateProperties
from kakehashi.report.selected import SelectedSummary
from kakehashi.subspace.checkpoint import has_checkpoint
from kakehashi.subspace.model import State
from kakehashi.workflow.folder import SELECTED

__all__ = ["Ascent", "follow_ranks", "heaviest_determinants", "read_earlier", "summarize_climb"]

SHARE_CARRIED = 4
"""Carried determinants are at most one in so many of the small space in which starts are compared."""


def heaviest_determinants(state: State, n: int) -> Seeds:
    """The determinants of largest weight, descending; those without any are left out.

    Args:
        state: A state in a product space, such as the loop ends with.
        n: How many at most.

    Returns:
        Their alpha strings and their beta strings, shape ``(m, 2)`` each, ``m <= n``.

    Example:
        >>> import numpy as np
        >>> strings = np.array([[1, 0], [2, 0]], dtype=np.uint64)
        >>> state = State(
        ...     energy_hartree=-1.0, coefficients=np.array([[0.99, 0.0], [0.0, -0.14]]), alpha=strings, beta=strings,
        ...     n_orb=2, spin_squared=0.0, residual_norm=0.0, converged=True, n_iterations=1,
        ...     root_energies_hartree=(-1.0,),
        ... )
        >>> alpha, beta = heaviest_determinants(state, 10)
        >>> alpha[:, 0].tolist(), beta[:, 0].tolist()
        ([1, 2], [1, 2])
    """
    weights = np.square(state.coefficients).ravel()
    chosen = np.argpartition(-weights, min(n, weights.size) - 1)[:n] if n else np.empty(0, dtype=np.int64)
    chosen = chosen[weights[chosen] > 0]
    chosen = chosen[np.argsort(-weights[chosen], kind="stable")]
    rows, columns = np.unravel_index(chosen, state.coefficients.shape)
    return state.alpha[rows], state.beta[columns]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ascent:
    """One growth, as rank 0 describes it to the others.

    Attributes:
        problem: The problem. Orbitals that are computed twice may differ by rounding: one rank says what they are.
        spec: How far to go.
        seeds: Determinants to begin with.
        seed: Of all random numbers.
        checkpoint: File that each space is kept in.
        carried: What a similar problem ended with, as one more start to compare.
    """

    problem: Problem
    spec: EnergySpec
    seeds: Seeds
    seed: int
    checkpoint: Path | None = None
    carried: Start | None = None

    def climb(self, ranks: Ranks, reporter: Reporter | None = None) -> Climb:
        """Do it; called by all ranks alike."""
        return climb(
            self.problem,
            self.spec,
            seeds=self.seeds,
            carried=self.carried,
            seed=self.seed,
            ranks=ranks,
            checkpoint=self.checkpoint,
            reporter=reporter,
        )

    def lead(self, ranks: Ranks, reporter: Reporter) -> Climb:
        """Do it from rank 0, while the others are in :func:`follow_ranks`."""
        ranks.share(self)
        return self.climb(ranks, reporter)


def follow_ranks(ranks: Ranks) -> None:
    """What all ranks but the first do while that one does a run: take part in its growths until it shares None."""
    nothing: Ascent | None = None
    while (ascent := ranks.share(nothing)) is not None:
        ascent.climb(ranks)


def read_earlier(folder: Path | None, problem: Problem, spec: EnergySpec) -> Start | None:
    """What the run in a folder ended with, as a start; None where there is none or it does not suit the problem."""
    if folder is None:
        return None
    # Starts are compared at one size: a start that is larger already would win by that alone.
    n_determinants = min(spec.n_seeds, spec.orbital_determinants // SHARE_CARRIED)
    # Where the space grew again with a spin penalty, that state has the wanted spin and the first one has not.
    path, purer = folder / SELECTED, second_checkpoint(folder / SELECTED)
    return read_carried(purer if has_checkpoint(purer) else path, problem, n_determinants=n_determinants)


def summarize_climb(problem: Problem, found: Climb) -> SelectedSummary:
    """What a report tells of a growth, and of the states that it ended with.

    Args:
        problem: The problem that was solved.
        found: The growth.
    """
    return SelectedSummary(
        orbitals=found.start.name,
        rungs=found.rungs,
        estimates=found.estimates,
        properties=tuple(StateProperties.of(properties_of(problem, density)) for density in found.one_body),
        converged=found.converged,
        stopped=found.stopped,
        wall_s=found.wall_s,
        cpu_s=found.cpu_s,
    )
