"""A twin whose qubits all differ, and circuits of its gates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.noise.example import line_twin


def make_uneven_twin(n_qubits, *, seed=5, zz_khz=None, relaxed=False):
    """A line of unequal qubits with a clock of 1 ns; ``relaxed`` makes T1 and T2 exceed some gate errors."""
    rng = np.random.default_rng(seed)
    plain = line_twin(n_qubits, zz_khz=zz_khz)
    n_edges = n_qubits - 1
    t1 = rng.uniform(5, 20, n_qubits) if relaxed else rng.uniform(50, 200, n_qubits)
    sx_ns, cz_ns = rng.integers(20, 40, n_qubits).astype(float), rng.integers(60, 120, n_edges).astype(float)
    calibration = replace(
        plain.calibration,
        t1_us=t1,
        t2_us=t1 * rng.uniform(0.3, 1.9, n_qubits),
        prob_meas1_prep0=rng.uniform(0.005, 0.02, n_qubits),
        prob_meas0_prep1=rng.uniform(0.01, 0.05, n_qubits),
        gate_error={
            "sx": rng.uniform(2e-3, 5e-3, n_qubits),
            "x": rng.uniform(2e-3, 5e-3, n_qubits),
            "rz": np.zeros(n_qubits),
            "cz": rng.uniform(8e-3, 3e-2, n_edges),
        },
        gate_ns={"sx": sx_ns, "x": sx_ns, "rz": np.zeros(n_qubits), "cz": cz_ns},
    )
    return replace(plain, calibration=calibration, clock_ns=1.0)


def make_random_circuit(twin, n_operations, *, seed, measure=True):
    """Gates, barriers and delays at random places, and a measurement of every qubit."""
    rng = np.random.default_rng(seed)
    n = twin.n_qubits
    operations = []
    for _ in range(n_operations):
        kind = rng.choice(["sx", "x", "rz", "cz", "barrier", "delay"], p=[0.3, 0.1, 0.2, 0.3, 0.04, 0.06])
        q = int(rng.integers(n))
        if kind == "cz":
            pair = twin.edges[rng.integers(len(twin.edges))].tolist()
            operations.append(Operation(name="cz", qubits=tuple(rng.permutation(pair).tolist())))
        elif kind == "rz":
            operations.append(Operation(name="rz", qubits=(q,), parameters=(float(rng.uniform(0, 6)),)))
        elif kind == "barrier":
            operations.append(Operation(name="barrier", qubits=tuple(sorted({q, (q + 1) % n}))))
        elif kind == "delay":
            operations.append(Operation(name="delay", qubits=(q,), parameters=(float(rng.integers(50, 2000)),)))
        else:
            operations.append(Operation(name=str(kind), qubits=(q,)))
    if measure:
        operations.append(Operation(name="barrier", qubits=tuple(range(n))))
        operations += [Operation(name="measure", qubits=(q,), bits=(q,)) for q in range(n)]
    return GateCircuit(n_qubits=n, n_bits=n if measure else 0, operations=tuple(operations))


@pytest.fixture(scope="session")
def uneven_twin():
    return make_uneven_twin


@pytest.fixture(scope="session")
def random_circuit():
    return make_random_circuit
