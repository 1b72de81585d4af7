"""What the data file of a twin holds: a lattice, and ranges that a calibration is drawn from."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import pydantic

from kakehashi.core.spec import Spec
from kakehashi.device.twins.lattice import Lattice, heavy_hex_lattice, square_lattice

__all__ = [
    "AnyLatticeSpec",
    "CorrelationSpec",
    "DriftSpec",
    "HeavyHexSpec",
    "PresetSpec",
    "Range",
    "SourceSpec",
    "SquareSpec",
    "TwinSpec",
]

Probability: TypeAlias = Annotated[float, pydantic.Field(ge=0, le=1)]
Correlation: TypeAlias = Annotated[float, pydantic.Field(ge=-1, le=1)]
Nanoseconds: TypeAlias = Annotated[float, pydantic.Field(ge=0)]


class Range(Spec):
    """Log-normal numbers inside a range.

    Attributes:
        median: Half of the numbers are smaller.
        spread: Standard deviation of the natural logarithm before each half is cut to the range.
        low: Least value.
        high: Greatest value.
    """

    median: float = pydantic.Field(gt=0)
    spread: float = pydantic.Field(ge=0)
    low: float = pydantic.Field(gt=0)
    high: float = pydantic.Field(gt=0)

    @pydantic.model_validator(mode="after")
    def _in_order(self) -> Range:
        if not self.low <= self.median <= self.high:
            raise ValueError(f"low, median and high must ascend, but are {self.low:g}, {self.median:g}, {self.high:g}")
        return self


class SquareSpec(Spec):
    """A square lattice of 2x2 readout cells.

    Attributes:
        kind: ``"square"``.
        side: Qubits along one side, even.
    """

    kind: Literal["square"]
    side: int = pydantic.Field(ge=2, le=128)

    def build(self) -> Lattice:
        """The lattice."""
        return square_lattice(self.side)


class HeavyHexSpec(Spec):
    """A heavy-hex lattice.

    Attributes:
        kind: ``"heavy-hex"``.
        n_rows: Rows of qubits.
        row_length: Qubits in a row, a multiple of 4.
    """

    kind: Literal["heavy-hex"]
    n_rows: int = pydantic.Field(default=8, ge=1, le=128)
    row_length: int = pydantic.Field(default=16, ge=4, le=128)

    def build(self) -> Lattice:
        """The lattice."""
        return heavy_hex_lattice(n_rows=self.n_rows, row_length=self.row_length)


AnyLatticeSpec: TypeAlias = Annotated[SquareSpec | HeavyHexSpec, pydantic.Field(discriminator="kind")]


class SourceSpec(Spec):
    """Where numbers come from; see :class:`~kakehashi.device.twins.model.Source`.

    Attributes:
        grade: How sure they are.
        text: The document, or what was assumed.
    """

    grade: Literal["measured", "published", "inferred", "assumed"]
    text: str = pydantic.Field(min_length=1)


class DriftSpec(Spec):
    """How values wander from day to day.

    Attributes:
        share: Standard deviation of the wandering, as a share of that of the whole; the rest belongs to each qubit
            for good.
        correlation_days: Time after which the wandering part has forgotten all but 1/e of itself.
    """

    share: float = pydantic.Field(default=0.4, ge=0, le=1)
    correlation_days: float = pydantic.Field(default=7.0, gt=0, le=365)


class CorrelationSpec(Spec):
    """Correlations between the logarithms of two numbers of the same qubit.

    Attributes:
        t1_t2: Of T1 and T2.
        flips: Of the two ways of misreading.
    """

    t1_t2: Correlation = 0.0
    flips: Correlation = 0.0


class PresetSpec(Spec):
    """Ranges of one calibration.

    Attributes:
        description: What the ranges stand for.
        t1_us: Relaxation time, microseconds.
        t2_us: Echo dephasing time, microseconds; values above ``2 * t1_us`` are cut to it.
        prob_meas1_prep0: Probability that a 0 is read as 1.
        prob_meas0_prep1: Probability that a 1 is read as 0.
        one_qubit_error: Average infidelity of a gate on one qubit.
        two_qubit_error: Average infidelity of the gate on two.
        two_qubit_ns: Its duration in nanoseconds, rounded up to the clock.
        zz_khz: Always-on coupling of the edges, kilohertz; None where there is none.
        line_crosstalk: See :class:`~kakehashi.device.twins.model.Calibration`.
        leakage: By gate name, probability of leaving the two levels at each use.
        qubit_yield: Share of the qubits that work.
        dead_edge_share: Share of the edges that are dead.
        correlation: Correlations.
    """

    description: str
    t1_us: Range
    t2_us: Range
    prob_meas1_prep0: Range
    prob_meas0_prep1: Range
    one_qubit_error: Range
    two_qubit_error: Range
    two_qubit_ns: Range
    zz_khz: Range | None = None
    line_crosstalk: Probability = 0.0
    leakage: dict[str, Probability] = pydantic.Field(default_factory=dict)
    qubit_yield: Probability = 1.0
    dead_edge_share: Probability = 0.0
    correlation: CorrelationSpec = CorrelationSpec()


class TwinSpec(Spec):
    """A twin, as its data file describes it.

    Attributes:
        name: The name that a user picks it by.
        title: What it stands for, in words.
        lattice: Its lattice.
        two_qubit_gate: Name of the gate on two qubits, as qiskit has it.
        virtual_gates: Names of the gates on one qubit that take no time and make no error.
        one_qubit_ns: By name, the duration of every other gate on one qubit, nanoseconds.
        readout_ns: Duration of a readout, nanoseconds.
        shot_interval_us: Time from shot to shot beside the circuit's own, microseconds.
        max_shots: Most shots of one job.
        clock_ns: Step of time, nanoseconds.
        control_frequency_ghz: Frequencies of the qubits whose row and column add up to an even number, gigahertz.
        target_frequency_ghz: Those of the others.
        day_zero: Date that ``day=0`` stands for, ISO 8601.
        default_preset: Name of the preset that is used where none is asked for.
        drift: How values wander.
        presets: Ranges, by name.
        sources: By field, where its numbers come from.
    """

    name: str = pydantic.Field(min_length=1)
    title: str = pydantic.Field(min_length=1)
    lattice: AnyLatticeSpec
    two_qubit_gate: str
    virtual_gates: tuple[str, ...] = ("rz",)
    one_qubit_ns: dict[str, Nanoseconds]
    readout_ns: Nanoseconds
    shot_interval_us: float = pydantic.Field(ge=0)
    max_shots: int = pydantic.Field(default=100_000, ge=1)
    clock_ns: float = pydantic.Field(default=1.0, gt=0)
    control_frequency_ghz: Range | None = None
    target_frequency_ghz: Range | None = None
    day_zero: str = "2026-01-01"
    default_preset: str
    drift: DriftSpec = DriftSpec()
    presets: dict[str, PresetSpec]
    sources: dict[str, SourceSpec]

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> TwinSpec:
        if self.default_preset not in self.presets:
            raise ValueError(f"default_preset must be one of {', '.join(self.presets)}, not {self.default_preset!r}")
        if (self.control_frequency_ghz is None) != (self.target_frequency_ghz is None):
            raise ValueError("control_frequency_ghz and target_frequency_ghz go together")
        if "calibration" not in self.sources:
            raise ValueError("[sources.calibration] must say where the calibration comes from")
        for name, preset in self.presets.items():
            for gate in preset.leakage:
                if gate != self.two_qubit_gate and gate not in self.one_qubit_ns:
                    raise ValueError(f"presets.{name}.leakage names the gate {gate!r}, which the twin does not have")
        return self
