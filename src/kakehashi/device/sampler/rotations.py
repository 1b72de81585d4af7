"""Circuits as rotations about Y, Z and ZZ: in this form a Pauli error does nothing but turn later rotations around.

For a rotation ``R(a) = exp(-i a/2 P)`` and a Pauli operator ``E``: ``R(a) E = E R(a)`` where they commute and
``E R(-a)`` where they do not. An error can therefore be taken to the end of the circuit, where it flips bits of the
result, and leaves behind only signs of angles. Where a rotation is by a quarter turn, ``R(-a)`` is ``R(a)`` times a
Pauli operator, so that not even the sign changes: the error becomes another one.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, PauliChannel, Step
from kakehashi.device.sampler.canonical import Part, decompose_two_qubits

__all__ = ["ErrorPlace", "Rotation", "RotationCircuit", "to_rotations"]

ZERO = 1e-14
"""Angles below this, in radians, are none."""

Matrix = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Rotation:
    """``exp(-i angle/2 P)``.

    Attributes:
        kind: ``"Y"``, ``"Z"`` or ``"ZZ"``.
        qubits: One or two qubits.
        angle: In radians, within a quarter turn either way.
    """

    kind: str
    qubits: tuple[int, ...]
    angle: float

    @property
    def is_clifford(self) -> bool:
        """Whether it is by a quarter turn, to rounding."""
        return abs(abs(self.angle) - math.pi / 2) < ZERO


@dataclass(frozen=True, slots=True, eq=False)
class ErrorPlace:
    """Where a Pauli channel stands.

    Attributes:
        after: Number of rotations before it.
        qubits: Qubits as the rotations number them, in the channel's order.
        channel: The channel.
    """

    after: int
    qubits: tuple[int, ...]
    channel: PauliChannel


@dataclass(slots=True)
class RotationCircuit:
    """Rotations in order, the places of errors between them, and a Pauli operator after all.

    Attributes:
        n_qubits: Number of qubits.
        rotations: In order.
        places: In order.
        flips: Bit ``q`` is set where the final operator flips qubit ``q``.
        phases: Bit ``q`` is set where it holds a Z.
        position: Where each qubit of the circuit is, after swaps that were only written down.
    """

    n_qubits: int
    rotations: list[Rotation] = field(default_factory=list)
    places: list[ErrorPlace] = field(default_factory=list)
    flips: int = 0
    phases: int = 0
    position: list[int] = field(default_factory=list)

    def rotate(self, kind: str, qubits: tuple[int, ...], angle: float) -> None:
        """Append a rotation by any angle."""
        mask = sum(1 << q for q in qubits)
        turned = self.flips & mask if kind != "Y" else (self.flips ^ self.phases) & mask
        if turned.bit_count() & 1:
            angle = -angle
        angle = math.remainder(angle, 2 * math.pi)
        if abs(angle) > math.pi / 2 + ZERO:
            # A half turn is the Pauli operator itself, and costs nothing.
            angle -= math.copysign(math.pi, angle)
            self.phases ^= mask
            if kind == "Y":
                self.flips ^= mask
        if abs(angle) > ZERO:
            self.rotations.append(Rotation(kind, qubits, angle))

    def turn(self, q: int, matrix: Matrix) -> None:
        """Append a gate on one qubit."""
        lam, theta, phi = euler_angles(matrix)
        self.rotate("Z", (q,), lam)
        self.rotate("Y", (q,), theta)
        self.rotate("Z", (q,), phi)

    def shift(self, qubits: tuple[int, ...], diagonal: Sequence[complex] | NDArray[np.complex128]) -> None:
        """Append a diagonal gate on two qubits."""
        angles = [cmath.phase(value) for value in np.asarray(diagonal).tolist()]
        first, second = angles[1] - angles[0], angles[2] - angles[0]
        both = math.remainder(angles[3] - angles[0] - first - second, 2 * math.pi)
        self.rotate("Z", qubits[:1], first + both / 2)
        self.rotate("Z", qubits[1:], second + both / 2)
        self.rotate("ZZ", qubits, -both / 2)


def euler_angles(matrix: Matrix) -> tuple[float, float, float]:
    """``(lam, theta, phi)`` of ``Rz(phi) Ry(theta) Rz(lam)``, which is the matrix up to a phase.

    Example:
        >>> import numpy as np
        >>> [round(angle, 3) for angle in euler_angles(np.array([[1, 1], [1, -1]]) / np.sqrt(2))]
        [3.142, 1.571, 0.0]
    """
    a, b, c, d = np.asarray(matrix, dtype=np.complex128).ravel().tolist()
    theta = 2 * math.atan2(math.hypot(abs(b), abs(c)), math.hypot(abs(a), abs(d)))
    if theta < ZERO:
        return math.atan2((d / a).imag, (d / a).real), 0.0, 0.0
    if math.pi - theta < ZERO:
        ratio = -c / b
        return 0.0, math.pi, math.atan2(ratio.imag, ratio.real)
    rise, fall = c / a, -b / a
    return math.atan2(fall.imag, fall.real), theta, math.atan2(rise.imag, rise.real)


def to_rotations(steps: Iterable[Step], *, n_qubits: int) -> RotationCircuit:
    """Take the gates of a circuit apart; swaps are only written down.

    Args:
        steps: Gates on one or two qubits, Pauli channels, barriers and delays, on qubits below ``n_qubits``.
        n_qubits: Number of qubits.

    Raises:
        InputError: A step is something else.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> bell = to_rotations([Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1))], n_qubits=2)
        >>> [rotation.kind for rotation in bell.rotations]
        ['Y', 'Y', 'Z', 'Z', 'ZZ', 'Y']
    """
    circuit = RotationCircuit(n_qubits=n_qubits, position=list(range(n_qubits)))
    waiting: dict[int, Matrix] = {}
    for step in steps:
        if isinstance(step, PauliChannel):
            if step.error_probability > 0:
                _flush(circuit, waiting, step.qubits)
                qubits = tuple(circuit.position[q] for q in step.qubits)
                circuit.places.append(ErrorPlace(len(circuit.rotations), qubits, step))
        elif isinstance(step, KrausChannel) or not (step.is_unitary or step.name in ("barrier", "delay")):
            what = "A Kraus channel" if isinstance(step, KrausChannel) else f"The operation {step.name!r}"
            raise InputError(f"{what} is no rotation.")
        elif step.is_unitary:
            _append_gate(circuit, waiting, step)
    _flush(circuit, waiting, range(n_qubits))
    return circuit


def _flush(circuit: RotationCircuit, waiting: dict[int, Matrix], qubits: Iterable[int]) -> None:
    for q in qubits:
        if q in waiting:
            circuit.turn(circuit.position[q], waiting.pop(q))


def _append_gate(circuit: RotationCircuit, waiting: dict[int, Matrix], gate: Operation) -> None:
    if gate.condition is not None or len(gate.qubits) > 2:
        raise InputError(f"The gate {gate.name!r} on {len(gate.qubits)} qubits is no rotation, or has a condition.")
    matrix = gate.unitary()
    if len(gate.qubits) == 1:
        (q,) = gate.qubits
        waiting[q] = matrix @ waiting[q] if q in waiting else matrix
        return
    first, second = gate.qubits
    if gate.name == "swap":
        position = circuit.position
        position[first], position[second] = position[second], position[first]
        held = {q: waiting.pop(q) for q in gate.qubits if q in waiting}
        waiting |= {first + second - q: held[q] for q in held}
        return
    if (gate.name in GATES and GATES[gate.name].diagonal) or _is_diagonal(matrix):
        _flush(circuit, waiting, gate.qubits)
        circuit.shift((circuit.position[first], circuit.position[second]), np.diag(matrix))
        return
    for qubits, part in _parts(np.ascontiguousarray(matrix, dtype=np.complex128).tobytes()):
        on = tuple(gate.qubits[k] for k in qubits)
        if len(on) == 1:
            waiting[on[0]] = part @ waiting[on[0]] if on[0] in waiting else part
        else:
            _flush(circuit, waiting, on)
            circuit.shift(tuple(circuit.position[q] for q in on), np.diag(part))


@lru_cache(maxsize=512)
def _parts(matrix: bytes) -> tuple[Part, ...]:
    """Of a gate on two qubits; circuits hold a thousand times the same."""
    return tuple(decompose_two_qubits(np.frombuffer(matrix, dtype=np.complex128).reshape(4, 4)))


def _is_diagonal(matrix: Matrix) -> bool:
    return bool(np.abs(matrix - np.diag(np.diag(matrix))).max() < ZERO)
