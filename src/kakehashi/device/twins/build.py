"""A twin from its data file: the lattice as it is, the calibration drawn from the file's ranges."""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.registry import Registry
from kakehashi.device.twins.draw import NO_DRIFT, chosen, correlated, least_infidelity, mapped, standing_normals
from kakehashi.device.twins.lattice import Lattice
from kakehashi.device.twins.model import Calibration, Source, Twin
from kakehashi.device.twins.spec import DriftSpec, PresetSpec, Range, TwinSpec

__all__ = ["build_twin"]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


def build_twin(
    spec: TwinSpec,
    *,
    seed: int = 0,
    day: float = 0.0,
    preset: str | None = None,
    qubit_yield: float | None = None,
) -> Twin:
    """The twin that a data file describes, with a calibration of one seed and one day.

    Args:
        spec: The file.
        seed: Seed of the calibration, of the absent qubits and of the dead edges.
        day: Day of the calibration, a real number; day 0 is the draw, other days wander from it.
        preset: Name of the ranges; the file's default where not given.
        qubit_yield: Share of qubits that work; the preset's where not given.

    Raises:
        InputError: The preset is unknown, the yield is no share, or seed or day are impossible.

    Example:
        >>> from kakehashi.device.twins.library import read_twin_spec
        >>> twin = build_twin(read_twin_spec("riken-64"), seed=3)
        >>> twin.n_qubits, len(twin.edges), twin.is_assumed
        (64, 112, True)
    """
    presets: Registry[PresetSpec] = Registry(f"preset of {spec.name}")
    for name, entry in spec.presets.items():
        presets.add(name, entry)
    chosen_preset = spec.default_preset if preset is None else preset
    ranges = presets[chosen_preset]
    share = ranges.qubit_yield if qubit_yield is None else qubit_yield
    if not 0 <= share <= 1:
        raise InputError(f"Argument `qubit_yield` must be in [0, 1], but is {share!r}.")
    lattice = spec.lattice.build()
    present = ~chosen(lattice.n_qubits, 1 - share, seed=seed, names=(spec.name, "absent"))
    draw = _Draw(spec, ranges, lattice, present, seed=seed, day=day)
    how = f"Preset {chosen_preset!r}, seed {seed}, day {day:g}: {ranges.description}"
    sources = {name: Source(grade=source.grade, text=source.text) for name, source in spec.sources.items()}
    sources["calibration"] = Source(
        grade=sources["calibration"].grade, text=f"{how} {sources['calibration'].text}".strip()
    )
    return Twin(
        name=spec.name,
        title=spec.title,
        lattice=lattice.kind,
        n_qubits=lattice.n_qubits,
        positions=lattice.positions,
        edges=lattice.edges,
        directed=lattice.directed,
        two_qubit_gate=spec.two_qubit_gate,
        one_qubit_gates=(*spec.virtual_gates, *spec.one_qubit_ns),
        present=present,
        calibration=draw.calibration(),
        readout_line=lattice.readout_line,
        shot_interval_us=spec.shot_interval_us,
        max_shots=spec.max_shots,
        clock_ns=spec.clock_ns,
        sources=sources,
    )


