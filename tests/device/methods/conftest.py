"""Exact references for small circuits, and circuits to compare on."""

from __future__ import annotations

import types

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.methods.transfer import pauli_products
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout


def on(matrix, qubits, n):
    """A matrix on some qubits as one on all, by plain loops over basis states."""
    whole = np.zeros((2**n, 2**n), dtype=complex)
    rest = [q for q in range(n) if q not in qubits]
    for outer in range(2 ** len(rest)):
        base = sum((outer >> k & 1) << q for k, q in enumerate(rest))
        index = [base + sum((i >> k & 1) << q for k, q in enumerate(qubits)) for i in range(2 ** len(qubits))]
        whole[np.ix_(index, index)] = matrix
    return whole


def kraus_of(step):
    if isinstance(step, PauliChannel):
        products = pauli_products(len(step.qubits))
        return [np.sqrt(max(p, 0)) * products[k] for k, p in enumerate(step.probabilities)]
    if isinstance(step, KrausChannel):
        return list(step.operators)
    return [step.unitary()]


def branches_of(circuit):
    """Density matrix, not normalised, of every way the classical bits can come out."""
    n = circuit.n_qubits
    start = np.zeros((2**n, 2**n), dtype=complex)
    start[0, 0] = 1
    branches = {(0,) * circuit.n_bits: start}

    def through(rho, operators, qubits):
        wide = [on(k, qubits, n) for k in operators]
        return sum(k @ rho @ k.conj().T for k in wide)

    up, down = np.array([[1, 0], [0, 0]]), np.array([[0, 0], [0, 1]])
    for step in circuit.steps:
        after = {}
        for bits, rho in branches.items():
            condition = getattr(step, "condition", None)
            name = getattr(step, "name", "channel")
            if name in ("barrier", "delay") or (condition is not None and bits[condition[0]] != condition[1]):
                parts = [(bits, rho)]
            elif name == "measure":
                parts = [(bits, rho)]
                for q, b in zip(step.qubits, step.bits, strict=True):
                    parts = [
                        ((*old[:b], value, *old[b + 1 :]), through(r, [projector], (q,)))
                        for old, r in parts
                        for value, projector in ((0, up), (1, down))
                    ]
            elif name == "reset":
                for q in step.qubits:
                    rho = through(rho, [up, np.array([[0, 1], [0, 0]])], (q,))
                parts = [(bits, rho)]
            else:
                parts = [(bits, through(rho, kraus_of(step), step.qubits))]
            for key, r in parts:
                after[key] = after.get(key, 0) + r
        branches = after
    return branches


def distribution(circuit):
    """Probability of each value of the bits, bit 0 lowest, readout errors included."""
    p = np.zeros(2**circuit.n_bits)
    for bits, rho in branches_of(circuit).items():
        p[sum(b << k for k, b in enumerate(bits))] += np.trace(rho).real
    readout = circuit.readout
    if readout is None:
        return p
    out = np.zeros_like(p)
    for true in range(len(p)):
        bits = [true >> k & 1 for k in range(circuit.n_bits)]
        wrong = []
        for k, bit in enumerate(bits):
            rate = readout.prob_meas0_prep1[k] if bit else readout.prob_meas1_prep0[k]
            if readout.line is not None and readout.line[k] >= 0:
                others = [j for j in range(circuit.n_bits) if j != k and readout.line[j] == readout.line[k]]
                rate = rate + readout.line_crosstalk * sum(bits[j] for j in others)
            wrong.append(min(rate, 1.0))
        for read in range(len(p)):
            flips = [(read >> k & 1) != bits[k] for k in range(circuit.n_bits)]
            out[read] += p[true] * np.prod([w if f else 1 - w for w, f in zip(wrong, flips, strict=True)])
    return out


def expectation(circuit, observable):
    """Value of a product of Pauli operators; the circuit must not measure at its end."""
    whole = np.eye(1)
    letters = dict(observable.paulis)
    for q in range(circuit.n_qubits):
        whole = np.kron(pauli_products(1)["IXYZ".index(letters.get(q, "I"))], whole)
    return float(sum(np.trace(rho @ whole).real for rho in branches_of(circuit).values()))


