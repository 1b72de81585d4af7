"""The control: the same work on strings that nobody sampled."""

from __future__ import annotations

import numpy as np

from kakehashi.core.bits import Strings, lowest_string
from kakehashi.core.rng import named_stream
from kakehashi.problem.model import Problem
from kakehashi.report.model import Control
from kakehashi.samples.random import random_strings
from kakehashi.subspace.loop import solve_with_spec
from kakehashi.subspace.model import State
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.sizes import trace_nested

__all__ = ["solve_control"]


def solve_control(problem: Problem, best: State, subspace: SubspaceSpec, *, seed: int) -> Control:
    """Solve a subspace as large as the run's, of uniformly random strings and the Hartree-Fock string.

    Args:
        problem: The problem.
        best: The run's state, for the size of its subspace.
        subspace: Options of the eigensolver.
        seed: Seed of the run.
    """

    def draw(spin: int, n: int) -> Strings:
        n_electrons = problem.n_elec[spin]
        return random_strings(
            n,
            n_orb=problem.n_orb,
            n_electrons=n_electrons,
            rng=named_stream(seed, "control", "strings", spin),
            include=lowest_string(n_electrons),
        )

    alpha = draw(0, len(best.alpha))
    one_set = subspace.same_strings and np.array_equal(best.alpha, best.beta)
    beta = None if one_set else draw(1, len(best.beta))
    state = solve_with_spec(problem.hamiltonian, alpha, beta, subspace)
    return Control(
        energy_hartree=state.energy_hartree,
        n_determinants=state.n_determinants,
        spin_squared=state.spin_squared,
        size_curve=trace_nested(problem.hamiltonian, alpha, beta, state, subspace),
    )
