"""The self-consistent loop: recover, choose strings, diagonalise, carry over, and again.

Robledo-Moreno et al. 2024 (arXiv:2405.05068): occupancies of one turn's ground state repair the shots of the next.
Two things differ from the paper. The size of the subspace is bounded by strings per spin rather than by shots per
batch, because it is the strings that cost; and the heaviest strings of the best state so far are carried over, so
that the energy of the best state never rises.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, lowest_string, unique_strings
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.core.rng import named_stream
from kakehashi.device.model import Shots
from kakehashi.problem.model import Hamiltonian, Problem
from kakehashi.samples.model import Configurations
from kakehashi.samples.postselect import postselect
from kakehashi.samples.recovery import initial_occupancies, recover_configurations
from kakehashi.samples.spec import SamplesSpec
from kakehashi.samples.subsample import combine_spins, draw_strings, strings_by_weight
from kakehashi.subspace.model import State
from kakehashi.subspace.solve import solve_subspace
from kakehashi.subspace.spec import SubspaceSpec

__all__ = ["Turn", "iterate", "solve_with_spec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn of the loop leaves behind; enough to go on from.

    Attributes:
        index: 1 for the first.
        best: The state of lowest energy of all turns so far.
        energy_hartree: Lowest energy of this turn's batches.
        batch_energies_hartree: Energy of each batch.
        shape: Numbers of alpha and beta strings of this turn's best batch.
        spin_squared: ``<S^2>`` of this turn's best batch.
        occupancies: Mean over the batches, shape ``(2, n_orb)``; the next turn recovers with them.
        n_configurations: Distinct configurations that the strings were drawn from.
        n_small_steps: How many turns in a row lowered the best energy by less than the tolerance.
        elapsed_s: Seconds in the loop, earlier turns included.
        finished: Whether the loop is at its end.
    """

    index: int
    best: State
    energy_hartree: float
    batch_energies_hartree: tuple[float, ...]
    shape: tuple[int, int]
    spin_squared: float
    occupancies: NDArray[np.float64]
    n_configurations: int
    n_small_steps: int
    elapsed_s: float
    finished: bool


def iterate(
    problem: Problem,
    shots: Shots,
    *,
    samples: SamplesSpec,
    subspace: SubspaceSpec,
    seed: int,
    name: str = "loop",
    resume: Turn | None = None,
    reporter: Reporter | None = None,
) -> Iterator[Turn]:
    """Turn by turn, until the energy settles or a limit is reached.

    Args:
        problem: What to solve.
        shots: What the device gave.
        samples: How shots become strings.
        subspace: How strings are diagonalised.
        seed: Seed of the run; each turn has its own stream, so a resumed loop repeats an uninterrupted one.
        name: Name of the random stream, so that two loops of one run differ.
        resume: The last turn of an earlier call.
        reporter: Receives progress.

    Yields:
        Each turn when it is done.

    Raises:
        InputError: Recovery is off and no shot has the right number of electrons, or the widths disagree.
        ResourceError: A diagonalisation would need more memory than there is.
    """
    if shots.n_qubits != problem.n_qubits:
        raise InputError(
            f"The shots have {shots.n_qubits} bits, but the problem needs {problem.n_qubits}: "
            f"one per spin orbital of {problem.n_orb} orbitals."
        )
    reporter = reporter or Reporter()
    turn = resume
    while turn is None or not turn.finished:
        turn = _take_turn(problem, shots, turn, samples, subspace, seed, name, reporter)
        yield turn


def _take_turn(
    problem: Problem,
    shots: Shots,
    last: Turn | None,
    samples: SamplesSpec,
    subspace: SubspaceSpec,
    seed: int,
    name: str,
    reporter: Reporter,
) -> Turn:
    start = time.monotonic()
    index = 1 if last is None else last.index + 1
    reporter.step(name, "repairing shots", step=index - 1, total=subspace.max_iterations)
    configurations = _configurations(problem, shots, last, samples, seed, name, index)
    best = None if last is None else last.best
    states: list[State] = []
    for batch in range(samples.n_batches):
        rng = named_stream(seed, name, "batch", index, batch)
        alpha, beta = _choose_strings(problem, configurations, best, samples, subspace, rng)
        reporter.step(
            name,
            f"diagonalising batch {batch + 1} of {samples.n_batches}",
            step=index - 1,
            total=subspace.max_iterations,
            n_determinants=len(alpha) * len(alpha if beta is None else beta),
            **({} if best is None else {"energy_hartree": best.energy_hartree}),
        )
        states.append(solve_with_spec(problem.hamiltonian, alpha, beta, subspace, initial=best))
    lowest = min(states, key=lambda state: state.energy_hartree)
    gain = np.inf if best is None else best.energy_hartree - lowest.energy_hartree
    best = lowest if best is None or gain > 0 else best
    n_small = 0 if last is None or gain >= subspace.energy_tolerance_hartree else last.n_small_steps + 1
    elapsed = (0.0 if last is None else last.elapsed_s) + time.monotonic() - start
    out_of_time = subspace.max_wall_s is not None and elapsed >= subspace.max_wall_s
    return Turn(
        index=index,
        best=best,
        energy_hartree=lowest.energy_hartree,
        batch_energies_hartree=tuple(state.energy_hartree for state in states),
        shape=(len(lowest.alpha), len(lowest.beta)),
        spin_squared=lowest.spin_squared,
        occupancies=np.mean([state.occupancies() for state in states], axis=0),
        n_configurations=len(configurations),
        n_small_steps=n_small,
        elapsed_s=elapsed,
        finished=n_small >= 2 or index >= subspace.max_iterations or out_of_time,
    )


