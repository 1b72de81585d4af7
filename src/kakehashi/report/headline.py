"""What stands first in a report: the energy, how far it can be trusted, and the numbers beside it."""

from __future__ import annotations

from typing import Any

from kakehashi.core.resources import format_bytes
from kakehashi.report.axes import KCAL_PER_MOL_MHARTREE
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result
from kakehashi.report.summary import describe_orbitals, is_converged
from kakehashi.report.tables import (
    format_count,
    format_duration,
    format_energy,
    format_interval,
    format_mhartree,
    format_share,
    format_spin,
)

__all__ = ["make_facts", "make_headline"]

MINUS = "\N{MINUS SIGN}"

WORTH_SAYING_HARTREE = 1e-6
"""A reference's uncertainty below this is left out of the headline."""


def make_headline(result: Result) -> dict[str, Any]:
    """The energy with its interval and its distance from the reference, and what to know of it.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> headline = make_headline(example_result())
        >>> headline["energy"], headline["label"]
        ('−1.13727017', 'Ground-state energy, estimated')
    """
    energy, label, interval = _energy(result)
    reference = result.reference
    pills = [
        {"text": "eigensolver converged", "mood": "good"}
        if is_converged(result)
        else {"text": "eigensolver not converged", "mood": "bad"}
    ]
    if result.selected is not None and not result.selected.estimate.trusted:
        pills.insert(0, {"text": "no error bar", "mood": "bad"})
    error, against = "", ""
    if reference is not None:
        distance = (energy - reference.energy_hartree) * HARTREE_TO_MHARTREE
        error = f"{format_mhartree(abs(distance), signed=False)} mHa"
        against = f"{'above' if distance >= 0 else 'below'} {reference.method}"
        if abs(distance) <= KCAL_PER_MOL_MHARTREE:
            pills.append({"text": "within 1 kcal/mol of the reference", "mood": "good"})
    pills += [
        {"text": f"device: {result.sampling.device}", "mood": ""},
        {"text": f"seed {result.seed}", "mood": ""},
    ]
    return {
        "label": label,
        "energy": format_energy(energy).replace("-", MINUS),
        "interval": interval,
        "error": error,
        "against": against,
        "remark": f"{_about_energy(result)}{_about_reference(result)}.",
        "pills": pills,
    }


def _energy(result: Result) -> tuple[float, str, str]:
    """The energy that the run stands for, what it is, and its interval."""
    if result.selected is None:
        return result.energy_hartree, "Ground-state energy", ""
    estimate = result.selected.estimate
    if not estimate.trusted:
        return result.bound_hartree, "Upper bound on the ground-state energy", ""
    return estimate.energy_hartree, "Ground-state energy, estimated", f"{format_interval(estimate)} mHa"


def _about_energy(result: Result) -> str:
    """What kind of energy it is."""
    selected = result.selected
    if selected is None:
        kind = "Variational: an upper bound on the exact energy"
        return kind if result.reference is not None else f"{kind}{_about_last_turn(result)}"
    bound = format_energy(selected.last.energy_hartree).replace("-", MINUS)
    size = f"{format_count(selected.last.n_determinants)} determinants of {describe_orbitals(selected)}"
    if not selected.estimate.trusted:
        return f"No error bar: {selected.estimate.reason}. Selected CI ends at {bound} with {size}"
    return f"The interval holds the exact energy in 95 % of cases. Upper bound: {bound}, from {size}"


def _about_last_turn(result: Result) -> str:
    if len(result.iterations) < 2:
        return ""
    last, before = result.iterations[-1], result.iterations[-2]
    step = (last.energy_hartree - before.energy_hartree) * HARTREE_TO_MHARTREE
    return f", and the last turn of the loop changed it by {format_mhartree(step)} mHa"


def _about_reference(result: Result) -> str:
    reference = result.reference
    if reference is None:
        return ". No reference is known"
    text = f". Reference: {format_energy(reference.energy_hartree).replace('-', MINUS)}"
    if reference.uncertainty_hartree >= WORTH_SAYING_HARTREE:
        text += f" ± {format_mhartree(reference.uncertainty_hartree * HARTREE_TO_MHARTREE, signed=False)} mHa"
    if result.bound_hartree < reference.energy_hartree - reference.uncertainty_hartree:
        text += ". A variational energy below it says that the reference is not exact for this Hamiltonian"
    return text


def make_facts(result: Result) -> list[dict[str, str]]:
    """Half a dozen numbers that stand beside the energy.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> make_facts(example_result())[0]["note"]
        'and 4 from the samples alone'
    """
    sampling, selected = result.sampling, result.selected
    note = f"{format_share(result.n_determinants / result.n_full_space)} of the full space"
    n_determinants, spin_squared = result.n_determinants, result.spin_squared
    if selected is not None:
        note = f"and {format_count(n_determinants)} from the samples alone"
        n_determinants, spin_squared = selected.last.n_determinants, selected.last.spin_squared
    return [
        {"label": "Determinants", "value": format_count(n_determinants), "note": note},
        {
            "label": "⟨S²⟩",
            "value": format_spin(spin_squared),
            "note": f"{result.n_elec[0]} alpha, {result.n_elec[1]} beta electrons",
        },
        {
            "label": "Shots",
            "value": format_count(sampling.n_shots),
            "note": f"{format_share(sampling.in_sector_fraction)} with the right electron numbers",
        },
        {
            "label": "Sampled configurations",
            "value": format_count(sampling.n_in_sector),
            "note": f"{sampling.new_per_1000_shots:.3g} per 1,000 shots",
        },
        {"label": "Wall time", "value": format_duration(result.wall_s), "note": ""},
        {"label": "Peak memory", "value": format_bytes(result.peak_memory_bytes), "note": ""},
    ]
