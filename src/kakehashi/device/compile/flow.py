"""Qiskit's stages for one region of a twin, run piece by piece, so that candidates share what they have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kakehashi.circuit.sabre import Setting, route_with
from kakehashi.device.compile.coupling import Region

__all__ = ["Flow", "Native", "native_operations"]

BARRIER = "qiskit.transpiler.internal.routing.protection.barrier"
"""Label by which qiskit's own stages find the barrier that they put before final measurements, to take it out again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Native:
    """A compiled qiskit circuit and where it lies.

    Attributes:
        name: The method.
        circuit: On the region's numbers.
        place: Physical qubit of each of the circuit's qubits.
        start: Physical qubit that each qubit of the given circuit starts on.
        end: Physical qubit that it ends on.
    """

    name: str
    circuit: Any
    place: tuple[int, ...]
    start: tuple[int, ...]
    end: tuple[int, ...]


def native_operations(native: Native) -> Iterator[tuple[str, tuple[int, ...], float]]:
    """``(name, physical qubits, nanoseconds)`` of each operation; the last is 0 but for delays."""
    place = dict(zip(native.circuit.qubits, native.place, strict=True))
    for instruction in native.circuit.data:
        on = tuple([place[q] for q in instruction.qubits])
        if instruction.name == "delay":
            yield "delay", on, float(instruction.operation.duration) * _unit_ns(instruction.operation.unit)
        else:
            yield instruction.name, on, 0.0


def _unit_ns(unit: str) -> float:
    from kakehashi.circuit.gates import NS_PER

    return NS_PER.get(unit, 0.0)


@dataclass(frozen=True)
class Flow:
    """Qiskit's stages for a region.

    Attributes:
        region: Where to.
        seed: Of everything random.
    """

    region: Region
    seed: int

    @cached_property
    def stages(self) -> dict[int, Any]:
        """The preset pass managers of levels 2 and 3."""
        from qiskit.transpiler import generate_preset_pass_manager

        return {
            level: generate_preset_pass_manager(level, target=self.region.target, seed_transpiler=self.seed)
            for level in (2, 3)
        }

    def prepare(self, circuit: Any) -> tuple[Any, dict[str, Any]]:
        """Simplify a circuit before it is laid out; what is learned goes along as properties."""
        first = self.stages[3].init
        return first.run(circuit), dict(first.property_set)

    def place_perfectly(self, prepared: Any, properties: dict[str, Any], *, call_limit: tuple[int, int]) -> Any | None:
        """Lay a circuit out without swaps by VF2; None where no such layout was found."""
        from qiskit.transpiler import PassManager
        from qiskit.transpiler.passes import VF2Layout

        search = PassManager([VF2Layout(target=self.region.target, seed=-1, call_limit=call_limit)])
        search.run(prepared, property_set=dict(properties))
        layout = search.property_set["layout"]
        if layout is None:
            return None
        return [layout[q] for q in prepared.qubits]

    def route(self, prepared: Any, properties: dict[str, Any], setting: Setting) -> tuple[Any, dict[str, Any], int]:
        """Lay out and route with a setting of Sabre.

        Returns:
            The routed circuit, its properties, and its number of swaps.
        """
        from qiskit.transpiler import PassManager
        from qiskit.transpiler.passes import BarrierBeforeFinalMeasurements

        steps = PassManager(
            [BarrierBeforeFinalMeasurements(BARRIER), route_with(setting, self.region.target, seed=self.seed)]
        )
        routed = steps.run(prepared, property_set=dict(properties))
        return routed, dict(steps.property_set), routed.count_ops().get("swap", 0)

    def place_at(self, prepared: Any, properties: dict[str, Any], layout: Sequence[int]) -> tuple[Any, dict[str, Any]]:
        """Lay a circuit out where it is told to, with no routing yet.

        Args:
            prepared: The circuit.
            properties: Its properties.
            layout: The region's number for each qubit.
        """
        from qiskit.transpiler import Layout, PassManager
        from qiskit.transpiler.preset_passmanagers.common import generate_embed_passmanager
        from qiskit.transpiler.passes import SetLayout

        where = Layout({q: int(k) for q, k in zip(prepared.qubits, layout, strict=True)})
        for register in prepared.qregs:
            where.add_register(register)
        steps = PassManager([SetLayout(where)]) + generate_embed_passmanager(self.region.target)
        placed = steps.run(prepared, property_set=dict(properties))
        return placed, dict(steps.property_set)

    def finish(
        self, placed: Any, properties: dict[str, Any], *, name: str, n_qubits: int, level: int = 3, post: bool = False
    ) -> Native:
        """Route what is not routed yet, translate, optimise.

        Args:
            placed: The circuit on the region's qubits.
            properties: Its properties.
            name: Of the method.
            n_qubits: Number of qubits of the given circuit; ancillas of ours stand behind them.
            level: Level of qiskit's optimisation.
            post: Whether qiskit may look for a better layout of the routed circuit.
        """
        from qiskit.transpiler import PassManager

        known = dict(properties)
        stages = self.stages[level]
        steps: Any = PassManager()
        routing = self.stages[2].routing
        if not post:
            known["VF2Layout_stop_reason"] = _solved()  # so that the routing stage leaves the layout alone
        for stage in (routing, stages.translation, stages.optimization):
            if stage is not None:
                steps += stage
        done = steps.run(placed, property_set=known)
        qubits = self.region.qubits
        start = done.layout.initial_index_layout(filter_ancillas=True)[:n_qubits]
        end = done.layout.final_index_layout(filter_ancillas=True)[:n_qubits]
        return Native(
            name=name,
            circuit=done,
            place=qubits,
            start=tuple(qubits[k] for k in start),
            end=tuple(qubits[k] for k in end),
        )

    def run_level(self, circuit: Any, level: int, *, name: str, aware: bool = True) -> Native:
        """Qiskit's level as it is.

        Args:
            circuit: The circuit.
            level: 1, 2 or 3.
            name: Of the method.
            aware: Whether it sees the calibration, or the graph alone.
        """
        from qiskit.transpiler import generate_preset_pass_manager

        target = self.region.target if aware else _without_errors(self.region.target)
        done = generate_preset_pass_manager(level, target=target, seed_transpiler=self.seed).run(circuit)
        qubits = self.region.qubits
        n = circuit.num_qubits
        start = done.layout.initial_index_layout(filter_ancillas=True)[:n] if done.layout else range(n)
        end = done.layout.final_index_layout(filter_ancillas=True)[:n] if done.layout else range(n)
        return Native(
            name=name,
            circuit=done,
            place=qubits,
            start=tuple(qubits[k] for k in start),
            end=tuple(qubits[k] for k in end),
        )


def _solved() -> Any:
    from qiskit.transpiler.passes.layout.vf2_layout import VF2LayoutStopReason

    return VF2LayoutStopReason.SOLUTION_FOUND


def _without_errors(target: Any) -> Any:
    """The graph and the gates of a target, without errors and durations."""
    from qiskit.transpiler import Target

    bare = Target(num_qubits=target.num_qubits)
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        if isinstance(operation, type):
            bare.add_instruction(operation, name=name)
        else:
            bare.add_instruction(operation, dict.fromkeys(target[name]))
    return bare
