"""Calibrations that were measured: the snapshots which qiskit-ibm-runtime ships, read from its files.

No backend object is made, and the package is not imported: two JSON files are read, which takes milliseconds.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.twins.model import DEAD_ERROR, Calibration, Source, Twin
from kakehashi.device.twins.place import place_qubits

__all__ = [
    "SNAPSHOT_PREFIX",
    "SnapshotEntry",
    "describe_snapshots",
    "list_snapshots",
    "read_snapshot",
    "snapshot_from_files",
    "snapshot_from_tables",
]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Json: TypeAlias = Mapping[str, Any]

SNAPSHOT_PREFIX = "fake-"
"""Names follow qiskit's classes: ``FakeFez`` is ``"fake-fez"``."""

DEFAULT_INTERVAL_US = 250.0
"""For old snapshots that state no repetition delay: that of all later ones."""

SMALLEST_LATTICE = 27

MICROSECONDS = {"s": 1e6, "ms": 1e3, "us": 1.0, "µs": 1.0, "μs": 1.0, "ns": 1e-3}
NANOSECONDS = {unit: 1e3 * factor for unit, factor in MICROSECONDS.items()}
GIGAHERTZ = {"GHz": 1.0, "MHz": 1e-3, "kHz": 1e-6, "Hz": 1e-9}
KILOHERTZ_PER_GIGAHERTZ = 1e6


@lru_cache(maxsize=1)
def _folders() -> dict[str, Path]:
    """Folder of each snapshot by its name, where the package is installed."""
    found = importlib.util.find_spec("qiskit_ibm_runtime")
    if found is None or found.origin is None:
        return {}
    files = (Path(found.origin).parent / "fake_provider" / "backends").glob("*/props_*.json")
    return {
        SNAPSHOT_PREFIX + file.parent.name: file.parent
        for file in sorted(files)
        if file.name == f"props_{file.parent.name}.json"
    }


def list_snapshots() -> tuple[str, ...]:
    """Names of the snapshots that can be read; none where qiskit-ibm-runtime is not installed.

    Example:
        >>> "fake-fez" in list_snapshots()
        True
    """
    return tuple(_folders())


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """A snapshot that can be loaded.

    Attributes:
        name: Its name.
        family: Family and revision of the processor, such as ``"Heron r2"``; empty where not stated.
        n_qubits: Number of qubits.
    """

    name: str
    family: str
    n_qubits: int


@lru_cache(maxsize=1)
def describe_snapshots() -> tuple[SnapshotEntry, ...]:
    """Name, family and size of every snapshot, from the configuration files alone.

    Example:
        >>> [entry.n_qubits for entry in describe_snapshots() if entry.name == "fake-torino"]
        [133]
    """
    entries = []
    for name, folder in _folders().items():
        given = json.loads((folder / f"conf_{folder.name}.json").read_text(encoding="utf-8"))
        entries.append(SnapshotEntry(name=name, family=_family(given), n_qubits=int(given["n_qubits"])))
    return tuple(entries)


def read_snapshot(name: str) -> Twin:
    """A processor as it was measured at one time.

    Dead edges are kept, with the error that is stated for them (see :attr:`Twin.usable_edges`). What is missing is
    not-a-number, never perfect. T2 above twice T1 is cut to it. ``sources`` says which qubits these things befell.

    Args:
        name: A name of :func:`list_snapshots`.

    Raises:
        InputError: There is no such snapshot.
        FileFormatError: Its files are not what they should be.

    Example:
        >>> twin = read_snapshot("fake-kingston")
        >>> twin.n_qubits, int((twin.edge_error >= 0.5).sum())
        (156, 7)
        >>> twin.sources["t1_us"].text
        'As in the snapshot; not stated for qubit 146.'
    """
    folder = _folders().get(name)
    if folder is None:
        raise InputError(f"There is no snapshot {name!r}; `kakehashi device list` names them.")
    version = importlib.metadata.version("qiskit-ibm-runtime")
    configuration, properties = (folder / f"{kind}_{folder.name}.json" for kind in ("conf", "props"))
    return snapshot_from_files(configuration, properties, name=name, origin=f"qiskit-ibm-runtime {version}")


def snapshot_from_files(configuration: Path, properties: Path, *, name: str, origin: str) -> Twin:
    """A processor from the two files in which IBM describes a backend.

    Args:
        configuration: ``conf_*.json``.
        properties: ``props_*.json``.
        name: Name that the twin gets.
        origin: Where the files come from.

    Raises:
        FileFormatError: A file is missing a field, or is no JSON.
    """
    files: list[Json] = []
    for path in (configuration, properties):
        try:
            files.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise FileFormatError(path, f"this is no JSON file that can be read: {error}.") from None
    return snapshot_from_tables(files[0], files[1], name=name, origin=origin, path=properties)