class _Draw:
    """One calibration: every array has not-a-number at absent qubits and at the edges that they would have."""

    def __init__(
        self, spec: TwinSpec, ranges: PresetSpec, lattice: Lattice, present: Flags, *, seed: int, day: float
    ) -> None:
        self.spec, self.ranges, self.lattice, self.present = spec, ranges, lattice, present
        self.seed, self.day = seed, day
        self.joined = present[lattice.edges].all(axis=1)

    def _normals(self, field: str, size: int, drift: DriftSpec) -> Floats:
        return standing_normals(size, seed=self.seed, names=(self.spec.name, field), drift=drift, day=self.day)

    def _on_qubits(self, field: str, within: Range, *, drift: DriftSpec | None = None) -> Floats:
        normals = self._normals(field, self.lattice.n_qubits, self.spec.drift if drift is None else drift)
        return self._known(mapped(normals, within))

    def _known(self, values: Floats) -> Floats:
        return np.where(self.present, values, np.nan)

    def calibration(self) -> Calibration:
        ranges, spec = self.ranges, self.spec
        n_qubits = self.lattice.n_qubits
        t1, t2 = self._pair("t1_us", ranges.t1_us, "t2_us", ranges.t2_us, ranges.correlation.t1_t2)
        t2 = np.minimum(t2, 2 * t1)
        flips = ranges.prob_meas1_prep0, ranges.prob_meas0_prep1
        false_one, false_zero = self._pair(
            "prob_meas1_prep0", flips[0], "prob_meas0_prep1", flips[1], ranges.correlation.flips
        )
        one_qubit = self._on_qubits("one_qubit_error", ranges.one_qubit_error)
        if spec.one_qubit_ns:
            shortest = np.full(n_qubits, min(spec.one_qubit_ns.values()))
            one_qubit = np.maximum(one_qubit, least_infidelity(shortest, t1[:, None], t2[:, None]))
        duration = self._duration()
        two_qubit = self._two_qubit(duration, t1, t2)
        when = dt.datetime.fromisoformat(spec.day_zero) + dt.timedelta(days=self.day)
        return Calibration(
            taken_utc=when.isoformat(timespec="seconds"),
            t1_us=t1,
            t2_us=t2,
            prob_meas1_prep0=false_one,
            prob_meas0_prep1=false_zero,
            readout_ns=self._known(np.full(n_qubits, spec.readout_ns)),
            gate_error={**dict.fromkeys(spec.one_qubit_ns, one_qubit), spec.two_qubit_gate: two_qubit},
            gate_ns={
                **{gate: self._known(np.full(n_qubits, time)) for gate, time in spec.one_qubit_ns.items()},
                spec.two_qubit_gate: duration,
            },
            frequency_ghz=self._frequency(),
            zz_khz=self._coupling(),
            line_crosstalk=ranges.line_crosstalk,
            leakage=dict(ranges.leakage),
        )

    def _pair(
        self, first: str, within: Range, second: str, within_second: Range, correlation: float
    ) -> tuple[Floats, Floats]:
        """Two numbers of each qubit that correlate."""
        drift, size = self.spec.drift, self.lattice.n_qubits
        leading = self._normals(first, size, drift)
        following = correlated(leading, self._normals(second, size, drift), correlation)
        return self._known(mapped(leading, within)), self._known(mapped(following, within_second))

    def _duration(self) -> Floats:
        """Duration of the gate on each edge, rounded up to the clock."""
        normals = self._normals("two_qubit_ns", len(self.lattice.edges), NO_DRIFT)
        clock = self.spec.clock_ns
        steps = np.ceil(mapped(normals, self.ranges.two_qubit_ns) / clock - 1e-9)
        return np.where(self.joined, clock * steps, np.nan)

    def _two_qubit(self, duration: Floats, t1: Floats, t2: Floats) -> Floats:
        edges = self.lattice.edges
        values = mapped(self._normals("two_qubit_error", len(edges), self.spec.drift), self.ranges.two_qubit_error)
        values = np.maximum(values, least_infidelity(duration, t1[edges], t2[edges]))
        dead = chosen(len(edges), self.ranges.dead_edge_share, seed=self.seed, names=(self.spec.name, "dead"))
        return np.where(self.joined, np.where(dead, 1.0, values), np.nan)

    def _frequency(self) -> Floats | None:
        """Controls below targets: the checkerboard of the square lattices."""
        control, target = self.spec.control_frequency_ghz, self.spec.target_frequency_ghz
        if control is None or target is None:
            return None
        parity = self.lattice.positions.sum(axis=1) % 2
        low = self._on_qubits("frequency_ghz", control, drift=NO_DRIFT)
        high = self._on_qubits("frequency_ghz", target, drift=NO_DRIFT)
        return np.where(parity == 0, low, high)

    def _coupling(self) -> Floats | None:
        if self.ranges.zz_khz is None:
            return None
        values = mapped(self._normals("zz_khz", len(self.lattice.edges), NO_DRIFT), self.ranges.zz_khz)
        return np.where(self.joined, values, 0.0)  # to a qubit that is absent there is no coupling
