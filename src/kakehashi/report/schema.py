"""The JSON form of a result, key by key: what ``--json`` prints and ``result.schema.json`` describes.

The schema file is generated from the types below (:func:`make_schema`); a test fails when it lags behind.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from kakehashi.report.keys import Count, Document, doc
from kakehashi.report.processor_schema import ProcessorDocument

__all__ = ["SCHEMA_NAME", "ResultDocument", "SolutionDocument", "make_schema", "read_schema"]

SCHEMA_NAME = "kakehashi.result/1"
"""Name and version of the format; the number grows when a key changes its meaning or goes away."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class ReferenceDocument(Document):
    """The known answer."""

    energy_hartree: Annotated[float, doc("Total energy of the reference.", "hartree")]
    method: Annotated[str, doc("How it was computed, such as FCI.")]
    source: Annotated[str, doc("DOI, arXiv number, or the command that computes it.")]
    uncertainty_hartree: Annotated[
        float, doc("How far it may be from the exact energy of this Hamiltonian.", "hartree", ge=0)
    ]


class IterationDocument(Document):
    """One turn of the self-consistent loop."""

    index: Annotated[int, doc("1 for the first turn.", ge=0)]
    energy_hartree: Annotated[float, doc("Lowest total energy of this turn's batches.", "hartree")]
    batch_energies_hartree: Annotated[list[float], doc("Total energy of each batch.", "hartree")]
    n_alpha_strings: Annotated[int, doc("Number of alpha strings in the best batch.", ge=0)]
    n_beta_strings: Annotated[int, doc("Number of beta strings in the best batch.", ge=0)]
    n_determinants: Annotated[int, doc("Size of the best batch's subspace, their product.", ge=0)]
    spin_squared: Annotated[float, doc("<S^2> of the best batch's state.", "hbar^2")]
    n_configurations: Annotated[int, doc("Distinct configurations after recovery.", ge=0)]
    elapsed_s: Annotated[float, doc("Time since the run began, resumed time included.", "s", ge=0)]


class SizePointDocument(Document):
    """Energy of the state in a subspace made of the most important strings alone."""

    n_determinants: Annotated[int, doc("Size of the subspace.", ge=1)]
    energy_hartree: Annotated[float, doc("Total energy in it.", "hartree")]


class SamplingDocument(Document):
    """What the device gave."""

    device: Annotated[str, doc("Name of the device.")]
    n_shots: Annotated[int, doc("Number of shots.", ge=0)]
    n_distinct: Annotated[int, doc("Distinct bit strings among them.", ge=0)]
    in_sector_fraction: Annotated[
        float, doc("Share of shots with the right number of electrons of each spin, 0 to 1.", ge=0, le=1)
    ]
    n_in_sector: Annotated[int, doc("Distinct configurations among those shots.", ge=0)]
    n_recovered: Annotated[int, doc("Distinct configurations after recovery, in the last turn.", ge=0)]
    new_per_1000_shots: Annotated[
        float, doc("Distinct in-sector configurations per 1,000 shots.", "1/(1000 shots)", ge=0)
    ]
    weight_bins_log10: Annotated[
        list[float],
        doc(
            "Edges of both histograms' bins, ascending: log10 of a weight from 0 to 1; a weight beyond them "
            "counts in the outermost bin.",
            min_length=2,
        ),
    ]
    sampled_histogram: Annotated[
        list[Count],
        doc("Number of sampled in-sector configurations per bin of their share of in-sector shots."),
    ]
    state_histogram: Annotated[
        list[Count], doc("Number of determinants per bin of their weight |c|^2 in the final state.")
    ]


class ControlDocument(Document):
    """A subspace of uniformly random in-sector strings, solved the same way."""

    energy_hartree: Annotated[
        float,
        doc("Total energy for strings drawn at random once, the Hartree-Fock string included.", "hartree"),
    ]
    n_determinants: Annotated[int, doc("Size of its subspace.", ge=1)]
    spin_squared: Annotated[float, doc("<S^2> of its state.", "hbar^2")]
    size_curve: Annotated[list[SizePointDocument], doc("Its energy against subspace size, ascending.")]
    loop_energy_hartree: Annotated[
        float | None,
        doc(
            "Total energy when the whole loop runs on uniformly random bits instead of the device's shots; "
            "null where that was not run.",
            "hartree",
        ),
    ]