def snapshot_from_tables(
    configuration: Json, properties: Json, *, name: str, origin: str, path: Path | str = "properties"
) -> Twin:
    """A processor from the two JSON objects in which IBM describes a backend.

    Args:
        configuration: The backend's configuration.
        properties: The backend's properties.
        name: Name that the twin gets.
        origin: Where the objects come from.
        path: What errors call the properties.

    Raises:
        FileFormatError: A field is missing.
    """
    try:
        return _assemble(configuration, properties, name=name, origin=origin)
    except (KeyError, TypeError, IndexError) as error:
        raise FileFormatError(path, f"this is not a backend's properties: {error!r}.") from None


def _assemble(configuration: Json, properties: Json, *, name: str, origin: str) -> Twin:
    n_qubits = int(configuration["n_qubits"])
    gates = _Gates(configuration, properties, n_qubits)
    qubits = properties["qubits"]
    t1 = _of_qubits(qubits, "T1", MICROSECONDS)
    t2 = _of_qubits(qubits, "T2", MICROSECONDS)
    above = np.flatnonzero(t2 > 2 * t1)
    t2[above] = 2 * t1[above]
    either = _of_qubits(qubits, "readout_error", {"": 1.0})
    false_one, false_zero = (_of_qubits(qubits, f, {"": 1.0}) for f in ("prob_meas1_prep0", "prob_meas0_prep1"))
    frequency = _of_qubits(qubits, "frequency", GIGAHERTZ)
    readout = _of_qubits(qubits, "readout_length", NANOSECONDS)
    taken = str(properties["last_update_date"])
    delay = configuration.get("default_rep_delay")
    calibration = Calibration(
        taken_utc=taken,
        t1_us=t1,
        t2_us=t2,
        prob_meas1_prep0=np.where(np.isnan(false_one), either, false_one),
        prob_meas0_prep1=np.where(np.isnan(false_zero), either, false_zero),
        readout_ns=readout,
        gate_error=gates.values("gate_error", {"": 1.0}),
        gate_ns=gates.values("gate_length", NANOSECONDS),
        frequency_ghz=None if np.isnan(frequency).all() else frequency,
        zz_khz=_couplings(properties.get("general", ()), gates.edges),
    )
    notes = {
        "t1_us": _note(np.flatnonzero(np.isnan(t1)), "not stated for", n_qubits),
        "t2_us": _note(np.flatnonzero(np.isnan(t2)), "not stated for", n_qubits)
        + _note(above, "cut to twice T1 at", n_qubits),
        "readout_ns": _note(np.flatnonzero(np.isnan(readout)), "not stated for", n_qubits),
        "zz_khz": _coupling_note(calibration.zz_khz),
        "edges": _edge_note(gates, calibration.gate_error[gates.two_qubit_gate]),
    }
    text = f"Snapshot of {configuration['backend_name']}, {taken[:10]}, in {origin}."
    sources = {"calibration": Source(grade="measured", text=text)}
    sources |= {f: Source(grade="measured", text=f"As in the snapshot{said}.") for f, said in notes.items() if said}
    if delay is None:
        sources["shot_interval_us"] = Source(grade="assumed", text="Not stated; the delay of all later snapshots.")
    coordinates = configuration.get("coords")
    return Twin(
        name=name,
        title=_title(configuration, n_qubits, taken),
        lattice=_lattice(gates.edges, n_qubits),
        n_qubits=n_qubits,
        positions=np.array(coordinates, dtype=np.float64) - 1 if coordinates else place_qubits(n_qubits, gates.edges),
        edges=gates.edges,
        directed=gates.directed,
        two_qubit_gate=gates.two_qubit_gate,
        one_qubit_gates=gates.one_qubit_gates,
        present=np.ones(n_qubits, dtype=bool),
        calibration=calibration,
        shot_interval_us=DEFAULT_INTERVAL_US if delay is None else float(delay),
        max_shots=int(configuration.get("max_shots") or 100_000),
        clock_ns=_clock(configuration.get("dt")),
        sources=sources,
    )


