"""Circuits and processors as the native router reads them, and its routes as circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.circuit.weyl import commuting_axes, native_counts

__all__ = ["Machine", "Program", "read_machine", "read_program", "write_route"]

GATE, MEASURE, OTHER = 0, 1, 2
NOT_UNITARY = ("barrier", "reset", "delay")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A circuit for the router.

    Attributes:
        n_qubits: Number of qubits.
        native: The same in flat arrays.
    """

    n_qubits: int
    native: Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine:
    """A processor for the router.

    Attributes:
        n_qubits: Number of qubits.
        distance: Shape ``(n_qubits, n_qubits)``, hops.
        badness: Shape ``(n_qubits,)``: mean loss of the gates and readout of each qubit.
        pull: Of a pair at each distance.
        native: The same, with the losses, for the kernel.
    """

    n_qubits: int
    distance: NDArray[np.int16]
    badness: NDArray[np.float64]
    pull: NDArray[np.float64]
    native: Any


def read_program(circuit: Any) -> Program | None:
    """A ``qiskit.QuantumCircuit`` for the router; None where it holds control flow or gates on three qubits or more.

    Example:
        >>> import qiskit
        >>> bell = qiskit.QuantumCircuit(2)
        >>> _ = bell.h(0), bell.cx(0, 1)
        >>> read_program(bell).n_qubits
        2
    """
    place = {q: k for k, q in enumerate(circuit.qubits)}
    first, qubits, kinds, which = [0], [], [], []
    matrices: list[NDArray[np.complex128]] = []
    known: dict[Any, int] = {}
    for instruction in circuit.data:
        on = [place[q] for q in instruction.qubits]
        qubits += on
        first.append(len(qubits))
        name = instruction.name
        if name == "measure" or name in NOT_UNITARY:
            kinds.append(MEASURE if name == "measure" else OTHER)
            which.append(-1)
            continue
        if not 1 <= len(on) <= 2 or not hasattr(instruction.operation, "to_matrix"):
            return None
        kinds.append(GATE)
        key = _key(instruction)
        if key not in known:
            known[key] = len(matrices)
            matrices.append(np.asarray(instruction.operation.to_matrix(), dtype=np.complex128))
        which.append(known[key])
    axes, alone, swapped = _classes(matrices)
    axis = [a for k, w in enumerate(which) for a in (axes[w] if w >= 0 else (0,) * (first[k + 1] - first[k]))]
    index = np.array(which, dtype=np.int64)
    return Program(
        n_qubits=circuit.num_qubits,
        native=_native.RoutingProgram.from_arrays(
            circuit.num_qubits,
            np.array(first, dtype=np.int32),
            np.array(qubits, dtype=np.int32),
            np.array(axis, dtype=np.int8),
            np.array(kinds, dtype=np.int8),
            alone[index],
            swapped[index],
        ),
    )


def _key(instruction: Any) -> Any:
    """Equal for instructions with equal matrices."""
    try:
        return (instruction.name, instruction.label, *(float(angle) for angle in instruction.params))
    except TypeError:  # a matrix among the parameters
        return id(instruction.operation), len(instruction.qubits)


def _classes(
    matrices: Sequence[NDArray[np.complex128]],
) -> tuple[list[tuple[int, ...]], NDArray[np.int8], NDArray[np.int8]]:
    """Axes and numbers of native gates of each matrix; one number more stands for what is no gate."""
    axes: list[tuple[int, ...]] = [()] * len(matrices)
    alone, swapped = np.zeros((2, len(matrices) + 1), dtype=np.int8)
    for side in (2, 4):
        chosen = [k for k, matrix in enumerate(matrices) if len(matrix) == side]
        if not chosen:
            continue
        stack = np.array([matrices[k] for k in chosen])
        for k, row in zip(chosen, commuting_axes(stack).tolist(), strict=True):
            axes[k] = tuple(row)
        if side == 4:
            alone[chosen], swapped[chosen] = native_counts(stack)
    return axes, alone, swapped


