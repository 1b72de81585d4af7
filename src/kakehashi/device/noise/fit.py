"""Whether a circuit can run on a twin as it stands, said in one sentence where it cannot."""

from __future__ import annotations

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.twins.model import DEAD_ERROR, Twin

__all__ = ["SYMMETRIC", "number_edges", "require_fit"]

SYMMETRIC = frozenset({"cz", "rzz", "rxx", "ryy", "swap", "iswap", "cp"})
"""Gates that are the same in both directions, so that a directed coupling does not matter to them."""

WITHOUT_GATE = frozenset({"measure", "reset", "barrier", "delay"})


def number_edges(twin: Twin) -> dict[tuple[int, int], int]:
    """The number of the edge that joins each pair of qubits; pairs stand in both orders.

    Where a twin lists both directions of a pair, each has its own number.
    """
    pairs = [(int(a), int(b)) for a, b in twin.edges.tolist()]
    numbers = {pair: k for k, pair in enumerate(pairs)}
    for k, (a, b) in enumerate(pairs):
        numbers.setdefault((b, a), k)
    return numbers


def require_fit(circuit: GateCircuit, twin: Twin) -> None:
    """Refuse a circuit that the twin cannot run.

    Raises:
        InputError: The circuit is wider than the twin, acts on an absent qubit, has a gate that the twin lacks, or puts
            a two-qubit gate on qubits that are not coupled, on a dead edge or in the wrong direction.

    Example:
        >>> from kakehashi.device.noise.example import line_twin
        >>> far = GateCircuit(n_qubits=3, operations=(Operation(name="cz", qubits=(0, 2)),))
        >>> require_fit(far, line_twin(3))
        Traceback (most recent call last):
        ...
        kakehashi.core.errors.InputError: The twin 'line-3' does not couple qubits 0 and 2 of a 'cz'.
    """
    present = twin.present.tolist()
    usable = twin.usable_edges.tolist()
    numbers = number_edges(twin)
    one_qubit = frozenset(twin.one_qubit_gates)
    seen: set[tuple[str, tuple[int, ...]]] = set()
    if any(q >= twin.n_qubits for q in circuit.used_qubits):
        raise InputError(
            f"The circuit uses qubit {circuit.used_qubits[-1]}, but the twin {twin.name!r} has {twin.n_qubits} qubits."
        )
    for operation in circuit.operations:
        key = (operation.name, operation.qubits)
        if key in seen or operation.name in ("barrier", "delay"):
            continue
        seen.add(key)
        for q in operation.qubits:
            if not present[q]:
                raise InputError(f"Qubit {q} of the twin {twin.name!r} does not work, but the circuit uses it.")
        if operation.name in WITHOUT_GATE or (operation.name in one_qubit and len(operation.qubits) == 1):
            continue
        if operation.name != twin.two_qubit_gate or len(operation.qubits) != 2:
            gates = ", ".join((*twin.one_qubit_gates, twin.two_qubit_gate))
            raise InputError(
                f"The twin {twin.name!r} has no gate {operation.name!r}; compile the circuit to {gates} first."
            )
        _require_edge(operation, twin, numbers, usable)


def _require_edge(operation: Operation, twin: Twin, numbers: dict[tuple[int, int], int], usable: list[bool]) -> None:
    a, b = operation.qubits
    number = numbers.get((a, b))
    if number is None:
        raise InputError(f"The twin {twin.name!r} does not couple qubits {a} and {b} of a {operation.name!r}.")
    if twin.directed and operation.name not in SYMMETRIC and tuple(twin.edges[number].tolist()) != (a, b):
        raise InputError(
            f"The twin {twin.name!r} runs its {operation.name!r} from qubit {b} to qubit {a} only, but the circuit has "
            "it the other way round."
        )
    if not usable[number]:
        error = float(twin.edge_error[number])
        why = "is not known" if np.isnan(error) else f"is {error:g}, and from {DEAD_ERROR:g} on an edge counts as dead"
        raise InputError(
            f"The circuit has a {operation.name!r} on the edge {a}-{b} of the twin {twin.name!r}, whose error {why}."
        )
