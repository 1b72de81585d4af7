"""A noisy circuit in the words of stim, which other simulators of its kind read too.

Gates are recognised by what they do, not by their names: a rotation by a multiple of pi/2 is as good as an ``s``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.methods.transfer import MOST_QUBITS, heisenberg_matrix
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout, Step
from kakehashi.device.noise.readout import readout_of

__all__ = [
    "StimProgram",
    "clifford_gates",
    "describe_gate",
    "find_obstacle",
    "packed_bits",
    "readout_asymmetry",
    "readout_left",
    "to_stim",
]

Line: TypeAlias = tuple[str, tuple[int, ...]]
GatesOf: TypeAlias = Callable[[Operation], tuple[Line, ...] | None]

TOLERANCE = 1e-9
"""How near to a Clifford gate a gate's action on Pauli operators must be."""

DIRECT = {
    "id": "I",
    "x": "X",
    "y": "Y",
    "z": "Z",
    "h": "H",
    "s": "S",
    "sdg": "S_DAG",
    "sx": "SQRT_X",
    "sxdg": "SQRT_X_DAG",
    "cx": "CX",
    "cy": "CY",
    "cz": "CZ",
    "swap": "SWAP",
    "iswap": "ISWAP",
}
"""Gates that stim knows under another spelling."""


def _is_clifford(matrix: NDArray[np.float64]) -> bool:
    """Whether Pauli operators go to Pauli operators: each column holds one 1 or -1."""
    size = np.abs(matrix)
    return bool((np.minimum(size, np.abs(size - 1)) < TOLERANCE).all())


def _synthesise(operation: Operation) -> tuple[Line, ...] | None:
    if len(operation.qubits) > MOST_QUBITS or not _is_clifford(heisenberg_matrix(operation)):
        return None
    import stim

    tableau = stim.Tableau.from_unitary_matrix(operation.unitary(), endian="little")
    lines: list[Line] = []
    for instruction in tableau.to_circuit("elimination"):
        for group in instruction.target_groups():
            lines.append((instruction.name, tuple(int(target.value) for target in group)))
    return tuple(lines)


@functools.lru_cache(maxsize=4096)
def _of_name(name: str, parameters: tuple[float, ...], n_qubits: int) -> tuple[Line, ...] | None:
    if name in DIRECT:
        return ((DIRECT[name], tuple(range(n_qubits))),)
    return _synthesise(Operation(name=name, qubits=tuple(range(n_qubits)), parameters=parameters))


def clifford_gates(operation: Operation) -> tuple[Line, ...] | None:
    """A gate as stim's gates on its own qubits 0, 1, ..., or None where it is no Clifford gate.

    Args:
        operation: A gate.

    Example:
        >>> clifford_gates(Operation(name="rz", qubits=(7,), parameters=(np.pi / 2,)))
        (('S', (0,)),)
        >>> clifford_gates(Operation(name="t", qubits=(7,))) is None
        True
    """
    if operation.name == "unitary":
        return _synthesise(operation)
    return _of_name(operation.name, operation.parameters, len(operation.qubits))


@functools.lru_cache(maxsize=65536)
def _channel_name(content: bytes) -> str:
    p = np.clip(np.frombuffer(content, dtype=np.float64), 0.0, 1.0)
    p = p / max(1.0, p.sum())
    if p.size == 4:
        return f"PAULI_CHANNEL_1({','.join(repr(float(x)) for x in p[1:])})"
    # stim counts with the first qubit's letter highest.
    ordered = p.reshape(4, 4).T.ravel()
    return f"PAULI_CHANNEL_2({','.join(repr(float(x)) for x in ordered[1:])})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StimProgram:
    """A circuit in stim's words.

    Attributes:
        text: stim's circuit.
        records: Number of the measurement that each classical bit holds in the end; -1 for none.
        n_records: Number of measurements.
        misread_inside: Bits whose readout error is part of the circuit, as operations wait for them.
    """

    text: str
    records: NDArray[np.int64]
    n_records: int
    misread_inside: frozenset[int]


