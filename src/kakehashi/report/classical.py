"""Energies of other solvers as text: a line for the summary, and a table."""

from __future__ import annotations

from kakehashi.energy.solver import Solution
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result
from kakehashi.report.tables import (
    Table,
    format_duration,
    format_ends,
    format_energy,
    format_mhartree,
    format_solver,
    format_spin,
)

__all__ = ["classical_base", "classical_table", "describe_solution"]


def classical_base(result: Result) -> tuple[float, str]:
    """What the energies of other solvers are measured from: the reference, else the estimate, else what is certain.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> classical_base(example_result())[1]
        'FCI'
    """
    if result.reference is not None:
        return result.reference.energy_hartree, result.reference.method
    if result.selected is not None and result.selected.estimate.trusted:
        return result.selected.estimate.energy_hartree, "the estimate"
    return result.bound_hartree, "the lowest variational energy"


def _difference(energy: float, base: float) -> str:
    return format_mhartree((energy - base) * HARTREE_TO_MHARTREE)


def describe_solution(result: Result, solution: Solution) -> str:
    """What to know of an energy, in a line: its distance, its kind, its interval, and what it took.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> describe_solution(example_result(), example_result().classical[0])
        'classical; 0 mHa from FCI; not variational; 0.030 s'
    """
    base, name = classical_base(result)
    parts = [f"classical; {_difference(solution.energy_hartree, base)} mHa from {name}"]
    bound = solution.variational_hartree
    if bound is None:
        parts.append("not variational")
    elif bound == solution.energy_hartree:
        parts.append("variational: an upper bound")
    else:
        parts.append(f"upper bound {format_energy(bound)}")
    if solution.interval_hartree is not None:
        parts.append(f"95 % interval {format_ends(solution.energy_hartree, *solution.interval_hartree)} mHa")
    if not solution.converged:
        parts.append("not converged")
    parts.append(format_duration(solution.wall_s))
    return "; ".join(parts)


def classical_table(result: Result) -> Table:
    """The energies of other solvers side by side.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> classical_table(example_result()).rows[0][:3]
        ('CCSD(T)', '-1.13727017', '0')
    """
    base, name = classical_base(result)

    def cells(solution: Solution) -> tuple[str, ...]:
        ends, bound, spin = solution.interval_hartree, solution.variational_hartree, solution.spin_squared
        return (
            format_solver(solution.solver),
            format_energy(solution.energy_hartree),
            _difference(solution.energy_hartree, base),
            "–" if ends is None else format_ends(solution.energy_hartree, *ends),
            "–" if bound is None else format_energy(bound),
            "–" if spin is None else format_spin(spin),
            "yes" if solution.converged else "no",
            format_duration(solution.wall_s),
        )

    return Table(
        columns=(
            "Solver",
            "Energy (hartree)",
            f"Above {name} (mHa)",
            "95 % interval (mHa)",
            "Upper bound (hartree)",
            "⟨S²⟩",
            "Converged",
            "Wall time",
        ),
        rows=tuple(cells(solution) for solution in result.classical),
    )
