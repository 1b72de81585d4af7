"""A real runner for tests: the exact density matrix of a few qubits, with branches at measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.unitaries import X, Y, Z
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.methods.model import Expectation, Observable
from kakehashi.device.model import Shots
from kakehashi.device.twins.model import Calibration, Twin

PAULIS = {"X": X, "Y": Y, "Z": Z}


def make_twin(n_qubits: int = 5, *, gate: str = "cz", misread: tuple[float, float] = (0.0, 0.0), **changes) -> Twin:
    """A line of qubits; the first of ``misread`` is the probability that a 0 is read as 1."""
    edges = np.array([(q, q + 1) for q in range(n_qubits - 1)], dtype=np.int64).reshape(-1, 2)
    qubits = np.ones(n_qubits)
    calibration = Calibration(
        taken_utc="2025-02-01",
        t1_us=150 * qubits,
        t2_us=100 * qubits,
        prob_meas1_prep0=misread[0] * qubits,
        prob_meas0_prep1=misread[1] * qubits,
        readout_ns=1560 * qubits,
        gate_error={"sx": 2e-4 * qubits, "x": 2e-4 * qubits, gate: np.full(len(edges), 3e-3)},
        gate_ns={"sx": 24 * qubits, "x": 24 * qubits, gate: np.full(len(edges), 68.0)},
    )
    given = {
        "name": "line",
        "title": "A line of qubits",
        "lattice": "line",
        "n_qubits": n_qubits,
        "positions": np.stack([np.arange(n_qubits), np.zeros(n_qubits)], axis=1).astype(np.float64),
        "edges": edges,
        "directed": False,
        "two_qubit_gate": gate,
        "one_qubit_gates": ("rz", "sx", "x"),
        "present": np.ones(n_qubits, dtype=bool),
        "calibration": calibration,
        "max_shots": 100_000,
    }
    return Twin(**(given | changes))


@dataclass(frozen=True)
class DensityRunner:
    """Exact up to sampling. ``depolarizing`` is the probability of losing both qubits at a gate on two."""

    twin: Twin
    depolarizing: float = 0.0
    name: str = "density"

    def run_gates(self, circuit: GateCircuit, n_shots: int, *, rng: RngLike = None) -> Shots:
        branches = self.evolve(circuit)
        rows = np.array([bits for bits, _ in branches], dtype=bool).reshape(len(branches), circuit.n_bits)
        weights = np.array([np.trace(rho).real for _, rho in branches]).clip(0)
        drawn = as_generator(rng).multinomial(n_shots, weights / weights.sum())
        counts = drawn[drawn > 0].astype(np.int64)
        return Shots.from_matrix(rows[drawn > 0], counts=counts, provenance={"device": self.name, "error": "none"})

    def expect(self, circuit: GateCircuit, observables: Sequence[Observable]) -> list[Expectation]:
        (branch,) = self.evolve(circuit)
        values = []
        for observable in observables:
            moved = branch[1]
            for qubit, pauli in observable.paulis:
                moved = multiply(PAULIS[pauli], (qubit,), moved)
            values.append(float(np.trace(moved).real))
        return [Expectation(value=value, error_bound=0.0, error="none") for value in values]

    def evolve(self, circuit: GateCircuit) -> list[tuple[tuple[bool, ...], np.ndarray]]:
        """What the classical bits may be, and the density matrix with it, its trace the probability."""
        if circuit.n_qubits > self.twin.n_qubits:
            raise InputError(f"The circuit has {circuit.n_qubits} qubits, but {self.twin.name} has fewer.")
        rho = np.zeros((2**circuit.n_qubits, 2**circuit.n_qubits), dtype=complex)
        rho[0, 0] = 1
        branches = {(False,) * circuit.n_bits: rho}
        for operation in circuit:
            branches = self._step(operation, branches)
        return list(branches.items())

    def _step(self, operation: Operation, branches):
        after: dict[tuple[bool, ...], np.ndarray] = {}
        for bits, rho in branches.items():
            if operation.condition is not None and bits[operation.condition[0]] != operation.condition[1]:
                outcomes = [(bits, rho)]
            elif operation.name == "measure":
                outcomes = self._measure(operation, bits, rho)
            else:
                outcomes = [(bits, self._change(operation, rho))]
            for key, part in outcomes:
                after[key] = after[key] + part if key in after else part
        return after

    def _change(self, operation: Operation, rho: np.ndarray) -> np.ndarray:
        if operation.name in ("barrier", "delay"):
            return rho
        if operation.name == "reset":
            zero, one = (project(operation.qubits[0], value, rho) for value in (0, 1))
            return zero + conjugate(X, operation.qubits, one)
        rho = conjugate(operation.unitary(), operation.qubits, rho)
        if len(operation.qubits) == 2 and self.depolarizing:
            lost = [conjugate(operator, operation.qubits, rho) for operator in two_qubit_paulis()]
            rho = (1 - self.depolarizing) * rho + self.depolarizing * sum(lost) / 16
        return rho

    def _measure(self, operation: Operation, bits, rho):
        outcomes = [(bits, rho)]
        given = self.twin.calibration
        for qubit, bit in zip(operation.qubits, operation.bits, strict=True):
            split = []
            for now, part in outcomes:
                for value, flip in ((0, given.prob_meas1_prep0[qubit]), (1, given.prob_meas0_prep1[qubit])):
                    collapsed = project(qubit, value, part)
                    for read, probability in ((value, 1 - flip), (1 - value, flip)):
                        if probability * np.trace(collapsed).real > 1e-14:
                            split.append(((*now[:bit], bool(read), *now[bit + 1 :]), probability * collapsed))
            outcomes = split
        return outcomes


def two_qubit_paulis() -> list[np.ndarray]:
    single = (np.eye(2), X, Y, Z)
    return [np.kron(a, b) for a in single for b in single]


def multiply(matrix: np.ndarray, qubits: tuple[int, ...], rho: np.ndarray) -> np.ndarray:
    """``matrix`` times ``rho``; ``qubits[0]`` is the matrix's lowest bit."""
    n = int(np.log2(len(rho)))
    k = len(qubits)
    axes = [n - 1 - q for q in reversed(qubits)]
    tensor = rho.reshape((2,) * n + (len(rho),))
    moved = np.tensordot(np.asarray(matrix).reshape((2,) * 2 * k), tensor, axes=(list(range(k, 2 * k)), axes))
    return np.moveaxis(moved, range(k), axes).reshape(rho.shape)


def conjugate(matrix: np.ndarray, qubits: tuple[int, ...], rho: np.ndarray) -> np.ndarray:
    half = multiply(matrix, qubits, rho)
    return multiply(matrix, qubits, half.conj().T).conj().T


def project(qubit: int, value: int, rho: np.ndarray) -> np.ndarray:
    keep = ((np.arange(len(rho)) >> qubit) & 1) == value
    return rho * np.outer(keep, keep)
