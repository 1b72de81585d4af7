"""Random circuits and exact distributions."""

import itertools

import numpy as np
from hypothesis import strategies as st

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.model import KrausChannel, PauliChannel

NAMES = sorted(GATES)
PAULIS = [GATES[name].matrix() for name in ("id", "x", "y", "z")]


def random_gate(rng, n_qubits, name):
    kind = GATES[name]
    # Angles of Clifford gates come as often as others.
    angles = rng.uniform(-7, 7, kind.n_parameters)
    if rng.random() < 0.3:
        angles = np.round(angles / (np.pi / 2)) * np.pi / 2
    qubits = rng.permutation(n_qubits)[: kind.n_qubits]
    return Operation(name=name, qubits=tuple(map(int, qubits)), parameters=tuple(map(float, angles)))


def random_gates(rng, n_qubits, n_gates):
    gates = []
    while len(gates) < n_gates:
        name = NAMES[rng.integers(len(NAMES))]
        if GATES[name].n_qubits <= n_qubits:
            gates.append(random_gate(rng, n_qubits, name))
    return gates


def random_channel(rng, n_qubits, strength):
    k = int(rng.integers(1, min(n_qubits, 2) + 1))
    probabilities = rng.dirichlet(np.ones(4**k)) * strength
    probabilities[0] += 1 - strength
    qubits = tuple(map(int, rng.permutation(n_qubits)[:k]))
    return PauliChannel(qubits=qubits, probabilities=probabilities)


def noisy_steps(rng, n_qubits, n_gates, strength=0.2):
    steps = []
    for gate in random_gates(rng, n_qubits, n_gates):
        steps.append(gate)
        if rng.random() < 0.7:
            steps.append(random_channel(rng, n_qubits, strength))
    return steps


def on_all(matrix, qubits, n_qubits):
    """A matrix on some qubits as one on all."""
    whole = np.zeros((2**n_qubits, 2**n_qubits), dtype=complex)
    mask = sum(1 << q for q in qubits)

    def inside(x):
        return sum(((x >> q) & 1) << k for k, q in enumerate(qubits))

    for row, column in itertools.product(range(2**n_qubits), repeat=2):
        if row & ~mask == column & ~mask:
            whole[row, column] = matrix[inside(row), inside(column)]
    return whole


def exact_density(steps, n_qubits):
    """The density matrix after gates and channels, without any trick."""
    density = np.zeros((2**n_qubits, 2**n_qubits), dtype=complex)
    density[0, 0] = 1
    for step in steps:
        if isinstance(step, PauliChannel):
            products = [np.eye(1)]
            for _ in step.qubits:
                products = [np.kron(high, low) for high in PAULIS for low in products]
            operators = [np.sqrt(p) * m for p, m in zip(step.probabilities, products, strict=True)]
        elif isinstance(step, KrausChannel):
            operators = list(step.operators)
        else:
            operators = [step.unitary()]
        wide = [on_all(operator, step.qubits, n_qubits) for operator in operators]
        density = sum(k @ density @ k.conj().T for k in wide)
    return density


def p_value(counts, probabilities):
    """Of Pearson's chi-square test; outcomes that cannot be must not come, rare ones are taken together."""
    from scipy.stats import chi2

    impossible = probabilities < 1e-12
    assert counts[impossible].sum() == 0
    expected = probabilities * counts.sum()
    rare = (expected < 5) & ~impossible
    common = (expected >= 5) & ~impossible
    observed = np.append(counts[common], counts[rare].sum())
    wanted = np.append(expected[common], expected[rare].sum())
    observed, wanted = observed[wanted > 0], wanted[wanted > 0]
    if len(wanted) < 2:
        return 1.0
    return float(chi2.sf(((observed - wanted) ** 2 / wanted).sum(), len(wanted) - 1))


seeds = st.integers(0, 2**32 - 1)
