"""The solvers by name, and which of them can be used here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from kakehashi.core.errors import MissingDependencyError
from kakehashi.core.registry import Registry
from kakehashi.energy.coupled_cluster import CoupledCluster
from kakehashi.energy.dmrg import Dmrg, has_block2
from kakehashi.energy.external import Dice, Sbd
from kakehashi.energy.fci import Fci
from kakehashi.energy.solver import Solver

__all__ = ["SOLVERS", "Availability", "Entry", "make_solver", "require_solver", "usable_solvers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A solver that can be asked for by name.

    Attributes:
        make: Makes it, with its own options or with none.
        objection: Says why it cannot be used here; nothing if it can.
        description: One line for a person.
    """

    make: Callable[..., Solver]
    objection: Callable[[], str]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether a solver can be used here.

    Attributes:
        name: Its name.
        usable: Whether it can.
        text: What it is, or why it cannot be used.
    """

    name: str
    usable: bool
    text: str


def _nothing() -> str:
    return ""


def _without_block2() -> str:
    return "" if has_block2() else "not installed; run: pip install 'kakehashi[dmrg]'"


def _without_program(program: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(program) else f"there is no program {program!r} on the PATH"


def _ccsd(**options: object) -> Solver:
    return CoupledCluster(triples=False, **options)  # type: ignore[arg-type]


SOLVERS: Registry[Entry] = Registry("solver")
"""Every solver that stands beside kakehashi's own."""

for _name, _entry in {
    "fci": Entry(make=Fci, objection=_nothing, description="exact, in the whole space (PySCF)"),
    "ccsd": Entry(make=_ccsd, objection=_nothing, description="coupled cluster, singles and doubles (PySCF)"),
    "ccsd(t)": Entry(make=CoupledCluster, objection=_nothing, description="the same with perturbative triples (PySCF)"),
    "dmrg": Entry(
        make=Dmrg, objection=_without_block2, description="density matrix renormalisation group, extrapolated (block2)"
    ),
    "dice": Entry(
        make=Dice,
        objection=_without_program(Dice().program),
        description="heat-bath configuration interaction with perturbation theory (Dice)",
    ),
    "sbd": Entry(
        make=Sbd,
        objection=_without_program(Sbd().program),
        description="diagonalisation in a product of strings (sbd)",
    ),
}.items():
    SOLVERS.add(_name, _entry)


def make_solver(name: str, **options: object) -> Solver:
    """A solver by name.

    Args:
        name: Such as ``"fci"`` or ``"ccsd(t)"``; capitals do not matter.
        options: The solver's own.

    Raises:
        InputError: There is no such solver, or an option is impossible.

    Example:
        >>> make_solver("FCI", n_threads=1).name
        'fci'
    """
    return SOLVERS[name.lower()].make(**options)


def require_solver(name: str) -> None:
    """Refuse a solver that cannot be used here, before anything is computed.

    Raises:
        InputError: There is no such solver.
        MissingDependencyError: Its package or program is not installed.

    Example:
        >>> require_solver("fci")
    """
    if objection := SOLVERS[name.lower()].objection():
        raise MissingDependencyError(f"The solver {name!r} cannot be used here: {objection}.")


def usable_solvers() -> tuple[Availability, ...]:
    """Every solver, and whether it can be used here.

    Example:
        >>> [found.name for found in usable_solvers() if found.name in ("ccsd", "fci") and found.usable]
        ['ccsd', 'fci']
    """
    return tuple(
        Availability(name=name, usable=not objection, text=objection or SOLVERS[name].description)
        for name in SOLVERS
        for objection in (SOLVERS[name].objection(),)
    )
