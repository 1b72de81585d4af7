"""Exact distributions: by hand, and with measurements in the middle against rules that every state obeys."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.channels import relaxation_kraus
from kakehashi.device.noise.density import evolve_density, exact_distribution
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Readout


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def measure(q, bit):
    return Operation(name="measure", qubits=(q,), bits=(bit,))


def teleport(theta):
    """Qubit 0's state to qubit 2, by two measurements and two conditions."""
    return (
        gate("ry", 0, parameters=(theta,)),
        gate("h", 1),
        gate("cx", 1, 2),
        gate("cx", 0, 1),
        gate("h", 0),
        measure(0, 0),
        measure(1, 1),
        gate("x", 2, condition=(1, 1)),
        gate("z", 2, condition=(0, 1)),
        gate("ry", 2, parameters=(-theta,)),
        measure(2, 2),
    )


def test_teleportation_arrives():
    found = exact_distribution(NoisyCircuit(n_qubits=3, n_bits=3, steps=teleport(0.7)))
    assert found.written == (0, 1, 2)
    assert found.probabilities == pytest.approx([0.25] * 4 + [0] * 4, abs=1e-14)


def test_decay_has_its_law():
    decay = KrausChannel(qubits=(0,), operators=relaxation_kraus(100.0, 70.0, 30_000.0))
    found = exact_distribution(NoisyCircuit(n_qubits=1, n_bits=1, steps=(gate("x", 0), decay, measure(0, 0))))
    assert found.probabilities[1] == pytest.approx(np.exp(-0.3))
    echo = (gate("h", 0), decay, gate("h", 0), measure(0, 0))
    found = exact_distribution(NoisyCircuit(n_qubits=1, n_bits=1, steps=echo))
    assert found.probabilities[0] == pytest.approx((1 + np.exp(-3 / 7)) / 2)


def test_a_bit_that_is_written_twice_holds_the_last():
    steps = (gate("h", 0), measure(0, 0), gate("reset", 0), measure(0, 0))
    found = exact_distribution(NoisyCircuit(n_qubits=1, n_bits=1, steps=steps))
    assert found.probabilities == pytest.approx([1, 0])


def test_a_final_measurement_overwrites_one_in_the_middle():
    steps = (gate("x", 0), measure(0, 5), measure(1, 5))
    found = exact_distribution(NoisyCircuit(n_qubits=2, n_bits=9, steps=steps))
    assert found.written == (5,)
    assert found.probabilities == pytest.approx([1, 0])


def test_a_condition_on_zero():
    steps = (gate("h", 0), measure(0, 0), gate("x", 1, condition=(0, 0)), measure(1, 1))
    found = exact_distribution(NoisyCircuit(n_qubits=2, n_bits=2, steps=steps))
    assert found.probabilities == pytest.approx([0, 0.5, 0.5, 0])


def test_misreading_is_that_of_the_bits_that_are_written():
    readout = Readout(
        prob_meas1_prep0=np.array([0.9, 0.1, 0.2]),
        prob_meas0_prep1=np.array([0.9, 0.3, 0.4]),
        line=np.array([0, 0, 0]),
        line_crosstalk=0.05,
    )
    steps = (gate("x", 0), measure(0, 1), measure(1, 2))
    found = exact_distribution(NoisyCircuit(n_qubits=2, n_bits=3, steps=steps, readout=readout))
    one, two = 0.3, 0.2 + 0.05
    assert found.probabilities == pytest.approx([one * (1 - two), (1 - one) * (1 - two), one * two, (1 - one) * two])


def test_branches_are_states_whose_traces_sum_to_one():
    flip = PauliChannel(qubits=(1,), probabilities=np.array([0.7, 0.1, 0.1, 0.1]))
    branches = evolve_density(NoisyCircuit(n_qubits=3, n_bits=3, steps=(*teleport(0.3)[:8], flip, *teleport(0.3)[8:])))
    assert len(branches) == 4
    matrices = [rho.reshape(8, 8) for rho in branches.values()]
    assert sum(np.trace(matrix).real for matrix in matrices) == pytest.approx(1)
    for matrix in matrices:
        assert matrix == pytest.approx(matrix.conj().T)
        assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_outcomes_are_packed_lowest_bit_first():
    found = exact_distribution(NoisyCircuit(n_qubits=2, n_bits=12, steps=(measure(0, 2), measure(1, 9))))
    assert found.pack(np.array([0, 1, 2, 3])).tolist() == [[0, 0], [4, 0], [0, 2], [4, 2]]
