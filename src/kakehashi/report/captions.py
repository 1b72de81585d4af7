"""What stands under each figure, and what it says to those who cannot see it."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.core.errors import InputError
from kakehashi.problem.model import Reference
from kakehashi.report.chip_map import LABELLED_QUBITS
from kakehashi.report.estimate_figure import shown_rungs
from kakehashi.report.ledger import Ledger
from kakehashi.report.ledger_verdict import LEAST_DIFFERENCE_MHARTREE
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result
from kakehashi.report.processor_figure import processor_of
from kakehashi.report.summary import describe_orbitals
from kakehashi.report.tables import (
    format_count,
    format_energy,
    format_interval,
    format_large,
    format_mhartree,
    format_share,
)

__all__ = ["Caption", "caption_figure", "caption_ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """The words around a figure.

    Attributes:
        title: A few words.
        reading: One sentence on how to read it.
        alternative: What it shows, in words and numbers.
    """

    title: str
    reading: str
    alternative: str


def _distance(result: Result, energy_hartree: float) -> str:
    return _from_reference(result.reference, energy_hartree)


def _from_reference(reference: Reference | None, energy_hartree: float) -> str:
    if reference is None:
        return f"{format_energy(energy_hartree)} hartree"
    return f"{format_mhartree((energy_hartree - reference.energy_hartree) * HARTREE_TO_MHARTREE)} mHa"


def _about_control(result: Result) -> str:
    control = result.control
    if control is None:
        return "There is no control."
    text = f"Random strings: {_distance(result, control.energy_hartree)}."
    if control.loop_energy_hartree is not None:
        text += f" The loop on random bits: {_distance(result, control.loop_energy_hartree)}."
    return text


def _convergence(result: Result) -> Caption:
    first, last = result.iterations[0], result.iterations[-1]
    turns = "turn" if len(result.iterations) == 1 else "turns"
    base = "the error against the reference" if result.reference is not None else "the energy"
    return Caption(
        title="Energy in each turn of the loop",
        reading="Lower is better: each pale dot is one batch, the line joins the best of each turn, and the "
        "flat lines are for comparison; Hartree-Fock and random choices need no sampler.",
        alternative=f"Line chart of {base} in {len(result.iterations)} {turns}: from "
        f"{_distance(result, first.energy_hartree)} to {_distance(result, last.energy_hartree)}. "
        f"Hartree-Fock: {_distance(result, result.hartree_fock_hartree)}. {_about_control(result)}",
    )


def _size(result: Result) -> Caption:
    reading = "The most important strings come first, so that a flat end means that more would gain little."
    if result.control is not None:
        reading = "The gap between the two lines is what the choice of strings is worth."
    share = format_share(result.n_determinants / result.n_full_space)
    return Caption(
        title="Energy against the size of the subspace",
        reading=f"{reading} The full space has {format_large(result.n_full_space)} determinants, this subspace "
        f"{share} of them.",
        alternative=f"Line chart of energy against subspace size, up to {format_count(result.n_determinants)} "
        f"determinants, where this run reaches {_distance(result, result.energy_hartree)}. "
        f"{_about_control(result)}",
    )


def _occupancies(result: Result) -> Caption:
    excited = [
        float(result.occupancies[spin, count:].sum()) if count < result.n_orb else 0.0
        for spin, count in enumerate(result.n_elec)
    ]
    return Caption(
        title="Occupation of the orbitals",
        reading="Bars that differ from the pale ones behind them show electrons that have left the "
        f"Hartree-Fock orbitals: {excited[0]:.2f} alpha and {excited[1]:.2f} beta here.",
        alternative=f"Bar chart of the mean occupation of {result.n_orb} orbitals by alpha and beta electrons. "
        f"{excited[0]:.3f} alpha and {excited[1]:.3f} beta electrons are outside the lowest orbitals.",
    )


def _weights(result: Result) -> Caption:
    sampling = result.sampling
    smallest = sampling.state_histogram[0] + sampling.sampled_histogram[0]
    rest = " The leftmost bin holds all smaller weights, too." if smallest else ""
    return Caption(
        title="Weights sampled and weights needed",
        reading="What lies left of the dashed line weighs less than one shot, so that the sampler could hardly "
        f"see it: the classical loop had to find it.{rest}",
        alternative=f"Two histograms of weights on logarithmic axes: {format_count(sampling.n_in_sector)} "
        f"sampled configurations by their share of {format_count(sampling.n_shots)} shots, and the "
        f"{format_count(result.n_determinants)} determinants of the state by their squared coefficient.",
    )


def _estimate(result: Result) -> Caption:
    selected = result.selected
    if selected is None:
        raise InputError("This result has no estimate to show: set energy.max_determinants to a number above 0.")
    estimate, rungs = selected.estimate, shown_rungs(selected)
    spaces = ", ".join(
        f"{format_count(rung.n_determinants)} determinants at {_distance(result, rung.energy_hartree)}"
        for rung in rungs
    )
    if estimate.trusted:
        reading = (
            f"Each dot is a space, named by its number of determinants of {describe_orbitals(selected)}. The line "
            f"leads to where nothing is left outside: the estimate, with its 95 % interval "
            f"({format_interval(estimate)} mHa) as a bar."
        )
        end = f"The estimate is {_distance(result, estimate.energy_hartree)}."
    else:
        reading = (
            "Each dot is a space, named by its number of determinants. No line is drawn and there is no error bar: "
            f"{estimate.reason}."
        )
        end = "There is no estimate with an error bar."
    return Caption(
        title="The line to the exact energy",
        reading=reading,
        alternative=f"Chart of energy against second-order energy: {spaces}. {end}",
    )


def _ledger(result: Result) -> Caption:
    if result.ledger is None:
        raise InputError("This result has no ledger to show: set ledger.enabled to true.")
    return caption_ledger(result.ledger, result.reference)


def caption_ledger(ledger: Ledger, reference: Reference | None = None) -> Caption:
    """The words for the figure of a ledger.

    Example:
        >>> from kakehashi.report.example import example_ledger
        >>> caption_ledger(example_ledger()).title
        'What the samples are worth'
    """
    ends = ", ".join(
        f"{arm.name} {_from_reference(reference, arm.last.energy_hartree)} with "
        f"{format_count(arm.last.n_determinants)} determinants"
        for arm in ledger.arms
    )
    return Caption(
        title="What the samples are worth",
        reading="Blue begins with the device's samples, red with uniformly random determinants, black with the "
        "Hartree-Fock determinant alone. Dashed lines take determinants as they come; solid ones go on by heat-bath "
        "selection. Where blue is no lower than black and red, the shots added nothing. Differences up to "
        f"{LEAST_DIFFERENCE_MHARTREE:g} mHa, or up to what two random draws differ by, count as none; time on the "
        "device is not counted.",
        alternative="Two line charts of energy, against the number of determinants and against processor time. "
        f"The lines end at: {ends}.",
    )


def _chip(result: Result) -> Caption:
    processor = processor_of(result)
    place, chip = processor.placement, processor.chip
    n_qubits = 0 if chip is None else chip.n_qubits
    about = f"Map of the {format_count(n_qubits)} qubits of {processor.name} and their couplings, coloured by error."
    if place is None:
        return Caption(
            title=f"The chip of {processor.name}",
            reading="Blue is better than the median, red worse.",
            alternative=about,
        )
    listed = ", ".join(str(q) for q in place.used_qubits)
    reading = "The ringed qubits are the circuit's"
    if n_qubits <= LABELLED_QUBITS:
        reading += ", at its start: α1 holds the alpha electron of the first orbital"
        reading += ", and a number is a qubit that only joins others" if place.n_bridges else ""
    return Caption(
        title="Where the circuit lies",
        reading=f"{reading}. Blue is better than the chip's median, red worse.",
        alternative=f"{about} The circuit lies on the qubits {listed}.",
    )


def _errors(result: Result) -> Caption:
    processor = processor_of(result)
    means = processor.mean_errors
    listed = ", ".join(
        f"{name} {mean:.2g} (in {format_share(processor.error_budget[name])} of shots)" for name, mean in means.items()
    )
    total = (
        f"{sum(means.values()):.2g} in all, so that {format_share(processor.success_probability)} of shots have none."
    )
    return Caption(
        title="Errors by source",
        reading=f"Estimated before the run from the compiled circuit and the calibration. The bars add up: {total}",
        alternative=f"Bar chart of the mean number of errors in a shot: {listed or 'none'}.",
    )


CAPTIONS = {
    "convergence": _convergence,
    "size": _size,
    "occupancies": _occupancies,
    "weights": _weights,
    "estimate": _estimate,
    "ledger": _ledger,
    "chip": _chip,
    "errors": _errors,
}


def caption_figure(result: Result, kind: str) -> Caption:
    """The words for one of the figures in :data:`kakehashi.report.figures.FIGURES`.

    Raises:
        InputError: The run left out what the figure shows.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> caption_figure(example_result(), "size").title
        'Energy against the size of the subspace'
    """
    return CAPTIONS[kind](result)