def read_machine(target: Any) -> Machine | None:
    """A qiskit ``Target`` for the router; None where its gate on two qubits is not like a CZ, or it is not connected.

    What the target does not say counts as the median of what it says, or as perfect.

    Example:
        >>> from qiskit.transpiler import CouplingMap, Target
        >>> line = Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap.from_line(4))
        >>> read_machine(line).distance[0].tolist()
        [0, 1, 2, 3]
    """
    import rustworkx

    n = target.num_qubits
    names = [name for name in target.operation_names if _is_like_cz(target, name)]
    if len(names) != 1 or n < 2:
        return None
    pairs = target[names[0]]
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(n))
    graph.add_edges_from([(a, b, None) for a, b in pairs])
    distance = np.asarray(rustworkx.graph_distance_matrix(graph, null_value=-1.0)).astype(np.int16)
    if (distance < 0).any():
        return None
    turns = target["sx"] if "sx" in target.operation_names else {}
    turn, turn_s = _means(turns.values())
    _, pair_s = _means(pairs.values())
    loss = np.zeros((n, n))
    for (a, b), about in pairs.items():
        error = about.error if about is not None and about.error is not None else 0.0
        loss[a, b] = loss[b, a] = -np.log1p(-min(error, 1 - 1e-12)) + TURNS * turn
    read = np.zeros(n)
    for place, about in (target["measure"] if "measure" in target.operation_names else {}).items():
        if about is not None and about.error is not None:
            read[place[0]] = -np.log1p(-min(about.error, 1 - 1e-12))
    near = distance == 1
    return Machine(
        n_qubits=n,
        distance=distance,
        badness=TURNS * loss.sum(axis=1) / np.maximum(near.sum(axis=1), 1) + read,
        pull=np.maximum(np.arange(int(distance.max()) + 2) - 1.0, 0.0),
        native=_native.RoutingMachine.from_arrays(
            distance, loss, read, _decay(target), 1e9 * (pair_s + turn_s), 1e9 * turn_s
        ),
    )


TURNS = 3.0
"""So many gates on one qubit stand beside a native gate on two, on both qubits together."""


def _is_like_cz(target: Any, name: str) -> bool:
    gate = target.operation_from_name(name)
    if isinstance(gate, type) or gate.num_qubits != 2 or gate.params or not hasattr(gate, "to_matrix"):
        return False
    return bool(native_counts(np.asarray(gate.to_matrix())[None])[0][0] == 1)


def _means(rows: Any) -> tuple[float, float]:
    """Mean error and mean duration in seconds of a gate."""
    known = [about for about in rows if about is not None]
    errors = [about.error for about in known if about.error is not None and about.error < 0.5]
    lengths = [about.duration for about in known if about.duration is not None]
    return float(np.mean(errors)) if errors else 0.0, float(np.mean(lengths)) if lengths else 0.0


def _decay(target: Any) -> NDArray[np.float64]:
    """Loss of each qubit per nanosecond of waiting: the first order of 1/2 - exp(-t/T1)/6 - exp(-t/T2)/3."""
    decay = np.zeros(target.num_qubits)
    for k, about in enumerate(target.qubit_properties or ()):
        for time_s, share in ((about.t1, 6.0), (about.t2, 3.0)) if about is not None else ():
            decay[k] += 1e-9 / (share * time_s) if time_s else np.nan
    known = decay[np.isfinite(decay)]
    return np.where(np.isfinite(decay), decay, np.median(known) if len(known) else 0.0)


def write_route(
    circuit: Any, properties: dict[str, Any], entries: NDArray[np.int32], start: Sequence[int], end: Sequence[int]
) -> tuple[Any, dict[str, Any]]:
    """A route as a circuit on physical qubits, with the properties that qiskit's layout passes leave.

    Args:
        circuit: What was routed.
        properties: Its properties, of the passes before.
        entries: Shape ``(n, 3)``, as in :class:`~kakehashi.circuit.router.Routed`.
        start: Physical qubit of each qubit at first, spare ones behind.
        end: In the end.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction, QuantumRegister
    from qiskit.circuit.library import SwapGate
    from qiskit.transpiler import Layout

    n = len(start)
    routed = QuantumCircuit(
        QuantumRegister(n, "q"), name=circuit.name, global_phase=circuit.global_phase, metadata=circuit.metadata
    )
    routed.add_bits(circuit.clbits)
    for register in circuit.cregs:
        routed.add_register(register)
    physical, swap, data = routed.qubits, SwapGate(), circuit.data
    place = dict(zip(circuit.qubits, start, strict=False))
    holds = {p: q for q, p in place.items()}
    for number, a, b in entries.tolist():
        if number >= 0:
            given = data[number]
            routed._append(given.replace(qubits=tuple([physical[place[q]] for q in given.qubits])))
            continue
        routed._append(CircuitInstruction(swap, (physical[a], physical[b])))
        here, there = holds.pop(a, None), holds.pop(b, None)
        for q, p in ((here, b), (there, a)):
            if q is not None:
                place[q], holds[p] = p, q
    spare = QuantumRegister(n - circuit.num_qubits, "spare")
    virtual = [*circuit.qubits, *spare]
    layout = Layout({p: virtual[v] for v, p in enumerate(start)})
    for register in (*circuit.qregs, *([spare] if spare.size else [])):
        layout.add_register(register)
    moved = Layout({physical[p]: q for p, q in zip(start, end, strict=True)})
    earlier = properties.get("final_layout")
    return routed, {
        **properties,
        "layout": layout,
        "original_qubit_indices": {qubit: k for k, qubit in enumerate(virtual)},
        "final_layout": moved if earlier is None else earlier.compose(moved, physical),
    }
