"""Routing by qiskit's LightSABRE with a deeper look ahead.

Qiskit's own setting looks one layer ahead, with a weight of half over the number of the processor's qubits. Several
layers with weights that halve find routes with fewer swaps, from fewer trials. The heuristic is an object of qiskit's
compiled part that its documentation calls internal; where it is missing or has another shape, qiskit's own setting
takes its place.

Source: Zou, Treinish, Hartman, Ivrii, Lishman, arXiv:2409.08368.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["OWN_SETTING", "SETTINGS", "Setting", "route_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How to look ahead, and how much to try.

    Attributes:
        name: For the table of candidates.
        lookahead: Weight of each layer behind the front; empty for qiskit's own.
        layout_trials: Random layouts to start from.
        swap_trials: Tries of the last routing of each.
        iterations: Passes forward and backward that improve a layout.
    """

    name: str
    lookahead: tuple[float, ...] = ()
    layout_trials: int = 8
    swap_trials: int = 4
    iterations: int = 3


OWN_SETTING = Setting(name="sabre as qiskit has it", layout_trials=20, swap_trials=20, iterations=4)
"""What qiskit's level 3 does."""

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="sabre, 4 layers ahead", lookahead=(0.2, 0.15, 0.1, 0.05), layout_trials=6, swap_trials=2, iterations=3
    ),
    Setting(name="sabre, 1 layer ahead", layout_trials=20, swap_trials=4, iterations=4),
    Setting(
        name="sabre, 8 layers ahead",
        lookahead=tuple(0.35 * 0.7**k for k in range(8)),
        layout_trials=5,
        swap_trials=1,
        iterations=4,
    ),
)
"""The settings that are tried. Together they take about as long as :data:`OWN_SETTING`."""


def heuristic(setting: Setting, n_qubits: int) -> Any:
    """Qiskit's heuristic object for a setting, or None where there is no such thing."""
    try:
        from qiskit._accelerate.sabre import Heuristic, SetScaling

        constant = SetScaling.Constant
        weights = list(setting.lookahead) or [0.5 / n_qubits]
        made = Heuristic(attempt_limit=10 * n_qubits).with_basic(1.0, constant).with_lookahead(weights, constant)
        return made.with_decay(0.001, 5)
    except (ImportError, AttributeError, TypeError, ValueError):
        return None


def route_with(setting: Setting, target: Any, *, seed: int) -> Any:
    """A pass that lays out and routes, as qiskit's ``SabreLayout`` does, with a setting's look ahead.

    Args:
        setting: The setting.
        target: Qiskit ``Target`` of the processor.
        seed: Of the trials.

    Returns:
        A qiskit transformation pass. It reads and writes the same properties as ``SabreLayout``.

    Example:
        >>> import qiskit
        >>> from qiskit.transpiler import CouplingMap, PassManager, Target
        >>> line = Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap.from_line(4))
        >>> ring = qiskit.QuantumCircuit(3)
        >>> _ = ring.cz(0, 1), ring.cz(1, 2), ring.cz(2, 0)
        >>> PassManager([route_with(SETTINGS[0], line, seed=1)]).run(ring).count_ops()["swap"]
        1
    """
    from qiskit.transpiler.passes import SabreLayout

    theirs = SabreLayout(
        target,
        seed=seed,
        max_iterations=setting.iterations,
        swap_trials=setting.swap_trials,
        layout_trials=setting.layout_trials,
    )
    looks = heuristic(setting, target.num_qubits)
    return theirs if looks is None or not setting.lookahead else _deeper(theirs, looks)


def _deeper(theirs: Any, looks: Any) -> Any:
    """The pass with another heuristic."""
    from qiskit.circuit import QuantumRegister
    from qiskit.transpiler import Layout
    from qiskit.transpiler.basepasses import TransformationPass

    class DeeperSabre(TransformationPass):  # type: ignore[misc]
        """LightSABRE with several layers of look ahead."""

        def run(self, dag: Any) -> Any:
            """Lay out and route."""
            try:
                from qiskit._accelerate.sabre import sabre_layout_and_routing

                routed, start, end = sabre_layout_and_routing(
                    dag,
                    theirs.target,
                    looks,
                    max_iterations=theirs.max_iterations,
                    num_swap_trials=theirs.swap_trials,
                    num_random_trials=theirs.layout_trials,
                    seed=theirs.seed,
                )
            except (ImportError, TypeError):  # a qiskit whose compiled part is called otherwise
                theirs.property_set = self.property_set
                return theirs.run(dag)
            spare = QuantumRegister(theirs.target.num_qubits - dag.num_qubits(), "spare")
            virtual = [*dag.qubits, *spare]
            layout = Layout({physical: virtual[v] for v, physical in start.layout_mapping()})
            for register in (*dag.qregs.values(), *([spare] if spare.size else [])):
                layout.add_register(register)
            moved = Layout(
                {routed.qubits[start.virtual_to_physical(v)]: physical for v, physical in end.layout_mapping()}
            )
            earlier = self.property_set["final_layout"]
            self.property_set["layout"] = layout
            self.property_set["original_qubit_indices"] = {qubit: k for k, qubit in enumerate(virtual)}
            self.property_set["final_layout"] = moved if earlier is None else earlier.compose(moved, routed.qubits)
            return routed

    return DeeperSabre()
