"""What can be said of a processor part by part, and of all parts in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.registry import Registry
from kakehashi.device.twins.model import Grade, Source, Twin

__all__ = ["METRICS", "METRIC_ORDER", "Metric", "Summary", "Values", "source_of", "summarise"]

Floats: TypeAlias = NDArray[np.float64]
Place: TypeAlias = Literal["qubit", "edge"]
Better: TypeAlias = Literal["low", "high", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of each qubit or of each edge.

    Attributes:
        name: Its name, with its unit.
        words: The same for people, without the unit.
        unit: Unit; empty for probabilities.
        place: Whether qubits or edges have it.
        better: Whether low values are better than high ones.
        read: Its values: float64, shape ``(n_qubits,)`` or ``(n_edges,)``, not-a-number where not known.
        field: Field of the twin's sources that says where it comes from.
    """

    name: str
    words: str
    unit: str
    place: Place
    better: Better
    read: Callable[[Twin], Floats]
    field: str

    def values(self, twin: Twin) -> Floats:
        """Its values where they can be used: at present qubits and at edges that are not dead.

        Example:
            >>> from kakehashi.device.twins.library import load_twin
            >>> values = METRICS["two_qubit_error"].values(load_twin("ibm-kobe"))
            >>> len(values), int(np.isnan(values).sum())
            (176, 9)
        """
        usable = twin.present if self.place == "qubit" else twin.usable_edges
        return np.where(usable, self.read(twin), np.nan)


def _one_qubit_gate(twin: Twin) -> str | None:
    """The gate that stands for all on one qubit: sx where there is one."""
    gates = [gate for gate in twin.one_qubit_gates if gate in twin.calibration.gate_error]
    return next((gate for gate in ("sx", "x", *gates) if gate in gates), None)


def _one_qubit_error(twin: Twin) -> Floats:
    gate = _one_qubit_gate(twin)
    return np.full(twin.n_qubits, np.nan) if gate is None else twin.calibration.gate_error[gate]


def _one_qubit_ns(twin: Twin) -> Floats:
    gate = _one_qubit_gate(twin)
    return np.full(twin.n_qubits, np.nan) if gate is None else twin.calibration.gate_ns[gate]


def _two_qubit_ns(twin: Twin) -> Floats:
    return _or_unknown(twin.calibration.gate_ns.get(twin.two_qubit_gate), len(twin.edges))


def _frequency(twin: Twin) -> Floats:
    return _or_unknown(twin.calibration.frequency_ghz, twin.n_qubits)


def _coupling(twin: Twin) -> Floats:
    values = np.abs(_or_unknown(twin.calibration.zz_khz, len(twin.edges)))
    return np.where(values > 0, values, np.nan)  # snapshots write 0 for what they do not state


def _or_unknown(values: Floats | None, size: int) -> Floats:
    return np.full(size, np.nan) if values is None else values


METRICS: Registry[Metric] = Registry("metric")
"""All metrics by name."""

METRIC_ORDER = (
    "t1_us",
    "t2_us",
    "readout_error",
    "one_qubit_error",
    "two_qubit_error",
    "one_qubit_ns",
    "two_qubit_ns",
    "readout_ns",
    "frequency_ghz",
    "zz_khz",
)
"""Names of the metrics in the order in which tables show them."""


def _add(name: str, words: str, unit: str, *, field: str = "", **options: Any) -> None:
    METRICS.add(name, Metric(name=name, words=words, unit=unit, field=field or name, **options))


_add("t1_us", "T1", "µs", place="qubit", better="high", read=lambda twin: twin.calibration.t1_us)
_add("t2_us", "T2", "µs", place="qubit", better="high", read=lambda twin: twin.calibration.t2_us)
_add(
    "readout_error",
    "readout error",
    "",
    place="qubit",
    better="low",
    field="prob_meas1_prep0",
    read=lambda twin: (twin.calibration.prob_meas1_prep0 + twin.calibration.prob_meas0_prep1) / 2,
)
_add("one_qubit_error", "one-qubit error", "", place="qubit", better="low", read=_one_qubit_error)
_add("two_qubit_error", "two-qubit error", "", place="edge", better="low", read=lambda twin: twin.edge_error)
_add("one_qubit_ns", "one-qubit gate", "ns", place="qubit", better="low", read=_one_qubit_ns)
_add("two_qubit_ns", "two-qubit gate", "ns", place="edge", better="low", read=_two_qubit_ns)
_add("readout_ns", "readout", "ns", place="qubit", better="low", read=lambda twin: twin.calibration.readout_ns)
_add("frequency_ghz", "frequency", "GHz", place="qubit", better="neither", read=_frequency)
_add("zz_khz", "ZZ coupling", "kHz", place="edge", better="low", read=_coupling)


