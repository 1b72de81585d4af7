"""Putting the result together from what the stages left, with the warnings that a user must see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kakehashi.core.provenance import collect_provenance
from kakehashi.core.resources import peak_memory_bytes
from kakehashi.device.model import Shots
from kakehashi.device.twins.model import Twin
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Problem
from kakehashi.report.ledger import Ledger
from kakehashi.report.model import Control, Iteration, Result, SizePoint
from kakehashi.report.scan_warnings import LOOP_AT_LIMIT
from kakehashi.report.selected import SelectedSummary
from kakehashi.subspace.loop import PATIENCE, Turn
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.classical import References
from kakehashi.workflow.clock import Clock
from kakehashi.workflow.processor import summarize_processor
from kakehashi.workflow.summary import summarize_sampling

__all__ = ["assemble", "find_selection_warnings", "find_warnings", "record_turn"]

SPIN_CONTAMINATION = 0.1
"""Deviation of ``<S^2>`` from the wanted spin's above which the user is warned."""

NOTABLE_GAIN_HARTREE = 1e-4
"""Gain of the last turn above which the user is told that the loop was cut short."""


def assemble(
    problem: Problem,
    device: str,
    shots: Shots,
    turn: Turn,
    records: tuple[Mapping[str, Any], ...],
    *,
    subspace: SubspaceSpec,
    size_curve: tuple[SizePoint, ...],
    control: Control | None,
    selected: SelectedSummary | None,
    classical: References,
    ledger: Ledger | None,
    clock: Clock,
    seed: int,
    spec: Mapping[str, Any],
    run_id: str,
    twin: Twin | None = None,
) -> Result:
    """The result of a run.

    Args:
        problem: What was solved.
        device: Name of the device.
        shots: What it gave; their provenance holds the circuit's warnings.
        turn: The last turn of the loop.
        records: One record per turn, the fields of :class:`~kakehashi.report.model.Iteration`.
        subspace: Options of the loop.
        size_curve: Energy against subspace size.
        control: The control, if there is one.
        selected: What selected configuration interaction added, if it was asked for.
        classical: What the classical references found, if any were asked for.
        ledger: What the samples are worth, if that was asked for.
        clock: Seconds per stage.
        seed: Seed of the run.
        spec: The run's spec.
        run_id: Its identity.
        twin: The processor that the device is a twin of, if it is one.
    """
    best = turn.best
    iterations = tuple(
        Iteration(**{**record, "batch_energies_hartree": tuple(record["batch_energies_hartree"])}) for record in records
    )
    return Result(
        run_id=run_id,
        problem=problem.name,
        description=problem.description,
        n_orb=problem.n_orb,
        n_elec=problem.n_elec,
        energy_hartree=best.energy_hartree,
        root_energies_hartree=best.root_energies_hartree,
        hartree_fock_hartree=hartree_fock_energy(problem),
        reference=problem.reference,
        spin_squared=best.spin_squared,
        n_determinants=best.n_determinants,
        n_alpha_strings=len(best.alpha),
        n_beta_strings=len(best.beta),
        occupancies=best.occupancies(),
        iterations=iterations,
        size_curve=size_curve,
        sampling=summarize_sampling(problem, device, shots, turn),
        control=control,
        converged=best.converged,
        warnings=(
            *_device_warnings(shots),
            *find_warnings(problem, turn, iterations, subspace),
            *find_selection_warnings(selected),
            *classical.warnings,
        ),
        stage_s=dict(clock.stage_s),
        seed=seed,
        wall_s=sum(clock.stage_s.values()),
        peak_memory_bytes=peak_memory_bytes(),
        spec=spec,
        provenance=collect_provenance() | _machine(shots),
        selected=selected,
        ledger=ledger,
        classical=classical.solutions,
        processor=summarize_processor(shots.provenance, twin),
    )


def _machine(shots: Shots) -> dict[str, Any]:
    """Of a machine behind a service: ids, times, how it was compiled for."""
    jobs = shots.provenance.get("machine")
    return {} if jobs is None else {"quantum_machine": jobs}


def _device_warnings(shots: Shots) -> tuple[str, ...]:
    """What the circuit's maker and the compiler for the machine said."""
    said: Any = shots.provenance.get("warnings", ())
    jobs: Any = shots.provenance.get("machine") or {}
    return (*said, *(jobs.get("compiled") or {}).get("changes", ()))


def find_warnings(
    problem: Problem, turn: Turn, iterations: tuple[Iteration, ...], subspace: SubspaceSpec
) -> tuple[str, ...]:
    """What the user must know: an eigensolver or a loop that was cut short, a spin that is not the wanted one."""
    warnings = []
    best = turn.best
    if not best.converged:
        warnings.append(
            f"The eigensolver stopped at a residual of {best.residual_norm:.1e} hartree before it reached its "
            "tolerance; raise subspace.max_eigensolver_iterations."
        )
    earlier = [item.energy_hartree for item in iterations[:-1]]
    last_gain = min(earlier) - best.energy_hartree if earlier else 0.0
    if turn.n_small_steps < PATIENCE and last_gain > max(subspace.energy_tolerance_hartree, NOTABLE_GAIN_HARTREE):
        by_turns = turn.index >= subspace.max_iterations
        limit = f"{turn.index} turns" if by_turns else f"{subspace.max_wall_s:g} s"
        name = "max_iterations" if by_turns else "max_wall_s"
        warnings.append(
            f"{LOOP_AT_LIMIT} {limit} while the energy still fell: by {1000 * last_gain:.2g} mHa "
            f"in the last turn. A higher subspace.{name} may lower it further."
        )
    spin = abs(problem.two_s if subspace.two_s is None else subspace.two_s) / 2
    if abs(best.spin_squared - spin * (spin + 1)) > SPIN_CONTAMINATION:
        warnings.append(
            f"<S^2> is {best.spin_squared:.3f}, but {spin * (spin + 1):g} is expected of the wanted spin. The state "
            "may be of another spin: set subspace.two_s and subspace.spin_penalty_hartree."
        )
    return tuple(warnings)


def find_selection_warnings(selected: SelectedSummary | None) -> tuple[str, ...]:
    """What the user must know of selected configuration interaction beside its estimate, which says the rest."""
    if selected is None or selected.converged:
        return ()
    return (
        "The eigensolver of selected CI did not reach its tolerance in the last space: its energy is an upper bound "
        "still, but the estimate is worth less. A higher energy.residual_tolerance_hartree asks for less.",
    )


def record_turn(turn: Turn, before_s: float) -> Iteration:
    """What the report says of a turn."""
    return Iteration(
        index=turn.index,
        energy_hartree=turn.energy_hartree,
        batch_energies_hartree=turn.batch_energies_hartree,
        n_alpha_strings=turn.shape[0],
        n_beta_strings=turn.shape[1],
        n_determinants=turn.shape[0] * turn.shape[1],
        spin_squared=turn.spin_squared,
        n_configurations=turn.n_configurations,
        elapsed_s=before_s + turn.elapsed_s,
    )
