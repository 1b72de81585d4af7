"""The JSON form of a processor, key by key; see :mod:`kakehashi.report.schema`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from kakehashi.report.keys import Count, Document, doc
from kakehashi.report.processor import Chip, Placement, ProcessorSummary

__all__ = ["ChipDocument", "PlacementDocument", "ProcessorDocument", "processor_from_values"]

Chance = Annotated[float, Field(ge=0, le=1)]
Position = Annotated[list[float], Field(min_length=2, max_length=2)]
Edge = Annotated[list[Count], Field(min_length=2, max_length=2)]


class PlacementDocument(Document):
    """Where the compiled circuit lies on a processor."""

    compiled_by: Annotated[str, doc("The way of compiling that won.")]
    n_two_qubit_gates: Annotated[int, doc("Number of two-qubit gates.", ge=0)]
    two_qubit_depth: Annotated[int, doc("Layers of them.", ge=0)]
    duration_us: Annotated[float, doc("Duration of the circuit with its readout.", "us", ge=0)]
    layout: Annotated[
        list[Count],
        doc("Physical qubit that each qubit of the circuit starts on: those of alpha, then those of beta."),
    ]
    used_qubits: Annotated[list[Count], doc("All physical qubits that the circuit touches.")]
    notes: Annotated[list[str], doc("What compiling has to say, one sentence each.")]


class ChipDocument(Document):
    """What a map shows of a processor."""

    positions: Annotated[
        list[Position],
        doc("Where each qubit lies: column and row, rows downwards.", "lattice steps", min_length=1),
    ]
    edges: Annotated[list[Edge], doc("Pairs of qubits that a two-qubit gate joins.")]
    present: Annotated[list[bool], doc("Whether each qubit works.")]
    readout_error: Annotated[
        list[Chance | None], doc("Probability of each qubit to be misread; null where it is not known.")
    ]
    two_qubit_error: Annotated[
        list[Chance | None], doc("Average infidelity of the gate on each edge; null where it is not known.")
    ]


class ProcessorDocument(Document):
    """The processor whose twin gave the shots."""

    name: Annotated[str, doc("Name of the twin.")]
    title: Annotated[str, doc("What it stands for; empty where that is not known.")]
    n_shots: Annotated[int, doc("Number of shots that were drawn from it.", ge=0)]
    settings: Annotated[
        dict[str, JsonValue], doc("How the twin was made, such as calibration_seed and day; may be empty.")
    ]
    calibration_grade: Annotated[
        Literal["measured", "published", "inferred", "assumed", ""],
        doc("How sure its calibration is: measured, published, inferred, assumed, or empty where that is not known."),
    ]
    calibration_source: Annotated[str, doc("Where the calibration comes from.")]
    calibration_utc: Annotated[str, doc("Date or time of the calibration, or what stands for it.")]
    placement: Annotated[
        PlacementDocument | None, doc("Where the compiled circuit lies; null where it was given compiled.")
    ]
    method: Annotated[str, doc("How the shots were simulated.")]
    method_error: Annotated[str, doc("How far their distribution may be off, in words.")]
    method_error_bound: Annotated[
        float | None, doc("The same as a total variation distance; null where it is not bounded.", ge=0)
    ]
    success_probability: Annotated[
        float, doc("Estimated probability of a shot without any error, readout included.", ge=0, le=1)
    ]
    error_budget: Annotated[
        dict[str, Chance], doc("Probability of at least one error in a shot, by the source of errors.")
    ]
    machine_s: Annotated[float, doc("Time that the machine itself would take for the shots, queue aside.", "s", ge=0)]
    changes: Annotated[
        list[str], doc("What was changed about the circuit for the processor's sake, one sentence each.")
    ]
    approximations: Annotated[list[str], doc("What was approximated about the noise, one sentence each.")]
    reductions: Annotated[list[str], doc("What was left out of the simulation because it changes nothing.")]
    chip: Annotated[ChipDocument | None, doc("What its map shows; null where that is not known.")]


def processor_from_values(values: dict[str, Any]) -> ProcessorSummary:
    """The processor that a :class:`ProcessorDocument` holds.

    Args:
        values: The document as plain values.

    Raises:
        InputError: The values do not go together.
    """
    chip, place = values["chip"], values["placement"]
    return ProcessorSummary(
        **{
            **_with_tuples(values),
            "chip": None if chip is None else Chip(**_with_tuples(chip)),
            "placement": None if place is None else Placement(**_with_tuples(place)),
        }
    )


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _as_tuple(value) for name, value in values.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value
