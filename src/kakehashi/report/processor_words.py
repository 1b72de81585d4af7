"""A processor in words: what its errors left of the shots, and what to know of its twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kakehashi.report.model import Result
from kakehashi.report.processor import GRADES, ProcessorSummary
from kakehashi.report.tables import Table, format_count, format_duration, format_share

__all__ = [
    "count_notes",
    "describe_calibration",
    "describe_cost",
    "describe_processor",
    "processor_notes",
    "processor_table",
    "uniform_share",
]

CAUSES = {"gates": "of gates", "idle": "of waiting", "readout": "of readout", "crosstalk": "of crosstalk"}
"""Errors that can be switched off, by the options under ``[device.noise]``."""


def uniform_share(result: Result) -> float:
    """Share of uniformly random bits that have the right electron numbers: what no information at all would give.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> uniform_share(example_result())
        0.25
    """
    return float(result.n_full_space / 4**result.n_orb)


def describe_processor(result: Result) -> tuple[str, ...]:
    """What the processor's errors left of the shots, for a reader who knows chemistry; nothing without a processor.

    Example:
        >>> from kakehashi.report.example import example_processor, example_result
        >>> import dataclasses
        >>> result = dataclasses.replace(example_result(), processor=example_processor())
        >>> describe_processor(result)[1]
        'Most errors come from readout: 52 % of a mean of 0.25 errors in a shot.'
    """
    processor = result.processor
    if processor is None:
        return ()
    success, in_sector = processor.success_probability, result.sampling.in_sector_fraction
    sentences = [
        f"An estimated {format_share(success)} of the shots went through without any error, and "
        f"{format_share(in_sector)} came out with the right electron numbers, before any recovery; of uniformly random "
        f"bits {format_share(uniform_share(result))} would."
    ]
    means = processor.mean_errors
    if means:
        worst, total = next(iter(means)), sum(means.values())
        sentences.append(
            f"Most errors come from {worst}: {100 * means[worst] / total:.0f} % of a mean of {_number(total)} errors "
            "in a shot."
        )
    sentences.append(
        f"The machine itself would take about {format_duration(processor.machine_s)} for {_shots(processor.n_shots)}, "
        "queue aside."
    )
    if processor.calibration_grade == "assumed":
        sentences.append(
            "Its calibration is assumed, not measured: the machine may well be better or worse than its twin."
        )
    return tuple(sentences)


def describe_cost(processor: ProcessorSummary) -> str:
    """Which errors cost most, and what the machine would take, in one line.

    Example:
        >>> from kakehashi.report.example import example_processor
        >>> describe_cost(example_processor())
        'most errors come from readout (52 %); on the machine about 0.250 s, queue aside'
    """
    means = processor.mean_errors
    time = f"on the machine about {format_duration(processor.machine_s)}, queue aside"
    if not means:
        return time
    worst = next(iter(means))
    return f"most errors come from {worst} ({100 * means[worst] / sum(means.values()):.0f} %); {time}"


def describe_calibration(processor: ProcessorSummary) -> str:
    """How sure the calibration is, and which one it is.

    Example:
        >>> from kakehashi.report.example import example_processor
        >>> describe_calibration(example_processor())
        'assumed, not measured; seed 0, day 0'
    """
    settings = processor.settings
    parts = []
    if processor.calibration_grade in ("assumed", "inferred"):
        names = {"preset": "preset", "calibration_seed": "seed", "day": "day", "qubit_yield": "share of working qubits"}
        parts = [f"{words} {_plain(settings[key])}" for key, words in names.items() if settings.get(key) is not None]
    elif processor.calibration_utc[:1].isdigit():
        parts = [processor.calibration_utc[:10]]
    grade = GRADES.get(processor.calibration_grade, processor.calibration_grade) or "not known"
    return "; ".join(part for part in (grade, ", ".join(parts)) if part)


def processor_table(processor: ProcessorSummary) -> Table:
    """How the circuit was compiled, how it was simulated, and with which calibration.

    Example:
        >>> from kakehashi.report.example import example_processor
        >>> [row[0] for row in processor_table(example_processor()).rows][:3]
        ['Compiled by', 'Two-qubit gates', 'Duration']
    """
    rows = []
    if (place := processor.placement) is not None:
        bridges = f" and {place.n_bridges} between them" if place.n_bridges else ""
        layers = "layer" if place.two_qubit_depth == 1 else "layers"
        rows += [
            ("Compiled by", place.compiled_by),
            (
                "Two-qubit gates",
                f"{format_count(place.n_two_qubit_gates)} in {format_count(place.two_qubit_depth)} {layers}",
            ),
            ("Duration", f"{place.duration_us:.3g} µs, readout included"),
            ("Qubits", f"{len(place.layout)} for the orbitals{bridges}"),
        ]
    rows += [("Simulated by", processor.method), ("Error of the simulation", processor.method_error)]
    rows.append(("Calibration", describe_calibration(processor)))
    if missing := _left_out(processor.settings):
        rows.append(("Left out", missing))
    return Table(columns=("", ""), rows=tuple(rows))


def processor_notes(processor: ProcessorSummary) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What was changed and approximated, by heading; headings with nothing below them are left out.

    Example:
        >>> from kakehashi.report.example import example_processor
        >>> [heading for heading, _ in processor_notes(example_processor())]
        ['Approximated in the noise', 'Where the calibration comes from']
    """
    place = processor.placement
    source = (processor.calibration_source,) if processor.calibration_source else ()
    groups = (
        ("Changed for the processor", processor.changes),
        ("Noted while compiling", () if place is None else place.notes),
        ("Approximated in the noise", processor.approximations),
        ("Left out because it changes nothing", processor.reductions),
        ("Where the calibration comes from", source),
    )
    return tuple(group for group in groups if group[1])


def count_notes(processor: ProcessorSummary) -> str:
    """How much was changed and approximated, behind a colon: a reader must not miss it where it is folded away.

    Example:
        >>> from kakehashi.report.example import example_processor
        >>> count_notes(example_processor())
        ': 1 approximation'
    """
    counts = (("change", len(processor.changes)), ("approximation", len(processor.approximations)))
    parts = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts if count]
    return f": {', '.join(parts)}" if parts else ""


def _left_out(settings: Mapping[str, Any]) -> str:
    """Which errors were switched off."""
    noise = settings.get("noise")
    if not isinstance(noise, Mapping):
        return ""
    missing = [words for key, words in CAUSES.items() if noise.get(key) is False]
    return f"errors {', '.join(missing)}" if missing else ""


def _shots(count: int) -> str:
    return f"{format_count(count)} shot{'s' * (count != 1)}"


def _number(value: float) -> str:
    return f"{value:.2g}" if value < 10 else format_count(value)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