def source_of(twin: Twin, field: str) -> Source:
    """Where a field of a twin comes from; what has no source of its own shares that of the calibration.

    Args:
        twin: The twin.
        field: The field.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> twin = load_twin("ibm-kobe")
        >>> source_of(twin, "edges").grade, source_of(twin, "t1_us").grade
        ('published', 'assumed')
    """
    fallback = Source(grade="assumed", text="No source is stated.")
    return twin.sources.get(field) or twin.sources.get("calibration") or fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """All values of a metric in one line.

    Attributes:
        metric: Name of the metric.
        median: Median.
        best: Best value; the least where neither end is better.
        worst: Worst value.
        n_known: How many parts have a value.
        grade: How sure they are.
    """

    metric: str
    median: float
    best: float
    worst: float
    n_known: int
    grade: Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A processor in a few numbers.

    Attributes:
        name: Its name.
        title: What it stands for.
        lattice: Its lattice.
        n_qubits: Qubits, absent ones counted.
        n_absent: Qubits that do not work.
        n_edges: Couplings, dead ones counted.
        n_dead: Couplings of two present qubits that are of no use.
        n_cut_off: Present qubits without a live coupling.
        largest_part: Qubits in the largest part that live couplings hold together.
        two_qubit_gate: Its gate on two qubits.
        directed: Whether that runs one way only.
        taken_utc: Time of the calibration.
        shot_rate_per_s: Shots of an empty circuit per second.
        max_shots: Most shots of a job.
        values: Every metric that is known, by name.
        grades: How sure the structure is: ``"edges"``, ``"present"``, ``"shot_interval_us"``, ``"calibration"``.
    """

    name: str
    title: str
    lattice: str
    n_qubits: int
    n_absent: int
    n_edges: int
    n_dead: int
    n_cut_off: int
    largest_part: int
    two_qubit_gate: str
    directed: bool
    taken_utc: str
    shot_rate_per_s: float
    max_shots: int
    values: dict[str, Values]
    grades: dict[str, Grade]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        from dataclasses import asdict

        return asdict(self)


def summarise(twin: Twin) -> Summary:
    """A processor in a few numbers.

    Args:
        twin: The processor.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> found = summarise(load_twin("fake-kawasaki"))
        >>> found.n_qubits, found.n_dead, found.n_cut_off, found.largest_part
        (127, 11, 5, 122)
    """
    usable = twin.edges[twin.usable_edges]
    degree = np.bincount(usable.ravel(), minlength=twin.n_qubits)
    joined = twin.present[twin.edges].all(axis=1)
    readout = twin.calibration.readout_ns
    longest = float(np.nanmax(readout)) if not np.isnan(readout).all() else 0.0
    fields = ("edges", "present", "shot_interval_us", "calibration")
    return Summary(
        name=twin.name,
        title=twin.title,
        lattice=twin.lattice,
        n_qubits=twin.n_qubits,
        n_absent=int((~twin.present).sum()),
        n_edges=len(twin.edges),
        n_dead=int((joined & ~twin.usable_edges).sum()),
        n_cut_off=int((twin.present & (degree == 0)).sum()),
        largest_part=_largest_part(twin, usable),
        two_qubit_gate=twin.two_qubit_gate,
        directed=twin.directed,
        taken_utc=twin.calibration.taken_utc,
        shot_rate_per_s=1 / twin.shot_s(longest),
        max_shots=twin.max_shots,
        values={name: found for name in METRIC_ORDER if (found := _values(METRICS[name], twin)) is not None},
        grades={field: source_of(twin, field).grade for field in fields},
    )


def _values(metric: Metric, twin: Twin) -> Values | None:
    values = metric.values(twin)
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    best, worst = (high, low) if metric.better == "high" else (low, high)
    return Values(
        metric=metric.name,
        median=float(np.median(known)),
        best=best,
        worst=worst,
        n_known=len(known),
        grade=source_of(twin, metric.field).grade,
    )


def _largest_part(twin: Twin, usable: NDArray[np.int64]) -> int:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not twin.present.any():
        return 0
    ones = np.ones(len(usable))
    graph = coo_array((ones, (usable[:, 0], usable[:, 1])), shape=(twin.n_qubits, twin.n_qubits))
    _, part = connected_components(graph, directed=False)
    return int(np.bincount(part[twin.present]).max())
