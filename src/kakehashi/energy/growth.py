"""One growth: from orbitals to the last space that a spec asks for, each space kept on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.parts import Parts, parts_path
from kakehashi.core.progress import Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.core.resources import available_memory_bytes
from kakehashi.energy.extrapolation import extrapolate
from kakehashi.energy.model import Rung
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import Seeds, Start, choose_start, start_parts
from kakehashi.problem.model import Problem
from kakehashi.subspace.checkpoint import Checkpoint, has_checkpoint, read_checkpoint, read_notes, write_checkpoint
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import FIRST_THRESHOLD_HARTREE, Stage, grow
from kakehashi.subspace.space import MatrixSize

__all__ = ["Growth", "grow_once", "memory_budget"]

SHARE_OF_MEMORY = 0.5
"""Of the free memory, where the user gives no limit: the rest is for the space, for vectors and for the system."""

SHARE_OF_MATRIX = 0.75
"""Of the memory budget, while the space grows; the rest is for looking outside."""

LONGER = 1.2
"""A space that is twice as large takes more than twice as long: rows are longer too."""

STATES_DEPEND_ON = {
    "n_roots",
    "two_s",
    "spin_penalty_hartree",
    "residual_tolerance_hartree",
    "perturbation_threshold_hartree",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Growth:
    """A growth whose second-order energies are those of the coarse sums.

    Attributes:
        spec: What was asked for.
        two_s: Twice the total spin that is wanted.
        start: Orbitals and first determinants.
        alpha: Alpha strings of the last space over the start's orbitals; of this rank's determinants, shape ``(n, 2)``.
        beta: Their beta strings.
        stage: The last space, with the states.
        rungs: For each root, the spaces by size.
        stopped: ``"max_determinants"``, ``"max_wall_s"``, ``"complete"``, or ``"hopeless"`` where it was given up.
        parts: File for the parts of what follows; None where nothing is kept.
        sha256: Of the last space and its states as they are kept; empty where they are not.
        wall_s: Wall time, orbitals and earlier calls included.
        cpu_s: Processor time of all threads of this rank, likewise.
    """

    spec: EnergySpec
    two_s: int
    start: Start
    alpha: Strings
    beta: Strings
    stage: Stage
    rungs: tuple[tuple[Rung, ...], ...]
    stopped: str
    parts: Path | None
    sha256: str
    wall_s: float
    cpu_s: float

    @property
    def rank(self) -> tuple[bool, float]:
        """What two growths are ordered by."""
        return not extrapolate(self.rungs[0], two_s=self.two_s).trusted, self.rungs[0][-1].energy_hartree


def grow_once(
    problem: Problem,
    spec: EnergySpec,
    seeds: Seeds | None,
    carried: Start | None,
    seed: int,
    ranks: Ranks,
    checkpoint: Path | str | None,
    reporter: Reporter,
    *,
    is_hopeless: Callable[[Sequence[Rung]], bool] | None = None,
) -> tuple[Growth, DistributedSpace]:
    """One growth, without the fine part of its second-order energy.

    The arguments are those of :func:`~kakehashi.energy.ladder.climb`; ``is_hopeless`` is asked after each space whether
    to give up, and rank 0's answer counts.

    Returns:
        The growth, and the space that it ended with.
    """
    began = time.perf_counter(), time.process_time()
    begun = _begin(problem, spec, seeds, carried, seed, ranks, checkpoint, reporter)
    start, space, before = begun.start, begun.space, begun.seconds
    two_s = abs(problem.two_s) if spec.two_s is None else spec.two_s
    parts = None if checkpoint is None else parts_path(checkpoint)
    stage, rungs, sha256 = begun.stage, begun.rungs, begun.sha256
    stopped = "" if stage is None else _how_it_ended(begun, spec, ranks, parts, is_hopeless)
    if stage is not None and stopped:
        _tell(reporter, stage)
    else:
        stopped = "complete"
        for stage in _stages(begun, spec, two_s, ranks):
            wall, cpu = before[0] + time.perf_counter() - began[0], before[1] + time.process_time() - began[1]
            rungs = _with_rung(rungs, stage, wall, cpu)
            if checkpoint is not None:
                about = _notes(problem, spec, start, stage, rungs, wall, cpu)
                sha256 = write_checkpoint(checkpoint, space, stage, notes=about)
            _tell(reporter, stage)
            if limit := ranks.share(_limit(rungs[0], spec, wall, is_hopeless)):
                stopped = limit
                break
        if stopped == "complete":
            _end_parts(parts, sha256, ranks).finish("complete", dict)
    if stage is None:
        raise RuntimeError("the growth gave no space")  # it yields at least one
    alpha, beta = space.strings()
    growth = Growth(
        spec=spec,
        two_s=two_s,
        start=start,
        alpha=alpha,
        beta=beta,
        stage=stage,
        rungs=tuple(tuple(root) for root in rungs),
        stopped=stopped,
        parts=parts,
        sha256=sha256,
        wall_s=before[0] + time.perf_counter() - began[0],
        cpu_s=before[1] + time.process_time() - began[1],
    )
    return growth, space


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Begun:
    """What a growth goes on from: a start, or what a checkpoint holds."""

    start: Start
    space: DistributedSpace
    coefficients: NDArray[np.float64] | None = None
    threshold_hartree: float = FIRST_THRESHOLD_HARTREE
    rungs: list[list[Rung]] = field(default_factory=list)
    stage: Stage | None = None  # as it was kept, where the same was asked for
    sha256: str = ""
    seconds: tuple[float, float] = (0.0, 0.0)  # wall and processor time of earlier calls


def _begin(
    problem: Problem,
    spec: EnergySpec,
    seeds: Seeds | None,
    carried: Start | None,
    seed: int,
    ranks: Ranks,
    checkpoint: Path | str | None,
    reporter: Reporter,
) -> _Begun:
    def space_of(start: Start) -> DistributedSpace:
        penalty = spec.spin_penalty_hartree or 0.0
        return DistributedSpace(start.hamiltonian, ranks, spin_penalty_hartree=penalty, n_threads=spec.n_threads)

    if checkpoint is not None and ranks.share(has_checkpoint(checkpoint)):
        notes: dict[str, Any] = read_notes(checkpoint, ranks)
        start = _start_of(problem, notes)
        space = space_of(start)
        kept = read_checkpoint(checkpoint, space)
        return _Begun(
            start=start,
            space=space,
            coefficients=kept.coefficients,
            threshold_hartree=kept.threshold_hartree,
            rungs=[[Rung(**rung) for rung in root] for root in notes.get("rungs", [])],
            stage=_stage_of(notes, kept, space) if notes.get("asked") == _asked(spec) else None,
            sha256=kept.sha256,
            seconds=(float(notes.get("wall_s", 0.0)), float(notes.get("cpu_s", 0.0))),
        )

    def choose() -> tuple[Start | None, float, float]:
        if ranks.rank:
            return None, 0.0, 0.0
        file = None if checkpoint is None else parts_path(checkpoint)
        parts = start_parts(file, problem, spec, seeds=seeds, carried=carried, seed=seed)
        found = choose_start(problem, spec, seeds=seeds, carried=carried, seed=seed, reporter=reporter, parts=parts)
        return found, parts.earlier_wall_s, parts.earlier_cpu_s

    # Rounding may differ from rank to rank: one decides.
    chosen, wall_s, cpu_s = ranks.share(ranks.attempt(choose))
    if chosen is None:
        raise RuntimeError("rank 0 found no start")
    space = space_of(chosen)
    n_own = len(chosen.alpha) if ranks.rank == 0 else 0
    space.append(chosen.alpha[:n_own], chosen.beta[:n_own])
    return _Begun(start=chosen, space=space, seconds=(wall_s, cpu_s if ranks.rank == 0 else 0.0))


def _asked(spec: EnergySpec) -> dict[str, Any]:
    """What makes the states of a space what they are: with other options it must be solved again."""
    return spec.model_dump(mode="json", include=STATES_DEPEND_ON)


def _stage_of(notes: dict[str, Any], kept: Checkpoint, space: DistributedSpace) -> Stage:
    """The last stage as it was kept. Solved again it would differ in its last digits, and the parts be of no use."""
    about = notes["stage"]
    last = [root[-1] for root in notes["rungs"]]
    return Stage(
        n_determinants=len(space),
        coefficients=kept.coefficients,
        energies_hartree=kept.energies_hartree,
        penalized_hartree=tuple(about["penalized_hartree"]),
        spin_squared=tuple(rung["spin_squared"] for rung in last),
        converged=about["converged"],
        n_iterations=about["n_iterations"],
        threshold_hartree=kept.threshold_hartree,
        matrix=MatrixSize(n_elements=0, n_rows=0, n_bytes=0),
        elapsed_s=0.0,
        cpu_s=0.0,
        second_order_hartree=tuple(rung["second_order_hartree"] for rung in last),
    )


def _stages(begun: _Begun, spec: EnergySpec, two_s: int, ranks: Ranks) -> Iterator[Stage]:
    """The spaces that selection goes on with."""
    memory = memory_budget(spec, ranks)
    return grow(
        begun.space,
        n_determinants=spec.max_determinants,
        start=begun.coefficients,
        n_roots=spec.n_roots,
        growth=spec.growth,
        two_s=two_s,
        perturbation_threshold_hartree=spec.perturbation_threshold_hartree,
        tolerance=spec.residual_tolerance_hartree,
        memory_budget_bytes=int(SHARE_OF_MATRIX * memory),
        outside_budget_bytes=memory - int(SHARE_OF_MATRIX * memory),
        threshold_hartree=begun.threshold_hartree,
    )


def _how_it_ended(
    begun: _Begun,
    spec: EnergySpec,
    ranks: Ranks,
    parts: Path | None,
    is_hopeless: Callable[[Sequence[Rung]], bool] | None,
) -> str:
    """Why a growth that was kept went no further; empty where it is to go on."""
    if limit := ranks.share(_limit(begun.rungs[0], spec, begun.seconds[0], is_hopeless)):
        return limit
    return "complete" if _end_parts(parts, begun.sha256, ranks).has("complete") else ""


def _end_parts(parts: Path | None, sha256: str, ranks: Ranks) -> Parts:
    """Where it is kept that nothing more couples to a space."""
    return Parts(parts, stage="growth", key=sha256, ranks=ranks)


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
    problem: Problem,
    spec: EnergySpec,
    start: Start,
    stage: Stage,
    rungs: Sequence[Sequence[Rung]],
    wall_s: float,
    cpu_s: float,
) -> dict[str, Any]:
    """What a later call needs beside the space, and what a similar problem needs to go on from it."""
    functions = None if problem.observables is None else problem.observables.functions
    return {
        "functions": None if functions is None else functions.tolist(),
        "start": {"name": start.name, "rotation": start.rotation.tolist(), "energy_hartree": start.energy_hartree},
        "asked": _asked(spec),
        "stage": {
            "penalized_hartree": list(stage.penalized_hartree),
            "converged": stage.converged,
            "n_iterations": stage.n_iterations,
        },
        "rungs": [[asdict(rung) for rung in root] for root in rungs],
        "wall_s": wall_s,
        "cpu_s": cpu_s,
    }


def memory_budget(spec: EnergySpec, ranks: Ranks) -> int:
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


def _limit(
    rungs: Sequence[Rung], spec: EnergySpec, wall_s: float, is_hopeless: Callable[[Sequence[Rung]], bool] | None
) -> str:
    """The limit that a growth has met, or an empty string."""
    if rungs[-1].n_determinants >= spec.max_determinants:
        return "max_determinants"
    if _runs_late(rungs, spec, wall_s):
        return "max_wall_s"
    return "hopeless" if is_hopeless is not None and is_hopeless(rungs) else ""


def _runs_late(rungs: Sequence[Rung], spec: EnergySpec, wall_s: float) -> bool:
    """Whether the next space would probably end after the limit."""
    if spec.max_wall_s is None:
        return False
    last = wall_s - (rungs[-2].elapsed_s if len(rungs) > 1 else 0.0)
    return wall_s + last * spec.growth * LONGER > spec.max_wall_s


def _tell(reporter: Reporter, stage: Stage) -> None:
    reporter.step(
        "select",
        "space done",
        energy_hartree=stage.energies_hartree[0],
        second_order_hartree=stage.second_order_hartree[0],
        n_determinants=stage.n_determinants,
        spin_squared=stage.spin_squared[0],
    )
