"""OQTOPUS device topology: the JSON in which machines of the Japanese centres describe themselves, in and out.

The format speaks in dense ``id``, renumbered whenever qubits are left out, and keeps the chip's own number in
``physical_id``. Times are in microseconds, durations in nanoseconds, y grows upwards. Its gate on two qubits is
``rzx90``, which a pulse of a quarter turn on the target makes a ``cx``: the duration of ``cx`` here is that of both,
its error that of ``rzx90``, the only one that is stated.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import FileFormatError, InputError, SpecError
from kakehashi.core.files import write_text
from kakehashi.core.spec import parse_spec
from kakehashi.device.twins.lattice import square_lattice
from kakehashi.device.twins.model import Calibration, Source, Twin
from kakehashi.device.twins.place import place_qubits
from kakehashi.device.twins.topology import Topology, find_faults, find_placeholders

__all__ = ["from_oqtopus", "read_oqtopus", "to_oqtopus", "write_oqtopus"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Placeholders: TypeAlias = Literal["refuse", "unknown", "keep"]

QUARTER_TURN = "sx"
READOUT_NS = 384.0
SHOT_INTERVAL_US = 153.6
CLOCK_NS = 2.0
ZIPPED = "device_info.json"


def read_oqtopus(path: Path | str, *, chip_qubits: int | None = None, placeholders: Placeholders = "refuse") -> Twin:
    """A processor from a file of OQTOPUS device topology: JSON, or a ZIP with ``device_info.json``.

    Args:
        path: The file.
        chip_qubits: As in :func:`from_oqtopus`.
        placeholders: As in :func:`from_oqtopus`.

    Raises:
        FileFormatError: The file is missing, no JSON, or something in it is wrong; the message says what and where.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if content[:2] == b"PK":
            content = zipfile.ZipFile(io.BytesIO(content)).read(ZIPPED)
        table = json.loads(content)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise FileFormatError(path, f"this is not valid JSON: {error.msg}.", line=error.lineno) from None
    except (ValueError, KeyError, zipfile.BadZipFile, RecursionError) as error:
        raise FileFormatError(path, f"this is no JSON, nor a ZIP with {ZIPPED}: {error}.") from None
    try:
        return from_oqtopus(table, chip_qubits=chip_qubits, placeholders=placeholders)
    except FileFormatError:
        raise
    except InputError as error:
        raise FileFormatError(path, str(error)) from None


def from_oqtopus(
    device: Mapping[str, Any] | str, *, chip_qubits: int | None = None, placeholders: Placeholders = "refuse"
) -> Twin:
    """A processor from an OQTOPUS device topology.

    Args:
        device: The topology; ``device_info`` of OQTOPUS Cloud is one as a string.
        chip_qubits: Number of qubits of the whole chip. Qubits then have their ``physical_id`` for a number, and those
            that are not listed are absent; of a square chip of 2x2 readout cells the places and readout lines are
            known, too. Without it, qubits are numbered by ``id``.
        placeholders: What to do with values that the operators' software writes where nothing was measured:
            ``"refuse"`` them, take them for ``"unknown"``, or ``"keep"`` them as if measured.

    Raises:
        InputError: Something is wrong; the message says what and where.

    Example:
        >>> qubit = {"fidelity": 0.999, "meas_error": {"prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.03},
        ...     "qubit_lifetime": {"t1": 30.0, "t2": 20.0}, "gate_duration": {"rz": 0, "sx": 16, "x": 24}}
        >>> twin = from_oqtopus({"name": "pair", "calibrated_at": "2026-01-01T00:00:00Z",
        ...     "qubits": [{"id": k, "physical_id": 5 + k, "position": {"x": k, "y": 0}, **qubit} for k in (0, 1)],
        ...     "couplings": [{"control": 0, "target": 1, "fidelity": 0.98, "gate_duration": {"rzx90": 112}}]})
        >>> twin.n_qubits, twin.physical_ids.tolist(), twin.calibration.gate_ns["cx"].tolist()
        (2, [5, 6], [128.0])
    """
    topology = _parsed(device)
    faults = find_faults(topology)
    if faults:
        raise InputError(faults[0])
    unmeasured = () if placeholders == "keep" else find_placeholders(topology)
    if unmeasured and placeholders == "refuse":
        first = ", ".join(str(place) for place in unmeasured[:3])
        raise InputError(
            f"{first}{' and others' if len(unmeasured) > 3 else ''}: a value that the software writes where nothing "
            f"was measured. Read them as unknown with placeholders='unknown'."
        )
    return _Assembly(topology, set(unmeasured), chip_qubits).twin()


def _parsed(device: Mapping[str, Any] | str) -> Topology:
    try:
        table = json.loads(device) if isinstance(device, str) else device
    except ValueError as error:
        raise InputError(f"The device topology is not valid JSON: {error}.") from None
    if isinstance(table, str):  # a topology as a string inside a file
        return _parsed(table)
    if not isinstance(table, Mapping):
        raise InputError(f"A device topology must be a JSON object, but is {type(table).__name__}.")
    try:
        return parse_spec(Topology, table, source="device topology")
    except SpecError as error:
        raise InputError(str(error)) from None