class EstimateDocument(Document):
    """The exact energy of the ground state as far as the growth of the spaces tells it."""

    energy_hartree: Annotated[float, doc("The most likely total energy.", "hartree")]
    low_hartree: Annotated[
        float, doc("Lower end of the interval: of 95 % where trusted, a mere hint otherwise.", "hartree")
    ]
    high_hartree: Annotated[float, doc("Upper end, never above the variational energy.", "hartree")]
    trusted: Annotated[bool, doc("Whether the growth is in the regime in which the interval was calibrated.")]
    reason: Annotated[str, doc("Why it is, or is not, in words that continue 'because'.")]


class StateEstimateDocument(EstimateDocument):
    """The exact energy of a state as far as the growth of the spaces tells it."""

    n_rungs: Annotated[int, doc("Spaces that were used.", ge=1)]


class RungDocument(Document):
    """One space of the growth, for one state."""

    n_determinants: Annotated[int, doc("Size of the space.", ge=1)]
    energy_hartree: Annotated[float, doc("Variational total energy.", "hartree")]
    second_order_hartree: Annotated[float, doc("Epstein-Nesbet energy of what lies outside.", "hartree")]
    second_order_error_hartree: Annotated[float, doc("Standard error of its random part.", "hartree", ge=0)]
    spin_squared: Annotated[float, doc("<S^2> of the state.", "hbar^2")]
    elapsed_s: Annotated[float, doc("Wall time since the growth began.", "s", ge=0)]
    cpu_s: Annotated[float, doc("Processor time since then, all threads.", "s", ge=0)]


class PropertiesDocument(Document):
    """What the one-body density of a state tells."""

    natural_occupations: Annotated[list[float], doc("Natural occupations, descending, 0 to 2.", "electrons")]
    n_unpaired: Annotated[float, doc("Effectively unpaired electrons: sum of min(n, 2 - n).", "electrons")]
    spin_density: Annotated[
        list[float], doc("Alpha minus beta electrons in each of the problem's orbitals.", "electrons")
    ]
    dipole_debye: Annotated[
        list[float] | None,
        doc(
            "Dipole moment along x, y and z in the frame of the geometry, from minus to plus, about the centre of "
            "nuclear charge; null where the problem has no positions.",
            "debye",
        ),
    ]
    atoms: Annotated[list[str], doc("Label of each atom; empty where the problem has no positions.")]
    spin_populations: Annotated[
        list[float] | None, doc("Alpha minus beta electrons on each atom (Loewdin), or null.", "electrons")
    ]
    atomic_charges: Annotated[list[float] | None, doc("Charge of each atom (Loewdin), or null.", "elementary charge")]


class SelectedDocument(Document):
    """The spaces that selected configuration interaction grew from the samples."""

    orbitals: Annotated[str, doc("Which orbitals the determinants are made of.")]
    rungs: Annotated[list[list[RungDocument]], doc("For each state, the spaces by size.", min_length=1)]
    estimates: Annotated[
        list[StateEstimateDocument], doc("For each state, the exact energy with its interval.", min_length=1)
    ]
    properties: Annotated[
        list[PropertiesDocument],
        doc("For each state, what its density in the last space tells.", min_length=1),
    ]
    converged: Annotated[bool, doc("Whether the eigensolver reached its tolerance in the last space.")]
    stopped: Annotated[str, doc("Why the growth ended: max_determinants, max_wall_s or complete.")]
    wall_s: Annotated[float, doc("Wall time, orbitals included.", "s", ge=0)]
    cpu_s: Annotated[float, doc("Processor time of all threads, orbitals included.", "s", ge=0)]