class _Gates:
    """The gates that the backend offers, with the errors and durations of its properties."""

    def __init__(self, configuration: Json, properties: Json, n_qubits: int) -> None:
        self.n_qubits = n_qubits
        # Properties also list gates that are not offered, such as rzz, and reset and measure.
        offered = [gate for gate in configuration["basis_gates"] if gate not in ("reset", "delay", "measure")]
        self.entries: dict[str, dict[tuple[int, ...], list[Json]]] = {gate: {} for gate in offered}
        for gate in properties["gates"]:
            if gate["gate"] in self.entries:
                self.entries[gate["gate"]][tuple(gate["qubits"])] = gate["parameters"]
        pairs = {gate: sum(len(on) == 2 for on in self.entries[gate]) for gate in offered}
        # A backend may offer rzz beside cz, or cx beside ecr: the gate on most pairs, the first of equals.
        self.two_qubit_gate = max(offered, key=lambda gate: pairs[gate]) if any(pairs.values()) else "cx"
        self.one_qubit_gates = tuple(gate for gate in offered if not pairs[gate])
        self.edges, self.directed = self._edges(configuration.get("coupling_map") or ())

    def _edges(self, coupling_map: Any) -> tuple[Integers, bool]:
        pairs = {(int(a), int(b)) for a, b in coupling_map}
        pairs |= {(on[0], on[1]) for on in self.entries.get(self.two_qubit_gate, ()) if len(on) == 2}
        directed = bool(pairs) and not any((b, a) in pairs for a, b in pairs)
        edges = sorted(pairs if directed else {(min(pair), max(pair)) for pair in pairs})
        return np.array(edges, dtype=np.int64).reshape(-1, 2), directed

    def values(self, parameter: str, units: Mapping[str, float]) -> dict[str, Floats]:
        """By gate, its error or duration on each qubit or edge; virtual gates are left out."""
        found: dict[str, Floats] = {}
        for gate in self.one_qubit_gates:
            if self._is_virtual(gate):
                continue
            entries = self.entries[gate]
            found[gate] = np.array([_value(entries.get((q,), ()), parameter, units) for q in range(self.n_qubits)])
        entries = self.entries.get(self.two_qubit_gate, {})
        both = [
            # Of the two directions of one edge the worse one counts.
            np.fmax(
                _value(entries.get((a, b), ()), parameter, units), _value(entries.get((b, a), ()), parameter, units)
            )
            for a, b in self.edges.tolist()
        ]
        found[self.two_qubit_gate] = np.array(both, dtype=np.float64)
        return found

    def _is_virtual(self, gate: str) -> bool:
        return all(not item["value"] for entry in self.entries[gate].values() for item in entry)


def _value(items: Any, name: str, units: Mapping[str, float]) -> float:
    """One value of a list of ``{name, unit, value}``; not-a-number where it is not there."""
    for item in items:
        if item["name"] == name and item.get("value") is not None:
            return float(item["value"]) * units[item.get("unit", "")]
    return np.nan


def _of_qubits(qubits: Any, name: str, units: Mapping[str, float]) -> Floats:
    return np.array([_value(items, name, units) for items in qubits], dtype=np.float64)


def _couplings(general: Any, edges: Integers) -> Floats | None:
    """ZZ couplings, named by both qubits without a space between them; None where all are stated as zero."""
    stated = {item["name"]: float(item["value"]) * GIGAHERTZ[item["unit"]] for item in general if "zz_" in item["name"]}
    values = [stated.get(f"zz_{a}{b}", stated.get(f"zz_{b}{a}", 0.0)) for a, b in edges.tolist()]
    found = KILOHERTZ_PER_GIGAHERTZ * np.array(values, dtype=np.float64)
    return found if found.any() else None


def _clock(dt: float | None) -> float:
    """Step of time in nanoseconds: the files give those, but for one which gives seconds."""
    if dt is None:
        return 1.0
    return 1e9 * dt if dt < 1e-6 else float(dt)


def _note(qubits: Integers, words: str, n_qubits: int) -> str:
    if not len(qubits):
        return ""
    if len(qubits) == n_qubits:
        return f"; {words} any qubit"
    return f"; {words} qubit{'s' if len(qubits) > 1 else ''} {', '.join(map(str, qubits.tolist()))}"


def _edge_note(gates: _Gates, error: Floats) -> str:
    dead, unknown = int((error >= DEAD_ERROR).sum()), int(np.isnan(error).sum())
    words = f"; {dead} are dead, with an error of 0.5 or more" if dead else ""
    return words + (f"; {unknown} have no {gates.two_qubit_gate}" if unknown else "")


def _coupling_note(couplings: Floats | None) -> str:
    missing = 0 if couplings is None else int((couplings == 0).sum())
    return f"; not stated for {missing} couplings, taken as 0" if missing else ""


def _lattice(edges: Integers, n_qubits: int) -> str:
    """Which lattice it is; small processors are called by none."""
    degree = np.bincount(edges.ravel(), minlength=n_qubits)
    if n_qubits < SMALLEST_LATTICE:
        return "graph"
    if degree.max() == 4:
        return "square"
    # In a heavy-hex lattice no two qubits of three neighbours are joined.
    return "heavy-hex" if degree.max() == 3 and degree[edges].sum(axis=1).max() < 6 else "graph"


def _family(configuration: Json) -> str:
    kind = configuration.get("processor_type") or {}
    return f"{kind['family']} r{kind['revision']}" if "family" in kind else ""


def _title(configuration: Json, n_qubits: int, taken: str) -> str:
    family = _family(configuration) or "processor"
    size = "1 qubit" if n_qubits == 1 else f"{n_qubits} qubits"
    return f"{configuration['backend_name']}: IBM {family} of {size}, measured {taken[:10]}"
