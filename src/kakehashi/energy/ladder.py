"""Selected configuration interaction from start to end: orbitals, a growing space, its perturbation, an estimate.

The same code runs in one process and on many ranks; see :mod:`kakehashi.subspace.distributed`. Every space is kept on
disk where a file is named, so that a growth that was stopped goes on from its last space.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.parts import Parts
from kakehashi.core.progress import Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.core.rng import named_stream
from kakehashi.energy.extrapolation import SPIN_TOLERANCE, extrapolate
from kakehashi.energy.growth import Growth, grow_once, memory_budget
from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.perturbation import Perturbation, perturb
from kakehashi.energy.second_growth import cannot_win
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import Seeds, Start
from kakehashi.problem.model import Problem
from kakehashi.subspace.distributed import DistributedSpace

__all__ = ["MIXED", "Climb", "climb", "second_checkpoint"]

Array = NDArray[np.float64]

PENALTY_HARTREE = 0.05
"""Weight of ``S^2`` in a second growth: it keeps singlets of stretched molecules apart from the higher spins."""

MIXED = 0.5
"""Excess of ``<S^2>`` from which a space counts as a mixture: orbitals that suit it do not suit the pure state."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Climb:
    """A growth that has ended.

    Attributes:
        start: Orbitals and first determinants.
        spin_penalty_hartree: Weight of ``S^2`` in the Hamiltonian.
        rungs: For each root, the spaces by size.
        estimates: For each root, the exact energy with its interval.
        perturbations: For each root, the second-order energy outside the last space.
        one_body: For each root, the one-body density of alpha and of beta over the problem's orbitals, shape
            ``(n_roots, 2, n_orb, n_orb)``.
        alpha: Alpha strings of the last space over the start's orbitals; of this rank's determinants.
        beta: Their beta strings.
        coefficients: The states, shape ``(n_roots, n)``.
        converged: Whether the eigensolver reached its tolerance in the last space.
        stopped: ``"max_determinants"``, ``"max_wall_s"`` or ``"complete"``.
        wall_s: Wall time, orbitals and earlier calls included.
        cpu_s: Processor time of all threads of this rank, likewise.
    """

    start: Start
    spin_penalty_hartree: float
    rungs: tuple[tuple[Rung, ...], ...]
    estimates: tuple[Estimate, ...]
    perturbations: tuple[Perturbation, ...]
    one_body: Array
    alpha: Strings
    beta: Strings
    coefficients: Array
    converged: bool
    stopped: str
    wall_s: float
    cpu_s: float

    @property
    def natural_occupations(self) -> Array:
        """Natural occupations of the lowest state, descending."""
        occupations: Array = np.linalg.eigvalsh(self.one_body[0].sum(axis=0))[::-1]
        return occupations


def climb(
    problem: Problem,
    spec: EnergySpec,
    *,
    seeds: Seeds | None = None,
    carried: Start | None = None,
    seed: int = 0,
    ranks: Ranks | None = None,
    checkpoint: Path | str | None = None,
    reporter: Reporter | None = None,
) -> Climb:
    """Grow a space until a limit of the spec, and estimate the exact energy from its growth.

    Where the spec leaves the spin penalty open and the state ends as, or came by way of, a mixture with higher spins, a
    second space grows with a penalty, until it can no longer win
    (:func:`~kakehashi.energy.second_growth.cannot_win`). Of the two the one whose estimate is trusted is kept, or else
    the one of lower variational energy.

    Args:
        problem: The problem.
        spec: How far to go.
        seeds: Determinants over the problem's orbitals to begin with, such as sampled ones.
        carried: What a similar problem ended with, as one more start to compare; only rank 0 looks at it.
        seed: Of all random numbers.
        ranks: The processes that share the work; this one alone where not given. All call this alike, inside
            :func:`~kakehashi.core.ranks.guard_ranks`, so that the loss of one ends the others.
        checkpoint: File that each space is kept in; where it is there already the growth goes on from it. A second
            growth has a file beside it.
        reporter: Told of each space, on rank 0.

    Raises:
        InputError: The seeds do not suit the problem.
        FileFormatError: The checkpoint and the one before it are damaged.
        ResourceError: The disk is full or the memory does not suffice.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> found = climb(load_problem("hydrogen-chain", n_atoms=4), EnergySpec(max_determinants=100, orbitals="given"))
        >>> found.stopped, found.estimates[0].trusted
        ('complete', True)
    """
    ranks = Ranks() if ranks is None else ranks
    reporter = Reporter() if reporter is None or ranks.rank else reporter
    first, space = grow_once(problem, spec, seeds, carried, seed, ranks, checkpoint, reporter)
    left = np.inf if spec.max_wall_s is None else spec.max_wall_s - first.wall_s
    if spec.spin_penalty_hartree is not None or not ranks.share(left > 0 and _is_a_mixture(first, problem, spec)):
        return _finish(first, space, seed, reporter)
    # The first matrix goes: where its growth is kept after all, perturbation theory does without.
    del space
    again = spec.model_copy(
        update={"spin_penalty_hartree": PENALTY_HARTREE, "max_wall_s": None if left == np.inf else left}
    )
    file = None if checkpoint is None else second_checkpoint(checkpoint)
    reporter.step("select", "higher spins are mixed in: once more with a spin penalty")
    hopeless = partial(cannot_win, first=first)
    second, space = grow_once(problem, again, seeds, carried, seed, ranks, file, reporter, is_hopeless=hopeless)
    wall_s, cpu_s = first.wall_s + second.wall_s, first.cpu_s + second.cpu_s
    if second.stopped == "hopeless":
        reporter.step("select", "the space with a spin penalty can no longer win, and is given up")
    if ranks.share(second.rank < first.rank):
        return _finish(replace(second, wall_s=wall_s, cpu_s=cpu_s), space, seed, reporter)
    space = DistributedSpace(first.start.hamiltonian, ranks, n_threads=spec.n_threads)
    own = space.append_state(first.alpha, first.beta, np.ascontiguousarray(first.stage.coefficients.T))
    stage = replace(first.stage, coefficients=np.ascontiguousarray(own.T))
    return _finish(replace(first, stage=stage, wall_s=wall_s, cpu_s=cpu_s), space, seed, reporter)


