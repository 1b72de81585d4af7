"""stim agrees with density matrices; what it cannot do is refused with the number that says so."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.clifford import StabilizerMethod
from kakehashi.device.methods.model import Cost, Observable, Refusal
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout

CLIFFORD = [name for name, kind in GATES.items() if kind.clifford]
METHOD = StabilizerMethod()


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def sample(circuit, n_shots=200_000, seed=1):
    assert isinstance(METHOD.consider_shots(circuit, n_shots), Cost)
    return METHOD.sample(circuit, n_shots, rng=np.random.default_rng(seed), reporter=Reporter())


def close(exact, circuit, *, seed=1):
    found = exact.histogram(sample(circuit, seed=seed), circuit.n_bits)
    # The mean distance of 2e5 shots from 2^n probabilities is below sqrt(2^n / (2 pi 2e5)) = 0.004 for n = 4.
    assert exact.distance(found, exact.distribution(circuit)) < 0.008


@pytest.mark.parametrize("seed", range(5))
def test_it_samples_the_exact_distribution(exact, seed):
    rng = np.random.default_rng(seed)
    close(exact, exact.random_circuit(rng, 4, 25, names=CLIFFORD, readout=True), seed=seed)


@pytest.mark.parametrize("name", ["rx", "rzz", "rzx", "u", "r", "xx_plus_yy", "rxx", "p", "cp", "crz"])
def test_recognised_rotations_act_as_they_should(exact, name):
    kind = GATES[name]
    rng = np.random.default_rng(7)
    half = 2 if name in ("cp", "crz", "xx_plus_yy") else 1
    steps = [gate("h", 0), gate("s", 0), gate("sx", 1), gate("cx", 0, 2)]
    for _ in range(6):
        angles = tuple((np.pi / 2 * half * rng.integers(0, 4, kind.n_parameters)).tolist())
        steps.append(gate(name, *(int(q) for q in rng.choice(3, kind.n_qubits, replace=False)), parameters=angles))
        steps.append(gate("h", int(rng.integers(3))))
    steps.append(gate("measure", 0, 1, 2, bits=(0, 1, 2)))
    close(exact, NoisyCircuit(n_qubits=3, n_bits=3, steps=tuple(steps)))


def test_measurement_reset_and_feedback(exact):
    p = exact.pauli(np.random.default_rng(1), 1, 0.1)
    steps = (
        gate("h", 0),
        gate("measure", 0, bits=(2,)),
        PauliChannel(qubits=(0,), probabilities=p),
        gate("x", 1, condition=(2, 1)),
        gate("y", 2, condition=(2, 0)),
        gate("reset", 0),
        gate("h", 0),
        gate("cx", 0, 1),
        gate("measure", 0, 1, 2, bits=(0, 1, 3)),
    )
    flips = np.array([0.05, 0.1, 0.0, 0.02])
    readout = Readout(prob_meas1_prep0=flips, prob_meas0_prep1=flips / 2)
    close(exact, NoisyCircuit(n_qubits=3, n_bits=4, steps=steps, readout=readout))


def test_gates_see_the_misread_bit():
    steps = (gate("measure", 0, bits=(0,)), gate("x", 1, condition=(0, 1)), gate("measure", 1, bits=(1,)))
    flips = np.array([0.2, 0.0])
    circuit = NoisyCircuit(
        n_qubits=2, n_bits=2, steps=steps, readout=Readout(prob_meas1_prep0=flips, prob_meas0_prep1=flips)
    )
    read = sample(circuit).bits[:, 0]
    assert set(np.unique(read)) == {0, 3}
    assert (read == 3).mean() == pytest.approx(0.2, abs=0.01)
    one_sided = Readout(prob_meas1_prep0=flips, prob_meas0_prep1=flips * 0)
    verdict = METHOD.consider_shots(NoisyCircuit(n_qubits=2, n_bits=2, steps=steps, readout=one_sided), 10)
    assert verdict.error_bound == pytest.approx(0.1)


def test_a_thousand_qubits():
    n = 1000
    steps = [gate("h", 0)] + [gate("cx", q, q + 1) for q in range(n - 1)]
    steps.append(gate("measure", *range(n), bits=tuple(range(n))))
    rows = sample(NoisyCircuit(n_qubits=n, n_bits=n, steps=tuple(steps)), n_shots=500).bits
    assert set(map(bytes, rows)) == {b"\0" * 125, b"\xff" * 125}


def test_equal_seeds_give_equal_shots(exact):
    circuit = exact.random_circuit(np.random.default_rng(1), 4, 25, names=CLIFFORD, readout=True)
    assert np.array_equal(sample(circuit, 100).bits, sample(circuit, 100).bits)


def test_refusals_say_why():
    def reason(*steps):
        verdict = METHOD.consider_shots(NoisyCircuit(n_qubits=2, n_bits=1, steps=steps), 10)
        assert isinstance(verdict, Refusal)
        return verdict.reason

    decay = KrausChannel(qubits=(0,), operators=np.eye(2, dtype=complex)[None])
    turn = gate("rz", 1, parameters=(np.pi / 2 + 1e-6,))
    assert "2 gates are not Clifford, the first of them rz(1.5708) on qubits [1]" in reason(turn, turn)
    assert "1 channels are not mixtures" in reason(decay)
    wide = PauliChannel(qubits=(0, 1, 0), probabilities=np.r_[1.0, np.zeros(63)])
    assert "on 3 qubits" in reason(wide)
    assert "Only Pauli gates" in reason(gate("measure", 0, bits=(0,)), gate("h", 1, condition=(0, 1)))
    assert isinstance(
        METHOD.consider_expectation(NoisyCircuit(n_qubits=1, n_bits=0, steps=()), Observable(paulis=())), Refusal
    )
    with pytest.raises(InputError, match="shots only"):
        METHOD.expect(NoisyCircuit(n_qubits=1, n_bits=0, steps=()), Observable(paulis=()), reporter=Reporter())
