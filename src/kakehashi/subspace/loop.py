"""The self-consistent loop: recover, choose strings, diagonalise, carry over, and again.

Robledo-Moreno et al. 2024 (arXiv:2405.05068): occupancies of one turn's ground state repair the shots of the next.
Two things differ from the paper. The size of the subspace is bounded by strings per spin rather than by shots per
batch, because it is the strings that cost; and the heaviest strings of the best state so far are carried over, so
that the energy of the best state never rises.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

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
from kakehashi.samples.strings import carry_over, combine_spins, draw_strings, strings_by_weight
from kakehashi.subspace.model import State
from kakehashi.subspace.solve import require_subspace_memory, solve_subspace
from kakehashi.subspace.spec import SubspaceSpec

__all__ = ["PATIENCE", "Turn", "iterate", "require_loop_memory", "solve_with_spec"]

Watch: TypeAlias = Callable[[int, NDArray[np.float64], NDArray[np.float64]], None]
"""Receives the eigensolver's iteration, root energies without the constant, and residual norms."""

PATIENCE = 3
"""Turns in a row that may fail to lower the energy before the loop ends: each tests other strings."""


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
    loop = _Loop(
        problem=problem,
        shots=shots,
        samples=samples,
        subspace=subspace,
        seed=seed,
        name=name,
        reporter=reporter or Reporter(),
    )
    turn = resume
    while turn is None or not turn.finished:
        turn = loop.take_turn(turn)
        yield turn


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loop:
    """What stays the same from turn to turn."""

    problem: Problem
    shots: Shots
    samples: SamplesSpec
    subspace: SubspaceSpec
    seed: int
    name: str
    reporter: Reporter

    def take_turn(self, last: Turn | None) -> Turn:
        """Recover, choose strings, diagonalise each batch, keep the best."""
        start = time.monotonic()
        index = 1 if last is None else last.index + 1
        best = None if last is None else last.best
        self._report(index, "repairing shots", best)
        configurations = self._configurations(last, index)
        states: list[State] = []
        for batch in range(self.samples.n_batches):
            alpha, beta = self._choose_strings(configurations, best, index, batch)
            watch = self._watch(index, batch, len(alpha) * len(alpha if beta is None else beta))
            states.append(
                solve_with_spec(self.problem.hamiltonian, alpha, beta, self.subspace, initial=best, callback=watch)
            )
        lowest = min(states, key=lambda state: state.energy_hartree)
        gain = np.inf if best is None else best.energy_hartree - lowest.energy_hartree
        tolerance = self.subspace.energy_tolerance_hartree
        small = last is not None and tolerance > 0 and gain < tolerance
        n_small = last.n_small_steps + 1 if small and last is not None else 0
        elapsed = (0.0 if last is None else last.elapsed_s) + time.monotonic() - start
        return Turn(
            index=index,
            best=lowest if best is None or gain > 0 else best,
            energy_hartree=lowest.energy_hartree,
            batch_energies_hartree=tuple(state.energy_hartree for state in states),
            shape=(len(lowest.alpha), len(lowest.beta)),
            spin_squared=lowest.spin_squared,
            occupancies=np.mean([state.occupancies() for state in states], axis=0),
            n_configurations=len(configurations),
            n_small_steps=n_small,
            elapsed_s=elapsed,
            finished=self._is_finished(index, n_small, elapsed),
        )

    def _is_finished(self, index: int, n_small: int, elapsed_s: float) -> bool:
        limit_s = self.subspace.max_wall_s
        out_of_time = limit_s is not None and elapsed_s >= limit_s
        return n_small >= PATIENCE or index >= self.subspace.max_iterations or out_of_time

    def _configurations(self, last: Turn | None, index: int) -> Configurations:
        """The first turn takes the right shots as they are; without any, it recovers from a first guess."""
        n_orb, n_elec = self.problem.n_orb, self.problem.n_elec
        if last is None or not self.samples.recovery:
            kept = postselect(self.shots, n_orb=n_orb, n_elec=n_elec)
            if len(kept):
                return kept
            if not self.samples.recovery:
                raise InputError(
                    f"None of {self.shots.n_shots:,} shots has {n_elec[0]} alpha and {n_elec[1]} beta electrons; "
                    "set samples.recovery = true to repair them."
                )
        occupancies = initial_occupancies(n_orb=n_orb, n_elec=n_elec) if last is None else last.occupancies
        rng = named_stream(self.seed, self.name, "recovery", index)
        return recover_configurations(self.shots, n_elec=n_elec, occupancies=occupancies, rng=rng)

    def _choose_strings(
        self, configurations: Configurations, best: State | None, index: int, batch: int
    ) -> tuple[Strings, Strings | None]:
        """The Hartree-Fock string, carried-over strings, and new ones drawn by their weight among the samples."""
        pools = strings_by_weight(configurations)
        carried = self._carried(best)
        n_elec, most = self.problem.n_elec, self.subspace.max_strings
        rng = named_stream(self.seed, self.name, "batch", index, batch)
        if self._same_strings:
            include = np.concatenate([lowest_string(n_elec[0]), carried[0]])
            return draw_strings(combine_spins(*pools), most, include=include, rng=rng), None
        alpha, beta = (
            draw_strings(
                pools[spin], most, include=np.concatenate([lowest_string(n_elec[spin]), carried[spin]]), rng=rng
            )
            for spin in (0, 1)
        )
        return alpha, beta

    @property
    def _same_strings(self) -> bool:
        return self.subspace.same_strings and self.problem.two_s == 0

    def _carried(self, best: State | None) -> list[Strings]:
        """The heaviest strings of the best state so far, for each spin."""
        if best is None:
            return [np.zeros((0, 2), dtype=np.uint64)] * 2
        weighted = list(zip((best.alpha, best.beta), best.string_weights(), strict=True))
        if self._same_strings:
            weighted = [combine_spins(*weighted)] * 2
        keep = int(self.subspace.carry_over_share * self.subspace.max_strings)
        threshold = self.samples.carry_over_threshold
        return [carry_over(strings, weights, keep=keep, threshold=threshold) for strings, weights in weighted]

    def _report(self, index: int, message: str, best: State | None = None, **values: float) -> None:
        if best is not None:
            values["energy_hartree"] = best.energy_hartree
        self.reporter.step(self.name, message, step=index - 1, total=self.subspace.max_iterations, **values)

    def _watch(self, index: int, batch: int, n_determinants: int) -> Watch:
        """Reports each iteration of the eigensolver."""
        n_batches = self.samples.n_batches
        of_batches = f" batch {batch + 1} of {n_batches}" if n_batches > 1 else ""

        def report(iteration: int, values: NDArray[np.float64], norms: NDArray[np.float64]) -> None:
            self._report(
                index,
                f"diagonalising{of_batches}, iteration {iteration}",
                n_determinants=n_determinants,
                energy_hartree=float(values[0]) + self.problem.hamiltonian.constant,
                residual_hartree=float(norms.max()),
            )

        return report