def second_checkpoint(path: Path | str) -> Path:
    """File of the growth with a spin penalty.

    Example:
        >>> second_checkpoint("run/selected.h5").name
        'selected-spin.h5'
    """
    path = Path(path)
    return path.with_name(f"{path.stem}-spin{path.suffix}")


def _is_a_mixture(found: Growth, problem: Problem, spec: EnergySpec) -> bool:
    """Whether the only state, sought as the lowest of its spin, holds higher spins, or was a mixture in any space."""
    two_s = abs(problem.n_elec[0] - problem.n_elec[1])
    if spec.n_roots > 1 or spec.two_s not in (None, two_s):
        return False
    excess = [rung.spin_squared - two_s / 2 * (two_s / 2 + 1) for rung in found.rungs[0]]
    return excess[-1] > SPIN_TOLERANCE or max(excess) > MIXED


def _finish(growth: Growth, space: DistributedSpace, seed: int, reporter: Reporter) -> Climb:
    """The fine part of the second-order energy, and what follows from it."""
    spec, stage, start = growth.spec, growth.stage, growth.start
    began = time.perf_counter(), time.process_time()
    reporter.step("perturb", "second-order energy outside the last space", n_determinants=stage.n_determinants)
    space.forget_matrix()  # no more products: all the memory is perturbation theory's
    memory = memory_budget(spec, space.ranks)
    perturbations, earlier_wall_s, earlier_cpu_s = [], 0.0, 0.0
    for root, (vector, energy) in enumerate(zip(stage.coefficients, stage.penalized_hartree, strict=True)):
        parts = _perturbation_parts(growth, root, seed, space.ranks)
        found = perturb(
            space,
            vector,
            energy,
            threshold_hartree=spec.perturbation_threshold_hartree,
            fine_threshold_hartree=min(spec.fine_threshold_hartree, spec.perturbation_threshold_hartree),
            n_samples=spec.n_samples,
            rng=named_stream(seed, "energy", "perturbation", root),
            memory_budget_bytes=memory,
            parts=parts,
            reporter=reporter,
        )
        perturbations.append(found)
        earlier_wall_s += parts.earlier_wall_s
        earlier_cpu_s += parts.earlier_cpu_s
    finished = tuple(_refined(root, found) for root, found in zip(growth.rungs, perturbations, strict=True))
    alpha, beta = space.strings()
    one_body = np.stack([space.densities(vector).one_body for vector in stage.coefficients])
    return Climb(
        start=start,
        spin_penalty_hartree=spec.spin_penalty_hartree or 0.0,
        rungs=finished,
        estimates=tuple(extrapolate(root, two_s=growth.two_s) for root in finished),
        perturbations=tuple(perturbations),
        one_body=start.rotation @ one_body @ start.rotation.T,
        alpha=alpha,
        beta=beta,
        coefficients=stage.coefficients,
        converged=stage.converged,
        stopped=growth.stopped,
        wall_s=growth.wall_s + earlier_wall_s + time.perf_counter() - began[0],
        cpu_s=growth.cpu_s + earlier_cpu_s + time.process_time() - began[1],
    )


def _perturbation_parts(growth: Growth, root: int, seed: int, ranks: Ranks) -> Parts:
    """Where the sums outside the last space are kept; they are those of one state and of one sample."""
    spec = growth.spec
    key = {
        "space": growth.sha256,
        "perturbation_threshold_hartree": spec.perturbation_threshold_hartree,
        "fine_threshold_hartree": spec.fine_threshold_hartree,
        "spin_penalty_hartree": spec.spin_penalty_hartree,
        "seed": seed,
    }
    return Parts(growth.parts, stage=f"perturbation of root {root}", key=key, ranks=ranks)


def _refined(rungs: Sequence[Rung], found: Perturbation) -> tuple[Rung, ...]:
    """The rungs with what the coarse sums left out: found for the last space, the same share in the others."""
    factor = found.energy_hartree / found.coarse_hartree if found.coarse_hartree else 1.0
    refined = [replace(rung, second_order_hartree=rung.second_order_hartree * factor) for rung in rungs]
    refined[-1] = replace(
        refined[-1],
        second_order_hartree=found.energy_hartree,
        second_order_error_hartree=found.error_hartree,
    )
    return tuple(refined)
