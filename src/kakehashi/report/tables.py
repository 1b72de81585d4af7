"""Numbers of a result as text, and the tables that the command line, the HTML page and a notebook show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kakehashi.energy.model import Estimate
from kakehashi.problem.model import Reference
from kakehashi.report.ledger import Arm, Ledger
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result

__all__ = [
    "Table",
    "energy_table",
    "format_count",
    "format_duration",
    "format_ends",
    "format_energy",
    "format_interval",
    "format_large",
    "format_mhartree",
    "format_share",
    "format_solver",
    "format_spin",
    "iteration_table",
    "ledger_table",
    "own_row",
    "rung_table",
    "stage_table",
]

OWN_ROW = "This run"
"""Label of the run's energy in the table of energies, where there is no other energy of it."""

SELECTED_ROW = "Selected CI, variational"
SAMPLES_ROW = "Samples alone, variational"

ALIKE = 0.02
"""Relative difference of the two halves of an interval that is not worth two numbers."""

ROUNDING_MHARTREE = 1e-7
"""Distances of energies up to this are rounding."""

TABLE_SIZES = (100, 1_000, 10_000)
"""Numbers of determinants at which the ledger's arms are set side by side."""

PROGRAMS = {"dice": "Dice", "sbd": "sbd"}
"""Solvers that are named after a program, not a method."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as text.

    Attributes:
        columns: Headings; a unit stands in parentheses.
        rows: Cells, as many per row as there are headings.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def format_energy(energy_hartree: float) -> str:
    """A total energy with 8 decimals.

    Example:
        >>> format_energy(-109.046671778)
        '-109.04667178'
    """
    return f"{energy_hartree:.8f}"


def format_mhartree(difference_mhartree: float, *, signed: bool = True) -> str:
    """A difference of energies in millihartree, with as many digits as help.

    Example:
        >>> [format_mhartree(x) for x in (0.7717, 69.31, -936.4, 0.00004, 0.0)]
        ['+0.772', '+69.3', '-936', '+4.0e-05', '0']
    """
    size = abs(difference_mhartree)
    if size == 0:
        return "0"
    sign = "+" if signed else ""
    if size < 0.001:
        return f"{difference_mhartree:{sign}.1e}"
    decimals = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{difference_mhartree:{sign},.{decimals}f}"


def format_interval(estimate: Estimate) -> str:
    """The distances of an interval's ends from the estimate in millihartree; one where they are alike.

    Example:
        >>> ends = {"low_hartree": -1.00012, "high_hartree": -0.99995, "trusted": True, "reason": "", "n_rungs": 4}
        >>> format_interval(Estimate(energy_hartree=-1.0, **ends))
        '−0.120 / +0.050'
    """
    return format_ends(estimate.energy_hartree, estimate.low_hartree, estimate.high_hartree)


def format_ends(energy_hartree: float, low_hartree: float, high_hartree: float) -> str:
    """The same for any energy and its interval."""
    below = (energy_hartree - low_hartree) * HARTREE_TO_MHARTREE
    above = (high_hartree - energy_hartree) * HARTREE_TO_MHARTREE
    if abs(below - above) <= max(ALIKE * max(below, above), ROUNDING_MHARTREE):
        return f"±{_half_width(max(below, above))}"
    return f"−{_half_width(below)} / +{_half_width(above)}"


def _half_width(distance_mhartree: float) -> str:
    """A half width is never said to be smaller than it is."""
    if distance_mhartree <= ROUNDING_MHARTREE:
        return "0"
    return format_mhartree(max(distance_mhartree, 0.001), signed=False)


def format_count(count: float) -> str:
    """A number of things, with thousands set apart.

    Example:
        >>> format_count(4000000)
        '4,000,000'
    """
    return f"{count:,.0f}"


def format_large(count: int) -> str:
    """A number of things that may be astronomical: in full up to ten digits, then as a power of ten.

    Example:
        >>> format_large(19079424), format_large(8862957169158400)
        ('19,079,424', '8.86 × 10¹⁵')
    """
    if count < 10**10:
        return format_count(count)
    # A number of determinants can be too large for a float.
    mantissa, exponent = f"{Decimal(count):.2e}".split("e+")
    return f"{mantissa} × 10{exponent.translate(SUPERSCRIPTS)}"


def format_share(share: float) -> str:
    """A share as a percentage; neither 0 % nor 100 % is said unless it is exactly that.

    Example:
        >>> [format_share(x) for x in (0.2096, 0.00054, 0.0000001, 0.99999, 1.0)]
        ['21.0 %', '0.054 %', '< 0.001 %', '> 99.9 %', '100 %']
    """
    percent = 100 * share
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent < 0.001:
        return "< 0.001 %"
    if percent >= 99.95:
        return "> 99.9 %"
    decimals = 3 if percent < 0.1 else 2 if percent < 1 else 1
    return f"{percent:.{decimals}f} %"


def format_duration(seconds: float) -> str:
    """A time for a person.

    Example:
        >>> [format_duration(x) for x in (0.0421, 12.34, 130, 3780, 187200)]
        ['0.042 s', '12.3 s', '2 min 10 s', '1 h 03 min', '2 d 4 h']
    """
    if seconds < 1:
        return f"{seconds:.3f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def format_spin(spin_squared: float) -> str:
    """<S^2> with 4 decimals; rounding noise below zero is not shown as a minus sign.

    Example:
        >>> format_spin(-1e-12), format_spin(2.00004)
        ('0.0000', '2.0000')
    """
    return f"{round(spin_squared, 4) + 0.0:.4f}"


def format_solver(name: str) -> str:
    """A solver's name as people write it.

    Example:
        >>> [format_solver(name) for name in ("ccsd(t)", "dice")]
        ['CCSD(T)', 'Dice']
    """
    return PROGRAMS.get(name, name.upper())


def _difference(energy: float, base: float) -> str:
    return format_mhartree((energy - base) * HARTREE_TO_MHARTREE)


def energy_table(result: Result) -> Table:
    """The energies side by side, lowest first, with their distance from the reference or from this run.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> energy_table(example_result()).columns
        ('', 'Energy (hartree)', 'Above FCI (mHa)')
    """
    selected = result.selected
    rows = [("Hartree-Fock", result.hartree_fock_hartree)]
    if selected is None:
        base, name = result.energy_hartree, "this run"
        rows.append((OWN_ROW, base))
    else:
        base, name = selected.last.energy_hartree, "selected CI"
        rows += [(SAMPLES_ROW, result.energy_hartree), (SELECTED_ROW, base)]
        if selected.estimate.trusted:
            base, name = selected.estimate.energy_hartree, "the estimate"
            rows.append((own_row(result), base))
    if result.control is not None:
        rows.append(("Random strings, same size", result.control.energy_hartree))
        if result.control.loop_energy_hartree is not None:
            rows.append(("Same loop on random bits", result.control.loop_energy_hartree))
    rows += [(format_solver(solution.solver), solution.energy_hartree) for solution in result.classical]
    if result.reference is not None:
        base, name = result.reference.energy_hartree, result.reference.method
        rows.append((f"Reference ({name})", base))
    rows.sort(key=lambda row: row[1])
    return Table(
        columns=("", "Energy (hartree)", f"Above {name} (mHa)"),
        rows=tuple((label, format_energy(energy), _difference(energy, base)) for label, energy in rows),
    )


def own_row(result: Result) -> str:
    """Label of the row of :func:`energy_table` that the run stands for.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> own_row(example_result())
        'Estimate (±0 mHa)'
    """
    if result.selected is None:
        return OWN_ROW
    estimate = result.selected.estimate
    if estimate.trusted:
        return f"Estimate ({format_interval(estimate)} mHa)"
    return SELECTED_ROW if result.selected.last.energy_hartree <= result.energy_hartree else SAMPLES_ROW


def rung_table(result: Result) -> Table:
    """The growing spaces of the lowest state; empty where there are none.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> rung_table(example_result()).rows[-1][:2]
        ('2', '-1.13727017')
    """
    rungs = () if result.selected is None else result.selected.rungs[0]
    return Table(
        columns=("Determinants", "Energy (hartree)", "Second order (mHa)", "⟨S²⟩", "CPU time"),
        rows=tuple(
            (
                format_count(rung.n_determinants),
                format_energy(rung.energy_hartree),
                format_mhartree(rung.second_order_hartree * HARTREE_TO_MHARTREE),
                format_spin(rung.spin_squared),
                format_duration(rung.cpu_s),
            )
            for rung in rungs
        ),
    )


def iteration_table(result: Result) -> Table:
    """One row per turn of the loop.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> iteration_table(example_result()).rows[0][:2]
        ('1', '-1.13727017')
    """
    base = result.reference_hartree
    rows = []
    for turn in result.iterations:
        spread = max(turn.batch_energies_hartree, default=0.0) - min(turn.batch_energies_hartree, default=0.0)
        rows.append(
            (
                str(turn.index),
                format_energy(turn.energy_hartree),
                _difference(turn.energy_hartree, result.energy_hartree if base is None else base),
                format_mhartree(spread * HARTREE_TO_MHARTREE, signed=False),
                format_count(turn.n_determinants),
                format_count(turn.n_configurations),
                format_spin(turn.spin_squared),
                format_duration(turn.elapsed_s),
            )
        )
    return Table(
        columns=(
            "Turn",
            "Energy (hartree)",
            "Error (mHa)" if base is not None else "Above the result (mHa)",
            "Spread of batches (mHa)",
            "Determinants",
            "Configurations",
            "⟨S²⟩",
            "Elapsed",
        ),
        rows=tuple(rows),
    )


def stage_table(result: Result) -> Table:
    """Where the time went.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> stage_table(example_result()).rows[0]
        ('problem', '0.100 s', '50.0 %')
    """
    total = sum(result.stage_s.values())
    return Table(
        columns=("Stage", "Time", "Share"),
        rows=tuple(
            (stage, format_duration(seconds), format_share(seconds / total if total else 0.0))
            for stage, seconds in result.stage_s.items()
        ),
    )


def ledger_table(
    ledger: Ledger, *, reference: Reference | None = None, base_hartree: float | None = None, base: str = ""
) -> Table:
    """The arms of a ledger side by side: millihartree above the reference at some sizes, and where each ends.

    Args:
        ledger: The ledger.
        reference: The known answer.
        base_hartree: What energies are measured from where there is no reference; the lowest one if not given.
        base: Its name.

    Example:
        >>> from kakehashi.report.example import example_ledger
        >>> ledger_table(example_ledger()).columns[:2]
        ('Above the lowest energy (mHa)', 'Determinants')
    """
    if reference is not None:
        base_hartree, base = reference.energy_hartree, reference.method
    elif base_hartree is None:
        base_hartree, base = ledger.lowest_hartree, "the lowest energy"
    largest = max(arm.last.n_determinants for arm in ledger.arms)
    sizes = [size for size in TABLE_SIZES if size < largest]

    def cells(arm: Arm) -> tuple[str, ...]:
        energies = [arm.energy_at(size) for size in sizes]
        return (
            arm.name,
            *("–" if energy is None else _difference(energy, base_hartree) for energy in energies),
            format_count(arm.last.n_determinants),
            _difference(arm.last.energy_hartree, base_hartree),
            format_spin(arm.last.spin_squared),
            format_duration(arm.last.cpu_s),
        )

    return Table(
        columns=(
            f"Above {base} (mHa)",
            *(f"at {format_count(size)}" for size in sizes),
            "Determinants",
            "at the end",
            "⟨S²⟩",
            "CPU time",
        ),
        rows=tuple(cells(arm) for arm in ledger.arms),
    )
