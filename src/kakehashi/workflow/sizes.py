"""Energy against subspace size: nested subspaces of the strings that matter most."""

from __future__ import annotations

import numpy as np

from kakehashi.core.bits import Strings
from kakehashi.problem.model import Hamiltonian
from kakehashi.report.model import SizePoint
from kakehashi.samples.strings import combine_spins
from kakehashi.subspace.loop import solve_with_spec
from kakehashi.subspace.model import State
from kakehashi.subspace.spec import SubspaceSpec

__all__ = ["shrink", "trace_nested", "trace_sizes"]

HALVINGS = 5
FEWEST_STRINGS = 2


def shrink(n_strings: int) -> list[int]:
    """Numbers of strings of the nested subspaces, ascending, the full number left out.

    Example:
        >>> shrink(1000)
        [31, 62, 125, 250, 500]
    """
    sizes = {n_strings >> halving for halving in range(1, HALVINGS + 1)}
    return sorted(size for size in sizes if size >= FEWEST_STRINGS)


def trace_nested(
    hamiltonian: Hamiltonian, alpha: Strings, beta: Strings | None, final: State, subspace: SubspaceSpec
) -> tuple[SizePoint, ...]:
    """Energy in the first strings of two ordered lists, for growing numbers of them.

    Args:
        hamiltonian: The integrals.
        alpha: Alpha strings, the most important first.
        beta: Beta strings in the same way, or None where the alpha strings serve both spins.
        final: The state in the space of all of them.
        subspace: Options of the eigensolver.
    """
    points = []
    longest = max(len(alpha), len(beta) if beta is not None else 0)
    for size in shrink(longest):
        state = solve_with_spec(
            hamiltonian,
            alpha[: max(1, size * len(alpha) // longest)],
            None if beta is None else beta[: max(1, size * len(beta) // longest)],
            subspace,
        )
        points.append(SizePoint(n_determinants=state.n_determinants, energy_hartree=state.energy_hartree))
    points.append(SizePoint(n_determinants=final.n_determinants, energy_hartree=final.energy_hartree))
    return tuple(points)


def trace_sizes(hamiltonian: Hamiltonian, state: State, subspace: SubspaceSpec) -> tuple[SizePoint, ...]:
    """Energy in the nested subspaces of a state's heaviest strings, ascending in size."""
    weights = state.string_weights()
    if subspace.same_strings and np.array_equal(state.alpha, state.beta):
        strings, _ = combine_spins((state.alpha, weights[0]), (state.beta, weights[1]))
        return trace_nested(hamiltonian, strings, None, state, subspace)
    alpha = state.alpha[np.argsort(-weights[0], kind="stable")]
    beta = state.beta[np.argsort(-weights[1], kind="stable")]
    return trace_nested(hamiltonian, alpha, beta, state, subspace)
