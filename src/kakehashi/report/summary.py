"""A result in a dozen lines, the most important first: what the command line, the HTML page and a notebook show."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.core.resources import format_bytes
from kakehashi.report.classical import describe_solution
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result
from kakehashi.report.processor_words import describe_calibration, describe_cost
from kakehashi.report.properties import StateProperties
from kakehashi.report.properties_table import (
    describe_fractional,
    describe_spins,
    format_component,
    fractional_occupations,
    spin_atoms,
)
from kakehashi.report.selected import SelectedSummary
from kakehashi.report.tables import (
    format_count,
    format_duration,
    format_energy,
    format_interval,
    format_mhartree,
    format_share,
    format_solver,
    format_spin,
)

__all__ = ["Row", "describe_orbitals", "is_converged", "summary_rows"]

ROUNDING_HARTREE = 1e-7
"""How far the energies of two programs may be from each other where both are exact."""


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


def describe_orbitals(selected: SelectedSummary) -> str:
    """The orbitals of selected CI, in words.

    Example:
        >>> from kakehashi.report.example import example_selected
        >>> describe_orbitals(example_selected())
        'the given orbitals'
    """
    return "the given orbitals" if selected.orbitals == "given" else f"{selected.orbitals} orbitals"


def _difference(energy: float, base: float) -> str:
    return format_mhartree((energy - base) * HARTREE_TO_MHARTREE)


def _expected_spin(result: Result) -> str:
    """<S^2> of the lowest spin that the electron counts allow; a run may well be after another."""
    s = abs(result.n_elec[0] - result.n_elec[1]) / 2
    names = {0.0: "singlet", 0.5: "doublet", 1.0: "triplet"}
    name = names.get(s, f"state of spin {s:g}")
    return f"a pure {name} has {s * (s + 1):g}"


def _above(result: Result, energy: float) -> str:
    """An energy's distance from the reference, for a note; nothing where there is no reference."""
    if result.reference is None:
        return ""
    return f"; {_difference(energy, result.reference.energy_hartree)} mHa from {result.reference.method}"


def _estimate_rows(result: Result, selected: SelectedSummary) -> list[Row]:
    """The estimate with its interval, or else what is certain and why there is no more."""
    estimate, reference = selected.estimate, result.reference
    if not estimate.trusted:
        bound = result.bound_hartree
        note = f"certain, but no error bar: {estimate.reason}"
        rows = [Row(label="Upper bound", value=format_energy(bound), unit="hartree", note=note)]
        if reference is not None:
            error = _difference(bound, reference.energy_hartree)
            rows.append(Row(label="Error of the bound", value=error, unit="mHa"))
        return rows
    value = format_energy(estimate.energy_hartree)
    rows = [Row(label="Estimate", value=value, unit="hartree", note="of the exact energy")]
    cut = estimate.high_hartree >= selected.last.energy_hartree > estimate.energy_hartree
    note = "it ends at the variational energy, which is an upper bound" if cut else estimate.reason
    rows.append(Row(label="95 % interval", value=format_interval(estimate), unit="mHa", note=note))
    if reference is not None:
        margin = max(reference.uncertainty_hartree, ROUNDING_HARTREE)
        exact = reference.energy_hartree
        inside = estimate.low_hartree - margin <= exact <= estimate.high_hartree + margin
        where = f"{reference.method} is {'inside' if inside else 'outside'} the interval"
        error = _difference(estimate.energy_hartree, exact)
        rows.append(Row(label="Error of the estimate", value=error, unit="mHa", note=where))
    return rows


def _state_rows(selected: SelectedSummary) -> list[Row]:
    """The other states."""
    ground = selected.estimate.energy_hartree
    rows = []
    for index, (estimate, rungs) in enumerate(zip(selected.estimates, selected.rungs, strict=True)):
        if index == 0:
            continue
        bar = f"{format_interval(estimate)} mHa" if estimate.trusted else f"no error bar: {estimate.reason}"
        energy = estimate.energy_hartree if estimate.trusted else rungs[-1].energy_hartree
        above = _difference(energy, ground if estimate.trusted else selected.last.energy_hartree)
        rows.append(
            Row(
                label=f"State {index}",
                value=format_energy(energy),
                unit="hartree",
                note=f"{bar}; {above} mHa above the ground state; ⟨S²⟩ {format_spin(rungs[-1].spin_squared)}",
            )
        )
    return rows


def _selected_rows(result: Result, selected: SelectedSummary) -> list[Row]:
    last = selected.last
    error = f"±{format_mhartree(last.second_order_error_hartree * HARTREE_TO_MHARTREE, signed=False)} mHa statistical"
    return [
        *_estimate_rows(result, selected),
        *_state_rows(selected),
        Row(
            label="Selected CI",
            value=format_energy(last.energy_hartree),
            unit="hartree",
            note=f"variational: an upper bound; {format_count(last.n_determinants)} determinants of "
            f"{describe_orbitals(selected)}{_above(result, last.energy_hartree)}",
        ),
        Row(
            label="Second-order energy",
            value=format_mhartree(last.second_order_hartree * HARTREE_TO_MHARTREE),
            unit="mHa",
            note=f"of what lies outside; {error if last.second_order_error_hartree else 'no statistical error'}",
        ),
        Row(
            label="⟨S²⟩ of selected CI",
            value=format_spin(last.spin_squared),
            note=_expected_spin(result),
        ),
        *_property_rows(selected.properties[0]),
        Row(
            label="Samples alone",
            value=format_energy(result.energy_hartree),
            unit="hartree",
            note=f"variational: an upper bound; {format_count(result.n_determinants)} determinants"
            f"{_above(result, result.energy_hartree)}",
        ),
    ]


