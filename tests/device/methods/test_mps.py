"""Matrix product states sample noisy circuits as density matrices do; bonds are bounded before."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.methods.mps import MatrixProductMethod, bond_bound, line_up
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit

METHOD = MatrixProductMethod()
NAMES = ["h", "rx", "u", "cx", "rzz", "ecr", "swap"]


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


@pytest.mark.parametrize("seed", range(3))
def test_pauli_noise(exact, seed):
    circuit = exact.random_circuit(np.random.default_rng(seed), 4, 16, names=NAMES, readout=True)
    assert isinstance(METHOD.consider_shots(circuit, 100), Cost)
    done = METHOD.sample(circuit, 10_000, rng=np.random.default_rng(1), reporter=Reporter())
    assert exact.distance(exact.histogram(done, 4), exact.distribution(circuit)) < 0.03
    assert done.error == "exact up to rounding"


def test_kraus_noise(exact):
    circuit = exact.random_circuit(np.random.default_rng(5), 3, 10, names=NAMES, kraus=True)
    assert not circuit.is_pauli
    done = METHOD.sample(circuit, 1500, rng=np.random.default_rng(1), reporter=Reporter())
    assert exact.distance(exact.histogram(done, 3), exact.distribution(circuit)) < 0.06


def test_expectation_values(exact):
    circuit = exact.random_circuit(np.random.default_rng(6), 5, 25, names=NAMES, noise=False, measure=False)
    observable = Observable(paulis=((0, "X"), (3, "Y")))
    done = METHOD.expect(circuit, observable, reporter=Reporter())
    assert done.value == pytest.approx(exact.expectation(circuit, observable), abs=1e-10)


def test_bonds_are_bounded_by_the_gates_across():
    chain = [gate("rzz", q, q + 1, parameters=(0.4,)) for q in range(99)]
    many = NoisyCircuit(n_qubits=100, n_bits=0, steps=tuple(chain * 5))
    assert bond_bound(many, range(100)) == 32
    one = NoisyCircuit(n_qubits=2, n_bits=0, steps=(gate("swap", 0, 1),) * 9)
    assert bond_bound(one, range(2)) == 2


def test_a_scattered_line_is_found():
    rng = np.random.default_rng(7)
    order = rng.permutation(60)
    steps = tuple(gate("cz", int(order[k]), int(order[k + 1])) for k in range(59))
    circuit = NoisyCircuit(n_qubits=60, n_bits=0, steps=steps)
    assert bond_bound(circuit, range(60)) > 1000
    assert bond_bound(circuit, line_up(circuit)) == 2


def test_refusals_say_the_number(exact):
    def reason(*steps, n=4):
        verdict = METHOD.consider_shots(NoisyCircuit(n_qubits=n, n_bits=1, steps=steps), 10)
        assert isinstance(verdict, Refusal)
        return verdict.reason

    lattice = exact.kicked_ising(exact.grid_edges(6), 36, 0.3, 5)
    assert "beyond the 64" in METHOD.consider_shots(lattice, 10).reason
    with pytest.raises(ResourceError, match="beyond the 64"):
        METHOD.sample(lattice, 10, rng=np.random.default_rng(1), reporter=Reporter())
    assert "reset" in reason(gate("reset", 0))
    assert "follows a measurement" in reason(gate("measure", 0, bits=(0,)), gate("x", 0))
    assert "waits" in reason(gate("x", 0, condition=(0, 1)))
    wide = KrausChannel(qubits=(0, 1), operators=np.eye(4, dtype=complex)[None])
    assert "more than one qubit" in reason(wide)
    noisy = exact.random_circuit(np.random.default_rng(1), 3, 9, names=NAMES, measure=False)
    with pytest.raises(InputError, match="statistical error"):
        METHOD.expect(noisy, Observable(paulis=((0, "Z"),)), reporter=Reporter())


def test_what_is_cut_off_is_said(exact):
    circuit = exact.random_circuit(np.random.default_rng(8), 6, 60, names=["u", "rxx", "cx"], noise=False)
    method = MatrixProductMethod(max_bond=2, truncate=True)
    assert method.consider_shots(circuit, 10).error_bound is None
    done = method.sample(circuit, 10, rng=np.random.default_rng(1), reporter=Reporter())
    assert "fidelity of about 0." in done.error
