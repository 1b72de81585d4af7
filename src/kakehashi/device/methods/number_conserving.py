"""``number-conserving``: circuits whose gates move particles but make none, in the sector of their number.

Qubits that hopping gates link form a register with a fixed number of ones, so that two spins that only phases link are
two registers, and the state has ``C(n, k)`` amplitudes for each instead of ``2**n``. Gates are recognised by their
matrices: ``xx_plus_yy`` (Givens rotations), ``swap``, ``iswap``, any unitary on two qubits that keeps their number of
ones, and every diagonal gate; ``x`` may prepare the start.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.readout import misread, readout_of
from kakehashi.device.sector.vector import draw

__all__ = ["MOST_AMPLITUDES", "NumberConservingMethod", "Registers", "find_registers", "weight_strings"]

Array: TypeAlias = NDArray[np.complex128]

MOST_AMPLITUDES = 50_000_000
"""The largest sector: 0.8 GB, three times over while a gate is applied."""

MOST_QUBITS = 62
"""Of one register: its strings are signed 64-bit integers."""

SECONDS_PER_AMPLITUDE = 1.2e-8
SECONDS_PER_GATE = 3e-5
VECTORS = 3
TOLERANCE = 1e-12


@functools.lru_cache(maxsize=64)
def weight_strings(n_qubits: int, n_ones: int) -> NDArray[np.int64]:
    """All bit strings of a given weight, ascending.

    Example:
        >>> weight_strings(4, 2).tolist()
        [3, 5, 6, 9, 10, 12]
    """
    if n_ones == 0:
        return np.zeros(1, dtype=np.int64)
    if n_ones == n_qubits:
        return np.array([(1 << n_qubits) - 1], dtype=np.int64)
    without = weight_strings(n_qubits - 1, n_ones)
    return np.concatenate([without, weight_strings(n_qubits - 1, n_ones - 1) | np.int64(1 << (n_qubits - 1))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """Which qubits share their particles.

    Attributes:
        qubits: Of each register, ascending.
        n_ones: Number of particles of each register.
        ones: Qubits that start in 1.
        gates: What is left to carry out: diagonal and hopping gates.
        bits: Qubit of each classical bit.
    """

    qubits: tuple[tuple[int, ...], ...]
    n_ones: tuple[int, ...]
    ones: frozenset[int]
    gates: tuple[Operation, ...]
    bits: dict[int, int]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of strings of each register."""
        return tuple(math.comb(len(q), k) for q, k in zip(self.qubits, self.n_ones, strict=True))


def _kind(operation: Operation) -> str:
    """``diagonal``, ``hop``, ``flip`` or an empty string."""
    if operation.matrix is not None:
        return _kind_of_matrix(operation.matrix)
    return _kind_of_name(operation.name, operation.parameters)


@functools.lru_cache(maxsize=4096)
def _kind_of_name(name: str, parameters: tuple[float, ...]) -> str:
    return _kind_of_matrix(Operation(name=name, qubits=(0,), parameters=parameters).unitary())


def _kind_of_matrix(matrix: Array) -> str:
    if np.abs(matrix - np.diag(np.diag(matrix))).max() < TOLERANCE:
        return "diagonal"
    if len(matrix) == 2:
        return "flip" if np.abs(np.diag(matrix)).max() < TOLERANCE else ""
    weight = np.bitwise_count(np.arange(len(matrix)))
    crosses = weight[:, None] != weight[None, :]
    return "hop" if len(matrix) == 4 and np.abs(matrix[crosses]).max() < TOLERANCE else ""


def find_registers(circuit: NoisyCircuit) -> Registers | str:
    """Read from the gates which qubits share their particles.

    Args:
        circuit: The circuit.

    Returns:
        The registers, or one sentence that says why there are none.

    Example:
        >>> steps = (Operation(name="x", qubits=(0,)),
        ...          Operation(name="xx_plus_yy", qubits=(0, 1), parameters=(0.3, 0.0)),
        ...          Operation(name="cp", qubits=(1, 2), parameters=(0.2,)))
        >>> registers = find_registers(NoisyCircuit(n_qubits=3, n_bits=0, steps=steps))
        >>> registers.qubits, registers.n_ones
        (((0, 1), (2,)), (1, 0))
    """
    parent = list(range(circuit.n_qubits))

    def root(q: int) -> int:
        while parent[q] != q:
            q = parent[q]
        return q

    ones: set[int] = set()
    moved: set[int] = set()
    measured: set[int] = set()
    gates: list[Operation] = []
    bits: dict[int, int] = {}
    for step in circuit.steps:
        if not isinstance(step, Operation):
            return f"A channel on qubits {list(step.qubits)} may change the number of particles."
        if step.name in ("barrier", "delay"):
            continue
        if step.condition is not None or step.name == "reset" or measured & set(step.qubits):
            return "Reset, feedback and gates after a measurement are not supported."
        if step.name == "measure":
            measured |= set(step.qubits)
            bits.update(zip(step.bits, step.qubits, strict=True))
            continue
        kind = _kind(step)
        if kind == "flip" and step.qubits[0] not in moved:
            # A flip of a qubit that is still in a basis state: it is done at the start instead, its phase is global.
            ones ^= {step.qubits[0]}
            gates = [_with_flipped(gate, step.qubits[0]) for gate in gates]
        elif kind == "diagonal":
            gates.append(step)
        elif kind == "hop":
            gates.append(step)
            moved |= set(step.qubits)
            parent[root(step.qubits[0])] = root(step.qubits[1])
        else:
            return f"The gate {step.name} on qubits {list(step.qubits)} does not conserve the number of particles."
    if not moved:
        return "No gate moves a particle."
    groups: dict[int, list[int]] = {}
    for q in range(circuit.n_qubits):
        groups.setdefault(root(q), []).append(q)
    registers = sorted(tuple(group) for group in groups.values())
    return Registers(
        qubits=tuple(registers),
        n_ones=tuple(len(ones & set(group)) for group in registers),
        ones=frozenset(ones),
        gates=tuple(gates),
        bits=bits,
    )


