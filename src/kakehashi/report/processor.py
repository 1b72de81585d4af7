"""The processor behind the shots: where the circuit lay on it, what its errors cost, and what was approximated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kakehashi.core.errors import InputError
from kakehashi.device.twins.model import Calibration, Source, Twin

__all__ = ["GRADES", "Chip", "Placement", "ProcessorSummary"]

GRADES: dict[str, str] = {
    "measured": "measured",
    "published": "published",
    "inferred": "inferred",
    "assumed": "assumed, not measured",
}
"""How sure a calibration is, in words."""

LARGEST_PROBABILITY = 1 - 2.0**-53
"""Of errors of one source: the last number below one, so that their mean number stays finite."""

TWO_QUBIT_GATE = "two-qubit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """What a map shows of a processor, so that it can be drawn again when the processor is not at hand.

    Attributes:
        positions: Where each qubit lies, ``(column, row)`` in lattice steps, rows downwards.
        edges: Pairs of qubits that a two-qubit gate joins.
        present: Whether each qubit works.
        readout_error: Probability of each qubit to be misread; None where it is not known.
        two_qubit_error: Average infidelity of the gate on each edge; None where it is not known.
    """

    positions: tuple[tuple[float, float], ...]
    edges: tuple[tuple[int, int], ...]
    present: tuple[bool, ...]
    readout_error: tuple[float | None, ...]
    two_qubit_error: tuple[float | None, ...]

    def __post_init__(self) -> None:
        n = len(self.positions)
        if not len(self.present) == len(self.readout_error) == n or not n:
            raise InputError("A chip has one position, one `present` and one readout error for each qubit.")
        if len(self.two_qubit_error) != len(self.edges):
            raise InputError("A chip has one two-qubit error for each edge.")
        if not all(0 <= q < n for edge in self.edges for q in edge):
            raise InputError("A chip has an edge to a qubit that is not there.")

    @property
    def n_qubits(self) -> int:
        """Number of qubits, absent ones counted."""
        return len(self.positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a compiled circuit lies, and how large it is.

    Attributes:
        compiled_by: The way of compiling that won.
        n_two_qubit_gates: Number of two-qubit gates.
        two_qubit_depth: Layers of them.
        duration_us: Duration of the circuit, microseconds.
        layout: Physical qubit of each qubit of the circuit at its start: those of alpha, then those of beta.
        used_qubits: All physical qubits that it touches.
        notes: What compiling has to say.
    """

    compiled_by: str
    n_two_qubit_gates: int
    two_qubit_depth: int
    duration_us: float
    layout: tuple[int, ...]
    used_qubits: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def n_bridges(self) -> int:
        """Qubits between those that hold orbitals."""
        return len(set(self.used_qubits) - set(self.layout))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSummary:
    """What a run's report says of the processor whose twin gave the shots.

    Attributes:
        name: Name of the twin.
        title: What it stands for; empty where that is not known.
        n_shots: Number of shots that were drawn from it.
        settings: How the twin was made, such as ``calibration_seed`` and ``day``; empty where that is not known.
        calibration_grade: ``"measured"``, ``"published"``, ``"inferred"`` or ``"assumed"``; empty where not known.
        calibration_source: Where the calibration comes from.
        calibration_utc: Its date or time, or what stands for it.
        placement: Where the circuit lies; None where it was given compiled.
        method: How the shots were simulated.
        method_error: How far their distribution may be off, in words.
        method_error_bound: The same as a total variation distance; None where it is not bounded.
        success_probability: Estimated probability of a shot without any error, readout included.
        error_budget: Probability of at least one error in a shot, by its source.
        machine_s: Time that the machine would take for the shots, seconds, queue aside.
        changes: What was changed about the circuit for the processor's sake.
        approximations: What was approximated about the noise.
        reductions: What was left out before simulation because it changes nothing.
        chip: What its map shows; None where that is not known.
    """

    name: str
    title: str
    n_shots: int
    settings: Mapping[str, Any]
    calibration_grade: str
    calibration_source: str
    calibration_utc: str
    placement: Placement | None
    method: str
    method_error: str
    method_error_bound: float | None
    success_probability: float
    error_budget: Mapping[str, float]
    machine_s: float
    changes: tuple[str, ...] = ()
    approximations: tuple[str, ...] = ()
    reductions: tuple[str, ...] = ()
    chip: Chip | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, value in {"success_probability": self.success_probability, **self.error_budget}.items():
            if not 0 <= value <= 1:
                raise InputError(f"The probability `{name}` must be from 0 to 1, but is {value}.")
        if not (math.isfinite(self.machine_s) and self.machine_s >= 0):
            raise InputError(f"Argument `machine_s` must be 0 or more, but is {self.machine_s}.")
        if self.chip is not None and self.placement is not None:
            wrong = [q for q in self.placement.used_qubits if not 0 <= q < self.chip.n_qubits]
            if wrong:
                raise InputError(f"The circuit lies on qubit {wrong[0]}, but the chip has {self.chip.n_qubits}.")

    @property
    def mean_errors(self) -> dict[str, float]:
        """Mean number of errors in a shot by source, the most first.

        Unlike probabilities they add up: errors are taken as independent, so that ``p = 1 - exp(-mean)``.

        Example:
            >>> from kakehashi.report.example import example_processor
            >>> {name: round(mean, 2) for name, mean in example_processor().mean_errors.items()}
            {'readout': 0.13, 'two-qubit gates': 0.08, 'idling': 0.03, 'one-qubit gates': 0.01}
        """
        means = {name: -math.log1p(-min(p, LARGEST_PROBABILITY)) for name, p in self.error_budget.items()}
        return dict(sorted(means.items(), key=lambda item: -item[1]))

    def to_twin(self) -> Twin | None:
        """The processor as far as its map shows it; None where that is not known.

        Example:
            >>> from kakehashi.report.example import example_processor
            >>> twin = example_processor().to_twin()
            >>> twin.n_qubits, len(twin.edges)
            (64, 112)
        """
        chip = self.chip
        if chip is None:
            return None
        unknown = np.full(chip.n_qubits, np.nan)
        misread = _known(chip.readout_error)
        calibration = Calibration(
            taken_utc=self.calibration_utc,
            t1_us=unknown,
            t2_us=unknown,
            prob_meas1_prep0=misread,
            prob_meas0_prep1=misread,
            readout_ns=unknown,
            gate_error={TWO_QUBIT_GATE: _known(chip.two_qubit_error)},
            gate_ns={},
        )
        grade: Any = self.calibration_grade
        return Twin(
            name=self.name,
            title=self.title,
            lattice="",
            n_qubits=chip.n_qubits,
            positions=np.array(chip.positions, dtype=np.float64).reshape(-1, 2),
            edges=np.array(chip.edges, dtype=np.int64).reshape(-1, 2),
            directed=False,
            two_qubit_gate=TWO_QUBIT_GATE,
            one_qubit_gates=(),
            present=np.array(chip.present, dtype=np.bool_),
            calibration=calibration,
            sources={"calibration": Source(grade=grade, text=self.calibration_source)} if grade else {},
        )


def _known(values: tuple[float | None, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
