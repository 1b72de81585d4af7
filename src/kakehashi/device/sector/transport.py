"""Pauli errors in a circuit that keeps the number of electrons, carried to its end one electron at a time.

A state of 32 or 52 qubits with a few errors in each shot lies in no one sector and fits in no memory. What an error
does to a *shot* is simpler. ``X`` on an orbital adds an electron or removes one, and the rotations that follow spread
that change over the orbitals as they spread one electron: at the end bit ``q`` is flipped with probability
``|W_qp|^2``, where ``W`` is the rest of the circuit for a single electron. ``Z`` is a reflection of each electron's
orbital, ``1 - 2 w w^H`` with ``w = W_p`` at the end: an electron in ``q`` stays or hops.

This leaves out interference between the paths of different electrons, and takes the phases between electrons as a mean
field. How far it is from the exact noisy distribution is measured in ``verification/transport.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import PauliChannel

__all__ = ["TYPICAL_SHARE", "Transport", "transport_errors"]

TYPICAL_SHARE = 0.2
"""Distance of the shots from the exact noisy distribution, as a share of how far the noise moves it: at most this in
every circuit of ``verification/transport.py`` (total variation, 6 to 10 qubits, 0.2 to 10 % error a gate)."""

NOWHERE = 1e-12
"""Shares below this are rounding."""

Floats: TypeAlias = NDArray[np.float64]
Bits: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """Where errors happen: after one gate, on one or two qubits.

    Attributes:
        channel: What happens there.
        spread: For each qubit of the channel, where a change of its orbital ends, shape ``(n_orb,)``, summing to 1.
        offsets: For each qubit, the first qubit of its spin.
    """

    channel: PauliChannel
    spread: tuple[Floats, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transport:
    """All places of a circuit where errors happen, in order, with where their changes end.

    Attributes:
        n_orb: Number of spatial orbitals; qubits are alpha orbitals, then beta.
        places: The places.
    """

    n_orb: int
    places: tuple[_Place, ...]

    @property
    def error_free_probability(self) -> float:
        """Probability of a shot without any error."""
        return float(np.exp(sum(np.log(place.channel.probabilities[0]) for place in self.places)))

    def disturb(self, bits: Bits, rng: np.random.Generator) -> int:
        """Let the errors happen to noiseless shots, in place.

        Args:
            bits: Shape ``(n_shots, 2 * n_orb)``, one row a shot.
            rng: Source of random numbers.

        Returns:
            How many of the shots had an error.
        """
        touched = np.zeros(len(bits), dtype=np.bool_)
        for place in self.places:
            probabilities = place.channel.probabilities
            n_events = rng.binomial(len(bits), 1 - probabilities[0])
            if n_events == 0:
                continue
            rows = rng.choice(len(bits), size=n_events, replace=False)
            touched[rows] = True
            which = 1 + rng.choice(len(probabilities) - 1, size=n_events, p=_normalized(probabilities[1:]))
            self._carry(bits, rows, which, place, rng)
        return int(touched.sum())

    def _carry(
        self, bits: Bits, rows: NDArray[np.int64], which: NDArray[np.int64], place: _Place, rng: np.random.Generator
    ) -> None:
        """One Pauli operator for each row."""
        paulis = [(which >> (2 * j)) & 3 for j in range(len(place.spread))]
        targets = []
        for pauli, spread, offset in zip(paulis, place.spread, place.offsets, strict=True):
            turned = rows[pauli == 3]
            if len(turned):
                _reflect(bits, turned, spread, slice(offset, offset + self.n_orb), rng)
            ends = offset + rng.choice(self.n_orb, size=len(rows), p=spread)
            targets.append(np.where((pauli == 1) | (pauli == 2), ends, -1))
        if len(targets) == 2:
            # Two electrons cannot be put into one orbital, nor taken from it.
            again = (targets[0] == targets[1]) & (targets[0] >= 0)
            targets[1][again] = _elsewhere(targets[0][again], place, rng)
        for target in targets:
            flipped = target >= 0
            bits[rows[flipped], target[flipped]] ^= True


def _elsewhere(taken: NDArray[np.int64], place: _Place, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ends of the second change where the first has taken an orbital; none where there is no other."""
    weights = np.broadcast_to(place.spread[1], (len(taken), len(place.spread[1]))).copy()
    weights[np.arange(len(taken)), taken - place.offsets[1]] = 0
    ends = place.offsets[1] + _pick(weights, rng)
    return np.where(weights.sum(axis=1) > NOWHERE, ends, -1)


def _normalized(probabilities: Floats) -> Floats:
    scaled: Floats = probabilities / probabilities.sum()
    return scaled