class _Writer:
    """Collects stim's lines, and which measurement each bit holds."""

    def __init__(self, circuit: NoisyCircuit, gates_of: GatesOf) -> None:
        self.gates_of = gates_of
        self.lines: list[str] = []
        self.record_of_bit: dict[int, int] = {}
        self.n_records = 0
        self.readout = circuit.readout
        operations = [step for step in circuit.steps if isinstance(step, Operation)]
        self.waited = {o.condition[0] for o in operations if o.condition is not None}
        self.last_touch: dict[int, int] = {}
        self.last_write: dict[int, int] = {}
        for k, step in enumerate(circuit.steps):
            for q in step.qubits:
                self.last_touch[q] = k
            if isinstance(step, Operation):
                for b in step.bits:
                    self.last_write[b] = k
        self.at_end: dict[int, int] = {}

    def write(self, number: int, step: Step) -> None:
        on = " ".join(map(str, step.qubits))
        if isinstance(step, PauliChannel):
            self.lines.append(f"{_channel_name(step.probabilities.tobytes())} {on}")
        elif isinstance(step, KrausChannel):
            raise InputError("A stabilizer simulation takes Pauli channels only, but there is one of Kraus operators.")
        elif step.condition is not None:
            self._write_feedback(step, step.condition)
        elif step.name == "measure":
            self._write_measurement(number, step)
        elif step.name == "reset":
            self.lines.append(f"R {on}")
        elif step.name not in ("barrier", "delay"):
            gates = self.gates_of(step)
            if gates is None:
                raise InputError(f"{describe_gate(step)} is no gate that is understood here.")
            self.lines.extend(f"{name} {' '.join(str(step.qubits[q]) for q in local)}" for name, local in gates)

    def _write_measurement(self, number: int, step: Operation) -> None:
        for q, b in zip(step.qubits, step.bits, strict=True):
            # Measurements that nothing follows go to the end in the order of their bits: then the packed
            # records are the packed bits.
            if self.last_touch[q] == number and self.last_write[b] == number and b not in self.waited:
                self.at_end[b] = q
                continue
            rate = 0.0
            if self.readout is not None and b in self.waited:
                rate = float(self.readout.prob_meas1_prep0[b] + self.readout.prob_meas0_prep1[b]) / 2
            self.lines.append(f"M({rate!r}) {q}" if rate else f"M {q}")
            self.record_of_bit[b] = self.n_records
            self.n_records += 1

    def _write_feedback(self, step: Operation, condition: tuple[int, int]) -> None:
        letter = _pauli_of(step)
        bit, value = condition
        q = step.qubits[0]
        if letter != "I" and value == 0:
            self.lines.append(f"{letter} {q}")
        if letter != "I" and bit in self.record_of_bit:
            self.lines.append(f"C{letter} rec[{self.record_of_bit[bit] - self.n_records}] {q}")

    def finish(self, n_bits: int) -> StimProgram:
        if self.at_end:
            bits = sorted(self.at_end)
            self.lines.append("M " + " ".join(str(self.at_end[b]) for b in bits))
            for b in bits:
                self.record_of_bit[b] = self.n_records
                self.n_records += 1
        records = np.array([self.record_of_bit.get(b, -1) for b in range(n_bits)], dtype=np.int64)
        return StimProgram(
            text="\n".join(self.lines),
            records=records,
            n_records=self.n_records,
            misread_inside=frozenset(self.waited & set(self.record_of_bit)),
        )


def describe_gate(step: Operation) -> str:
    """A gate in words.

    Example:
        >>> describe_gate(Operation(name="rz", qubits=(3,), parameters=(0.1,)))
        'rz(0.1) on qubits [3]'
    """
    angles = f"({', '.join(f'{angle:.6g}' for angle in step.parameters)})" if step.parameters else ""
    return f"{step.name}{angles} on qubits {list(step.qubits)}"


def _pauli_of(step: Operation) -> str:
    """The letter of a gate that is a Pauli operator; an empty string for another one."""
    if not step.is_unitary or len(step.qubits) != 1:
        return ""
    signs = np.diag(heisenberg_matrix(step))
    for letter, expected in (("I", (1, 1, 1)), ("X", (1, -1, -1)), ("Y", (-1, 1, -1)), ("Z", (-1, -1, 1))):
        if np.abs(signs[1:] - expected).max() < TOLERANCE:
            return letter
    return ""


def to_stim(circuit: NoisyCircuit, gates_of: GatesOf = clifford_gates) -> StimProgram:
    """The circuit in stim's words.

    Args:
        circuit: Clifford gates, Pauli channels, measurements, resets, and Pauli gates that wait for a bit.
        gates_of: From a gate to stim's gates on its own qubits.

    Raises:
        InputError: Something else is in it.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1)),
        ...          Operation(name="measure", qubits=(0, 1), bits=(1, 0)))
        >>> print(to_stim(NoisyCircuit(n_qubits=2, n_bits=2, steps=steps)).text)
        H 0
        CX 0 1
        M 1 0
    """
    writer = _Writer(circuit, gates_of)
    for number, step in enumerate(circuit.steps):
        writer.write(number, step)
    return writer.finish(circuit.n_bits)


