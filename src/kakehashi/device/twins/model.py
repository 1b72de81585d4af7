"""A twin: the qubits of a processor, what joins them, and how good each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["DEAD_ERROR", "Calibration", "Grade", "Source", "Twin"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Grade: TypeAlias = Literal["measured", "published", "inferred", "assumed"]

DEAD_ERROR = 0.5
"""Two-qubit error from which an edge counts as dead: it is there, and useless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a number comes from.

    Attributes:
        grade: ``"measured"`` by the operator on the machine, ``"published"``, ``"inferred"`` from something published,
            or ``"assumed"`` because nobody has published it.
        text: The document, or what was assumed and in which range.
    """

    grade: Grade
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How good the parts of a processor were at one time. Not-a-number stands for what is not known.

    Attributes:
        taken_utc: Date or time of the calibration, ISO 8601.
        t1_us: Relaxation time of each qubit, microseconds, shape ``(n_qubits,)``.
        t2_us: Echo dephasing time, likewise; at most ``2 * t1_us``.
        prob_meas1_prep0: Probability that a 0 is read as 1, shape ``(n_qubits,)``.
        prob_meas0_prep1: Probability that a 1 is read as 0, likewise.
        readout_ns: Duration of a readout, likewise.
        gate_error: By gate name, the average infidelity ``r`` of each qubit, shape ``(n_qubits,)``, or of each edge,
            shape ``(n_edges,)``. As a Pauli channel its total error probability is ``3/2 r`` on one qubit and
            ``5/4 r`` on two.
        gate_ns: By gate name, its duration in nanoseconds, likewise.
        frequency_ghz: Qubit frequencies, shape ``(n_qubits,)``.
        zz_khz: Always-on ZZ coupling of each edge, ``H = 2 pi zz/4 Z Z``, shape ``(n_edges,)``.
        line_crosstalk: By how much a qubit's readout error rises for every other qubit of its readout line that is
            in 1: a probability.
        leakage: By gate name, probability of leaving the two levels at each use.
    """

    taken_utc: str
    t1_us: Floats
    t2_us: Floats
    prob_meas1_prep0: Floats
    prob_meas0_prep1: Floats
    readout_ns: Floats
    gate_error: Mapping[str, Floats]
    gate_ns: Mapping[str, Floats]
    frequency_ghz: Floats | None = None
    zz_khz: Floats | None = None
    line_crosstalk: float = 0.0
    leakage: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Twin:
    """A processor.

    Attributes:
        name: The name that a user picks it by.
        title: What it stands for, in words.
        lattice: ``"heavy-hex"``, ``"square"`` or another word.
        n_qubits: Number of qubits, absent ones counted.
        positions: Where each qubit lies, ``(column, row)`` in lattice steps, rows downwards, shape ``(n_qubits, 2)``.
        edges: Pairs that a two-qubit gate joins, shape ``(n_edges, 2)``; on a directed processor control first.
        directed: Whether the two-qubit gate runs from control to target only.
        two_qubit_gate: Its name, such as ``"cz"``.
        one_qubit_gates: Names of the gates on one qubit; those without error and duration, such as ``"rz"``, are
            virtual.
        present: Whether each qubit works, shape ``(n_qubits,)``, bool.
        calibration: How good the parts are.
        readout_line: Number of the readout line of each qubit, shape ``(n_qubits,)``; None where each has its own.
        physical_ids: Number of each qubit on its chip, shape ``(n_qubits,)``, where only a part of the chip is in use
            and numbered anew; None where both are the same.
        shot_interval_us: Time from shot to shot, beside the circuit's own.
        max_shots: Most shots of one job.
        clock_ns: Step of time that durations are rounded up to.
        sources: By field, where its numbers come from; the key ``"calibration"`` stands for all of it.
    """

    name: str
    title: str
    lattice: str
    n_qubits: int
    positions: Floats
    edges: Integers
    directed: bool
    two_qubit_gate: str
    one_qubit_gates: tuple[str, ...]
    present: NDArray[np.bool_]
    calibration: Calibration
    readout_line: Integers | None = None
    physical_ids: Integers | None = None
    shot_interval_us: float = 250.0
    max_shots: int = 100_000
    clock_ns: float = 1.0
    sources: Mapping[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.edges.ndim != 2 or self.edges.shape[1] != 2:
            raise InputError(f"Argument `edges` must have shape (n_edges, 2), but has {self.edges.shape}.")
        if len(self.edges) and not 0 <= self.edges.min() <= self.edges.max() < self.n_qubits:
            raise InputError(f"The twin {self.name!r} has an edge to a qubit that is not there.")
        if self.present.shape != (self.n_qubits,) or self.positions.shape != (self.n_qubits, 2):
            raise InputError(f"The twin {self.name!r} must have one position and one `present` for each qubit.")
        for name in ("readout_line", "physical_ids"):
            given = getattr(self, name)
            if given is not None and given.shape != (self.n_qubits,):
                raise InputError(f"The twin {self.name!r} must have one `{name}` for each qubit, or none at all.")
        _require_possible(self)

    @property
    def edge_error(self) -> Floats:
        """Average infidelity of the two-qubit gate on each edge, shape ``(n_edges,)``."""
        return self.calibration.gate_error[self.two_qubit_gate]

    @property
    def usable_edges(self) -> NDArray[np.bool_]:
        """Whether each edge joins two present qubits and is not dead, shape ``(n_edges,)``."""
        joined = self.present[self.edges[:, 0]] & self.present[self.edges[:, 1]]
        return joined & ~(self.edge_error >= DEAD_ERROR) & ~np.isnan(self.edge_error)

    @property
    def is_assumed(self) -> bool:
        """Whether any number of the calibration is nobody's measurement."""
        source = self.sources.get("calibration")
        return source is not None and source.grade == "assumed"

    def shot_s(self, circuit_ns: float) -> float:
        """Wall time of one shot on the machine, seconds.

        Args:
            circuit_ns: Duration of the circuit with its readout.
        """
        return 1e-6 * self.shot_interval_us + 1e-9 * circuit_ns


def _require_possible(twin: Twin) -> None:
    """Refuse values that no processor can have."""
    given = twin.calibration
    n, m = twin.n_qubits, len(twin.edges)
    for name in ("t1_us", "t2_us", "prob_meas1_prep0", "prob_meas0_prep1", "readout_ns"):
        values = getattr(given, name)
        if values.shape != (n,):
            raise InputError(
                f"{twin.name}: `{name}` must have one value for each of {n} qubits, but has {values.shape}."
            )
        most = 1.0 if name.startswith("prob") else np.inf
        _require_range(twin, name, values, most, "qubit")
    for what, most in (("gate_error", 1.0), ("gate_ns", np.inf)):
        for gate, values in getattr(given, what).items():
            on_edges = gate == twin.two_qubit_gate
            if values.shape != ((m,) if on_edges else (n,)):
                raise InputError(f"{twin.name}: `{what}.{gate}` has the shape {values.shape}.")
            _require_range(twin, f"{what}.{gate}", values, most, "edge" if on_edges else "qubit")
    above = np.flatnonzero(given.t2_us > 2 * given.t1_us * (1 + 1e-9))
    if len(above):
        q = int(above[0])
        raise InputError(
            f"{twin.name}: qubit {q} has T2 = {given.t2_us[q]:g} us, more than twice its T1 = {given.t1_us[q]:g} us."
        )


def _require_range(twin: Twin, name: str, values: Floats, most: float, kind: str) -> None:
    wrong = np.flatnonzero((values < 0) | (values > most))
    if len(wrong):
        k = int(wrong[0])
        where = f"edge {twin.edges[k].tolist()}" if kind == "edge" else f"qubit {k}"
        limit = f"in [0, {most:g}]" if np.isfinite(most) else "0 or more"
        raise InputError(f"{twin.name}: `{name}` of {where} must be {limit}, but is {values[k]:g}.")
