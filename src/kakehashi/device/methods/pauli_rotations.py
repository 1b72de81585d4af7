"""Circuits as rotations about Pauli operators on one or two qubits, with the Clifford gates in between taken out.

A compiler writes one rotation about ZZ as two CX with a rotation between them. Gate by gate, it commutes with hardly
anything on the second qubit. Here gates on one qubit by quarter turns are taken to the end, where they say what is
measured, and a quarter turn about ZZ is taken to the next one on the same qubits if both cancel but for what they do to
the gates between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kakehashi.device.sampler.rotations import RotationCircuit

__all__ = ["PauliRotation", "Unravelled", "unravel"]

X, Y, Z = 1, 2, 3
AROUND = {X: (Y, Z), Y: (Z, X), Z: (X, Y)}
"""``L M = i N`` for each letter L and the two that follow it."""


@dataclass(frozen=True, slots=True)
class PauliRotation:
    """``exp(-i angle/2 P)``.

    Attributes:
        qubits: One or two qubits.
        letters: P by its letters, 1 for X, 2 for Y and 3 for Z.
        angle: In radians.
        source: The rotation of the circuit that it comes from, whose sign an error turns; None for a quarter turn,
            which errors leave as it is.
    """

    qubits: tuple[int, ...]
    letters: tuple[int, ...]
    angle: float
    source: int | None

    def commutes_with(self, qubits: Sequence[int], letters: Sequence[int]) -> bool:
        """Whether P commutes with another Pauli operator.

        Example:
            >>> PauliRotation((0, 1), (X, X), 0.1, None).commutes_with((1, 0), (Z, Z))
            True
        """
        other = dict(zip(qubits, letters, strict=True))
        return sum(other.get(q, own) != own for q, own in zip(self.qubits, self.letters, strict=True)) % 2 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unravelled:
    """A circuit of rotations alone.

    Attributes:
        n_qubits: Number of qubits, all in 0 at first.
        rotations: In order.
        measured: The letter that the measurement of each qubit then is.
        flipped: Whether its result is the opposite.
    """

    n_qubits: int
    rotations: tuple[PauliRotation, ...]
    measured: tuple[int, ...]
    flipped: tuple[bool, ...]


class _Frame:
    """The gates that were taken out so far: what each letter after them was before them, with its sign."""

    def __init__(self, n_qubits: int) -> None:
        self._image = [{letter: (letter, 1) for letter in (X, Y, Z)} for _ in range(n_qubits)]

    def of(self, qubit: int, letter: int) -> tuple[int, int]:
        return self._image[qubit][letter]

    def quarter(self, qubit: int, letter: int, sense: int) -> None:
        """A quarter turn about a letter comes after them."""
        second, third = AROUND[letter]
        image = self._image[qubit]
        a, b = image[second], image[third]
        # With G = exp(-i s pi/4 L): G^H M G = -s N, G^H N G = s M for L M = i N.
        image[second], image[third] = (b[0], -sense * b[1]), (a[0], sense * a[1])

    def before(self, qubit: int, letter: int) -> None:
        """A Pauli operator comes before them."""
        for name, (inner, sign) in self._image[qubit].items():
            if inner != letter:
                self._image[qubit][name] = (inner, -sign)


def unravel(circuit: RotationCircuit) -> Unravelled:
    """Take the Clifford gates out of a circuit as far as no rotation gets more than two qubits.

    Args:
        circuit: Rotations about Y, Z and ZZ.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> from kakehashi.device.sampler.rotations import to_rotations
        >>> cx = Operation(name="cx", qubits=(0, 1))
        >>> steps = [cx, Operation(name="rz", qubits=(1,), parameters=(0.3,)), cx]
        >>> [(r.qubits, r.letters) for r in unravel(to_rotations(steps, n_qubits=2)).rotations]
        [((1, 0), (3, 3))]
    """
    frame = _Frame(circuit.n_qubits)
    cancelling = _find_cancelling(circuit)
    rotations: list[PauliRotation] = []
    held: dict[int, tuple[int, ...]] = {}  # by qubit, a quarter turn about two qubits that is on its way
    for number, rotation in enumerate(circuit.rotations):
        images = [frame.of(q, Y if rotation.kind == "Y" else Z) for q in rotation.qubits]
        letters = tuple(letter for letter, _ in images)
        sign = math.prod(sign for _, sign in images)
        sense = int(math.copysign(1, rotation.angle))
        if len(letters) == 1:
            (q,) = rotation.qubits
            if rotation.is_clifford:
                frame.quarter(q, Y if rotation.kind == "Y" else Z, sense)
            else:
                rotations.append(_carry(q, letters[0], sign * rotation.angle, number, held.get(q)))
            continue
        first, second = rotation.qubits
        before = held.pop(first, None)
        held.pop(second, None)
        if before is not None:
            if before[4] * sign * sense > 0:  # half a turn: the operator itself
                frame.before(first, letters[0])
                frame.before(second, letters[1])
        elif number in cancelling:
            held[first] = held[second] = (first, letters[0], second, letters[1], sign * sense)
        else:
            source = None if rotation.is_clifford else number
            rotations.append(PauliRotation(rotation.qubits, letters, sign * rotation.angle, source))
    measured = [frame.of(q, Z) for q in range(circuit.n_qubits)]
    return Unravelled(
        n_qubits=circuit.n_qubits,
        rotations=tuple(rotations),
        measured=tuple(letter for letter, _ in measured),
        flipped=tuple((sign < 0) != bool(circuit.flips >> q & 1) for q, (_, sign) in enumerate(measured)),
    )


def _carry(qubit: int, letter: int, angle: float, source: int, held: tuple[int, ...] | None) -> PauliRotation:
    """A rotation about one letter, taken before a quarter turn that is on its way."""
    if held is None:
        return PauliRotation((qubit,), (letter,), angle, source)
    first, of_first, second, of_second, sense = held
    here, other, there = (of_first, second, of_second) if qubit == first else (of_second, first, of_first)
    if letter == here:
        return PauliRotation((qubit,), (letter,), angle, source)
    # exp(i s pi/4 P) M exp(-i s pi/4 P) = i s P M, and L M = i N or -i N.
    product = X ^ Y ^ Z ^ here ^ letter
    turned = -sense if AROUND[here][0] == letter else sense
    return PauliRotation((qubit, other), (product, there), turned * angle, source)


def _find_cancelling(circuit: RotationCircuit) -> set[int]:
    """Quarter turns about ZZ that the next rotation about two qubits cancels.

    That one must be a quarter turn about ZZ of the same qubits, with gates between that leave Z of both what it is.
    """
    found: set[int] = set()
    second_ones: set[int] = set()
    latest: dict[int, int] = {}
    image: dict[int, dict[int, int]] = {}  # letters as they were at the latest rotation about two qubits
    for number, rotation in enumerate(circuit.rotations):
        if len(rotation.qubits) == 1:
            (q,) = rotation.qubits
            if rotation.is_clifford and q in image:
                second, third = AROUND[Y if rotation.kind == "Y" else Z]
                image[q][second], image[q][third] = image[q][third], image[q][second]
            continue
        earlier = {latest.get(q) for q in rotation.qubits}
        first = earlier.pop()
        if (
            first is not None
            and not earlier
            and first not in second_ones
            and rotation.is_clifford
            and circuit.rotations[first].is_clifford
            and all(image[q][Z] == Z for q in rotation.qubits)
        ):
            found.add(first)
            second_ones.add(number)
        for q in rotation.qubits:
            latest[q] = number
            image[q] = {letter: letter for letter in (X, Y, Z)}
    return found
