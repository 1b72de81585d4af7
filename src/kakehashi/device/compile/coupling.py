"""The part of a twin that a circuit may use, as the ``Target`` that qiskit's passes read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kakehashi.circuit.parity import Edge, find_odd_cycle
from kakehashi.core.errors import InputError
from kakehashi.device.twins.model import Twin

__all__ = ["Region", "build_region", "good_region", "largest_component", "usable_edges", "whole_region"]

NOT_GATES = ("measure", "delay", "reset", "barrier", "if_else", "for_loop", "switch_case", "while_loop")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """Qubits of a twin, numbered anew, with what joins them.

    Attributes:
        qubits: Physical qubit of each number, ascending.
        edges: Pairs of physical qubits with a usable two-qubit gate; control first where that matters.
        target: Qiskit ``Target`` on the new numbers. It holds no dead edge and no absent qubit.
        bipartite: Whether no cycle of its graph is odd.
    """

    qubits: tuple[int, ...]
    edges: tuple[Edge, ...]
    target: Any
    bipartite: bool


def largest_component(n_qubits: int, edges: Iterable[Edge]) -> tuple[int, ...]:
    """Vertices of the largest connected part, ascending.

    Example:
        >>> largest_component(6, [(0, 1), (1, 2), (4, 5)])
        (0, 1, 2)
    """
    import rustworkx

    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(n_qubits))
    graph.add_edges_from([(int(a), int(b), None) for a, b in edges])
    return tuple(sorted(max(rustworkx.connected_components(graph), key=len, default=())))


def usable_edges(twin: Twin) -> tuple[Edge, ...]:
    """Edges that work, of physical qubits."""
    return tuple((int(a), int(b)) for a, b in twin.edges[twin.usable_edges])


@lru_cache(maxsize=4)
def whole_region(twin: Twin) -> Region:
    """The largest connected part of a twin; kept, as making it anew for each circuit would take as long as some do."""
    return build_region(twin)


def build_region(twin: Twin, qubits: Iterable[int] | None = None) -> Region:
    """A part of a twin.

    Args:
        twin: The processor.
        qubits: Physical qubits of the part; by default those of the largest part that usable edges connect.
    """
    usable = usable_edges(twin)
    if qubits is None:
        qubits = largest_component(twin.n_qubits, usable) if usable else np.flatnonzero(twin.present)[:1]
    chosen = tuple(sorted(int(q) for q in qubits))
    inside = set(chosen)
    edges = tuple((a, b) for a, b in usable if a in inside and b in inside)
    return Region(
        qubits=chosen,
        edges=edges,
        target=_target(twin, chosen, edges),
        bipartite=find_odd_cycle(edges) is None,
    )


def _target(twin: Twin, qubits: tuple[int, ...], edges: tuple[Edge, ...]) -> Any:
    from qiskit.circuit import Delay, IfElseOp, Measure, Parameter, Reset
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit.transpiler import InstructionProperties, QubitProperties, Target

    given = twin.calibration
    place = {q: k for k, q in enumerate(qubits)}
    number = {(int(a), int(b)): k for k, (a, b) in enumerate(twin.edges)}
    known = get_standard_gate_name_mapping()

    def about(what: str, k: int) -> Any:
        length = given.gate_ns[what][k] if what in given.gate_ns else 0.0
        error = given.gate_error[what][k] if what in given.gate_error else 0.0
        return InstructionProperties(error=float(np.nan_to_num(error)), duration=1e-9 * float(np.nan_to_num(length)))

    target = Target(
        num_qubits=len(qubits),
        qubit_properties=[
            QubitProperties(t1=1e-6 * float(given.t1_us[q]), t2=1e-6 * float(given.t2_us[q])) for q in qubits
        ],
    )
    for name in twin.one_qubit_gates:
        if name in NOT_GATES:
            continue
        if name not in known:
            raise InputError(f"The twin {twin.name!r} has the native gate {name!r}, which is not known.")
        kind = type(known[name])
        angles = [Parameter(f"angle{k}") for k in range(len(known[name].params))]
        target.add_instruction(kind(*angles), {(place[q],): about(name, q) for q in qubits})
    name = twin.two_qubit_gate
    kind = type(known[name])
    angles = [Parameter(f"angle{k}") for k in range(len(known[name].params))]
    both = {}
    for a, b in edges:
        both[place[a], place[b]] = about(name, number[a, b])
        if not twin.directed:
            both.setdefault((place[b], place[a]), both[place[a], place[b]])
    target.add_instruction(kind(*angles), both)
    reads = {}
    for q in qubits:
        error = (given.prob_meas0_prep1[q] + given.prob_meas1_prep0[q]) / 2
        reads[place[q],] = InstructionProperties(
            error=float(np.nan_to_num(error)), duration=1e-9 * float(np.nan_to_num(given.readout_ns[q]))
        )
    target.add_instruction(Measure(), reads)
    for more in (Reset(), Delay(Parameter("length"))):
        target.add_instruction(more, {(place[q],): None for q in qubits})
    target.add_instruction(IfElseOp, name="if_else")
    return target


def good_region(twin: Twin, size: int) -> tuple[int, ...]:
    """A connected part of a given size whose gates and readouts err least, grown from the best edge.

    The next qubit is the one that adds least error per edge that it brings: parts that hang together well need fewer
    swaps.

    Args:
        twin: The processor.
        size: Number of qubits; as many as are connected where there are fewer.
    """
    usable = usable_edges(twin)
    inside = set(largest_component(twin.n_qubits, usable))
    error = {pair: float(e) for pair, e in zip(usable, twin.edge_error[twin.usable_edges], strict=True)}
    near: dict[int, dict[int, float]] = {}
    for (a, b), e in error.items():
        near.setdefault(a, {})[b] = near.setdefault(b, {})[a] = e
    read = np.nan_to_num((twin.calibration.prob_meas0_prep1 + twin.calibration.prob_meas1_prep0) / 2, nan=0.5)
    typical = float(np.median(list(error.values())))

    def weight(q: int, chosen: set[int]) -> float:
        joins = [e for other, e in near[q].items() if other in chosen]
        return (0.3 * float(read[q]) + min(joins) + typical) / len(joins)

    best: tuple[float, tuple[int, ...]] | None = None
    starts = sorted((pair for pair in error if pair[0] in inside), key=lambda pair: error[pair])[:8]
    for start in starts:
        chosen, total = set(start), 0.0
        border = {v for q in chosen for v in near[q]} - chosen
        while len(chosen) < size and border:
            q = min(border, key=lambda v: (weight(v, chosen), v))
            total += weight(q, chosen)
            chosen.add(q)
            border = (border | set(near[q])) - chosen
        if best is None or total < best[0]:
            best = (total, tuple(sorted(chosen)))
    return best[1] if best else ()
