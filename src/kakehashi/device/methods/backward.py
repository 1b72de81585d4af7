"""Walks backwards through a noisy circuit and keeps only what the asked-for result depends on.

For every qubit the walk keeps the set of Pauli letters that the result, seen in the Heisenberg picture, may have there:
``{I}`` outside the light cone, ``{I, Z}`` at a measurement. Every operator that the result can be lies in the span of
products of these letters. A step that maps each of those products to itself changes nothing and is dropped: that
covers steps outside the cone, diagonal gates and Z errors before a measurement, and gates that commute with all that
was collected so far. A step that does not may add letters. The cone of a kicked Ising circuit of ``s`` steps so becomes
the graph's ball of radius ``s - 1``, where a cone of gates that share qubits would reach twice as far.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.device.methods.transfer import MOST_QUBITS, channel_factors, heisenberg_matrix
from kakehashi.device.noise.model import PauliChannel, Step

__all__ = ["Letters", "keep_what_matters", "letters_of"]

IDENTITY, DIAGONAL, ALL = 0b0001, 0b1001, 0b1111
TOLERANCE = 1e-12

Key = tuple[str, tuple[float, ...]]


@dataclass(slots=True)
class Letters:
    """What the result may be at this time.

    Attributes:
        masks: Of each qubit, bit ``c`` is set where letter ``c`` (I, X, Y, Z) may stand; bit 0 always is.
        needed_bits: Classical bits that the result depends on.
    """

    masks: list[int]
    needed_bits: set[int]


def letters_of(n_qubits: int, paulis: Sequence[tuple[int, str]]) -> Letters:
    """Where an observable begins.

    Example:
        >>> letters_of(3, ((1, "Z"),)).masks
        [1, 9, 1]
    """
    masks = [IDENTITY] * n_qubits
    for qubit, letter in paulis:
        masks[qubit] |= 1 << "IXYZ".index(letter)
    return Letters(masks=masks, needed_bits=set())


def _letters_in(mask: int) -> list[int]:
    return [letter for letter in range(4) if mask >> letter & 1]


def _spread(matrix: NDArray[np.float64], masks: tuple[int, ...]) -> tuple[int, ...]:
    """The letters after a step, or nothing where it maps every allowed product to itself."""
    allowed = [_letters_in(mask) for mask in masks]
    columns = [sum(c * 4**j for j, c in enumerate(word)) for word in itertools.product(*allowed)]
    images = matrix[:, columns]
    moved = images.copy()
    moved[columns, range(len(columns))] -= 1.0
    if np.abs(moved).max() < TOLERANCE:
        return ()
    after = [IDENTITY] * len(masks)
    for number in np.flatnonzero((np.abs(images) > TOLERANCE).any(axis=1)).tolist():
        for j in range(len(masks)):
            after[j] |= 1 << (number // 4**j % 4)
    return tuple(after)


@functools.lru_cache(maxsize=65536)
def _spread_of_gate(key: Key, n_qubits: int, masks: tuple[int, ...]) -> tuple[int, ...]:
    operation = Operation(name=key[0], qubits=tuple(range(n_qubits)), parameters=key[1])
    return _spread(heisenberg_matrix(operation), masks)


def _after_gate(operation: Operation, masks: tuple[int, ...]) -> tuple[int, ...]:
    if all(mask == IDENTITY for mask in masks):
        return ()
    if len(masks) > MOST_QUBITS:
        return (ALL,) * len(masks)
    if operation.name == "unitary":
        return _spread(heisenberg_matrix(operation), masks)
    return _spread_of_gate((operation.name, operation.parameters), len(masks), masks)


def _restrict(channel: PauliChannel, masks: tuple[int, ...]) -> PauliChannel | None:
    """What a Pauli channel does to the result: less where it reaches out of the cone, None where it does nothing."""
    if all(mask == IDENTITY for mask in masks):
        return None
    allowed = [_letters_in(mask) for mask in masks]
    columns = [sum(c * 4**j for j, c in enumerate(word)) for word in itertools.product(*allowed)]
    if np.abs(channel_factors(channel)[columns] - 1.0).max() < TOLERANCE:
        return None
    inside = [j for j, mask in enumerate(masks) if mask != IDENTITY]
    if len(inside) == len(masks):
        return channel
    k = len(masks)
    outside = tuple(k - 1 - j for j in range(k) if j not in inside)  # axis 0 is the last qubit's
    marginal = channel.probabilities.reshape((4,) * k).sum(axis=outside).ravel()
    return PauliChannel(qubits=tuple(channel.qubits[j] for j in inside), probabilities=marginal, origin=channel.origin)


def _measure(operation: Operation, letters: Letters) -> Operation | None:
    """Move back over a measurement: it shows Z where its bit is needed, and blots out X and Y."""
    kept: list[tuple[int, int]] = []
    for qubit, bit in reversed(list(zip(operation.qubits, operation.bits, strict=True))):
        mask = letters.masks[qubit]
        needed = bit in letters.needed_bits
        if not needed and not mask & 0b0110:
            continue
        kept.append((qubit, bit))
        letters.masks[qubit] = mask | DIAGONAL if operation.condition else (DIAGONAL if needed else mask & DIAGONAL)
        if needed and operation.condition is None:
            letters.needed_bits.discard(bit)
    if not kept:
        return None
    kept.reverse()
    if operation.condition is not None:
        letters.needed_bits.add(operation.condition[0])
    if len(kept) == len(operation.qubits):
        return operation
    return Operation(
        name="measure",
        qubits=tuple(q for q, _ in kept),
        bits=tuple(b for _, b in kept),
        condition=operation.condition,
    )


def _before(step: Step, letters: Letters) -> Step | None:
    """Move the letters back over a step; the step as far as it matters, or None."""
    masks = tuple(letters.masks[q] for q in step.qubits)
    if isinstance(step, PauliChannel):
        return _restrict(step, masks)
    if isinstance(step, Operation):
        if step.name in ("barrier", "delay"):
            return None
        if step.name == "measure":
            return _measure(step, letters)
        if step.name == "reset":
            return _reset(step, letters)
        after = _after_gate(step, masks)
        condition = step.condition
    else:
        wide = len(masks) > MOST_QUBITS
        inside = any(mask != IDENTITY for mask in masks)
        after = (() if not inside else (ALL,) * len(masks)) if wide else _spread(heisenberg_matrix(step), masks)
        condition = None
    if not after:
        return None
    for qubit, old, new in zip(step.qubits, masks, after, strict=True):
        letters.masks[qubit] = old | new if condition is not None else new
    if condition is not None:
        letters.needed_bits.add(condition[0])
    return step


def _reset(step: Operation, letters: Letters) -> Operation | None:
    inside = tuple(q for q in step.qubits if letters.masks[q] != IDENTITY)
    if not inside:
        return None
    if step.condition is not None:
        letters.needed_bits.add(step.condition[0])
    else:
        for q in inside:
            letters.masks[q] = IDENTITY
    return Operation(name="reset", qubits=inside, condition=step.condition)


def keep_what_matters(steps: Sequence[Step], letters: Letters) -> list[Step]:
    """The steps that the result depends on, in their order; exact.

    Args:
        steps: Operations and channels in order.
        letters: What is asked for at the end; afterwards what it has become at the beginning.

    Returns:
        The steps that matter. Pauli channels and measurements that reach out of the cone come back narrower.

    Example:
        >>> steps = [Operation(name=name, qubits=qubits) for name, qubits in
        ...          (("h", (0,)), ("h", (1,)), ("cx", (0, 1)), ("s", (0,)))]
        >>> [step.name for step in keep_what_matters(steps, letters_of(2, ((0, "Z"),)))]
        ['h']
    """
    kept: list[Step] = []
    for step in reversed(steps):
        part = _before(step, letters)
        if part is not None:
            kept.append(part)
    kept.reverse()
    return kept
