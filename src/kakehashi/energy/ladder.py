"""Selected configuration interaction from start to end: orbitals, a growing space, its perturbation, an estimate.

The same code runs in one process and on many ranks; see :mod:`kakehashi.subspace.distributed`. Every space is kept on
disk where a file is named, so that a growth that was stopped goes on from its last space.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.progress import Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.core.resources import available_memory_bytes
from kakehashi.core.rng import named_stream
from kakehashi.energy.extrapolation import SPIN_TOLERANCE, extrapolate
from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.perturbation import Perturbation, perturb
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import Seeds, Start, choose_start
from kakehashi.problem.model import Problem
from kakehashi.subspace.checkpoint import has_checkpoint, read_checkpoint, read_notes, write_checkpoint
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import FIRST_THRESHOLD_HARTREE, Stage, grow

__all__ = ["MIXED", "Climb", "climb", "second_checkpoint"]

Array = NDArray[np.float64]

SHARE_OF_MEMORY = 0.5
"""Of the free memory, where the user gives no limit: the rest is for the space, for vectors and for the system."""

SHARE_OF_MATRIX = 0.75
"""Of the memory budget, while the space grows; the rest is for looking outside."""

PENALTY_HARTREE = 0.05
"""Weight of ``S^2`` in a second growth: it keeps singlets of stretched molecules apart from the higher spins."""

MIXED = 0.5
"""Excess of ``<S^2>`` from which a space counts as a mixture: orbitals that suit it do not suit the pure state."""

LONGER = 1.2
"""A space that is twice as large takes more than twice as long: rows are longer too."""


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
    second space grows with a penalty. Of the two the one whose estimate is trusted is kept, or else the one of lower
    variational energy.

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
    first, space = _grow_once(problem, spec, seeds, carried, seed, ranks, checkpoint, reporter)
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
    second, space = _grow_once(problem, again, seeds, carried, seed, ranks, file, reporter)
    wall_s, cpu_s = first.wall_s + second.wall_s, first.cpu_s + second.cpu_s
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Growth:
    """A growth whose second-order energies are those of the coarse sums."""

    spec: EnergySpec
    two_s: int
    start: Start
    alpha: Strings
    beta: Strings
    stage: Stage
    rungs: tuple[tuple[Rung, ...], ...]
    stopped: str
    wall_s: float
    cpu_s: float

    @property
    def rank(self) -> tuple[bool, float]:
        """What two growths are ordered by."""
        return not extrapolate(self.rungs[0], two_s=self.two_s).trusted, self.rungs[0][-1].energy_hartree


def _is_a_mixture(found: _Growth, problem: Problem, spec: EnergySpec) -> bool:
    """Whether the only state, sought as the lowest of its spin, holds higher spins, or was a mixture in any space."""
    two_s = abs(problem.n_elec[0] - problem.n_elec[1])
    if spec.n_roots > 1 or spec.two_s not in (None, two_s):
        return False
    excess = [rung.spin_squared - two_s / 2 * (two_s / 2 + 1) for rung in found.rungs[0]]
    return excess[-1] > SPIN_TOLERANCE or max(excess) > MIXED


def _grow_once(
    problem: Problem,
    spec: EnergySpec,
    seeds: Seeds | None,
    carried: Start | None,
    seed: int,
    ranks: Ranks,
    checkpoint: Path | str | None,
    reporter: Reporter,
) -> tuple[_Growth, DistributedSpace]:
    """One growth, without the fine part of its second-order energy."""
    penalty = spec.spin_penalty_hartree or 0.0
    began = time.perf_counter(), time.process_time()
    file = Path(checkpoint) if checkpoint is not None and ranks.share(has_checkpoint(checkpoint)) else None
    notes: dict[str, Any] = {} if file is None else read_notes(file, ranks)
    two_s = abs(problem.two_s) if spec.two_s is None else spec.two_s
    if file is None:
        # Rounding may differ from rank to rank: one decides.
        start = ranks.share(
            choose_start(problem, spec, seeds=seeds, carried=carried, seed=seed, reporter=reporter)
            if ranks.rank == 0
            else None
        )
    else:
        start = _start_of(problem, notes)
    if start is None:
        raise RuntimeError("rank 0 found no start")
    space = DistributedSpace(start.hamiltonian, ranks, spin_penalty_hartree=penalty, n_threads=spec.n_threads)
    earlier: list[list[Rung]] = [[Rung(**rung) for rung in root] for root in notes.get("rungs", [])]
    before = float(notes.get("wall_s", 0.0)), float(notes.get("cpu_s", 0.0))
    coefficients, threshold = None, FIRST_THRESHOLD_HARTREE
    if file is not None:
        kept = read_checkpoint(file, space)
        coefficients, threshold = kept.coefficients, kept.threshold_hartree
    elif ranks.rank == 0:
        space.append(start.alpha, start.beta)
    else:
        space.append(start.alpha[:0], start.beta[:0])
    memory = _memory_budget(spec, ranks)
    stages = grow(
        space,
        n_determinants=spec.max_determinants,
        start=coefficients,
        n_roots=spec.n_roots,
        growth=spec.growth,
        two_s=two_s,
        perturbation_threshold_hartree=spec.perturbation_threshold_hartree,
        tolerance=spec.residual_tolerance_hartree,
        memory_budget_bytes=int(SHARE_OF_MATRIX * memory),
        outside_budget_bytes=memory - int(SHARE_OF_MATRIX * memory),
        threshold_hartree=threshold,
    )
    rungs, stopped = earlier, "complete"
    for stage in stages:
        wall, cpu = before[0] + time.perf_counter() - began[0], before[1] + time.process_time() - began[1]
        rungs = _with_rung(rungs, stage, wall, cpu)
        if checkpoint is not None:
            about = _notes(problem, start, rungs, wall, cpu)
            write_checkpoint(checkpoint, space, stage, notes=about)
        _tell(reporter, stage)
        if stage.n_determinants >= spec.max_determinants:
            stopped = "max_determinants"
            break
        if ranks.share(_runs_late(rungs[0], spec, wall)):
            stopped = "max_wall_s"
            break
    alpha, beta = space.strings()
    growth = _Growth(
        spec=spec,
        two_s=two_s,
        start=start,
        alpha=alpha,
        beta=beta,
        stage=stage,
        rungs=tuple(tuple(root) for root in rungs),
        stopped=stopped,
        wall_s=before[0] + time.perf_counter() - began[0],
        cpu_s=before[1] + time.process_time() - began[1],
    )
    return growth, space


def _finish(growth: _Growth, space: DistributedSpace, seed: int, reporter: Reporter) -> Climb:
    """The fine part of the second-order energy, and what follows from it."""
    spec, stage, start = growth.spec, growth.stage, growth.start
    began = time.perf_counter(), time.process_time()
    reporter.step("perturb", "second-order energy outside the last space", n_determinants=stage.n_determinants)
    space.forget_matrix()  # no more products: all the memory is perturbation theory's
    memory = _memory_budget(spec, space.ranks)
    perturbations = tuple(
        perturb(
            space,
            vector,
            energy,
            threshold_hartree=spec.perturbation_threshold_hartree,
            fine_threshold_hartree=min(spec.fine_threshold_hartree, spec.perturbation_threshold_hartree),
            n_samples=spec.n_samples,
            rng=named_stream(seed, "energy", "perturbation", root),
            memory_budget_bytes=memory,
        )
        for root, (vector, energy) in enumerate(zip(stage.coefficients, stage.penalized_hartree, strict=True))
    )
    finished = tuple(_refined(root, found) for root, found in zip(growth.rungs, perturbations, strict=True))
    alpha, beta = space.strings()
    one_body = np.stack([space.densities(vector).one_body for vector in stage.coefficients])
    return Climb(
        start=start,
        spin_penalty_hartree=spec.spin_penalty_hartree or 0.0,
        rungs=finished,
        estimates=tuple(extrapolate(root, two_s=growth.two_s) for root in finished),
        perturbations=perturbations,
        one_body=start.rotation @ one_body @ start.rotation.T,
        alpha=alpha,
        beta=beta,
        coefficients=stage.coefficients,
        converged=stage.converged,
        stopped=growth.stopped,
        wall_s=growth.wall_s + time.perf_counter() - began[0],
        cpu_s=growth.cpu_s + time.process_time() - began[1],
    )


def _start_of(problem: Problem, notes: dict[str, Any]) -> Start:
    about = notes["start"]
    rotation = np.array(about["rotation"])
    nothing = np.empty((0, 2), dtype=np.uint64)
    same = bool(np.array_equal(rotation, np.eye(problem.n_orb)))
    return Start(
        name=about["name"],
        hamiltonian=problem.hamiltonian if same else problem.hamiltonian.rotate(rotation),
        rotation=rotation,
        alpha=nothing,
        beta=nothing,
        energy_hartree=about["energy_hartree"],
    )


def _notes(
    problem: Problem, start: Start, rungs: Sequence[Sequence[Rung]], wall_s: float, cpu_s: float
) -> dict[str, Any]:
    """What a later call needs beside the space, and what a similar problem needs to go on from it."""
    functions = None if problem.observables is None else problem.observables.functions
    return {
        "functions": None if functions is None else functions.tolist(),
        "start": {"name": start.name, "rotation": start.rotation.tolist(), "energy_hartree": start.energy_hartree},
        "rungs": [[asdict(rung) for rung in root] for root in rungs],
        "wall_s": wall_s,
        "cpu_s": cpu_s,
    }


def _memory_budget(spec: EnergySpec, ranks: Ranks) -> int:
    """Memory for the stored matrix and for perturbation theory, of each rank."""
    if spec.memory_gib is not None:
        return int(spec.memory_gib * 2**30)
    return int(SHARE_OF_MEMORY * available_memory_bytes() / ranks.n_on_this_machine())


def _with_rung(rungs: Sequence[Sequence[Rung]], stage: Stage, wall_s: float, cpu_s: float) -> list[list[Rung]]:
    """The rungs with one more for each root; a space that was solved again takes the place of its first solution."""
    fresh = [
        Rung(
            n_determinants=stage.n_determinants,
            energy_hartree=energy,
            second_order_hartree=second,
            spin_squared=spin,
            elapsed_s=wall_s,
            cpu_s=cpu_s,
        )
        for energy, second, spin in zip(
            stage.energies_hartree, stage.second_order_hartree, stage.spin_squared, strict=True
        )
    ]
    if len(rungs) != len(fresh):  # the first spaces may hold fewer states than are wanted
        return [[rung] for rung in fresh]
    return [
        [*(rung for rung in root if rung.n_determinants < stage.n_determinants), new]
        for root, new in zip(rungs, fresh, strict=True)
    ]


def _runs_late(rungs: Sequence[Rung], spec: EnergySpec, wall_s: float) -> bool:
    """Whether the next space would probably end after the limit."""
    if spec.max_wall_s is None:
        return False
    last = wall_s - (rungs[-2].elapsed_s if len(rungs) > 1 else 0.0)
    return wall_s + last * spec.growth * LONGER > spec.max_wall_s


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


def _tell(reporter: Reporter, stage: Stage) -> None:
    reporter.step(
        "select",
        "space done",
        energy_hartree=stage.energies_hartree[0],
        second_order_hartree=stage.second_order_hartree[0],
        n_determinants=stage.n_determinants,
        spin_squared=stage.spin_squared[0],
    )