class _Assembly:
    """One topology on its way to a twin."""

    def __init__(self, topology: Topology, unmeasured: set[str], chip_qubits: int | None) -> None:
        self.topology, self.unmeasured, self.chip_qubits = topology, unmeasured, chip_qubits
        self.qubits = sorted(topology.qubits, key=lambda qubit: qubit.id)
        self.chip_ids = np.array([qubit.chip_number for qubit in self.qubits], dtype=np.int64)
        self.n_qubits = len(self.qubits) if chip_qubits is None else chip_qubits
        if chip_qubits is not None and len(self.chip_ids) and self.chip_ids.max() >= chip_qubits:
            raise InputError(
                f"The chip was said to have {chip_qubits} qubits, but the topology has physical_id "
                f"{self.chip_ids.max()}."
            )
        self.number = np.arange(len(self.qubits)) if chip_qubits is None else self.chip_ids

    def _of_qubits(self, field: str) -> Floats:
        values = np.full(self.n_qubits, np.nan)
        for number, qubit in zip(self.number, self.qubits, strict=True):
            if f"qubits[{qubit.id}].{field}" not in self.unmeasured:
                values[number] = qubit.value(field)
        return values

    def _of_couplings(self, field: str) -> Floats:
        values = [
            np.nan if f"couplings[{k}].{field}" in self.unmeasured else coupling.value(field)
            for k, coupling in enumerate(self.topology.couplings)
        ]
        return np.array(values, dtype=np.float64)

    def _edges(self) -> Integers:
        place = {qubit.id: int(number) for number, qubit in zip(self.number, self.qubits, strict=True)}
        pairs = [(place[coupling.control], place[coupling.target]) for coupling in self.topology.couplings]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def _positions(self, edges: Integers) -> tuple[Floats, Integers | None]:
        """Places, and the readout lines where the chip's lattice tells them."""
        side = round(np.sqrt(self.n_qubits)) if self.chip_qubits is not None else 0
        if side >= 2 and side % 2 == 0 and side * side == self.n_qubits:
            lattice = square_lattice(side)
            return lattice.positions, lattice.readout_line
        positions = np.zeros((self.n_qubits, 2))
        for number, qubit in zip(self.number, self.qubits, strict=True):
            # Rows go down and y goes up; 0.0 - y leaves no negative zero.
            positions[number] = qubit.position.x, 0.0 - qubit.position.y
        if not positions.any():  # no places are stated
            positions = place_qubits(self.n_qubits, edges)
        return positions, None

    def _durations(self, edges: Integers) -> dict[str, Floats]:
        gates = sorted({gate for qubit in self.qubits for gate, time in qubit.gate_duration.items() if time})
        found = {gate: self._of_qubits(f"gate_duration.{gate}") for gate in gates}
        whole, bare = self._of_couplings("gate_duration.cx"), self._of_couplings("gate_duration.rzx90")
        pulse = found.get(QUARTER_TURN, np.zeros(self.n_qubits))
        found["cx"] = np.where(np.isnan(whole), bare + pulse[edges[:, 1]], whole)
        return found

    def twin(self) -> Twin:
        """The twin."""
        edges = self._edges()
        durations = self._durations(edges)
        one_qubit = [gate for gate in durations if gate != "cx"]
        error = 1 - self._of_qubits("fidelity")
        t1, t2 = self._of_qubits("qubit_lifetime.t1"), self._of_qubits("qubit_lifetime.t2")
        above = np.flatnonzero(t2 > 2 * t1)
        t2[above] = 2 * t1[above]
        present = np.zeros(self.n_qubits, dtype=bool)
        present[self.number] = True
        positions, lines = self._positions(edges)
        calibration = Calibration(
            taken_utc=self.topology.taken,
            t1_us=t1,
            t2_us=t2,
            prob_meas1_prep0=self._of_qubits("meas_error.prob_meas1_prep0"),
            prob_meas0_prep1=self._of_qubits("meas_error.prob_meas0_prep1"),
            readout_ns=np.where(present, READOUT_NS, np.nan),
            gate_error={**dict.fromkeys(one_qubit, error), "cx": 1 - self._of_couplings("fidelity")},
            gate_ns=durations,
        )
        virtual = sorted({gate for qubit in self.qubits for gate in qubit.gate_duration} - set(one_qubit)) or ["rz"]
        return Twin(
            name=self.topology.name,
            title=f"{self.topology.name}: {len(self.qubits)} qubits of an OQTOPUS device topology",
            lattice="graph" if lines is None else "square",
            n_qubits=self.n_qubits,
            positions=positions,
            edges=edges,
            directed=True,
            two_qubit_gate="cx",
            one_qubit_gates=(*virtual, *one_qubit),
            present=present,
            calibration=calibration,
            readout_line=lines,
            physical_ids=self.chip_ids if self.chip_qubits is None else None,
            shot_interval_us=SHOT_INTERVAL_US,
            clock_ns=CLOCK_NS,
            sources=self._sources(self.number[np.isin(self.number, above)]),
        )

    def _sources(self, cut: Integers) -> dict[str, Source]:
        assumed = "The format has no place for it; the default of amachino/qubex."
        sources = {
            "calibration": Source(grade="measured", text=f"Device topology of {self.topology.taken}."),
            "device_id": Source(grade="measured", text=self.topology.device_id or self.topology.name),
            **{f: Source(grade="assumed", text=assumed) for f in ("readout_ns", "shot_interval_us", "clock_ns")},
        }
        if len(cut):
            sources["t2_us"] = Source(grade="measured", text=f"Cut to twice T1 at qubits {cut.tolist()}.")
        if self.unmeasured:
            text = f"Taken for unknown: {', '.join(sorted(self.unmeasured))}."
            sources["placeholders"] = Source(grade="measured", text=text)
        return sources


