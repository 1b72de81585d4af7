"""Layout stages for qiskit's own ``transpile``, found through its entry points.

``layout_method="kakehashi_parity"`` is qiskit's default stage, with the search for a swap-free layout (VF2) left out
where a proof says that there is none. ``"kakehashi_zigzag"`` lays two chains with rungs, such as local cluster Jastrow
circuits, on the ladder that the processor's graph has room for. ``"kakehashi"`` does both, and routes by what swaps add
to the gates beside them.
"""

from __future__ import annotations

from typing import Any

from qiskit.converters import dag_to_circuit
from qiskit.passmanager.flow_controllers import ConditionalController
from qiskit.transpiler import Layout, PassManager
from qiskit.transpiler.basepasses import AnalysisPass
from qiskit.transpiler.passes import BarrierBeforeFinalMeasurements, SabreLayout, SetLayout, VF2Layout
from qiskit.transpiler.passes.layout.vf2_layout import VF2LayoutStopReason
from qiskit.transpiler.passmanager_config import PassManagerConfig
from qiskit.transpiler.preset_passmanagers import common
from qiskit.transpiler.preset_passmanagers.plugin import PassManagerStagePlugin

from kakehashi.circuit.gates import from_qiskit
from kakehashi.circuit.ladder_search import embed_ladder
from kakehashi.circuit.parity import why_no_embedding
from kakehashi.circuit.router_pass import merging_pass
from kakehashi.circuit.zigzag import find_ladder
from kakehashi.core.errors import InputError

__all__ = ["KakehashiLayout", "ParityLayout", "ProveNoLayout", "ZigzagLayout", "ZigzagSearch"]

BARRIER = "qiskit.transpiler.internal.routing.protection.barrier"

VF2_LIMITS = {1: (50_000, 1_000), 2: (5_000_000, 10_000), 3: (30_000_000, 100_000)}
"""Call limits of qiskit's default layout stage, by level."""

SABRE = {0: (5, 1), 1: (5, 2), 2: (20, 2), 3: (20, 4)}
"""Trials and iterations of qiskit's Sabre, by level."""


class ProveNoLayout(AnalysisPass):  # type: ignore[misc]
    """Write a proof that no swap-free layout exists, where there is one, into ``kakehashi_no_layout``.

    Args:
        edges: Pairs of physical qubits that are joined.
    """

    def __init__(self, edges: list[tuple[int, int]]) -> None:
        super().__init__()
        self.edges = [tuple(edge) for edge in edges]

    def run(self, dag: Any) -> None:
        """Look for a proof, and let the stages that follow know as if VF2 had found none."""
        why = why_no_embedding(_pairs(dag), self.edges)
        self.property_set["kakehashi_no_layout"] = why
        if why is not None:
            self.property_set["VF2Layout_stop_reason"] = VF2LayoutStopReason.NO_SOLUTION_FOUND


class ZigzagSearch(AnalysisPass):  # type: ignore[misc]
    """Set the layout of a circuit whose interactions form two chains with rungs.

    Args:
        edges: Pairs of physical qubits that are joined and not dead.
    """

    def __init__(self, edges: list[tuple[int, int]]) -> None:
        super().__init__()
        self.edges = [tuple(edge) for edge in edges]

    def run(self, dag: Any) -> None:
        """Find the ladder and its place; nothing happens where there is none."""
        try:
            ladder = find_ladder(from_qiskit(dag_to_circuit(dag)))
        except InputError:
            return
        places = () if ladder is None else embed_ladder(len(ladder.left), ladder.rungs, self.edges)
        if ladder is None or not places:
            return
        place = places[0]
        at = dict(zip((*ladder.left, *ladder.right), (*place.left, *place.right), strict=True))
        taken = {*at.values(), *(q for _, q in place.bridges)}
        free = iter(q for q in sorted({v for edge in self.edges for v in edge}) if q not in taken)
        for q in range(dag.num_qubits()):
            if q not in at:
                at[q] = next(free, -1)
        if -1 in at.values():
            return
        layout = Layout({bit: at[k] for k, bit in enumerate(dag.qubits)})
        for register in dag.qregs.values():
            layout.add_register(register)
        self.property_set["layout"] = layout