def require_loop_memory(problem: Problem, subspace: SubspaceSpec, *, n_shots: int) -> None:
    """Refuse, before anything is computed, a loop whose largest subspace would not fit into memory.

    Args:
        problem: What to solve.
        subspace: How strings are diagonalised.
        n_shots: Number of shots; a shot holds at most two strings that were not there before.

    Raises:
        ResourceError: The estimate is more than there is.
    """
    carried = int(subspace.carry_over_share * subspace.max_strings)
    most = min(subspace.max_strings, carried + 2 * n_shots + 1) if n_shots else subspace.max_strings
    sizes = [min(most, math.comb(problem.n_orb, n_electrons)) for n_electrons in problem.n_elec]
    require_subspace_memory(
        *sizes,
        n_orb=problem.n_orb,
        n_elec=problem.n_elec,
        n_roots=subspace.n_roots,
        budget_bytes=subspace.memory_budget_bytes,
    )


def solve_with_spec(
    hamiltonian: Hamiltonian,
    alpha: Strings,
    beta: Strings | None,
    subspace: SubspaceSpec,
    *,
    initial: State | None = None,
    callback: Watch | None = None,
) -> State:
    """Diagonalise one product space with the options of a spec."""
    n_beta = len(alpha) if beta is None else len(beta)
    n_states = len(alpha) * (len(alpha) - 1) // 2 if beta is None else len(alpha) * n_beta
    return solve_subspace(
        hamiltonian,
        unique_strings(alpha),
        None if beta is None else unique_strings(beta),
        two_s=subspace.two_s,
        spin_penalty_hartree=subspace.spin_penalty_hartree,
        n_roots=max(1, min(subspace.n_roots, n_states)),
        tolerance=subspace.residual_tolerance_hartree,
        max_iterations=subspace.max_eigensolver_iterations,
        initial=initial,
        n_threads=subspace.n_threads,
        memory_budget_bytes=subspace.memory_budget_bytes,
        callback=callback,
    )
