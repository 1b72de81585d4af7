"""Classical references beside a run: other solvers on the same problem, which see neither samples nor selection."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import field_validator

from kakehashi.core.errors import KakehashiError
from kakehashi.core.progress import Event, Reporter
from kakehashi.core.spec import Spec
from kakehashi.energy.solver import Solution, Solver
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.model import Problem
from kakehashi.workflow.clock import Clock
from kakehashi.workflow.folder import RunFolder

__all__ = ["ClassicalSpec", "References", "require_solvers", "solve_references"]

STAGE = "classical"


class ClassicalSpec(Spec):
    """Which solvers stand beside the run; the table ``[classical]``.

    Attributes:
        solvers: Names of :data:`kakehashi.energy.solvers.SOLVERS`, each once; capitals do not matter.

    Example:
        >>> ClassicalSpec(solvers=("CCSD(T)",)).solvers
        ('ccsd(t)',)
    """

    solvers: tuple[str, ...] = ()

    @field_validator("solvers")
    @classmethod
    def _are_solvers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            return ()
        from kakehashi.energy.solvers import SOLVERS  # the chemistry packages behind it take a second to load

        found: list[str] = []
        for name in map(str.lower, names):
            SOLVERS[name]  # refuses a wrong name
            if name in found:
                raise ValueError(f"{name!r} is named twice")
            found.append(name)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What the solvers found.

    Attributes:
        solutions: Those that have an energy, in the order in which they were asked for.
        warnings: One sentence for each that has none, or of which there is more to know.
    """

    solutions: tuple[Solution, ...] = ()
    warnings: tuple[str, ...] = ()


def require_solvers(spec: ClassicalSpec, folder: RunFolder | None = None) -> None:
    """Refuse solvers that cannot be used here.

    Args:
        spec: Which ones are wanted.
        folder: The run's folder; what an earlier call found there need not be solved again.

    Raises:
        MissingDependencyError: A package or program is not installed.

    Example:
        >>> require_solvers(ClassicalSpec(solvers=("fci",)))
    """
    if not spec.solvers:
        return
    from kakehashi.energy.solvers import require_solver

    known = {solution.solver for solution in _kept(folder)}
    for name in spec.solvers:
        if name not in known:
            require_solver(name)


def solve_references(
    problem: Problem,
    spec: ClassicalSpec,
    *,
    energy: EnergySpec | None = None,
    folder: RunFolder | None = None,
    clock: Clock | None = None,
    reporter: Reporter | None = None,
) -> References:
    """Solve the problem with each solver; one that fails costs a warning.

    Args:
        problem: The problem.
        spec: Which solvers.
        energy: Options of selected configuration interaction, whose wanted spin, threads and memory hold here, too, for
            the solvers that take them.
        folder: Where each solution is kept as soon as it is there; what an earlier call found is not solved again.
        clock: Counts the seconds.
        reporter: Told of each step.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> chain = load_problem("hydrogen-chain", n_atoms=4)
        >>> found = solve_references(chain, ClassicalSpec(solvers=("fci", "ccsd(t)")))
        >>> [solution.solver for solution in found.solutions], found.warnings
        (['fci', 'ccsd(t)'], ())
    """
    if not spec.solvers:
        return References()
    clock, reporter = clock or Clock(), reporter or Reporter()
    energy = EnergySpec() if energy is None else energy
    found, warnings = {solution.solver: solution for solution in _kept(folder)}, []
    clock.stage_s[STAGE] = sum(solution.wall_s for solution in found.values())
    with clock.stage(STAGE):
        for name in spec.solvers:
            solver, takes_spin = _make(name, energy)
            if energy.two_s not in (None, abs(problem.two_s)) and not takes_spin:
                warnings.append(
                    f"The classical reference {name!r} cannot be asked for a spin: it is after the lowest state, not "
                    f"after the lowest with two_s = {energy.two_s}."
                )
            if name in found:
                reporter.step(STAGE, f"{name} of the earlier call is there")
                continue
            reporter.step(STAGE, name)
            try:
                solution = solver.solve(problem, progress=_Relay(name, reporter))
            except KakehashiError as error:
                warnings.append(f"The classical reference {name!r} could not be had: {error}")
                continue
            found[name] = replace(solution, details=_finite(solution.details))
            if folder is not None:
                folder.keep_solutions(tuple(found.values()))
            reporter.step(STAGE, f"{name} done", energy_hartree=solution.energy_hartree)
    return References(solutions=tuple(found[name] for name in spec.solvers if name in found), warnings=tuple(warnings))


def _kept(folder: RunFolder | None) -> tuple[Solution, ...]:
    return () if folder is None else folder.solutions()


def _make(name: str, energy: EnergySpec) -> tuple[Solver, bool]:
    """A solver with those of the options that it takes, and whether it takes a spin."""
    from kakehashi.energy.solvers import make_solver

    options: dict[str, Any] = {
        "two_s": energy.two_s,
        "n_threads": energy.n_threads,
        "memory_budget_bytes": None if energy.memory_gib is None else int(energy.memory_gib * 2**30),
    }
    plain: Any = make_solver(name)
    taken = options.keys() & {field.name for field in fields(plain)}
    return make_solver(name, **{key: options[key] for key in taken}), "two_s" in taken


class _Relay:
    """Passes on what a solver reports, as steps of this stage."""

    def __init__(self, name: str, reporter: Reporter) -> None:
        self._name = name
        self._reporter = reporter

    def __call__(self, event: Event) -> None:
        words = [self._name, event.stage, event.message]
        message = ", ".join(dict.fromkeys(word for word in words if word))
        numbers: Any = event.values
        self._reporter.step(STAGE, message, **numbers)


def _finite(details: Any) -> dict[str, Any]:
    """What JSON can hold: amplitudes that did not converge may be anything."""
    return {key: value for key, value in details.items() if not isinstance(value, float) or math.isfinite(value)}