def to_oqtopus(twin: Twin) -> dict[str, Any]:
    """A twin as an OQTOPUS device topology: present qubits and live edges, numbered anew.

    Held by the format: fidelities, both ways of misreading, T1 and T2, durations of gates, places, the time of the
    calibration. Not held: durations of readout and shots, frequencies, crosstalk, leakage, sources.

    Args:
        twin: A processor whose gate on two qubits is ``cx``.

    Raises:
        InputError: It has another gate on two qubits.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> table = to_oqtopus(load_twin("riken-64"))
        >>> len(table["qubits"]), table["qubits"][5]["id"], sorted(table["couplings"][0])
        (63, 5, ['control', 'fidelity', 'gate_duration', 'target'])
        >>> len(from_oqtopus(table, chip_qubits=64).edges)
        107
    """
    if twin.two_qubit_gate != "cx":
        raise InputError(
            f"An OQTOPUS device topology holds cx gates alone, but {twin.name} has {twin.two_qubit_gate!r}."
        )
    shown = np.flatnonzero(twin.present)
    dense = {int(q): k for k, q in enumerate(shown)}
    source = twin.sources.get("device_id")
    live = np.flatnonzero(twin.usable_edges)
    couplings = [_written_coupling(twin, int(e), dense) for e in live]
    if not twin.directed:
        couplings += [{**c, "control": c["target"], "target": c["control"]} for c in couplings]
    return {
        "name": twin.name,
        "device_id": twin.name if source is None else source.text,
        "qubits": [_written_qubit(twin, int(q), k) for k, q in enumerate(shown)],
        "couplings": couplings,
        "calibrated_at": twin.calibration.taken_utc,
    }


def write_oqtopus(path: Path | str, twin: Twin) -> None:
    """Write a twin as an OQTOPUS device topology.

    Args:
        path: The file.
        twin: As in :func:`to_oqtopus`.

    Raises:
        InputError: The twin has another gate than cx, or the file cannot be written.
    """
    write_text(path, json.dumps(to_oqtopus(twin), indent=2, allow_nan=False) + "\n")


def _written_qubit(twin: Twin, q: int, dense: int) -> dict[str, Any]:
    given = twin.calibration
    flips = given.prob_meas1_prep0[q], given.prob_meas0_prep1[q]
    virtual = [gate for gate in twin.one_qubit_gates if gate not in given.gate_ns]
    timed = [gate for gate in twin.one_qubit_gates if gate in given.gate_ns]
    # One fidelity a qubit: that of the quarter turn, as the operators have it.
    leading = QUARTER_TURN if QUARTER_TURN in given.gate_error else timed[0] if timed else ""
    error = given.gate_error[leading][q] if leading else np.nan
    return {
        "id": dense,
        "physical_id": q if twin.physical_ids is None else int(twin.physical_ids[q]),
        "position": {"x": float(twin.positions[q, 0]), "y": 0.0 - float(twin.positions[q, 1])},
        "fidelity": _known(1 - error),
        "meas_error": {
            "prob_meas1_prep0": _known(flips[0]),
            "prob_meas0_prep1": _known(flips[1]),
            "readout_assignment_error": _known((flips[0] + flips[1]) / 2),
        },
        "qubit_lifetime": {"t1": _known(given.t1_us[q]), "t2": _known(given.t2_us[q])},
        "gate_duration": {**dict.fromkeys(virtual, 0), **{gate: _known(given.gate_ns[gate][q]) for gate in timed}},
    }


def _written_coupling(twin: Twin, edge: int, dense: Mapping[int, int]) -> dict[str, Any]:
    control, target = (int(q) for q in twin.edges[edge])
    given = twin.calibration
    pulse = given.gate_ns[QUARTER_TURN][target] if QUARTER_TURN in given.gate_ns else 0.0
    return {
        "control": dense[control],
        "target": dense[target],
        "fidelity": _known(1 - twin.edge_error[edge]),
        "gate_duration": {"rzx90": _known(given.gate_ns["cx"][edge] - pulse)},
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
