"""Noise made larger on purpose: a circuit and parts of it undone and done again, in the gates that it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError

__all__ = ["fold", "invert"]

SELF_INVERSE = ("id", "x", "y", "z", "h", "cx", "cy", "cz", "ch", "swap", "ecr", "barrier", "delay")
NEGATED = ("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "rzx", "cp", "crx", "cry", "crz")
PAIRS = {"s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t", "sxdg": "sx"}


def invert(operation: Operation) -> tuple[Operation, ...]:
    """What undoes a gate, up to a global phase, in gates that a processor has: ``sx`` becomes ``rz(pi) sx rz(pi)``.

    Args:
        operation: A gate, barrier or delay.

    Raises:
        InputError: It cannot be undone.

    Example:
        >>> [step.name for step in invert(Operation(name="sx", qubits=(0,)))]
        ['rz', 'sx', 'rz']
    """
    name = operation.name
    if operation.condition is not None or name in ("measure", "reset"):
        raise InputError(f"A {name!r} within the circuit cannot be undone, so its noise cannot be scaled by folding.")
    if name in SELF_INVERSE:
        return (operation,)
    if name in NEGATED:
        return (replace(operation, parameters=(-operation.parameters[0],)),)
    if name == "sx":
        turn = Operation(name="rz", qubits=operation.qubits, parameters=(np.pi,))
        return (turn, operation, turn)
    if name in PAIRS:
        return (replace(operation, name=PAIRS[name]),)
    if name == "u":
        theta, phi, lam = operation.parameters
        return (replace(operation, parameters=(-theta, -lam, -phi)),)
    if name in ("r", "xx_plus_yy"):
        return (replace(operation, parameters=(-operation.parameters[0], operation.parameters[1])),)
    return (Operation(name="unitary", qubits=operation.qubits, matrix=operation.unitary().conj().T),)


def fold(circuit: GateCircuit, scale: float) -> GateCircuit:
    """The circuit with its noise scaled: ``U`` becomes ``U (U^-1 U)^k``; what is left is folded at the end alone.

    Nothing may compile the result: a compiler would fold it back.

    Args:
        circuit: Without measurements, but for a block of them at its end, which is kept.
        scale: At least 1; the number of gates grows by about this factor.

    Raises:
        InputError: The scale is below 1, or something within cannot be undone.

    Example:
        >>> bell = GateCircuit(n_qubits=2, operations=(
        ...     Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1))))
        >>> fold(bell, 3).count(), len(fold(bell, 2))
        ({'h': 3, 'cx': 3}, 4)
    """
    if not 1 <= scale < np.inf:
        raise InputError(f"A scale of noise must be at least 1, but is {scale:g}.")
    body, last = _split(circuit.operations)
    whole, rest = divmod((scale - 1) / 2, 1)
    n_rest = round(rest * len(body))
    undone = [step for operation in reversed(body) for step in invert(operation)]
    tail = body[len(body) - n_rest :]
    undone_tail = [step for operation in reversed(tail) for step in invert(operation)]
    return GateCircuit(
        n_qubits=circuit.n_qubits,
        n_bits=circuit.n_bits,
        operations=(*body, *([*undone, *body] * int(whole)), *undone_tail, *tail, *last),
        name=circuit.name,
        metadata=circuit.metadata,
    )


def _split(operations: Sequence[Operation]) -> tuple[list[Operation], list[Operation]]:
    """What is before the final measurements, and those."""
    end = len(operations)
    while end and operations[end - 1].name in ("measure", "barrier"):
        end -= 1
    return list(operations[:end]), list(operations[end:])
