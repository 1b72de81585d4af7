"""``stabilizer``: Clifford gates, Pauli channels, measurement, reset and Pauli feedback, by stim.

Gates are recognised by what they do, not by their names: a rotation by a multiple of pi/2 is as good as an ``s``.
C. Gidney, Quantum 5, 497 (2021), https://doi.org/10.22331/q-2021-07-06-497.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.flips import apply_readout
from kakehashi.device.methods.model import Cost, Expectation, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.transfer import MOST_QUBITS, heisenberg_matrix
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout, Step

__all__ = ["StabilizerMethod", "clifford_gates", "to_stim"]

Line: TypeAlias = tuple[str, tuple[int, ...]]

TOLERANCE = 1e-9
"""How near to a Clifford gate a gate's action on Pauli operators must be."""

SECONDS_PER_STEP = 2e-5
SECONDS_PER_STEP_AND_SHOT = 1.5e-9
"""Conversion and sampling; measured on one core, noisy GHZ states of 100 to 1,000 qubits."""

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

    def __init__(self, circuit: NoisyCircuit) -> None:
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
            gates = clifford_gates(step)
            if gates is None:
                raise InputError(f"{_describe(step)} is no Clifford gate.")
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


def _describe(step: Operation) -> str:
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


def to_stim(circuit: NoisyCircuit) -> StimProgram:
    """The circuit in stim's words.

    Args:
        circuit: Clifford gates, Pauli channels, measurements, resets, and Pauli gates that wait for a bit.

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
    writer = _Writer(circuit)
    for number, step in enumerate(circuit.steps):
        writer.write(number, step)
    return writer.finish(circuit.n_bits)


def _obstacle(circuit: NoisyCircuit) -> str:
    """Why stim cannot run the circuit, as one sentence; empty where it can."""
    n_kraus, other, feedback = 0, [], []
    for step in circuit.steps:
        if isinstance(step, KrausChannel):
            n_kraus += 1
        elif isinstance(step, Operation) and step.condition is not None:
            if not _pauli_of(step):
                feedback.append(step)
        elif isinstance(step, Operation) and step.is_unitary and clifford_gates(step) is None:
            other.append(step)
    if other:
        return f"{len(other):,} gates are not Clifford, the first of them {_describe(other[0])}."
    if n_kraus:
        return f"{n_kraus:,} channels are not mixtures of Pauli operators; ask for twirled noise, which states its bias."
    if feedback:
        return f"Only Pauli gates can wait for a measured bit, but {_describe(feedback[0])} does."
    return ""


def _asymmetry(circuit: NoisyCircuit) -> float:
    """Bound on what it changes that bits which are waited for are misread with the mean of their two rates."""
    readout = circuit.readout
    if readout is None:
        return 0.0
    waited = {s.condition[0] for s in circuit.steps if isinstance(s, Operation) and s.condition is not None}
    return float(sum(abs(readout.prob_meas1_prep0[b] - readout.prob_meas0_prep1[b]) / 2 for b in waited))


class StabilizerMethod:
    """Clifford circuits with Pauli noise, to thousands of qubits.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1)),
        ...          Operation(name="measure", qubits=(0, 1), bits=(0, 1)))
        >>> circuit = NoisyCircuit(n_qubits=2, n_bits=2, steps=steps)
        >>> StabilizerMethod().consider_shots(circuit, 1000).error
        'exact'
    """

    @property
    def name(self) -> str:
        """``"stabilizer"``."""
        return "stabilizer"

    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take."""
        obstacle = _obstacle(circuit)
        if obstacle:
            return Refusal(method=self.name, reason=obstacle)
        n_steps = len(circuit.steps) + circuit.n_bits
        # stim keeps the records of all shots packed, and the frames of 1,024 shots at a time.
        memory = n_shots * (2 * (circuit.n_bits + 7) // 8 + 8) + circuit.n_qubits * 512 + n_steps * 400
        bias = _asymmetry(circuit)
        return Cost(
            time_s=n_steps * (SECONDS_PER_STEP + SECONDS_PER_STEP_AND_SHOT * n_shots),
            memory_bytes=memory,
            error="exact" if not bias else f"bits that gates wait for are misread symmetrically: at most {bias:.2g}",
            error_bound=bias,
            reason="all gates are Clifford and all channels Pauli",
        )

    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Refused: Pauli propagation does it exactly with one term."""
        return Refusal(
            method=self.name,
            reason=f"Shots only; of {len(observable.paulis)} letters, Pauli propagation follows one product exactly.",
        )

    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots.

        Raises:
            InputError: The circuit is not Clifford with Pauli noise.
        """
        program = to_stim(circuit)
        reporter.step("sample", f"drawing {n_shots} shots with stim", step=0, total=1)
        bits = _draw(program, circuit, n_shots, rng)
        if circuit.readout is not None:
            bits = apply_readout(bits, _left(circuit.readout, program.misread_inside), rng)
        reporter.step("sample", "done", step=1, total=1)
        bias = _asymmetry(circuit)
        error = "exact" if not bias else f"bits that gates wait for are misread symmetrically: at most {bias:.2g}"
        return Sampled(bits=bits, counts=np.ones(n_shots, dtype=np.int64), error=error)

    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """Refused, see :meth:`consider_expectation`."""
        raise InputError("The stabilizer method draws shots only; Pauli propagation gives the expectation value.")


def _left(readout: Readout, done: frozenset[int]) -> Readout:
    """Readout errors that the circuit itself does not hold yet."""
    if not done:
        return readout
    up, down = readout.prob_meas1_prep0.copy(), readout.prob_meas0_prep1.copy()
    up[list(done)] = down[list(done)] = 0.0
    return Readout(prob_meas1_prep0=up, prob_meas0_prep1=down, line=readout.line, line_crosstalk=readout.line_crosstalk)


def _draw(program: StimProgram, circuit: NoisyCircuit, n_shots: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Packed bits, one row per shot."""
    import stim

    n_bytes = -(-circuit.n_bits // 8)
    if not program.n_records:
        return np.zeros((n_shots, n_bytes), dtype=np.uint8)
    sampler: Any = stim.Circuit(program.text).compile_sampler(seed=int(rng.integers(2**63)))
    packed: NDArray[np.uint8] = sampler.sample(n_shots, bit_packed=True)
    if np.array_equal(program.records, np.arange(circuit.n_bits)) and program.n_records == circuit.n_bits:
        return packed
    bits = np.zeros((n_shots, n_bytes), dtype=np.uint8)
    for b, record in enumerate(program.records.tolist()):
        if record >= 0:
            bits[:, b // 8] |= (packed[:, record // 8] >> (record % 8) & 1) << (b % 8)
    return bits