def _with_flipped(gate: Operation, qubit: int) -> Operation:
    """A diagonal gate as it acts where a qubit is flipped before it instead of after it."""
    if qubit not in gate.qubits:
        return gate
    order = np.arange(2 ** len(gate.qubits)) ^ (1 << gate.qubits.index(qubit))
    return Operation(name="unitary", qubits=gate.qubits, matrix=np.diag(np.diag(gate.unitary())[order]))


class _Sector:
    """The state, one axis a register."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._strings = [weight_strings(len(q), k) for q, k in zip(registers.qubits, registers.n_ones, strict=True)]
        self._place = {q: (r, j) for r, qubits in enumerate(registers.qubits) for j, q in enumerate(qubits)}
        self.state: Array = np.zeros(registers.sizes, dtype=np.complex128)
        start = []
        for qubits, strings in zip(registers.qubits, self._strings, strict=True):
            string = sum(1 << j for j, q in enumerate(qubits) if q in registers.ones)
            start.append(int(np.searchsorted(strings, string)))
        self.state[tuple(start)] = 1.0
        self._phases: dict[int, Array] = {}

    def occupation(self, qubit: int) -> tuple[int, NDArray[np.int64]]:
        """Register of a qubit, and its bit in each of the register's strings."""
        register, place = self._place[qubit]
        return register, self._strings[register] >> place & 1

    def run(self) -> None:
        """Carry out all gates."""
        for gate in self._registers.gates:
            matrix = gate.unitary()
            if np.abs(matrix - np.diag(np.diag(matrix))).max() < TOLERANCE:
                self._phase(gate, np.diag(matrix))
            else:
                self._hop(gate, matrix)
        for register in list(self._phases):
            self._flush(register)

    def _shape(self, register: int) -> list[int]:
        return [-1 if r == register else 1 for r in range(self.state.ndim)]

    def _phase(self, gate: Operation, diagonal: Array) -> None:
        found = [self.occupation(q) for q in gate.qubits]
        registers = {register for register, _ in found}
        if len(registers) == 1:
            # Phases within a register are collected, as its strings are few.
            register = found[0][0]
            index = sum((bits << j for j, (_, bits) in enumerate(found)), np.int64(0))
            kept = self._phases.get(register)
            self._phases[register] = diagonal[index] if kept is None else kept * diagonal[index]
            return
        whole: NDArray[np.int64] = np.zeros((1,) * self.state.ndim, dtype=np.int64)
        for j, (register, bits) in enumerate(found):
            whole = whole + (bits << j).reshape(self._shape(register))
        self.state *= diagonal[whole]

    def _flush(self, register: int) -> None:
        phases = self._phases.pop(register, None)
        if phases is not None:
            self.state *= phases.reshape(self._shape(register))

    def _hop(self, gate: Operation, matrix: Array) -> None:
        register, first = self.occupation(gate.qubits[0])
        _, second = self.occupation(gate.qubits[1])
        self._flush(register)
        strings = self._strings[register]
        here = np.flatnonzero(first & ~second & 1)  # 1 on the first qubit, 0 on the second
        swap = (1 << self._place[gate.qubits[0]][1]) | (1 << self._place[gate.qubits[1]][1])
        there = np.searchsorted(strings, strings[here] ^ swap)
        size = self.state.shape
        view = self.state.reshape(math.prod(size[:register]), size[register], -1)
        a, b = view[:, here], view[:, there]
        view[:, here] = matrix[1, 1] * a + matrix[1, 2] * b
        view[:, there] = matrix[2, 1] * a + matrix[2, 2] * b
        for value, equal in ((0, (first | second) == 0), (3, (first & second) == 1)):
            if abs(matrix[value, value] - 1) > TOLERANCE:
                view[:, equal] *= matrix[value, value]

    def bits_of(self, addresses: NDArray[np.int64], n_bits: int) -> NDArray[np.uint8]:
        """Packed classical bits of addresses of the state."""
        index = np.unravel_index(addresses, self.state.shape)
        matrix = np.zeros((len(addresses), n_bits), dtype=np.bool_)
        for bit, qubit in self._registers.bits.items():
            register, occupied = self.occupation(qubit)
            matrix[:, bit] = occupied[index[register]]
        packed: NDArray[np.uint8] = np.packbits(matrix, axis=1, bitorder="little")
        return packed