def _reflect(bits: Bits, rows: NDArray[np.int64], spread: Floats, spin: slice, rng: np.random.Generator) -> None:
    """``1 - 2 w w^H`` on the electrons of one spin: of those that would hop one does, if its place is free."""
    hop = 4 * spread * (1 - spread)  # out of q, to another q' in proportion to its share
    if hop.max() < NOWHERE:
        return
    filled = bits[rows, spin]
    chances = np.where(filled, hop, 0.0)
    some = rng.random(len(rows)) < 1 - np.prod(1 - chances, axis=1)
    rows, chances = rows[some], chances[some]
    if not len(rows):
        return
    source = _pick(chances, rng)
    weights = np.broadcast_to(spread, chances.shape).copy()
    weights[np.arange(len(rows)), source] = 0
    target = _pick(weights, rng)
    free = ~bits[rows, spin.start + target]
    bits[rows[free], spin.start + source[free]] = False
    bits[rows[free], spin.start + target[free]] = True


def _pick(weights: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """One column of each row, in proportion to its weights."""
    cumulative = np.cumsum(weights, axis=1)
    points = rng.random(len(weights)) * cumulative[:, -1]
    columns: NDArray[np.int64] = np.minimum((cumulative <= points[:, None]).sum(axis=1), weights.shape[1] - 1)
    return columns


def transport_errors(circuit: GateCircuit, channels: Sequence[Sequence[PauliChannel]]) -> Transport:
    """Where every error of a circuit ends.

    Args:
        circuit: Gates as :func:`~kakehashi.device.sector.gates.conserving_gates` gives them, alpha orbitals first.
        channels: For each operation of the circuit, the errors that follow it.

    Raises:
        InputError: The lengths differ, or a gate keeps no numbers.

    Example:
        >>> flip = PauliChannel(qubits=(0,), probabilities=np.array([0.5, 0.5, 0, 0]))
        >>> filled = GateCircuit(n_qubits=2, operations=(Operation(name="x", qubits=(0,)),))
        >>> transport = transport_errors(filled, [[flip]])
        >>> transport.error_free_probability
        0.5
    """
    if len(channels) != len(circuit):
        raise InputError(f"There are {len(circuit)} operations, but errors for {len(channels)}.")
    n_orb = circuit.n_qubits // 2
    mean = _mean_occupations(circuit)
    rest = [np.eye(n_orb, dtype=np.complex128) for _ in (0, 1)]
    places: list[_Place] = []
    for k in reversed(range(len(circuit))):
        for channel in reversed(channels[k]):
            spins = [divmod(q, n_orb) for q in channel.qubits]
            spread = tuple(_normalized(np.square(np.abs(rest[spin][:, p]))) for spin, p in spins)
            offsets = tuple(spin * n_orb for spin, _ in spins)
            places.append(_Place(channel=channel, spread=spread, offsets=offsets))
        for spin, matrix in _one_electron(circuit.operations[k], n_orb, mean[k]):
            rest[spin] = rest[spin] @ matrix
    return Transport(n_orb=n_orb, places=tuple(reversed(places)))


def _one_electron(
    operation: Operation, n_orb: int, mean: tuple[float, float]
) -> list[tuple[int, NDArray[np.complex128]]]:
    """What a gate does to a single electron of each spin that it acts on."""
    places = [divmod(q, n_orb) for q in operation.qubits]
    if operation.name == "x":
        return []
    if operation.name == "xx_plus_yy" and places[0][0] == places[1][0]:
        matrix = np.eye(n_orb, dtype=np.complex128)
        orbitals = [places[0][1], places[1][1]]
        matrix[np.ix_(orbitals, orbitals)] = operation.unitary()[1:3, 1:3]
        return [(places[0][0], matrix)]
    if operation.name == "p":
        angles = [operation.parameters[0]]
    elif operation.name == "cp":
        angles = [operation.parameters[0] * mean[1], operation.parameters[0] * mean[0]]
    else:
        raise InputError(f"The gate {operation.name!r} on qubits {list(operation.qubits)} keeps no electron numbers.")
    found = []
    for (spin, p), angle in zip(places, angles, strict=True):
        matrix = np.eye(n_orb, dtype=np.complex128)
        matrix[p, p] = np.exp(1j * angle)
        found.append((spin, matrix))
    return found


def _mean_occupations(circuit: GateCircuit) -> list[tuple[float, float]]:
    """For each operation on two qubits, their mean occupations before it, electrons moving in the mean field."""
    n_orb = circuit.n_qubits // 2
    density = [np.zeros((n_orb, n_orb), dtype=np.complex128) for _ in (0, 1)]
    found = []
    for operation in circuit:
        places = [divmod(q, n_orb) for q in operation.qubits]
        own = [float(density[spin][p, p].real) for spin, p in places]
        found.append((own[0], own[-1]))
        if operation.name == "x":
            density[places[0][0]][places[0][1], places[0][1]] = 1
        for spin, matrix in _one_electron(operation, n_orb, found[-1]):
            density[spin] = matrix @ density[spin] @ matrix.conj().T
    return found