def _property_rows(properties: StateProperties) -> list[Row]:
    """What the density of the lowest state tells."""
    listed = describe_fractional(properties)
    about = f"natural occupations {listed}" if listed else "all natural occupations are near 0 or 2"
    note = f"{about}; {properties.n_unpaired:.2f} unpaired electrons"
    rows = [Row(label="Open orbitals", value=str(len(fractional_occupations(properties))), note=note)]
    size, dipole = properties.dipole_size_debye, properties.dipole_debye
    if size is not None and dipole is not None:
        components = ", ".join(format_component(value) for value in dipole)
        note = f"({components}) along x, y, z; from minus to plus"
        rows.append(Row(label="Dipole moment", value=f"{size:.3f}", unit="debye", note=note))
    if with_spin := spin_atoms(properties):
        note = f"alpha minus beta electrons: {describe_spins(properties)}"
        rows.append(Row(label="Atoms with spin", value=str(len(with_spin)), note=note))
    return rows


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
    if result.selected is not None:
        rows = _selected_rows(result, result.selected)
    reference = result.reference
    if reference is not None and result.error_mhartree is not None:
        note = f"{reference.method}; {reference.source}" if reference.source else reference.method
        rows.append(Row(label="Reference", value=format_energy(reference.energy_hartree), unit="hartree", note=note))
        within = (
            f"the reference itself is certain to {reference.uncertainty_hartree * HARTREE_TO_MHARTREE:.2g} mHa"
            if reference.uncertainty_hartree
            else ""
        )
        label = "Error" if result.selected is None else "Error of the samples"
        rows.append(Row(label=label, value=format_mhartree(result.error_mhartree), unit="mHa", note=within))
    rows += _classical_rows(result)
    rows += [
        Row(
            label=f"Root {index}" if result.selected is None else f"Root {index} of the samples",
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
            note=f"{_difference(result.hartree_fock_hartree, base)} mHa from {_this(result)}",
        )
    )
    return rows


def _classical_rows(result: Result) -> list[Row]:
    """The energies of other solvers."""
    return [
        Row(
            label=format_solver(solution.solver),
            value=format_energy(solution.energy_hartree),
            unit="hartree",
            note=describe_solution(result, solution),
        )
        for solution in result.classical
    ]


def _this(result: Result) -> str:
    return "this run" if result.selected is None else "the samples alone"


def _control_rows(result: Result) -> list[Row]:
    control, base = result.control, result.energy_hartree
    if control is None:
        return [Row(label="Control", value="none", note="it was switched off in the spec")]
    rows = [
        Row(
            label="Control: random strings",
            value=format_energy(control.energy_hartree),
            unit="hartree",
            note=f"{_difference(control.energy_hartree, base)} mHa from {_this(result)}; "
            f"{format_count(control.n_determinants)} determinants",
        )
    ]
    if control.loop_energy_hartree is not None:
        rows.append(
            Row(
                label="Control: loop on random bits",
                value=format_energy(control.loop_energy_hartree),
                unit="hartree",
                note=f"{_difference(control.loop_energy_hartree, base)} mHa from {_this(result)}",
            )
        )
    return rows


def _processor_rows(result: Result) -> list[Row]:
    """The processor and what its errors left of the shots."""
    processor = result.processor
    if processor is None:
        return []
    about = f"calibration {describe_calibration(processor)}"
    if (place := processor.placement) is not None:
        about += f"; {format_count(place.n_two_qubit_gates)} two-qubit gates, {place.duration_us:.3g} µs"
    return [
        Row(label="Processor", value=processor.name, note=about),
        Row(
            label="Shots without any error",
            value=format_share(processor.success_probability),
            note=f"estimated; {describe_cost(processor)}",
        ),
    ]


def summary_rows(result: Result) -> tuple[Row, ...]:
    """The result in a dozen lines: estimate, state, energies, control, sampling, cost.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> [row.label for row in summary_rows(example_result())][:3]
        ['Estimate', '95 % interval', 'Error of the estimate']
    """
    sampling = result.sampling
    share = format_share(result.n_determinants / result.n_full_space)
    of_samples = "" if result.selected is None else " of the samples"
    return (
        *_energy_rows(result),
        *_control_rows(result),
        Row(label=f"⟨S²⟩{of_samples}", value=format_spin(result.spin_squared), note=_expected_spin(result)),
        Row(
            label=f"Determinants{of_samples}",
            value=format_count(result.n_determinants),
            note=f"{format_count(result.n_alpha_strings)} alpha × {format_count(result.n_beta_strings)} beta "
            f"strings; {share} of the full space",
        ),
        Row(label="Shots", value=format_count(sampling.n_shots), note=f"device: {sampling.device}"),
        *_processor_rows(result),
        Row(
            label="Sampled configurations",
            value=format_count(sampling.n_in_sector),
            note=f"{format_share(sampling.in_sector_fraction)} of shots had the right electron numbers; "
            f"{format_count(sampling.n_recovered)} configurations after recovery",
        ),
        Row(label="Eigensolver converged", value="yes" if is_converged(result) else "no"),
        Row(label="Seed", value=str(result.seed)),
        Row(label="Wall time", value=format_duration(result.wall_s)),
        Row(label="Peak memory", value=format_bytes(result.peak_memory_bytes)),
    )


def is_converged(result: Result) -> bool:
    """Whether the eigensolver reached its tolerance in every space that the result stands on."""
    return result.converged and (result.selected is None or result.selected.converged)
