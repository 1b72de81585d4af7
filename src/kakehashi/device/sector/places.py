"""Which gate of the logical circuit each error of the compiled one belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel

__all__ = ["place_channels"]

X_PART, Z_PART = (0, 1, 1, 0), (0, 0, 1, 1)
"""Whether I, X, Y, Z contain an X, and a Z."""

Pair: TypeAlias = frozenset[int]


class _Places:
    """How the compiled circuit's qubits and two-qubit gates stand for the logical ones.

    Args:
        gates: The logical circuit.
        noisy: The compiled circuit with its errors.
        layout: Physical qubit of each logical one.
    """

    def __init__(self, gates: GateCircuit, noisy: NoisyCircuit, layout: Sequence[int]) -> None:
        self.logical = {int(physical): q for q, physical in enumerate(layout)}
        self._steps = noisy.steps
        self._real = [k for k, step in enumerate(noisy.steps) if isinstance(step, Operation) and len(step.qubits) == 2]
        self._ends = self._bridges()
        self._gates: dict[Pair, list[int]] = {}
        for k, operation in enumerate(gates):
            if len(operation.qubits) == 2:
                self._gates.setdefault(frozenset(operation.qubits), []).append(k)
        self._total: dict[Pair, int] = {}
        for k in self._real:
            pair = self.pair_of(noisy.steps[k].qubits)
            self._total[pair] = self._total.get(pair, 0) + 1
        self._seen: dict[Pair, int] = {}

    def _bridges(self) -> dict[int, list[int]]:
        """For each qubit that stands for none, the logical qubits that it joins, alpha first."""
        joined: dict[int, set[int]] = {}
        for k in self._real:
            one, other = self._steps[k].qubits
            for ancilla, end in ((one, other), (other, one)):
                if ancilla not in self.logical and end in self.logical:
                    joined.setdefault(ancilla, set()).add(self.logical[end])
        return {ancilla: sorted(ends) for ancilla, ends in joined.items()}

    def pair_of(self, qubits: tuple[int, ...]) -> Pair:
        """The logical qubits that a gate on two physical ones helps to join."""
        found: set[int] = set()
        for q in qubits:
            found.update([self.logical[q]] if q in self.logical else self._ends.get(q, []))
        pair = frozenset(found)
        if len(pair) != 2 or pair not in self._gates:
            raise InputError(
                f"The compiled circuit has a gate on qubits {list(qubits)} that is part of no gate of the logical one: "
                "qubits are moved, and errors cannot be carried along one electron at a time."
            )
        return pair

    def gate_of(self, qubits: tuple[int, ...]) -> int:
        """The logical gate that the next physical gate on two qubits is part of."""
        pair = self.pair_of(qubits)
        seen = self._seen.get(pair, 0)
        self._seen[pair] = seen + 1
        own = self._gates[pair]
        return own[min(seen * len(own) // self._total[pair], len(own) - 1)]

    def as_logical(self, channel: PauliChannel) -> PauliChannel:
        """A channel on logical qubits. A phase error of a bridge is one of its first end; its flips undo themselves."""
        first = [self.logical[q] if q in self.logical else self._ends[q][0] for q in channel.qubits]
        real = [q in self.logical for q in channel.qubits]
        if all(real):
            return PauliChannel(qubits=tuple(first), probabilities=channel.probabilities, origin=channel.origin)
        targets = sorted(set(first))
        probabilities = np.zeros(4 ** len(targets))
        for which, probability in enumerate(channel.probabilities):
            x, z = dict.fromkeys(targets, 0), dict.fromkeys(targets, 0)
            for j, q in enumerate(first):
                pauli = (which >> (2 * j)) & 3
                x[q] ^= X_PART[pauli] if real[j] else 0
                z[q] ^= Z_PART[pauli]
            number = sum((((0, 3), (1, 2))[x[q]][z[q]]) * 4**j for j, q in enumerate(targets))
            probabilities[number] += probability
        return PauliChannel(qubits=tuple(targets), probabilities=probabilities, origin=channel.origin)


def place_channels(gates: GateCircuit, noisy: NoisyCircuit, layout: Sequence[int]) -> list[list[PauliChannel]]:
    """For each gate of a logical circuit, the errors that happen after it in the compiled one.

    Each logical gate on two qubits became some native gates on the same pair, in the same order; an error belongs to
    the last logical gate that its qubits have begun. Qubits of the compiled circuit that stand for no logical one are
    bridges between two of them: a phase error there is a phase error of the first end, and flips, which turn an angle
    of the bridge's gate round, are left out.

    Args:
        gates: The logical circuit.
        noisy: The compiled circuit with its errors, all of them Pauli operators by chance.
        layout: Physical qubit of each logical qubit, from start to end.

    Returns:
        One list for each operation of ``gates``, in order; channels act on logical qubits.

    Raises:
        InputError: Qubits are moved in the compiled circuit, or an error is no Pauli operator.

    Example:
        >>> cz = Operation(name="cz", qubits=(4, 7))
        >>> flip = PauliChannel(qubits=(7,), probabilities=np.array([0.9, 0.1, 0, 0]))
        >>> logical = GateCircuit(n_qubits=2, operations=(Operation(name="cp", qubits=(0, 1), parameters=(1.0,)),))
        >>> noisy = NoisyCircuit(n_qubits=8, n_bits=0, steps=(cz, flip, cz))
        >>> [channel.qubits for channel in place_channels(logical, noisy, [4, 7])[0]]
        [(1,)]
    """
    places = _Places(gates, noisy, layout)
    channels: list[list[PauliChannel]] = [[] for _ in gates.operations]
    begun = _first_gates(gates, places)
    for step in noisy.steps:
        if isinstance(step, KrausChannel):
            raise InputError("Errors that are carried one electron at a time must be Pauli operators: twirl the noise.")
        if isinstance(step, Operation):
            if len(step.qubits) == 2 and step.is_unitary:
                begun.update(dict.fromkeys(step.qubits, places.gate_of(step.qubits)))
        elif all(q in begun for q in step.qubits):
            after = max(begun[q] for q in step.qubits)
            channels[after].append(places.as_logical(step))
    return channels


def _first_gates(gates: GateCircuit, places: _Places) -> dict[int, int]:
    """For each physical qubit that stands for a logical one, the first operation there."""
    first: dict[int, int] = {}
    for k, operation in enumerate(gates):
        for q in operation.qubits:
            first.setdefault(q, k)
    return {physical: first[q] for physical, q in places.logical.items() if q in first}
