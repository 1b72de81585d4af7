"""qiskit's ``Target``: the twin as compilers see it, and the user's own processors from one.

A Target is in seconds and hertz. It has no place for the two ways of misreading, for readout lines or for the time of a
calibration: the twin is the source, the Target a view of it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.device.twins.model import Calibration, Source, Twin
from kakehashi.device.twins.place import place_qubits

__all__ = ["from_target", "to_target"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

S_PER_NS = 1e-9
S_PER_US = 1e-6
HZ_PER_GHZ = 1e9
OTHER = ("measure", "delay", "reset", "barrier", "if_else", "for_loop", "while_loop", "switch_case", "store")


def to_target(twin: Twin) -> Any:
    """The twin as a ``qiskit.transpiler.Target``.

    Absent qubits have no instruction, dead edges no gate, and a directed gate runs from control to target only. What is
    not known is None. The error of ``measure`` is the mean of both ways of misreading.

    Args:
        twin: The twin.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> target = to_target(load_twin("riken-64"))
        >>> target.num_qubits, (0, 1) in target["cx"], (1, 0) in target["cx"]
        (64, True, False)
    """
    from qiskit.circuit import Delay, Measure, Parameter
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit.transpiler import InstructionProperties, Target

    classes = get_standard_gate_name_mapping()
    given, n_qubits = twin.calibration, twin.n_qubits
    present = np.flatnonzero(twin.present).tolist()
    made = Target(
        description=f"{twin.name}: {twin.title}",
        num_qubits=n_qubits,
        dt=twin.clock_ns * S_PER_NS,
        qubit_properties=[_qubit_properties(twin, q) for q in range(n_qubits)],
    )

    def properties(error: float, duration_ns: float) -> Any:
        return InstructionProperties(error=_known(error), duration=_known(duration_ns * S_PER_NS))

    unknown = np.full(n_qubits, np.nan)
    for gate in twin.one_qubit_gates:
        if gate in given.gate_error or gate in given.gate_ns:
            error, duration = given.gate_error.get(gate, unknown), given.gate_ns.get(gate, unknown)
        else:
            error = duration = np.zeros(n_qubits)
        made.add_instruction(classes[gate], {(q,): properties(error[q], duration[q]) for q in present})
    usable = np.flatnonzero(twin.usable_edges)
    duration = given.gate_ns.get(twin.two_qubit_gate, np.full(len(twin.edges), np.nan))
    pairs = {}
    for edge in usable.tolist():
        a, b = (int(q) for q in twin.edges[edge])
        pairs[a, b] = properties(twin.edge_error[edge], duration[edge])
        if not twin.directed:
            pairs[b, a] = pairs[a, b]
    if pairs:
        made.add_instruction(classes[twin.two_qubit_gate], pairs)
    misread = (given.prob_meas1_prep0 + given.prob_meas0_prep1) / 2
    made.add_instruction(Measure(), {(q,): properties(misread[q], given.readout_ns[q]) for q in present})
    made.add_instruction(Delay(Parameter("duration")), {(q,): None for q in present})
    return made


def _qubit_properties(twin: Twin, q: int) -> Any:
    from qiskit.transpiler import QubitProperties

    given = twin.calibration
    frequency = np.nan if given.frequency_ghz is None else given.frequency_ghz[q] * HZ_PER_GHZ
    return QubitProperties(
        t1=_known(given.t1_us[q] * S_PER_US), t2=_known(given.t2_us[q] * S_PER_US), frequency=_known(frequency)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def from_target(
    target: Any, *, name: str = "target", title: str | None = None, positions: Floats | None = None
) -> Twin:
    """A processor from a ``qiskit.transpiler.Target``.

    Args:
        target: The Target. Of gates on two qubits, the one on most pairs counts; gates on more are left out.
        name: Name of the twin.
        title: What it stands for; the Target's description where not given.
        positions: Where the qubits lie, ``(column, row)``, shape ``(n_qubits, 2)``; from the graph where not given.

    Raises:
        InputError: It has no number of qubits, or impossible values.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> twin = load_twin("ibm-kobe")
        >>> same = from_target(to_target(twin), name="mine", positions=twin.positions)
        >>> same.n_qubits, len(same.edges) == int(twin.usable_edges.sum()), same.two_qubit_gate
        (156, True, 'cz')
    """
    if not target.num_qubits:
        raise InputError("The Target must say how many qubits there are, and give each gate's properties on them.")
    n_qubits = int(target.num_qubits)
    widths = {gate: _width(target, gate) for gate in target.operation_names if gate not in OTHER}
    one_qubit = tuple(gate for gate, width in widths.items() if width == 1)
    two_qubit = max((g for g, w in widths.items() if w == 2), key=lambda g: len(target[g]), default="cx")
    edges, directed = _edges(target, two_qubit)
    errors, durations = _gate_values(target, one_qubit, two_qubit, edges)
    qubits = target.qubit_properties or [None] * n_qubits
    t1, t2 = (_of_qubits(qubits, what) / S_PER_US for what in ("t1", "t2"))
    frequency = _of_qubits(qubits, "frequency") / HZ_PER_GHZ
    misread = np.array([_property(target, "measure", (q,), "error") for q in range(n_qubits)])
    readout = np.array([_property(target, "measure", (q,), "duration") for q in range(n_qubits)]) / S_PER_NS
    present = np.zeros(n_qubits, dtype=bool)
    present[[q for gate in one_qubit for q in range(n_qubits) if _has(target, gate, (q,))]] = True
    text = "Values of a qiskit Target"
    above = np.flatnonzero(t2 > 2 * t1)
    t2[above] = 2 * t1[above]
    if len(above):
        text += f"; T2 was cut to twice T1 at qubits {above.tolist()}"
    return Twin(
        name=name,
        title=title or target.description or name,
        lattice="graph",
        n_qubits=n_qubits,
        positions=place_qubits(n_qubits, edges) if positions is None else positions,
        edges=edges,
        directed=directed,
        two_qubit_gate=two_qubit,
        one_qubit_gates=one_qubit,
        present=present,
        calibration=Calibration(
            taken_utc="unknown",
            t1_us=t1,
            t2_us=t2,
            prob_meas1_prep0=misread,
            prob_meas0_prep1=misread.copy(),
            readout_ns=readout,
            gate_error=errors,
            gate_ns=durations,
            frequency_ghz=None if np.isnan(frequency).all() else frequency,
        ),
        clock_ns=target.dt / S_PER_NS if target.dt else 1.0,
        sources={
            "calibration": Source(grade="measured", text=f"{text}."),
            "prob_meas1_prep0": Source(grade="inferred", text="A Target has one error for both ways of misreading."),
            "shot_interval_us": Source(grade="assumed", text="A Target has no place for it."),
        },
    )


def _gate_values(
    target: Any, one_qubit: tuple[str, ...], two_qubit: str, edges: Integers
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Errors, and durations in nanoseconds, of every gate that is not virtual; of both directions the worse."""
    n_qubits = int(target.num_qubits)
    errors: dict[str, Floats] = {}
    durations: dict[str, Floats] = {}
    for gate in one_qubit:
        error = np.array([_property(target, gate, (q,), "error") for q in range(n_qubits)])
        duration = np.array([_property(target, gate, (q,), "duration") for q in range(n_qubits)]) / S_PER_NS
        if np.nansum(error) + np.nansum(duration) > 0:  # otherwise virtual
            errors[gate], durations[gate] = error, duration
    for values, what, unit in ((errors, "error", 1.0), (durations, "duration", S_PER_NS)):
        found = [[_property(target, two_qubit, pair, what) for pair in ((a, b), (b, a))] for a, b in edges.tolist()]
        values[two_qubit] = np.fmax.reduce(np.array(found, dtype=np.float64).reshape(-1, 2), axis=1) / unit
    return errors, durations


def _width(target: Any, gate: str) -> int:
    """Number of qubits of a gate; 0 of one that is not an instruction on listed qubits."""
    places = target[gate]
    if not places or None in places:
        return 0
    return len(next(iter(places)))


def _has(target: Any, gate: str, qubits: tuple[int, ...]) -> bool:
    return qubits in target[gate]


def _property(target: Any, gate: str, qubits: tuple[int, ...], what: str) -> float:
    if gate not in target.operation_names:
        return np.nan
    found = (target[gate] or {}).get(qubits)
    value = None if found is None else getattr(found, what)
    return np.nan if value is None else float(value)


def _edges(target: Any, gate: str) -> tuple[Integers, bool]:
    pairs = set(target[gate]) if gate in target.operation_names else set()
    directed = bool(pairs) and not any((b, a) in pairs for a, b in pairs)
    edges = sorted(pairs if directed else {(min(pair), max(pair)) for pair in pairs})
    return np.array(edges, dtype=np.int64).reshape(-1, 2), directed


def _of_qubits(qubits: Any, what: str) -> Floats:
    values = [None if qubit is None else getattr(qubit, what, None) for qubit in qubits]
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