class SolutionDocument(Document):
    """The energy of a solver that knows neither samples nor selection."""

    solver: Annotated[str, doc("Name of the solver, such as ccsd(t).")]
    energy_hartree: Annotated[float, doc("Its best estimate of the total energy.", "hartree")]
    interval_hartree: Annotated[
        list[float] | None,
        doc("Interval that holds the exact energy with 95 % confidence: lower and upper end; or null.", "hartree"),
    ]
    variational_hartree: Annotated[
        float | None, doc("An upper bound on the exact energy; null where the method gives none.", "hartree")
    ]
    spin_squared: Annotated[float | None, doc("<S^2>; null where the method does not tell.", "hbar^2")]
    converged: Annotated[bool, doc("Whether the method reached its own tolerance.")]
    wall_s: Annotated[float, doc("Wall time.", "s", ge=0)]
    cpu_s: Annotated[float, doc("Processor time of all threads.", "s", ge=0)]
    details: Annotated[
        dict[str, bool | int | float | str],
        doc("What else the solver tells, such as a bond dimension; its keys depend on the solver."),
    ]


class LedgerPointDocument(Document):
    """One space of an arm of the ledger."""

    n_determinants: Annotated[int, doc("Size of the space.", ge=1)]
    energy_hartree: Annotated[float, doc("Variational total energy.", "hartree")]
    cpu_s: Annotated[float, doc("Processor time of all threads since the arm began.", "s", ge=0)]
    spin_squared: Annotated[float, doc("<S^2> of the state.", "hbar^2")]


class ArmDocument(Document):
    """Energies of growing spaces whose determinants come from one place."""

    name: Annotated[str, doc("Where the determinants come from, one of kakehashi.report.ledger.ARMS.")]
    points: Annotated[list[LedgerPointDocument], doc("The spaces by size.", min_length=1)]
    repeats: Annotated[
        list[list[LedgerPointDocument]], doc("The same for other draws of the random numbers; may be empty.")
    ]
    complete: Annotated[bool, doc("Whether the arm ended because there were no more determinants to take in.")]


class LedgerDocument(Document):
    """What the samples are worth beside random determinants and beside selection alone."""

    verdict: Annotated[str, doc("The comparison in one sentence, made from the other keys.")]
    arms: Annotated[list[ArmDocument], doc("One for each place that determinants come from.", min_length=1)]
    n_shots: Annotated[int, doc("Number of shots.", ge=0)]
    n_in_sector: Annotated[int, doc("Distinct configurations among them with the right electron numbers.", ge=0)]
    n_configurations: Annotated[int, doc("Distinct configurations after recovery.", ge=0)]
    n_seeds: Annotated[int, doc("Configurations that selection started from in the two arms with both.", ge=0)]


class VerdictDocument(Document):
    """What the quantum part contributed, as far as the controls tell."""

    case: Annotated[str, doc("The outcome in one word, one of kakehashi.report.verdict.Case.")]
    text: Annotated[str, doc("The same in sentences.")]


