"""A sweep written as a program for the kernel, and the signs that errors leave in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.methods.front_order import Sweep
from kakehashi.device.methods.pauli_rotations import PauliRotation, Unravelled
from kakehashi.device.sampler.front import KNOWN, MEASURE, PARITY, SINGLE, FrontProgram
from kakehashi.device.sampler.patterns import Effects, carry_errors, draw_events, join_errors
from kakehashi.device.sampler.rotations import RotationCircuit

__all__ = ["Written", "draw_signs", "find_sign_effects", "write_program"]

LETTERS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])

TO_Z = np.array([[[1, 0], [0, 1]], [[1, 1], [1, -1]], [[1, -1j], [1, 1j]], [[1, 0], [0, 1]]], dtype=np.complex128)
TO_Z[1:3] /= np.sqrt(2)
"""By letter, ``W`` with ``W L W^H = Z``."""

Z = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Written:
    """A program, and where its signs come from.

    Attributes:
        program: The program.
        sources: For each step the rotation of the circuit whose sign it has, or -1, shape ``(n_steps,)``, int64.
        flipped: Qubits whose result is the opposite, shape ``(n_qubits,)``, bool.
    """

    program: FrontProgram
    sources: NDArray[np.int64]
    flipped: NDArray[np.bool_]


class _Writer:
    """Collects steps. Each qubit is kept in the basis in which the last operator on it was diagonal."""

    def __init__(self, n_qubits: int) -> None:
        self.code: list[tuple[int, int, int, int]] = []
        self.sources: list[int] = []
        self._matrices: dict[bytes, int] = {}
        self._basis = [Z] * n_qubits
        self._done = [False] * n_qubits

    def _append(self, kind: int, first: int, second: int, numbers: NDArray[np.complex128], source: int | None) -> None:
        key = np.ascontiguousarray(numbers, dtype=np.complex128).tobytes()
        self.code.append((kind, first, second, self._matrices.setdefault(key, len(self._matrices))))
        self.sources.append(-1 if source is None else source)

    def _turn(self, qubit: int, letter: int) -> None:
        """Change the basis to that of a letter."""
        if self._basis[qubit] != letter:
            matrix = TO_Z[letter] @ TO_Z[self._basis[qubit]].conj().T
            self._append(SINGLE, qubit, qubit, matrix, None)
            self._basis[qubit] = letter

    def rotate(self, rotation: PauliRotation) -> None:
        alive = [k for k, q in enumerate(rotation.qubits) if not self._done[q]]
        if not alive:
            return  # a phase
        first = rotation.qubits[alive[0]]
        if len(rotation.qubits) == 1:
            turn = TO_Z[self._basis[first]]
            around = turn @ LETTERS[rotation.letters[0]] @ turn.conj().T
            around = np.round(around.real) + 1j * np.round(around.imag)
            half = rotation.angle / 2
            self._append(SINGLE, first, first, np.cos(half) * np.eye(2) - 1j * np.sin(half) * around, rotation.source)
            return
        for k in alive:
            self._turn(rotation.qubits[k], rotation.letters[k])
        second = rotation.qubits[1 - alive[0]]
        phase = np.array([np.exp(1j * rotation.angle), 0, 0, 0])
        self._append(PARITY if len(alive) == 2 else KNOWN, first, second, phase, rotation.source)

    def measure(self, qubit: int, letter: int) -> None:
        self._turn(qubit, letter)
        self.code.append((MEASURE, qubit, qubit, 0))
        self.sources.append(-1)
        self._done[qubit] = True

    @property
    def matrices(self) -> NDArray[np.complex128]:
        rows = [np.frombuffer(key, dtype=np.complex128) for key in self._matrices]
        return np.array(rows, dtype=np.complex128).reshape(-1, 4)


def write_program(circuit: Unravelled, sweep: Sweep) -> Written:
    """Rotations and measurements in the order of a sweep.

    Args:
        circuit: The circuit.
        sweep: The order.

    Example:
        >>> from kakehashi.device.methods.front_order import find_sweep
        >>> rotations = (PauliRotation((0,), (1,), 0.3, 0), PauliRotation((0, 1), (3, 1), 0.3, 1))
        >>> circuit = Unravelled(n_qubits=2, rotations=rotations, measured=(3, 3), flipped=(False, True))
        >>> written = write_program(circuit, find_sweep(circuit, most=2))
        >>> written.program.code[:, 0].tolist(), written.sources.tolist()
        ([0, 3, 0, 2, 0, 3], [0, -1, -1, 1, -1, -1])
    """
    writer = _Writer(circuit.n_qubits)
    for qubit, part in zip(sweep.order, sweep.rotations, strict=True):
        for number in part:
            writer.rotate(circuit.rotations[number])
        writer.measure(qubit, circuit.measured[qubit])
    program = FrontProgram(
        n_qubits=circuit.n_qubits, code=np.array(writer.code, dtype=np.int32), matrices=writer.matrices
    )
    return Written(
        program=program,
        sources=np.array(writer.sources, dtype=np.int64),
        flipped=np.array(circuit.flipped, dtype=np.bool_),
    )


def find_sign_effects(circuit: RotationCircuit, written: Written) -> Effects | None:
    """What X and Z at every place of an error turn round: a bit for each step with a sign, and one for each qubit.

    Args:
        circuit: Rotations and places.
        written: Of the same circuit.

    Returns:
        Effects whose flips are signs as well, after those of the steps; None where there are no errors.
    """
    if not circuit.places:
        return None
    signed = np.flatnonzero(written.sources >= 0)
    bit = [0 if rotation.is_clifford else -1 for rotation in circuit.rotations]
    for k, source in enumerate(written.sources[signed].tolist()):
        bit[source] = k
    n_bits = len(signed)
    found, first = carry_errors(circuit, bit, n_bits)
    n_words = -(-(n_bits + circuit.n_qubits) // 64)
    raw = b"".join(value.to_bytes(8 * n_words, "little") for value in found)
    signs = np.frombuffer(raw, dtype="<u8").reshape(len(found), n_words).astype(np.uint64)
    return Effects(signs=signs, flips=np.zeros(len(found), dtype=np.uint64), first=first)


def draw_signs(
    circuit: RotationCircuit, written: Written, effects: Effects | None, n_shots: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw errors.

    Args:
        circuit: Rotations and places.
        written: Of the same circuit.
        effects: Of :func:`find_sign_effects`.
        n_shots: Number of shots.
        rng: Source of randomness.

    Returns:
        Signs of the steps, shape ``(n_steps, n_shots)``, and flips of the qubits, shape ``(n_qubits, n_shots)``.
    """
    signs = np.zeros((len(written.sources), n_shots), dtype=np.uint8)
    flips = np.repeat(written.flipped[:, None].astype(np.uint8), n_shots, axis=1)
    if effects is not None:
        events = draw_events([place.channel for place in circuit.places], n_shots, rng)
        shots, words, _ = join_errors(effects, events)
        signed = np.flatnonzero(written.sources >= 0)
        octets = np.ascontiguousarray(words.astype("<u8")).view(np.uint8).reshape(len(shots), -1)
        bits = np.unpackbits(octets, axis=1, bitorder="little", count=len(signed) + circuit.n_qubits).T
        signs[np.ix_(signed, shots)] = bits[: len(signed)]
        flips[:, shots] ^= bits[len(signed) :]
    return signs, flips
