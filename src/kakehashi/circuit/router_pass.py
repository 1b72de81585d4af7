"""The router that counts what swaps add, as a pass of qiskit's."""

from __future__ import annotations

from typing import Any

from kakehashi.circuit.router import MergingEffort, route_merging
from kakehashi.circuit.router_input import read_machine, read_program, write_route
from kakehashi.circuit.sabre import SETTINGS, route_with

__all__ = ["merging_pass"]


def merging_pass(target: Any, *, seed: int, effort: MergingEffort | None = None) -> Any:
    """A pass that lays out and routes; Sabre with several layers of look ahead where the router cannot.

    Args:
        target: Qiskit ``Target`` of the processor.
        seed: Of everything random.
        effort: How much is tried.

    Returns:
        A qiskit transformation pass. It reads and writes the same properties as ``SabreLayout``.

    Example:
        >>> import qiskit
        >>> from qiskit.transpiler import CouplingMap, PassManager, Target
        >>> line = Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap.from_line(4))
        >>> ring = qiskit.QuantumCircuit(3)
        >>> _ = ring.cz(0, 1), ring.cz(1, 2), ring.cz(2, 0)
        >>> PassManager([merging_pass(line, seed=1)]).run(ring).count_ops()["swap"]
        1
    """
    from qiskit.converters import circuit_to_dag, dag_to_circuit
    from qiskit.transpiler.basepasses import TransformationPass

    otherwise = route_with(SETTINGS[0], target, seed=seed)

    class MergingLayout(TransformationPass):  # type: ignore[misc]
        """Lays out and routes by what swaps add."""

        def run(self, dag: Any) -> Any:
            """Lay out and route."""
            circuit = dag_to_circuit(dag, copy_operations=False)
            machine, program = read_machine(target), read_program(circuit)
            if machine is None or program is None:
                otherwise.property_set = self.property_set
                return otherwise.run(dag)
            route = route_merging(program, machine, effort=effort, rng=seed)[0]
            earlier = {"final_layout": self.property_set["final_layout"]}
            routed, known = write_route(circuit, earlier, route.entries, route.start, route.end)
            self.property_set.update(known)
            return circuit_to_dag(routed, copy_operations=False)

    return MergingLayout()