def _configurations(
    problem: Problem, shots: Shots, last: Turn | None, samples: SamplesSpec, seed: int, name: str, index: int
) -> Configurations:
    """The first turn takes the shots that are right as they are; without any, it recovers from a first guess."""
    if last is None or not samples.recovery:
        kept = postselect(shots, n_orb=problem.n_orb, n_elec=problem.n_elec)
        if len(kept):
            return kept
        if not samples.recovery:
            raise InputError(
                f"None of {shots.n_shots:,} shots has {problem.n_elec[0]} alpha and {problem.n_elec[1]} beta "
                "electrons; set samples.recovery = true to repair them."
            )
    occupancies = (
        initial_occupancies(n_orb=problem.n_orb, n_elec=problem.n_elec) if last is None else last.occupancies
    )
    rng = named_stream(seed, name, "recovery", index)
    return recover_configurations(shots, n_elec=problem.n_elec, occupancies=occupancies, rng=rng)


def _choose_strings(
    problem: Problem,
    configurations: Configurations,
    best: State | None,
    samples: SamplesSpec,
    subspace: SubspaceSpec,
    rng: np.random.Generator,
) -> tuple[Strings, Strings | None]:
    """Carried-over strings, the Hartree-Fock string, and new ones drawn by their weight among the samples."""
    n_carried = int(subspace.carry_over_share * subspace.max_strings)
    weighted = strings_by_weight(configurations)
    carried: list[Strings] = [np.zeros((0, 2), dtype=np.uint64)] * 2
    together = subspace.same_strings and problem.n_elec[0] == problem.n_elec[1]
    if best is not None:
        pairs = list(zip((best.alpha, best.beta), best.string_weights(), strict=True))
        if together:
            pairs = [combine_spins(*pairs)] * 2
        carried = [
            _heaviest(strings, weights, n_carried, samples.carry_over_threshold) for strings, weights in pairs
        ]
    if together:
        pool = combine_spins(*weighted)
        include = np.concatenate([lowest_string(problem.n_elec[0]), carried[0]])
        return draw_strings(pool, subspace.max_strings, include=include, rng=rng), None
    alpha, beta = (
        draw_strings(
            weighted[spin],
            subspace.max_strings,
            include=np.concatenate([lowest_string(problem.n_elec[spin]), carried[spin]]),
            rng=rng,
        )
        for spin in (0, 1)
    )
    return alpha, beta


def _heaviest(strings: Strings, weights: NDArray[np.float64], keep: int, threshold: float) -> Strings:
    order = np.argsort(-weights, kind="stable")[:keep]
    return strings[order[weights[order] >= threshold]]


def solve_with_spec(
    hamiltonian: Hamiltonian,
    alpha: Strings,
    beta: Strings | None,
    subspace: SubspaceSpec,
    *,
    initial: State | None = None,
) -> State:
    """Diagonalise one product space with the options of a spec."""
    n_roots = min(subspace.n_roots, len(alpha) * len(alpha if beta is None else beta))
    return solve_subspace(
        hamiltonian,
        unique_strings(alpha),
        None if beta is None else unique_strings(beta),
        two_s=subspace.two_s,
        spin_penalty_hartree=subspace.spin_penalty_hartree,
        n_roots=n_roots,
        tolerance=subspace.residual_tolerance_hartree,
        max_iterations=subspace.max_eigensolver_iterations,
        initial=initial,
        n_threads=subspace.n_threads,
        memory_budget_bytes=subspace.memory_budget_bytes,
    )