def find_obstacle(circuit: NoisyCircuit, gates_of: GatesOf = clifford_gates, kind: str = "Clifford") -> str:
    """Why the circuit cannot be written in stim's words, as one sentence; empty where it can.

    Args:
        circuit: The circuit.
        gates_of: From a gate to stim's gates on its own qubits.
        kind: What a gate must be, in words.

    Example:
        >>> turn = Operation(name="t", qubits=(0,))
        >>> find_obstacle(NoisyCircuit(n_qubits=1, n_bits=0, steps=(turn,)))
        '1 gates are not Clifford, the first of them t on qubits [0].'
    """
    n_kraus, other, feedback = 0, [], []
    for step in circuit.steps:
        if isinstance(step, KrausChannel):
            n_kraus += 1
        elif isinstance(step, Operation) and step.condition is not None:
            if not _pauli_of(step):
                feedback.append(step)
        elif isinstance(step, Operation) and step.is_unitary and gates_of(step) is None:
            other.append(step)
    if other:
        return f"{len(other):,} gates are not {kind}, the first of them {describe_gate(other[0])}."
    wide = max((len(step.qubits) for step in circuit.steps if isinstance(step, PauliChannel)), default=0)
    if wide > 2:
        return f"A Pauli channel is on {wide} qubits; at most 2 can be."
    if n_kraus:
        return (
            f"{n_kraus:,} channels are not mixtures of Pauli operators; ask for twirled noise, which states its bias."
        )
    if feedback:
        return f"Only Pauli gates can wait for a measured bit, but {describe_gate(feedback[0])} does."
    return ""


def readout_asymmetry(circuit: NoisyCircuit) -> float:
    """Bound on what it changes that bits which are waited for are misread with the mean of their two rates.

    Example:
        >>> readout_asymmetry(NoisyCircuit(n_qubits=1, n_bits=0, steps=()))
        0.0
    """
    readout = circuit.readout
    if readout is None:
        return 0.0
    waited = {s.condition[0] for s in circuit.steps if isinstance(s, Operation) and s.condition is not None}
    return float(sum(abs(readout.prob_meas1_prep0[b] - readout.prob_meas0_prep1[b]) / 2 for b in waited))


def readout_left(circuit: NoisyCircuit, program: StimProgram) -> Readout | None:
    """Readout errors that the program itself does not hold yet.

    Args:
        circuit: The circuit.
        program: The same in stim's words.

    Example:
        >>> measure = Operation(name="measure", qubits=(0,), bits=(0,))
        >>> flips = np.array([0.1])
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=1, steps=(measure,),
        ...                        readout=Readout(prob_meas1_prep0=flips, prob_meas0_prep1=flips))
        >>> readout_left(circuit, to_stim(circuit)) is circuit.readout
        True
    """
    readout = readout_of(circuit)
    if readout is None or not program.misread_inside:
        return readout
    done = list(program.misread_inside)
    up, down = readout.prob_meas1_prep0.copy(), readout.prob_meas0_prep1.copy()
    up[done] = down[done] = 0.0
    return replace(readout, prob_meas1_prep0=up, prob_meas0_prep1=down)


def packed_bits(packed: NDArray[np.uint8], program: StimProgram) -> NDArray[np.uint8]:
    """Classical bits of measurement records.

    Args:
        packed: Records, shape ``(n_shots, ceil(n_records / 8))``, lowest bit first.
        program: The program that they come from.

    Returns:
        Shape ``(n_shots, ceil(n_bits / 8))``.

    Example:
        >>> steps = tuple(Operation(name="measure", qubits=(q,), bits=(1 - q,)) for q in range(2))
        >>> program = to_stim(NoisyCircuit(n_qubits=2, n_bits=2, steps=steps))
        >>> packed_bits(np.array([[2]], dtype=np.uint8), program).tolist()
        [[2]]
    """
    n_bits = len(program.records)
    if program.n_records == n_bits and np.array_equal(program.records, np.arange(n_bits)):
        return packed
    bits = np.zeros((len(packed), -(-n_bits // 8)), dtype=np.uint8)
    for b, record in enumerate(program.records.tolist()):
        if record >= 0:
            bits[:, b // 8] |= (packed[:, record // 8] >> (record % 8) & 1) << (b % 8)
    return bits