class NumberConservingMethod(Method):
    """Shots and diagonal observables of circuits that conserve particles.

    Example:
        >>> steps = (Operation(name="x", qubits=(0,)),
        ...          *(Operation(name="xx_plus_yy", qubits=(q, q + 1), parameters=(1.0, 0.0)) for q in range(39)),
        ...          Operation(name="measure", qubits=tuple(range(40)), bits=tuple(range(40))))
        >>> circuit = NoisyCircuit(n_qubits=40, n_bits=40, steps=steps)
        >>> done = NumberConservingMethod().sample(circuit, 100, rng=np.random.default_rng(1), reporter=Reporter())
        >>> {int(n) for n in np.bitwise_count(done.bits).sum(axis=1)}
        {1}
    """

    @property
    def name(self) -> str:
        """``"number-conserving"``."""
        return "number-conserving"

    def _consider(self, circuit: NoisyCircuit) -> tuple[Registers, Cost] | Refusal:
        registers = find_registers(circuit)
        if isinstance(registers, str):
            return Refusal(method=self.name, reason=registers)
        widest = max(len(q) for q in registers.qubits)
        size = math.prod(registers.sizes)
        if widest > MOST_QUBITS or size > MOST_AMPLITUDES:
            combinations = " x ".join(
                f"C({len(q)}, {k})" for q, k in zip(registers.qubits, registers.n_ones, strict=True) if len(q) > 1
            )
            return Refusal(
                method=self.name,
                reason=f"The sector has {combinations} = {size:,} amplitudes; at most {MOST_AMPLITUDES:,} in registers "
                f"of {MOST_QUBITS} qubits are taken.",
            )
        cost = Cost(
            time_s=len(registers.gates) * (SECONDS_PER_GATE + SECONDS_PER_AMPLITUDE * size) + 2e-8 * size,
            memory_bytes=VECTORS * 16 * size,
            error="exact",
            error_bound=0.0,
            reason=f"the gates conserve particles, and the sector has {size:,} amplitudes",
        )
        return registers, cost

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take."""
        found = self._consider(circuit)
        return found if isinstance(found, Refusal) else found[1]

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """What an expectation value would take."""
        if any(letter != "Z" for _, letter in observable.paulis):
            return Refusal(method=self.name, reason="Only products of Z are diagonal in the particles' strings.")
        found = self._consider(circuit)
        return found if isinstance(found, Refusal) else found[1]

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots.

        Raises:
            ResourceError: The circuit does not conserve particles, or the sector is too large.
        """
        found = self._consider(circuit)
        if isinstance(found, Refusal):
            raise ResourceError(found.reason)
        registers, cost = found
        reporter.step("sample", cost.reason, step=0, total=1)
        sector = _Sector(registers)
        sector.run()
        addresses, counts = draw(sector.state.ravel(), n_shots, rng)
        bits = sector.bits_of(addresses, circuit.n_bits)
        if circuit.readout is not None:
            bits = misread(bits, readout_of(circuit), rng=rng, counts=counts)
            counts = np.ones(len(bits), dtype=np.int64)
        reporter.step("sample", "done", step=1, total=1)
        return Sampled(bits=bits, counts=counts, error="exact")

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The expectation value of a product of Z.

        Raises:
            InputError: The observable is not diagonal.
            ResourceError: The circuit does not conserve particles, or the sector is too large.
        """
        verdict = self.consider_expectation(circuit, observable)
        found = self._consider(circuit)
        if isinstance(found, Refusal):
            raise ResourceError(found.reason)
        if isinstance(verdict, Refusal):
            raise InputError(verdict.reason)
        sector = _Sector(found[0])
        sector.run()
        weight = np.square(np.abs(sector.state))
        for register in sorted({sector.occupation(q)[0] for q in observable.qubits}):
            sign = np.ones(sector.state.shape[register])
            for q in observable.qubits:
                where, occupied = sector.occupation(q)
                if where == register:
                    sign = sign * (1 - 2 * occupied)
            weight = weight * sign.reshape([-1 if r == register else 1 for r in range(weight.ndim)])
        reporter.step("expect", "done", step=1, total=1)
        return Expectation(value=float(weight.sum()), error_bound=0.0, error="exact")
