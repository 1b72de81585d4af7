"""Twirling: circuits with random Pauli operators that cancel, so that coherent errors average to Pauli errors.

Source: Wallman, Emerson, Phys. Rev. A 94, 052325 (2016), doi:10.1103/PhysRevA.94.052325; for the readout van den Berg,
Minev, Temme, Phys. Rev. A 105, 032620 (2022), doi:10.1103/PhysRevA.105.032620.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator

__all__ = ["flip_back", "twirl_gates", "twirl_readout"]

PAULIS: tuple[NDArray[np.complex128], ...] = (
    np.eye(2, dtype=np.complex128),
    np.array([[0, 1], [1, 0]], dtype=np.complex128),
    np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    np.array([[1, 0], [0, -1]], dtype=np.complex128),
)


@lru_cache(maxsize=64)
def partners(name: str) -> tuple[tuple[int, int], ...]:
    """What must follow a Clifford gate on two qubits to undo each of the 16 Pauli pairs before it.

    Args:
        name: Of the gate, such as ``"cz"``.

    Returns:
        For the pair ``a + 4 b`` (``a`` on the first qubit; 0 to 3 for I, X, Y, Z) the pair that follows.

    Raises:
        InputError: The gate is no Clifford gate on two qubits.

    Example:
        >>> partners("cx")[1]
        (1, 1)
    """
    kind = GATES.get(name)
    if kind is None or kind.n_qubits != 2 or kind.n_parameters or not kind.clifford:
        raise InputError(f"The gate {name!r} cannot be twirled: it is no Clifford gate on two qubits.")
    gate = kind.matrix()
    found = []
    for b in range(4):
        for a in range(4):
            moved = gate @ np.kron(PAULIS[b], PAULIS[a]) @ gate.conj().T
            overlap = [(abs(np.trace(moved @ np.kron(PAULIS[d], PAULIS[c]))), c, d) for d in range(4) for c in range(4)]
            _, c, d = max(overlap)
            found.append((c, d))
    return tuple(found)


def _pauli(k: int, q: int) -> list[Operation]:
    """A Pauli operator in gates that every twin has: X, and a virtual rotation by pi for Z."""
    z = [Operation(name="rz", qubits=(q,), parameters=(math.pi,))] if k >= 2 else []
    x = [Operation(name="x", qubits=(q,))] if k in (1, 2) else []
    return z + x


def twirl_gates(circuit: GateCircuit, *, rng: RngLike = None) -> GateCircuit:
    """One random twirl of all Clifford gates on two qubits; the ideal action is unchanged up to a global phase.

    Args:
        circuit: Native gates; gates on two qubits that are no Clifford gates are left alone, as are conditional ones.
        rng: Of the twirl. Average over several.

    Example:
        >>> pair = GateCircuit(n_qubits=2, operations=(Operation(name="cz", qubits=(0, 1)),))
        >>> twirl_gates(pair, rng=1).n_two_qubit_gates
        1
    """
    rng = as_generator(rng)
    operations: list[Operation] = []
    for operation in circuit.operations:
        kind = GATES.get(operation.name)
        if kind is None or kind.n_qubits != 2 or kind.n_parameters or not kind.clifford or operation.condition:
            operations.append(operation)
            continue
        a, b = (int(k) for k in rng.integers(4, size=2))
        c, d = partners(operation.name)[a + 4 * b]
        first, second = operation.qubits
        operations += [*_pauli(a, first), *_pauli(b, second), operation, *_pauli(c, first), *_pauli(d, second)]
    return replace(circuit, operations=tuple(operations))


def twirl_readout(circuit: GateCircuit, *, rng: RngLike = None) -> tuple[GateCircuit, NDArray[np.bool_]]:
    """One random flip of the qubits before their measurements, to be undone in the bits.

    The errors of reading 0 and of reading 1 average, which makes the readout's error the same for all states.

    Args:
        circuit: Native gates. Bits that a condition reads are not flipped.
        rng: Of the flips. Average over several.

    Returns:
        The circuit, and for each classical bit whether it must be flipped back.

    Example:
        >>> one = GateCircuit(n_qubits=1, n_bits=1, operations=(Operation(name="measure", qubits=(0,), bits=(0,)),))
        >>> flipped, back = twirl_readout(one, rng=2)
        >>> flipped.count().get("x", 0) == int(back[0])
        True
    """
    rng = as_generator(rng)
    flips = rng.random(circuit.n_bits) < 0.5
    for operation in circuit.operations:
        if operation.condition is not None:
            flips[[operation.condition[0], *operation.bits]] = False
    last = {q: k for k, operation in enumerate(circuit.operations) for q in operation.qubits}
    operations: list[Operation] = []
    for k, operation in enumerate(circuit.operations):
        if operation.name != "measure" or operation.condition is not None:
            operations.append(operation)
            continue
        turned = [q for q, b in zip(operation.qubits, operation.bits, strict=True) if flips[b]]
        before = [Operation(name="x", qubits=(q,)) for q in turned]
        # Turned back behind the measurement where anything follows that must find the qubit as it was.
        after = [turn for turn in before if last[turn.qubits[0]] > k]
        operations += [*before, operation, *after]
    return replace(circuit, operations=tuple(operations)), flips


def flip_back(bits: NDArray[np.bool_], flips: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Undo the flips of :func:`twirl_readout`.

    Args:
        bits: Shape ``(n_shots, n_bits)``, bool.
        flips: Shape ``(n_bits,)``, bool.

    Example:
        >>> flip_back(np.array([[True, False]]), np.array([True, False])).tolist()
        [[False, False]]
    """
    if bits.ndim != 2 or bits.shape[1] != len(flips):
        raise InputError(f"Argument `bits` must have shape (n_shots, {len(flips)}), but has {bits.shape}.")
    return bits ^ flips