def expectation_of_state(state, observable):
    """Value of a product of Pauli operators in a pure state."""
    n = int(state.size).bit_length() - 1
    moved = state.reshape((2,) * n)
    for q, letter in observable.paulis:
        matrix = pauli_products(1)["IXYZ".index(letter)]
        moved = np.moveaxis(np.tensordot(matrix, moved, axes=(1, n - 1 - q)), 0, n - 1 - q)
    return float(np.vdot(state, moved.ravel()).real)


def state_of(circuit):
    """A state vector in a few lines of numpy."""
    n = circuit.n_qubits
    state = np.zeros((2,) * n, dtype=complex)
    state[(0,) * n] = 1
    for operation in circuit.operations if hasattr(circuit, "operations") else circuit.steps:
        k = len(operation.qubits)
        axes = [n - 1 - q for q in reversed(operation.qubits)]
        matrix = operation.unitary().reshape((2,) * (2 * k))
        state = np.moveaxis(np.tensordot(matrix, state, axes=(range(k, 2 * k), axes)), range(k), axes)
    return state.ravel()


def histogram(sampled, n_bits):
    """Frequencies of the values of the bits, bit 0 lowest."""
    matrix = np.unpackbits(sampled.bits, axis=1, bitorder="little", count=n_bits)
    values = matrix @ (1 << np.arange(n_bits))
    totals = np.bincount(values, weights=sampled.counts, minlength=2**n_bits)
    return totals / totals.sum()


def distance(p, q):
    return 0.5 * np.abs(p - q).sum()


def pauli(rng, k, size=0.05):
    p = rng.dirichlet(np.ones(4**k)) * size
    p[0] += 1 - size
    return p


def random_circuit(rng, n, depth, *, names, kraus=False, noise=True, measure=True, readout=False):
    """Gates of given names on random qubits, with channels in between."""
    steps = []
    for _ in range(depth):
        name = str(rng.choice(names))
        kind = GATES[name]
        qubits = tuple(int(q) for q in rng.choice(n, size=kind.n_qubits, replace=False))
        angles = tuple(rng.uniform(0, 2 * np.pi, size=kind.n_parameters).tolist())
        steps.append(Operation(name=name, qubits=qubits, parameters=angles))
        if noise and rng.random() < 0.5:
            steps.append(PauliChannel(qubits=qubits, probabilities=pauli(rng, len(qubits))))
        if kraus and rng.random() < 0.3:
            g = 0.2
            decay = np.array([[[1, 0], [0, np.sqrt(1 - g)]], [[0, np.sqrt(g)], [0, 0]]], dtype=complex)
            steps.append(KrausChannel(qubits=qubits[:1], operators=decay))
    n_bits = n if measure else 0
    if measure:
        steps.append(Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n))))
    errors = None
    if readout:
        errors = Readout(prob_meas1_prep0=rng.uniform(0, 0.1, n), prob_meas0_prep1=rng.uniform(0, 0.2, n))
    return NoisyCircuit(n_qubits=n, n_bits=n_bits, steps=tuple(steps), readout=errors)


def kicked_ising(edges, n, angle, n_steps):
    """``ki`` without measurement: RX on all, then RZZ(-pi/2) on all edges."""
    steps = []
    for _ in range(n_steps):
        steps += [Operation(name="rx", qubits=(q,), parameters=(angle,)) for q in range(n)]
        steps += [Operation(name="rzz", qubits=e, parameters=(-np.pi / 2,)) for e in edges]
    return NoisyCircuit(n_qubits=n, n_bits=0, steps=tuple(steps))


def grid_edges(side):
    rows = [(r * side + c, r * side + c + 1) for r in range(side) for c in range(side - 1)]
    columns = [(r * side + c, (r + 1) * side + c) for r in range(side - 1) for c in range(side)]
    return rows + columns


@pytest.fixture(scope="module")
def exact():
    """References and circuits, by name."""
    return types.SimpleNamespace(
        distribution=distribution,
        expectation=expectation,
        expectation_of_state=expectation_of_state,
        histogram=histogram,
        distance=distance,
        random_circuit=random_circuit,
        kicked_ising=kicked_ising,
        grid_edges=grid_edges,
        pauli=pauli,
        on=on,
        branches_of=branches_of,
        state_of=state_of,
    )
