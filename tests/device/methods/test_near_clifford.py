"""clifft agrees with density matrices where it is installed; elsewhere the refusal says how to get it."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError, MissingDependencyError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.methods.near_clifford import NearCliffordMethod, near_clifford_gates
from kakehashi.device.noise.model import NoisyCircuit

HAVE = importlib.util.find_spec("clifft") is not None
NAMES = ["h", "cx", "s", "t", "tdg", "rx", "ry", "rz", "p", "u", "r", "rxx", "ryy", "rzz", "rzx", "cp", "crz", "ecr"]


def reporter():
    return Reporter()


@pytest.mark.skipif(not HAVE, reason="clifft is not installed")
@pytest.mark.parametrize("seed", range(6))
def test_it_samples_the_exact_distribution(exact, seed):
    circuit = exact.random_circuit(np.random.default_rng(seed), 4, 20, names=NAMES, readout=True)
    method = NearCliffordMethod()
    verdict = method.consider_shots(circuit, 1000)
    assert isinstance(verdict, Cost)
    done = method.sample(circuit, 100_000, rng=np.random.default_rng(1), reporter=reporter())
    assert exact.distance(exact.histogram(done, 4), exact.distribution(circuit)) < 0.01


@pytest.mark.skipif(not HAVE, reason="clifft is not installed")
def test_the_width_is_read_before_a_shot_is_drawn():
    rng = np.random.default_rng(2)
    steps = [Operation(name="h", qubits=(q,)) for q in range(40)]
    for _ in range(4):
        steps += [Operation(name="t", qubits=(q,)) for q in range(40)]
        steps += [Operation(name="h", qubits=(q,)) for q in range(40)]
        steps += [
            Operation(name="cx", qubits=tuple(int(q) for q in rng.choice(40, 2, replace=False))) for _ in range(60)
        ]
    steps.append(Operation(name="measure", qubits=tuple(range(40)), bits=tuple(range(40))))
    verdict = NearCliffordMethod().consider_shots(NoisyCircuit(n_qubits=40, n_bits=40, steps=tuple(steps)), 10)
    assert isinstance(verdict, Refusal)
    assert "160 gates are not Clifford and span 2^" in verdict.reason


@pytest.mark.skipif(not HAVE, reason="clifft is not installed")
def test_a_width_that_is_not_even_planned_is_refused(exact):
    lattice = exact.kicked_ising(exact.grid_edges(9), 81, 0.4, 5)
    verdict = NearCliffordMethod().consider_shots(lattice, 10)
    assert isinstance(verdict, Refusal)
    assert "amplitudes; at most 2^24" in verdict.reason


def test_without_clifft_it_says_how_to_get_it(exact):
    circuit = exact.random_circuit(np.random.default_rng(1), 2, 5, names=NAMES)
    method = NearCliffordMethod()
    if not HAVE:
        words = "Python 3.12" if sys.version_info < (3, 12) else "pip install"
        assert words in method.consider_shots(circuit, 10).reason
        with pytest.raises(MissingDependencyError, match="needs clifft"):
            method.sample(circuit, 10, rng=np.random.default_rng(1), reporter=reporter())
    with pytest.raises(InputError, match="shots only"):
        method.expect(circuit, Observable(paulis=()), reporter=reporter())


def test_angles_are_plain_numbers_whatever_type_they_had():
    quarter = Operation(name="rz", qubits=(0,), parameters=(np.float64(np.pi / 4),))
    assert near_clifford_gates(quarter) == (("R_Z(0.25)", (0,)),)


def test_gates_that_are_no_rotations_are_none():
    assert near_clifford_gates(Operation(name="xx_plus_yy", qubits=(0, 1), parameters=(0.3, 0.1))) is None
    assert near_clifford_gates(Operation(name="cx", qubits=(4, 1))) == (("CX", (0, 1)),)
