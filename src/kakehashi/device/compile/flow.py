"""Qiskit's stages for one region of a twin, run piece by piece, so that candidates share what they have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from kakehashi.circuit.gates import NS_PER, GateCircuit, Operation, from_qiskit
from kakehashi.circuit.router import MergingEffort, Routed, route_merging
from kakehashi.circuit.router_input import Machine, read_machine, read_program, write_route
from kakehashi.circuit.sabre import Setting, route_with
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.compile.coupling import Region
from kakehashi.device.compile.score import Scorer

__all__ = ["Flow", "Native", "native_operations", "on_twin"]

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
            yield "delay", on, float(instruction.operation.duration) * NS_PER.get(instruction.operation.unit, 0.0)
        else:
            yield instruction.name, on, 0.0


def on_twin(native: Native, n_qubits: int, moved: Sequence[int] | None = None) -> GateCircuit:
    """A compiled circuit as a list of operations on physical qubits.

    Args:
        native: The circuit.
        n_qubits: Number of qubits of the twin.
        moved: New number of each physical qubit.
    """
    physical = native.place if moved is None else tuple(moved[q] for q in native.place)
    place = dict(zip(native.circuit.qubits, physical, strict=True))
    bit = {b: k for k, b in enumerate(native.circuit.clbits)}
    operations: list[Operation] = []
    for instruction in native.circuit.data:
        name = instruction.name
        on = tuple([place[q] for q in instruction.qubits])
        if name in GATES:
            angles = tuple([float(angle) for angle in instruction.params])
            operations.append(Operation(name=name, qubits=on, parameters=angles))
        elif name in ("measure", "reset", "barrier"):
            bits = tuple([bit[b] for b in instruction.clbits])
            operations.append(Operation(name=name, qubits=on, bits=bits))
        else:  # delays and classical control, with all their rules
            return from_qiskit(native.circuit).relabel(physical, n_qubits=n_qubits)
    return GateCircuit(
        n_qubits=n_qubits,
        n_bits=native.circuit.num_clbits,
        operations=tuple(operations),
        name=str(native.circuit.name or "circuit"),
    )


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
    def stages(self) -> Any:
        """The preset pass manager of level 3; its optimisation is not used."""
        return _stages(self.region, self.seed)

    def prepare(self, circuit: Any) -> tuple[Any, dict[str, Any]]:
        """Simplify a circuit before it is laid out; what is learned goes along as properties."""
        return _run(self.stages.init, circuit, {})

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
        routed, known = _run(steps, prepared, properties)
        return routed, known, routed.count_ops().get("swap", 0)

    def route_merging(
        self, prepared: Any, properties: dict[str, Any], effort: MergingEffort
    ) -> Iterator[tuple[Any, dict[str, Any], Routed]]:
        """Lay out and route with the router that prices swaps by what they add; nothing where it cannot.

        Args:
            prepared: The circuit.
            properties: Its properties.
            effort: How much is tried.

        Yields:
            A routed circuit, its properties, and its route; the best first by the route's own estimate.
        """
        from qiskit.transpiler import PassManager
        from qiskit.transpiler.passes import BarrierBeforeFinalMeasurements

        machine = _machine(self.region)
        if machine is None:
            return
        circuit = PassManager([BarrierBeforeFinalMeasurements(BARRIER)]).run(prepared)
        program = read_program(circuit)
        if program is None:
            return
        for route in route_merging(program, machine, effort=effort, rng=self.seed):
            yield (*write_route(circuit, properties, route.entries, route.start, route.end), route)

    def place_at(self, prepared: Any, properties: dict[str, Any], layout: Sequence[int]) -> tuple[Any, dict[str, Any]]:
        """Lay a circuit out where it is told to, with no routing yet.

        Args:
            prepared: The circuit.
            properties: Its properties.
            layout: The region's number for each qubit.
        """
        from qiskit.transpiler import Layout, PassManager
        from qiskit.transpiler.passes import SetLayout
        from qiskit.transpiler.preset_passmanagers.common import generate_embed_passmanager

        where = Layout({q: int(k) for q, k in zip(prepared.qubits, layout, strict=True)})
        for register in prepared.qregs:
            where.add_register(register)
        steps = PassManager([SetLayout(where)]) + generate_embed_passmanager(self.region.target)
        return _run(steps, prepared, properties)

    def finish(self, placed: Any, properties: dict[str, Any], *, name: str, n_qubits: int) -> Native:
        """Route what is not routed yet, translate, optimise.

        Args:
            placed: The circuit on the region's qubits.
            properties: Its properties.
            name: Of the method.
            n_qubits: Number of qubits of the given circuit; ancillas of ours stand behind them.
        """
        from qiskit.transpiler import PassManager

        stages = self.stages
        steps: Any = PassManager()
        for stage in (stages.routing, stages.translation, _optimization(self.region.target, stages)):
            if stage is not None:
                steps += stage
        done = steps.run(placed, property_set=dict(properties))
        return self._native(name, done, n_qubits)

    def _native(self, name: str, done: Any, n_qubits: int) -> Native:
        """What qiskit made, with where its qubits were first and are last."""
        qubits, layout = self.region.qubits, done.layout
        start = layout.initial_index_layout(filter_ancillas=True)[:n_qubits] if layout else range(n_qubits)
        end = layout.final_index_layout(filter_ancillas=True)[:n_qubits] if layout else range(n_qubits)
        return Native(
            name=name,
            circuit=done,
            place=qubits,
            start=tuple(qubits[k] for k in start),
            end=tuple(qubits[k] for k in end),
        )

    def estimate(self, routed: Any, scorer: Scorer) -> float:
        """Logarithm of the success probability of a routed circuit, before it is translated: a guess that ranks.

        A swap counts as three gates and any other gate on two qubits as two; gates that follow each other on the same
        two qubits will be merged, so together they count as three at most.
        """
        place = dict(zip(routed.qubits, self.region.qubits, strict=True))
        name, pairs = scorer.twin.two_qubit_gate, scorer.log_two
        steps: list[tuple[str, tuple[int, ...], float]] = []
        partner: dict[int, int] = {}
        spent: dict[tuple[int, int], int] = {}
        for instruction in routed.data:
            on = tuple([place[q] for q in instruction.qubits])
            if len(on) == 2 and instruction.name != "barrier":
                native = on if on in pairs else (on[1], on[0])
                a, b = on
                pair = (min(on), max(on))
                before = spent[pair] if partner.get(a) == b and partner.get(b) == a else 0
                wanted = 3 if instruction.name == "swap" else max(before, 2)
                steps += [(name, native, 0.0)] * (wanted - before)
                partner[a], partner[b], spent[pair] = b, a, wanted
            elif instruction.name in ("measure", "barrier"):
                steps.append((instruction.name, on, 0.0))
            else:
                steps.append(("sx", on, 0.0))
        return scorer(steps).log_esp

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
        return self._native(name, done, circuit.num_qubits)


@lru_cache(maxsize=8)
def _stages(region: Region, seed: int) -> Any:
    from qiskit.transpiler import generate_preset_pass_manager

    # With a layout method named, qiskit does not move the result: we do that ourselves, by our own score.
    return generate_preset_pass_manager(3, target=region.target, seed_transpiler=seed, layout_method="sabre")


@lru_cache(maxsize=8)
def _machine(region: Region) -> Machine | None:
    return read_machine(region.target)


def _optimization(target: Any, stages: Any) -> Any:
    """The passes of level 3's last stage, repeated for as long as gates on two qubits go away.

    Level 3 goes on for five rounds more, in which nothing was seen to happen but a choice among equals: it takes half
    of its time behind routing.
    """
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import (
        CommutativeCancellation,
        GatesInBasis,
        Optimize1qGatesDecomposition,
        RemoveIdentityEquivalent,
    )

    try:
        from qiskit.transpiler.passes import TwoQubitPeepholeOptimization
    except ImportError:  # a qiskit that has another pass in its place
        return stages.optimization
    from qiskit.passmanager import ConditionalController, DoWhileController
    from qiskit.transpiler.basepasses import AnalysisPass

    kinds = {name: target.operation_from_name(name) for name in target.operation_names}
    pairs = [name for name, kind in kinds.items() if getattr(kind, "num_qubits", 0) == 2]

    class CountPairs(AnalysisPass):  # type: ignore[misc]
        """Says whether the gates on two qubits have become fewer."""

        def run(self, dag: Any) -> None:
            """Count them."""
            count = dag.count_ops()
            n_pairs, before = sum(count.get(name, 0) for name in pairs), self.property_set["n_pairs"]
            self.property_set["fewer_pairs"] = before is None or n_pairs < before
            self.property_set["n_pairs"] = n_pairs

    singles = Optimize1qGatesDecomposition(target=target)
    again = [
        TwoQubitPeepholeOptimization(target),
        RemoveIdentityEquivalent(target=target),
        singles,
        CommutativeCancellation(target=target),
        CountPairs(),
    ]
    steps = PassManager([DoWhileController(again, do_while=lambda known: known["fewer_pairs"])])
    steps.append(
        [
            GatesInBasis(target=target),
            ConditionalController(
                stages.translation.to_flow_controller(), condition=lambda known: not known["all_gates_in_basis"]
            ),
            singles,
        ]
    )
    return steps


def _run(steps: Any, circuit: Any, properties: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Run passes, and give the properties as the passes leave them.

    A pass manager's own property set has its layouts brought into a final form when it ends, which passes that are
    still to come would take for something else.
    """
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.basepasses import AnalysisPass

    taken: dict[str, Any] = {}

    class TakeProperties(AnalysisPass):  # type: ignore[misc]
        """Copies the property set."""

        def run(self, dag: Any) -> None:  # noqa: ARG002  the properties are what counts
            """Copy it."""
            taken.update(self.property_set)

    whole = steps + PassManager([TakeProperties()])
    done = whole.run(circuit, property_set=dict(properties))
    return done, taken


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
