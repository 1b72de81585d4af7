"""Broken-symmetry solutions: unrestricted Hartree-Fock from many patterns of spins on the centres of a molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.problem.centres import Shells, find_centres, spin_patterns
from kakehashi.problem.model import Hamiltonian
from kakehashi.problem.unrestricted import Unrestricted, solve_unrestricted

__all__ = ["broken_symmetry_starts"]

SAME_HARTREE = 1e-6
SAME_DENSITY = 1e-2
"""Solutions whose energies and densities differ by less (norm over both spins) are one."""


def broken_symmetry_starts(
    hamiltonian: Hamiltonian,
    n_elec: tuple[int, int],
    *,
    n_starts: int = 12,
    centres: Sequence[Sequence[int]] | None = None,
    max_iterations: int = 200,
    rng: RngLike = None,
    progress: Progress = silent,
) -> tuple[Unrestricted, ...]:
    """Several unrestricted solutions, from patterns of spins on the open centres of a molecule.

    One start has no pattern. The others take the patterns of :func:`spin_patterns` in turn; electrons beyond one in
    each open orbital are at first spread evenly, and from the second turn on sit in random orbitals of
    random centres (where there are none, the orbitals are turned a little instead). Every start is followed until
    no rotation of its orbitals lowers the energy.

    Args:
        hamiltonian: Integrals over local orbitals.
        n_elec: Numbers of alpha and beta electrons.
        n_starts: Number of starts; some may lead to the same solution.
        centres: Groups of orbitals that hold parallel spins; found by :func:`find_centres` where not given.
        max_iterations: Most DIIS cycles and second-order steps of each start.
        rng: For where electrons sit, and for directions that lead downhill.
        progress: Told of each start.

    Returns:
        The different solutions, lowest energy first. Two that are each other with all spins turned count as one,
        where as many electrons are up as down.

    Raises:
        InputError: The electrons do not fit, the centres are no disjoint groups, or there are no starts.
        ResourceError: The integrals do not fit into memory a second time.

    Example:
        >>> from kakehashi.problem import hubbard
        >>> problem = hubbard(4, u=8.0, n_elec=(2, 2))
        >>> lowest, *others = broken_symmetry_starts(problem.hamiltonian, problem.n_elec, n_starts=4, rng=1)
        >>> (lowest.densities[0] - lowest.densities[1]).diagonal().round(2).tolist()
        [0.94, -0.94, 0.94, -0.94]
    """
    if n_starts < 1:
        raise InputError(f"Argument `n_starts` must be at least 1, but is {n_starts}.")
    generator, reporter = as_generator(rng), Reporter(progress)
    centres = find_centres(hamiltonian, n_elec) if centres is None else centres
    shells = Shells(hamiltonian, n_elec, centres)
    patterns = spin_patterns(hamiltonian, n_elec, centres, n_patterns=n_starts, rng=generator)
    found: list[Unrestricted] = []
    n_starts = n_starts if patterns else 1
    for start in range(n_starts):
        turn, which = divmod(start - 1, max(len(patterns), 1))
        guess = None if start == 0 else shells.densities(np.array(patterns[which]), generator if turn else None)
        solution = solve_unrestricted(
            hamiltonian, n_elec, densities=guess, max_iterations=max_iterations, rng=generator
        )
        if not any(_same(solution, other) for other in found):
            found.append(solution)
        reporter.step(
            "mean field",
            "broken-symmetry solutions",
            step=start + 1,
            total=n_starts,
            energy_hartree=solution.energy_hartree,
            lowest_hartree=min(other.energy_hartree for other in found),
        )
    return tuple(sorted(found, key=lambda solution: solution.energy_hartree))


def _same(one: Unrestricted, other: Unrestricted) -> bool:
    if abs(one.energy_hartree - other.energy_hartree) > SAME_HARTREE:
        return False
    turned = [other.densities, other.densities[::-1]] if other.n_elec[0] == other.n_elec[1] else [other.densities]
    return any(float(np.linalg.norm(one.densities - densities)) < SAME_DENSITY for densities in turned)
