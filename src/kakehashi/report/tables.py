"""Numbers of a result as text: the rows that the command line, the HTML page and a notebook show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kakehashi.core.resources import format_bytes
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result

__all__ = [
    "Row",
    "Table",
    "energy_table",
    "format_count",
    "format_duration",
    "format_energy",
    "format_large",
    "format_mhartree",
    "format_share",
    "format_spin",
    "iteration_table",
    "stage_table",
    "summary_rows",
]

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the summary.

    Attributes:
        label: What it is.
        value: The number as text, ready to be copied.
        unit: Its unit, or nothing.
        note: What a reader should know beside it, or nothing.
    """

    label: str
    value: str
    unit: str = ""
    note: str = ""


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


def _difference(energy: float, base: float) -> str:
    return format_mhartree((energy - base) * HARTREE_TO_MHARTREE)


def _expected_spin(result: Result) -> str:
    """<S^2> of the lowest spin that the electron counts allow; a run may well be after another."""
    s = abs(result.n_elec[0] - result.n_elec[1]) / 2
    names = {0.0: "singlet", 0.5: "doublet", 1.0: "triplet"}
    name = names.get(s, f"state of spin {s:g}")
    return f"a pure {name} has {s * (s + 1):g}"


def _energy_rows(result: Result) -> list[Row]:
    base = result.energy_hartree
    rows = [
        Row(
            label="Energy",
            value=format_energy(base),
            unit="hartree",
            note="variational: an upper bound on the exact energy",
        )
    ]
    reference = result.reference
    if reference is not None and result.error_mhartree is not None:
        note = f"{reference.method}; {reference.source}" if reference.source else reference.method
        rows.append(Row(label="Reference", value=format_energy(reference.energy_hartree), unit="hartree", note=note))
        within = (
            f"the reference itself is certain to {reference.uncertainty_hartree * HARTREE_TO_MHARTREE:.2g} mHa"
            if reference.uncertainty_hartree
            else ""
        )
        error = format_mhartree(result.error_mhartree)
        rows.append(Row(label="Error", value=error, unit="mHa", note=within))
    rows += [
        Row(
            label=f"Root {index}",
            value=format_energy(energy),
            unit="hartree",
            note=f"{_difference(energy, base)} mHa above the ground state",
        )
        for index, energy in enumerate(result.root_energies_hartree[1:], start=1)
    ]
    rows.append(
        Row(
            label="Hartree-Fock",
            value=format_energy(result.hartree_fock_hartree),
            unit="hartree",
            note=f"{_difference(result.hartree_fock_hartree, base)} mHa from this run",
        )
    )
    return rows


def _control_rows(result: Result) -> list[Row]:
    control, base = result.control, result.energy_hartree
    if control is None:
        return [Row(label="Control", value="none", note="it was switched off in the spec")]
    rows = [
        Row(
            label="Control: random strings",
            value=format_energy(control.energy_hartree),
            unit="hartree",
            note=f"{_difference(control.energy_hartree, base)} mHa from this run; "
            f"{format_count(control.n_determinants)} determinants",
        )
    ]
    if control.loop_energy_hartree is not None:
        rows.append(
            Row(
                label="Control: loop on random bits",
                value=format_energy(control.loop_energy_hartree),
                unit="hartree",
                note=f"{_difference(control.loop_energy_hartree, base)} mHa from this run",
            )
        )
    return rows


def summary_rows(result: Result) -> tuple[Row, ...]:
    """The result in a dozen lines: energies, control, state, sampling, cost.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> [row.label for row in summary_rows(example_result())][:3]
        ['Energy', 'Reference', 'Error']
    """
    sampling = result.sampling
    share = format_share(result.n_determinants / result.n_full_space)
    return (
        *_energy_rows(result),
        *_control_rows(result),
        Row(label="⟨S²⟩", value=format_spin(result.spin_squared), note=_expected_spin(result)),
        Row(
            label="Determinants",
            value=format_count(result.n_determinants),
            note=f"{format_count(result.n_alpha_strings)} alpha × {format_count(result.n_beta_strings)} beta "
            f"strings; {share} of the full space",
        ),
        Row(label="Shots", value=format_count(sampling.n_shots), note=f"device: {sampling.device}"),
        Row(
            label="Sampled configurations",
            value=format_count(sampling.n_in_sector),
            note=f"{format_share(sampling.in_sector_fraction)} of shots had the right electron numbers; "
            f"{format_count(sampling.n_recovered)} configurations after recovery",
        ),
        Row(label="Eigensolver converged", value="yes" if result.converged else "no"),
        Row(label="Seed", value=str(result.seed)),
        Row(label="Wall time", value=format_duration(result.wall_s)),
        Row(label="Peak memory", value=format_bytes(result.peak_memory_bytes)),
    )


def energy_table(result: Result) -> Table:
    """The energies side by side, lowest first, with their distance from the reference or from this run.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> energy_table(example_result()).columns
        ('', 'Energy (hartree)', 'Above FCI (mHa)')
    """
    rows = [("This run", result.energy_hartree), ("Hartree-Fock", result.hartree_fock_hartree)]
    base, name = result.energy_hartree, "this run"
    if result.control is not None:
        rows.append(("Random strings, same size", result.control.energy_hartree))
        if result.control.loop_energy_hartree is not None:
            rows.append(("Same loop on random bits", result.control.loop_energy_hartree))
    if result.reference is not None:
        base, name = result.reference.energy_hartree, result.reference.method
        rows.append((f"Reference ({name})", base))
    rows.sort(key=lambda row: row[1])
    return Table(
        columns=("", "Energy (hartree)", f"Above {name} (mHa)"),
        rows=tuple((label, format_energy(energy), _difference(energy, base)) for label, energy in rows),
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
