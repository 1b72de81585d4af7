"""Selected configuration interaction: a space of determinants that grows by what its state couples to.

Each stage diagonalises the space, looks at the determinants outside it by perturbation theory (B. Huron, J. P. Malrieu
and P. Rancurel, J. Chem. Phys. 58, 5745 (1973), doi:10.1063/1.1679199) or by the heat-bath criterion (A. A. Holmes,
N. M. Tubman and C. J. Umrigar, J. Chem. Theory Comput. 12, 3674 (2016), doi:10.1021/acs.jctc.6b00407), and takes in the
most important ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.errors import InputError
from kakehashi.subspace.davidson import davidson
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.product import Parity
from kakehashi.subspace.solve import parity_of_spin
from kakehashi.subspace.space import Criterion, MatrixSize, Outside, Space

__all__ = ["Stage", "grow", "solve_space"]

Vector = NDArray[np.float64]

FIRST_THRESHOLD_HARTREE = 3e-4
LEAST_THRESHOLD_HARTREE = 1e-13
"""Weaker contributions are rounding: where nothing stronger is left, the space is complete."""

SHARE_OF_WEAKEST = 0.1
"""Contributions below this share of the weakest determinant's amplitude cannot change much in the choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A diagonalised space.

    Attributes:
        n_determinants: Size of the space.
        coefficients: One row per root, shape ``(n_roots, n_determinants)``, orthonormal; of a space that is spread over
            processes, those of this one's determinants.
        energies_hartree: Total energy of each root, without the spin penalty.
        penalized_hartree: Eigenvalues without the constant and with the spin penalty, as perturbation theory needs
            them.
        spin_squared: ``<S^2>`` of each root.
        converged: Whether the eigensolver reached its tolerance.
        n_iterations: Of the eigensolver.
        threshold_hartree: Contributions below it are left out when the space grows from this stage.
        matrix: What is stored of the Hamiltonian.
        elapsed_s: Since the growth began.
        cpu_s: The same, all threads' processor time.
        second_order_hartree: Epstein-Nesbet energy outside the space for each root; empty where it was not asked for.
    """

    n_determinants: int
    coefficients: Vector
    energies_hartree: tuple[float, ...]
    penalized_hartree: tuple[float, ...]
    spin_squared: tuple[float, ...]
    converged: bool
    n_iterations: int
    threshold_hartree: float = FIRST_THRESHOLD_HARTREE
    matrix: MatrixSize
    elapsed_s: float
    cpu_s: float
    second_order_hartree: tuple[float, ...] = ()


def solve_space(
    space: Space,
    start: Vector | None = None,
    *,
    n_roots: int = 1,
    parity: Parity = 0,
    tolerance: float = 3e-5,
    max_iterations: int = 100,
    memory_budget_bytes: int = 2**62,
    began: tuple[float, float] | None = None,
) -> Stage:
    """Lowest states of the Hamiltonian in a space.

    Args:
        space: The space.
        start: States of a smaller space whose determinants are the first of this one, one row per root.
        n_roots: Number of states.
        parity: Sign under exchange of the two spins that the states must have; 0 for any. Each determinant of the
            space must then have its mirror image there.
        tolerance: Norm of the residual, hartree; the energy is right to about its square.
        max_iterations: Of the eigensolver.
        memory_budget_bytes: For the matrix; rows past it are computed anew in every product.
        began: Wall and processor clock when the work began.

    Raises:
        InputError: There are fewer states than roots, or ``start`` has more determinants; or a mirror image is missing.

    Example:
        >>> from kakehashi.problem.lattice import hubbard
        >>> from kakehashi.samples.random import all_strings
        >>> ends = all_strings(n_orb=2, n_electrons=1)
        >>> space = DeterminantSpace(hubbard(2, u=4.0, n_elec=(1, 1)).hamiltonian)
        >>> space.append(ends[[0, 0, 1, 1]], ends[[0, 1, 0, 1]])
        4
        >>> round(solve_space(space, tolerance=1e-7).energies_hartree[0], 6)  # U / 2 - sqrt(U^2 / 4 + 4 t^2)
        -0.828427
    """
    n = len(space)
    if not 1 <= n_roots <= n:
        raise InputError(f"Argument `n_roots` must be 1 to {n} in this space, but is {n_roots}.")
    if n_roots > _count_states(space, parity):
        raise InputError(f"The space of {n} determinants has no {n_roots} states of the wanted sign.")
    if start is not None and start.shape[1] > space.n_own:
        raise InputError(f"Argument `start` has {start.shape[1]} determinants, but the space has {space.n_own}.")
    wall, cpu = began or (time.perf_counter(), time.process_time())
    matrix = space.build(memory_budget_bytes=memory_budget_bytes)
    diagonal = space.diagonal()
    guesses = []
    if start is not None:
        guesses = [np.concatenate([row, np.zeros(space.n_own - len(row))]) for row in start]
    symmetrize = _projector(space, parity) if parity else None
    if len(guesses) < n_roots:
        guesses += _block_states(space, diagonal, n_roots, symmetrize)

    def apply(x: Vector, out: Vector) -> None:
        space.apply(x, out=out)

    pairs = davidson(
        apply,
        diagonal,
        guesses,
        n_roots=n_roots,
        tolerance=tolerance,
        max_iterations=max_iterations,
        symmetrize=symmetrize,
        total=space.sum_parts,
    )
    spins = tuple(space.spin_squared(vector) for vector in pairs.vectors)
    constant = space.hamiltonian.constant
    return Stage(
        n_determinants=n,
        coefficients=pairs.vectors,
        energies_hartree=tuple(
            float(value) - space.spin_penalty_hartree * spin + constant
            for value, spin in zip(pairs.values, spins, strict=True)
        ),
        penalized_hartree=tuple(float(value) for value in pairs.values),
        spin_squared=spins,
        converged=pairs.converged,
        n_iterations=pairs.n_iterations,
        matrix=matrix,
        elapsed_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
    )


def _count_states(space: Space, parity: Parity) -> int:
    """States of a sign under spin exchange: a pair of mirror images has one of each, its own image an even one."""
    if not parity:
        return len(space)
    alpha, beta = space.strings()
    n_own_image = int(space.sum_parts(np.array([(alpha == beta).all(axis=1).sum()]))[0])
    return (len(space) + parity * n_own_image) // 2


def _projector(space: Space, parity: Parity) -> Callable[[Vector], None]:
    """Projects on states that are even (1) or odd (-1) under spin exchange, in place."""

    def project(vector: Vector) -> None:
        vector += parity * space.exchange_spins(vector)
        vector *= 0.5

    return project


def _block_states(
    space: Space, diagonal: Vector, n_roots: int, symmetrize: Callable[[Vector], None] | None
) -> list[Vector]:
    """Lowest states of the wanted symmetry among the determinants of lowest energy."""
    alpha, beta = space.lowest(min(len(space), 200 + 4 * n_roots))
    block = DeterminantSpace(space.hamiltonian, spin_penalty_hartree=space.spin_penalty_hartree, n_threads=1)
    block.append(alpha, beta)
    dense = np.stack([block.apply(unit) for unit in np.eye(len(alpha))])
    _, states = np.linalg.eigh((dense + dense.T) / 2)
    positions = space.find(alpha, beta)
    own = positions >= 0
    vectors = []
    for state in states.T:
        vector = np.zeros(len(diagonal))
        vector[positions[own]] = state[own]
        if symmetrize is not None:
            symmetrize(vector)
            # Half a state that is not of this symmetry is still a start; next to nothing of it is not.
            if space.sum_parts(np.array([vector @ vector]))[0] < 0.01:
                continue
        vectors.append(vector)
        if len(vectors) == n_roots:
            break
    return vectors


def grow(
    space: Space,
    *,
    n_determinants: int,
    start: Vector | None = None,
    n_roots: int = 1,
    growth: float = 2.0,
    criterion: Criterion = "perturbation",
    spin_flip: bool = True,
    two_s: int | None = None,
    perturbation_threshold_hartree: float | None = None,
    tolerance: float = 3e-5,
    memory_budget_bytes: int = 2**62,
    outside_budget_bytes: int | None = None,
    threshold_hartree: float = FIRST_THRESHOLD_HARTREE,
) -> Iterator[Stage]:
    """Grow a space, stage by stage.

    Args:
        space: The space to start from, with at least one determinant; grows in place.
        n_determinants: Where to stop; a stage may pass it by the partners that ``spin_flip`` adds.
        start: States of the space to start the eigensolver from.
        n_roots: Number of states; each takes in what is important for it.
        growth: Size of a stage over that of the one before, greater than 1.
        criterion: What makes a determinant important.
        spin_flip: With equally many electrons of both spins, take in each determinant with its mirror image, so that
            a state is even or odd under spin exchange.
        two_s: Twice the total spin that is wanted. Where mirror images are taken in, states have the sign of this spin
            under spin exchange: no singlet ends as a triplet. Where not given, the lowest of any sign are sought.
        perturbation_threshold_hartree: Compute the Epstein-Nesbet energy outside each stage, the last included, from
            contributions ``|H_ai c_i|`` down to this size; not at all where not given.
        tolerance: Of the eigensolver, hartree.
        memory_budget_bytes: For the matrix; of each process, where there are several.
        outside_budget_bytes: For looking outside the space, while the matrix is held; half of the free memory where not
            given.
        threshold_hartree: Contributions below it are left out in the first choice; later ones need less by themselves.
            To go on from a stage that was kept, give its own.

    Yields:
        Each stage, the start included. The next is computed when it is asked for.

    Raises:
        InputError: The space is empty, or an option is impossible.
        ResourceError: The memory for looking outside is too little.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> space = DeterminantSpace(hubbard(2, u=4.0, n_elec=(1, 1)).hamiltonian)
        >>> space.append(lowest_string(1), lowest_string(1))
        1
        >>> [stage.n_determinants for stage in grow(space, n_determinants=4)]
        [1, 3, 4]
    """
    if len(space) == 0:
        raise InputError("The space holds no determinant to start from.")
    if growth <= 1:
        raise InputError(f"Argument `growth` must be greater than 1, but is {growth}.")
    mirrored = spin_flip and space.n_elec[0] == space.n_elec[1]
    if mirrored:
        alpha, beta = space.strings()
        space.append(beta, alpha)
    parity: Parity = parity_of_spin(two_s) if mirrored and two_s is not None else 0
    began = time.perf_counter(), time.process_time()
    threshold = threshold_hartree
    accurate = np.inf if perturbation_threshold_hartree is None else perturbation_threshold_hartree
    while True:
        # Closed shells alone have no odd state, but couple to determinants that do.
        n_states = _count_states(space, parity)
        stage = solve_space(
            space,
            start,
            n_roots=min(n_roots, n_states or len(space)),
            parity=parity if n_states else 0,
            tolerance=tolerance,
            memory_budget_bytes=memory_budget_bytes,
            began=began,
        )
        last = len(space) >= n_determinants
        wanted = 0 if last else min(n_determinants, max(int(len(space) * growth), len(space) + 50)) - len(space)
        look = partial(_look_outside, space, stage, wanted, criterion, outside_budget_bytes)
        found: list[Outside] = []
        if perturbation_threshold_hartree is not None:
            found = look(min(threshold, accurate))
            stage = _with_second_order(stage, found, began)
        yield replace(stage, threshold_hartree=threshold)
        if last:
            return
        before = len(space)
        weakest, threshold = _take_in(space, found or look(threshold), look, wanted, threshold, mirrored=mirrored)
        if len(space) == before:
            return
        scale = np.sqrt(weakest) if criterion == "perturbation" else weakest
        threshold = min(threshold, SHARE_OF_WEAKEST * scale)
        start = stage.coefficients if n_states else None


def _with_second_order(stage: Stage, found: list[Outside], began: tuple[float, float]) -> Stage:
    return replace(
        stage,
        second_order_hartree=tuple(outside.energy_hartree for outside in found),
        elapsed_s=time.perf_counter() - began[0],
        cpu_s=time.process_time() - began[1],
    )


def _take_in(
    space: Space,
    found: list[Outside],
    look: Callable[[float], list[Outside]],
    wanted: int,
    threshold: float,
    *,
    mirrored: bool,
) -> tuple[float, float]:
    """Take in the most important of what was found, looking for smaller contributions where there is too little.

    Returns:
        The importance of the weakest that was taken in, and the threshold that it took.
    """
    alpha, beta, weakest = _most_important(space, found, wanted)
    while weakest == 0 and threshold > LEAST_THRESHOLD_HARTREE:
        threshold = max(threshold / 100, LEAST_THRESHOLD_HARTREE)
        alpha, beta, weakest = _most_important(space, look(threshold), wanted)
    space.append(alpha, beta)
    if mirrored:
        space.append(beta, alpha)
    return weakest, threshold


def _look_outside(
    space: Space, stage: Stage, n_keep: int, criterion: Criterion, budget_bytes: int | None, threshold: float
) -> list[Outside]:
    return [
        space.look_outside(
            vector,
            energy,
            threshold_hartree=threshold,
            n_keep=n_keep,
            criterion=criterion,
            memory_budget_bytes=budget_bytes,
        )
        for vector, energy in zip(stage.coefficients, stage.penalized_hartree, strict=True)
    ]


def _most_important(space: Space, found: list[Outside], wanted: int) -> tuple[Strings, Strings, float]:
    """The most important determinants outside for any of the roots, and the importance of the last; 0: none."""
    alpha = np.concatenate([outside.alpha for outside in found])
    beta = np.concatenate([outside.beta for outside in found])
    importance = np.concatenate([outside.importance for outside in found])
    order = np.argsort(-importance, kind="stable")
    if len(found) > 1:
        keys = np.concatenate([alpha, beta], axis=1)[order]
        _, first = np.unique(keys, axis=0, return_index=True)
        order = order[np.sort(first)]
    return space.best_of(alpha[order], beta[order], importance[order], wanted)
