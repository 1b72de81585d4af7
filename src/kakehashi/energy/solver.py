"""What every way from a problem to an energy offers, so that their answers stand side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np

from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, silent
from kakehashi.problem.model import Problem

__all__ = ["Clock", "Solution", "Solver", "WantedSpin", "spin_squared_of", "wanted_two_s"]

WantedSpin: TypeAlias = int | Literal["any"] | None
"""Twice the total spin of the wanted state; ``"any"`` for the lowest state of all that the electron numbers allow; None
for the smallest spin that they allow, ``|n_alpha - n_beta|``, as FCIDUMP's MS2 is commonly read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """An energy, and how far to trust it.

    Attributes:
        solver: Name of the solver.
        energy_hartree: Its best estimate of the ground state's total energy.
        interval_hartree: Interval that holds the exact energy with 95 % confidence, or None where there is none.
        variational_hartree: An upper bound on the exact energy, or None where the method gives none.
        spin_squared: ``<S^2>``, or None where the method does not tell.
        converged: Whether the method reached its own tolerance.
        wall_s: Seconds of wall time.
        cpu_s: Seconds of processor time, all threads.
        details: What else is worth knowing, such as a bond dimension; plain JSON values.

    Raises:
        InputError: An energy is not finite, or the interval does not ascend.

    Example:
        >>> Solution(solver="fci", energy_hartree=-1.0, converged=True, wall_s=0.1, cpu_s=0.1).interval_hartree is None
        True
    """

    solver: str
    energy_hartree: float
    interval_hartree: tuple[float, float] | None = None
    variational_hartree: float | None = None
    spin_squared: float | None = None
    converged: bool
    wall_s: float
    cpu_s: float
    details: Mapping[str, float | int | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("energy_hartree", "variational_hartree"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value):
                raise InputError(f"Argument `{name}` must be finite, but is {value}.")
        if self.interval_hartree is not None and not self.interval_hartree[0] <= self.interval_hartree[1]:
            raise InputError(f"Argument `interval_hartree` must ascend, but is {self.interval_hartree}.")


class Solver(Protocol):
    """A way from a problem to the energy of its ground state."""

    @property
    def name(self) -> str:
        """Short name, as a user writes it."""
        ...

    def solve(self, problem: Problem, *, progress: Progress = silent) -> Solution:
        """Solve the problem.

        Raises:
            InputError: The solver cannot treat the problem.
            MissingDependencyError: Its package or program is not installed.
            ResourceError: The problem needs more memory than there is.
            ConvergenceError: The method ended without an energy.
        """
        ...


class Clock:
    """Wall and processor time since it was made.

    Example:
        >>> Clock().wall_s >= 0
        True
    """

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    @property
    def wall_s(self) -> float:
        """Seconds of wall time."""
        return time.perf_counter() - self._began[0]

    @property
    def cpu_s(self) -> float:
        """Seconds of this process's processor time, all threads."""
        return time.process_time() - self._began[1]


def wanted_two_s(problem: Problem, wanted: WantedSpin) -> int | None:
    """Twice the total spin that is wanted for a problem, or None for any.

    Raises:
        InputError: The electrons cannot have this spin.

    Example:
        >>> flat = np.zeros((2, 2)), np.zeros((2, 2, 2, 2))
        >>> from kakehashi.problem.model import Hamiltonian
        >>> levels = Problem(name="x", hamiltonian=Hamiltonian(one_body=flat[0], two_body=flat[1]), n_elec=(2, 1))
        >>> wanted_two_s(levels, None), wanted_two_s(levels, "any")
        (1, None)
    """
    if wanted == "any":
        return None
    least = abs(problem.two_s)
    if wanted is None:
        return least
    n_electrons = sum(problem.n_elec)
    most = min(n_electrons, 2 * problem.n_orb - n_electrons)
    if not least <= wanted <= most or (wanted - least) % 2:
        allowed = f"{least}" if most == least else f"{least}, {least + 2} ... up to {most}"
        raise InputError(
            f"Argument `two_s` is {wanted}, but {problem.n_elec} electrons in {problem.n_orb} orbitals "
            f"have twice the total spin {allowed}."
        )
    return wanted


def spin_squared_of(two_s: int) -> float:
    """``S (S + 1)`` of twice the total spin.

    Example:
        >>> spin_squared_of(1)
        0.75
    """
    return two_s * (two_s + 2) / 4
