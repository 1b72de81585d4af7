"""What the shots of a twin tell about its processor, for the report."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.device.twins.metrics import METRICS, source_of
from kakehashi.device.twins.model import Twin
from kakehashi.report.processor import Chip, Placement, ProcessorSummary

__all__ = ["summarize_chip", "summarize_processor"]

logger = logging.getLogger(__name__)


def summarize_processor(provenance: Mapping[str, Any], twin: Twin | None = None) -> ProcessorSummary | None:
    """The processor whose twin gave the shots.

    Args:
        provenance: Of the shots; what a :class:`~kakehashi.device.twin_device.TwinDevice` says stands under ``"twin"``.
        twin: The twin, where it is at hand; without it, there is no map.

    Returns:
        What the report says of it; None where the shots did not come from a twin, or their file does not say enough.

    Example:
        >>> summarize_processor({"device": "exact"}) is None
        True
    """
    told = provenance.get("twin")
    if told is None:
        return None
    try:
        return _summarize(told, provenance, twin)
    except (AttributeError, InputError, KeyError, TypeError, ValueError) as error:
        # Shots may come from a file that others wrote: no run ends here for want of a picture.
        logger.warning("What the shots say of their processor could not be read: %r.", error)
        return None


def summarize_chip(twin: Twin) -> Chip:
    """What a map shows of a twin, to four digits.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> chip = summarize_chip(load_twin("ibm-kobe"))
        >>> chip.n_qubits, len(chip.edges)
        (156, 176)
    """
    return Chip(
        positions=tuple((float(f"{column:.4g}"), float(f"{row:.4g}")) for column, row in twin.positions.tolist()),
        edges=tuple((int(a), int(b)) for a, b in twin.edges.tolist()),
        present=tuple(bool(works) for works in twin.present.tolist()),
        readout_error=_round(METRICS["readout_error"].read(twin).tolist()),
        two_qubit_error=_round(METRICS["two_qubit_error"].read(twin).tolist()),
    )


def _round(values: list[float]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else float(f"{value:.4g}") for value in values)


def _summarize(told: Mapping[str, Any], provenance: Mapping[str, Any], twin: Twin | None) -> ProcessorSummary:
    plan, cost = told["plan"], told["plan"].get("cost") or {}
    bound = cost.get("error_bound")
    calibration = None if twin is None else source_of(twin, "calibration")
    return ProcessorSummary(
        name=str(provenance["device"]),
        title="" if twin is None else twin.title,
        n_shots=int(provenance["n_shots"]),
        settings=dict(provenance.get("device_settings") or {}),
        calibration_grade="" if calibration is None else calibration.grade,
        calibration_source="" if calibration is None else calibration.text,
        calibration_utc="" if twin is None else twin.calibration.taken_utc,
        placement=None if told["compiled"] is None else _place(told["compiled"]),
        method=str(plan["method"]),
        method_error=str(cost.get("error", "not stated")),
        method_error_bound=None if bound is None else float(bound),
        success_probability=float(told["success_probability"]),
        error_budget={str(name): float(chance) for name, chance in told["error_budget"].items()},
        machine_s=float(told["machine_s"]),
        changes=_texts(told.get("changes")),
        approximations=_texts(plan.get("approximations")),
        reductions=_texts(plan.get("reductions")),
        chip=None if twin is None else summarize_chip(twin),
    )


def _place(made: Mapping[str, Any]) -> Placement:
    return Placement(
        compiled_by=str(made["method"]),
        n_two_qubit_gates=int(made["n_two_qubit_gates"]),
        two_qubit_depth=int(made["two_qubit_depth"]),
        duration_us=float(made["duration_us"]),
        layout=tuple(int(q) for q in made["layout"]),
        used_qubits=tuple(int(q) for q in made["used_qubits"]),
        notes=_texts(made.get("notes")),
    )


def _texts(items: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in items or ())
