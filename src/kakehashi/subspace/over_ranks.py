"""Selected configuration interaction and its perturbative correction over MPI ranks, from start to end.

The way in for a program that ``mpirun`` has started on every rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kakehashi.core.bits import Strings
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.ranks import Ranks, guard_ranks
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.checkpoint import previous_path, read_checkpoint, write_checkpoint
from kakehashi.subspace.determinants import Criterion
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import FIRST_THRESHOLD_HARTREE, Stage, grow

__all__ = ["RanksResult", "solve_over_ranks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RanksResult:
    """Energies of a space that many ranks grew, the same on each of them.

    Attributes:
        stage: The last stage; its coefficients are those of this rank's determinants.
        perturbation_hartree: Epstein-Nesbet correction of each root.
        n_outside: Determinants that it is summed over, for each root.
        n_stages: How many stages were diagonalised in this run.
        resumed: Whether the run went on from a checkpoint.
        space: The space.
    """

    stage: Stage
    perturbation_hartree: tuple[float, ...]
    n_outside: tuple[int, ...]
    n_stages: int
    resumed: bool
    space: DistributedSpace


def solve_over_ranks(
    hamiltonian: Hamiltonian,
    start: tuple[Strings, Strings],
    *,
    ranks: Ranks,
    n_determinants: int,
    n_roots: int = 1,
    growth: float = 2.0,
    criterion: Criterion = "perturbation",
    spin_flip: bool = True,
    spin_penalty_hartree: float = 0.0,
    tolerance: float = 3e-5,
    perturbation_threshold_hartree: float | None = 1e-8,
    n_batches: int = 1,
    memory_budget_bytes: int = 2**62,
    n_threads: int | None = None,
    checkpoint: Path | str | None = None,
    progress: Progress = silent,
) -> RanksResult:
    """Grow a space from some determinants and sum perturbation theory outside it; called by all ranks alike.

    Args:
        hamiltonian: The integrals, the same on all ranks.
        start: Alpha and beta strings of the determinants to start from; each rank may give some or all of them.
        ranks: The ranks, for instance :func:`~kakehashi.core.ranks.world`.
        n_determinants: Where the growth stops.
        n_roots: Number of states.
        growth: Size of a stage over that of the one before.
        criterion: What makes a determinant important.
        spin_flip: Take in each determinant with its mirror image.
        spin_penalty_hartree: Weight of ``S^2`` that is added to the Hamiltonian.
        tolerance: Of the eigensolver, hartree.
        perturbation_threshold_hartree: Contributions to perturbation theory below this are left out; None leaves out
            perturbation theory.
        n_batches: In so many parts it is summed; more take less memory.
        memory_budget_bytes: For the matrix, of each rank.
        n_threads: Threads of each rank.
        checkpoint: File that each stage is written to. Where it is there already, the growth goes on from it, whatever
            number of ranks wrote it.
        progress: Told the stages, on rank 0.

    Returns:
        The result.

    Raises:
        SystemExit: A rank failed or was killed, and the run has several: one sentence has been printed, and the
            checkpoint holds the last stage.
        InputError: An argument is impossible, and the run has one rank.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> dimer = hubbard(2, u=4.0, n_elec=(1, 1)).hamiltonian
        >>> result = solve_over_ranks(
        ...     dimer, (lowest_string(1), lowest_string(1)), ranks=Ranks(), n_determinants=4, tolerance=1e-7
        ... )
        >>> round(result.stage.energies_hartree[0], 6), result.perturbation_hartree
        (-0.828427, (0.0,))
    """
    advice = (
        "Nothing was kept: there is no checkpoint."
        if checkpoint is None
        else f"The last finished stage is in {checkpoint}; start again, on any number of ranks, to go on from there."
    )
    folder = None if checkpoint is None else Path(checkpoint).parent
    with guard_ranks(ranks, advice=advice, folder=folder):
        space = DistributedSpace(hamiltonian, ranks, spin_penalty_hartree=spin_penalty_hartree, n_threads=n_threads)
        coefficients, threshold, resumed = None, FIRST_THRESHOLD_HARTREE, False
        if checkpoint is not None and ranks.share(
            any(p.exists() for p in (Path(checkpoint), previous_path(checkpoint)))
        ):
            kept = read_checkpoint(checkpoint, space)
            coefficients, threshold, resumed = kept.coefficients, kept.threshold_hartree, True
        space.append(*start)
        stages = grow(
            space,
            n_determinants=n_determinants,
            start=coefficients,
            n_roots=n_roots,
            growth=growth,
            criterion=criterion,
            spin_flip=spin_flip,
            tolerance=tolerance,
            memory_budget_bytes=memory_budget_bytes,
            threshold_hartree=threshold,
        )
        n_stages, report = 0, Reporter(progress if ranks.rank == 0 else silent)
        for stage in stages:
            n_stages += 1
            if checkpoint is not None and not (resumed and n_stages == 1):
                write_checkpoint(checkpoint, space, stage)
            report.step(
                "grow",
                f"{stage.n_determinants:,} determinants: {stage.energies_hartree[0]:.6f} hartree",
                step=n_stages,
                n_determinants=stage.n_determinants,
                energy_hartree=stage.energies_hartree[0],
            )
        corrections, n_outside = _perturb(space, stage, perturbation_threshold_hartree, n_batches)
        return RanksResult(
            stage=stage,
            perturbation_hartree=corrections,
            n_outside=n_outside,
            n_stages=n_stages,
            resumed=resumed,
            space=space,
        )


def _perturb(
    space: DistributedSpace, stage: Stage, threshold: float | None, n_batches: int
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if n_batches < 1:
        raise InputError(f"Argument `n_batches` must be positive, but is {n_batches}.")
    if threshold is None:
        return (), ()
    energies, counts = [], []
    for vector, energy in zip(stage.coefficients, stage.penalized_hartree, strict=True):
        parts = [
            space.look_outside(vector, energy, threshold_hartree=threshold, batch=batch, n_batches=n_batches)
            for batch in range(n_batches)
        ]
        energies.append(float(np.sum([part.energy_hartree for part in parts])))
        counts.append(sum(part.n_determinants for part in parts))
    return tuple(energies), tuple(counts)