class ResultDocument(Document):
    """What a run of kakehashi found, and everything needed to judge and repeat it."""

    schema_name: Annotated[Literal["kakehashi.result/1"], doc("Name and version of this format.", alias="schema")]
    run_id: Annotated[str, doc("SHA-256 of the run's spec, as 64 hexadecimal digits.")]
    problem: Annotated[str, doc("Name of the problem.")]
    description: Annotated[str, doc("One sentence about the problem.")]
    energy_hartree: Annotated[
        float, doc("Variational total energy of the ground state: an upper bound on the exact one.", "hartree")
    ]
    reference_hartree: Annotated[
        float | None, doc("Total energy of the reference; null where none is known.", "hartree")
    ]
    error_mhartree: Annotated[
        float | None, doc("energy_hartree above reference_hartree; null where none is known.", "mhartree")
    ]
    n_determinants: Annotated[int, doc("Size of the final subspace.", ge=1)]
    spin_squared: Annotated[float, doc("<S^2> of the state.", "hbar^2")]
    converged: Annotated[
        bool,
        doc(
            "Whether the eigensolver of the final state reached its tolerance; a loop that was cut short is a warning."
        ),
    ]
    seed: Annotated[int, doc("Seed of the run's random numbers.")]
    wall_s: Annotated[float, doc("Time of the whole run, earlier parts of a resumed one included.", "s", ge=0)]
    peak_memory_bytes: Annotated[int, doc("Peak resident memory of the process.", "byte", ge=0)]
    warnings: Annotated[list[str], doc("What the user must know, one sentence each.")]
    verdict: Annotated[VerdictDocument, doc("What the quantum part contributed.")]
    control: Annotated[
        ControlDocument | None,
        doc("The same-sized subspace of random strings; null where it was switched off."),
    ]
    reference: Annotated[ReferenceDocument | None, doc("The known answer; null where there is none.")]
    hartree_fock_hartree: Annotated[float, doc("Energy of the lowest-orbital determinant.", "hartree")]
    root_energies_hartree: Annotated[
        list[float], doc("Total energies of all roots that were asked for, ascending.", "hartree")
    ]
    n_orb: Annotated[int, doc("Number of spatial orbitals.", ge=1)]
    n_elec: Annotated[list[Count], doc("Numbers of alpha and of beta electrons.", min_length=2, max_length=2)]
    n_alpha_strings: Annotated[int, doc("Number of alpha strings in the final subspace.", ge=0)]
    n_beta_strings: Annotated[int, doc("Number of beta strings in the final subspace.", ge=0)]
    occupancies: Annotated[
        list[list[float]],
        doc(
            "Mean occupation of each orbital, 0 to 1: n_orb numbers for alpha, then n_orb for beta.",
            "electrons",
            min_length=2,
            max_length=2,
        ),
    ]
    iterations: Annotated[list[IterationDocument], doc("The turns of the loop.", min_length=1)]
    size_curve: Annotated[list[SizePointDocument], doc("Energy against subspace size, ascending.")]
    sampling: Annotated[SamplingDocument, doc("The shots, in numbers.")]
    stage_s: Annotated[dict[str, float], doc("Time spent in each stage, by the stage's name.", "s")]
    spec: Annotated[dict[str, JsonValue], doc("The run's spec: what the TOML file said, defaults filled in.")]
    provenance: Annotated[
        dict[str, JsonValue],
        doc("Versions (kakehashi, commit, python, packages), machine, and time (created_utc) of the run."),
    ]
    estimate: Annotated[
        EstimateDocument | None,
        doc("The exact energy of the ground state with its interval; null where it was not estimated."),
    ] = None
    selected: Annotated[
        SelectedDocument | None,
        doc("What selected configuration interaction made of the samples; null where that was not run."),
    ] = None
    ledger: Annotated[LedgerDocument | None, doc("What the samples are worth; null where that was not traced.")] = None
    classical: Annotated[
        list[SolutionDocument],
        doc("Energies of other solvers; empty where none was asked for or none had one."),
    ] = Field(default_factory=list)
    processor: Annotated[
        ProcessorDocument | None,
        doc("The processor whose twin gave the shots; null where they came from something else."),
    ] = None


def _without_titles(node: Any) -> Any:
    """Drop the titles that pydantic makes up from key names: the descriptions say more."""
    if isinstance(node, dict):
        return {
            name: _without_titles(value)
            for name, value in node.items()
            if not (name == "title" and isinstance(value, str))
        }
    return [_without_titles(item) for item in node] if isinstance(node, list) else node


def make_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a result as it is written: files of earlier versions may lack the last keys.

    Example:
        >>> make_schema()["properties"]["wall_s"]["unit"]
        's'
    """
    schema = _without_titles(ResultDocument.model_json_schema(by_alias=True, mode="serialization"))
    return {"$schema": DIALECT, "$id": f"urn:{SCHEMA_NAME.replace('/', ':')}", "title": SCHEMA_NAME, **schema}


def read_schema() -> dict[str, Any]:
    """The schema file that is installed with the package.

    Example:
        >>> read_schema()["title"]
        'kakehashi.result/1'
    """
    text = resources.files("kakehashi.report").joinpath("result.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