def _pairs(dag: Any) -> list[tuple[int, int]]:
    number = {bit: k for k, bit in enumerate(dag.qubits)}
    return [(number[node.qargs[0]], number[node.qargs[1]]) for node in dag.two_qubit_ops()]


def _usable(config: PassManagerConfig) -> list[tuple[int, int]]:
    """Pairs that the target joins, without the dead ones."""
    coupling = config.coupling_map or config.target.build_coupling_map()
    edges = {tuple(sorted(edge)) for edge in coupling.get_edges()}
    if config.target is not None:
        for name in config.target.operation_names:
            for qargs, properties in (config.target[name] or {}).items():
                if qargs is not None and len(qargs) == 2 and properties is not None and (properties.error or 0) >= 0.5:
                    edges.discard(tuple(sorted(qargs)))
    return sorted(edges)


def _stage(config: PassManagerConfig, level: int, *, zigzag: bool, parity: bool, deep: bool) -> PassManager:
    """The stage: the given layout; else the ladder; else VF2 unless a proof speaks against it; else Sabre."""
    coupling = config.target if config.target is not None else config.coupling_map
    stage = PassManager([SetLayout(config.initial_layout)])
    if coupling is None:
        return stage
    edges = _usable(config)

    def unset(properties: Any) -> bool:
        return not properties["layout"]

    def may_exist(properties: Any) -> bool:
        return not properties["layout"] and properties["kakehashi_no_layout"] is None

    if zigzag:
        stage.append(ConditionalController([ZigzagSearch(edges)], condition=unset))
    if parity:
        joined = config.coupling_map or config.target.build_coupling_map()
        stage.append(
            ConditionalController([ProveNoLayout([tuple(edge) for edge in joined.get_edges()])], condition=unset)
        )
    if level > 0:
        search = VF2Layout(
            coupling_map=config.coupling_map, seed=-1, call_limit=VF2_LIMITS[level], target=config.target
        )
        stage.append(ConditionalController([search], condition=may_exist))
    trials, iterations = SABRE[level]
    sabre = SabreLayout(
        coupling,
        max_iterations=iterations,
        seed=config.seed_transpiler,
        swap_trials=trials,
        layout_trials=trials,
        skip_routing=config.routing_method not in (None, "default", "sabre"),
    )
    if deep and config.target is not None and config.routing_method in (None, "default", "sabre"):
        sabre = merging_pass(config.target, seed=config.seed_transpiler or 0)
    stage.append(ConditionalController([BarrierBeforeFinalMeasurements(BARRIER), sabre], condition=unset))
    embed = common.generate_embed_passmanager(coupling)
    stage.append(ConditionalController(embed.to_flow_controller(), condition=lambda p: p["final_layout"] is None))
    return stage


class ParityLayout(PassManagerStagePlugin):  # type: ignore[misc]
    """``layout_method="kakehashi_parity"``: qiskit's stage, without searches that cannot succeed.

    Example:
        >>> from qiskit import QuantumCircuit, transpile
        >>> from qiskit.transpiler import CouplingMap
        >>> ring = QuantumCircuit(3)
        >>> _ = ring.cz(0, 1), ring.cz(1, 2), ring.cz(2, 0)
        >>> done = transpile(ring, coupling_map=CouplingMap.from_grid(3, 3), basis_gates=["rz", "sx", "cz"],
        ...     layout_method="kakehashi_parity", optimization_level=3, seed_transpiler=0)
        >>> done.num_qubits
        9
    """

    def pass_manager(self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None) -> Any:
        """The stage, for qiskit."""
        return _stage(pass_manager_config, optimization_level or 0, zigzag=False, parity=True, deep=False)


class ZigzagLayout(PassManagerStagePlugin):  # type: ignore[misc]
    """``layout_method="kakehashi_zigzag"``: ladders where circuits form one, qiskit's stage elsewhere."""

    def pass_manager(self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None) -> Any:
        """The stage, for qiskit."""
        return _stage(pass_manager_config, optimization_level or 0, zigzag=True, parity=False, deep=False)


class KakehashiLayout(PassManagerStagePlugin):  # type: ignore[misc]
    """``layout_method="kakehashi"``: ladders, proofs, and the router that counts what swaps add."""

    def pass_manager(self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None) -> Any:
        """The stage, for qiskit."""
        return _stage(pass_manager_config, optimization_level or 0, zigzag=True, parity=True, deep=True)
