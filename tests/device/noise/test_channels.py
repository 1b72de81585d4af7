"""Channels against their definitions, against Qiskit's, and the infidelity that they must add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Chi, Kraus, SuperOp, average_gate_fidelity
from qiskit_aer.noise import depolarizing_error, thermal_relaxation_error

from kakehashi.device.noise.channels import (
    depolarizing,
    gate_noise,
    pauli_matrices,
    probabilities_of,
    relaxation_factors,
    relaxation_kraus,
    relaxation_twirl,
)
from kakehashi.device.noise.model import KrausChannel, PauliChannel
from kakehashi.device.noise.superoperators import superoperator

LIFETIMES = [(100.0, 50.0), (100.0, 100.0), (100.0, 180.0), (100.0, 200.0)]


def fidelity(channel):
    return average_gate_fidelity(SuperOp(superoperator(channel)))


@pytest.mark.parametrize(("t1_us", "t2_us"), LIFETIMES)
@pytest.mark.parametrize("duration_ns", [10.0, 1000.0, 70_000.0])
def test_relaxation_is_that_of_aer_and_its_twirl_the_diagonal_of_chi(t1_us, t2_us, duration_ns):
    theirs = SuperOp(thermal_relaxation_error(1e3 * t1_us, 1e3 * t2_us, duration_ns))
    kraus = relaxation_kraus(t1_us, t2_us, duration_ns)
    assert np.abs(SuperOp(Kraus(list(kraus))).data - theirs.data).max() < 1e-14
    chi = Chi(theirs).data.diagonal().real / 2
    assert relaxation_twirl(t1_us, t2_us, duration_ns) == pytest.approx(chi, abs=1e-14)


def test_the_twirl_has_its_closed_form():
    t1, t2, t = 80.0, 70.0, 3000.0
    decay, dephasing = 1 - np.exp(-1e-3 * t / t1), 1 - np.exp(-1e-3 * t / t2)
    expected = [decay / 4, decay / 4, dephasing / 2 - decay / 4]
    assert relaxation_twirl(t1, t2, t)[1:] == pytest.approx(expected, rel=1e-12)


def test_no_time_and_no_lifetime_are_no_trouble():
    assert relaxation_twirl(0.0, 0.0, 0.0).tolist() == [1, 0, 0, 0]
    assert relaxation_twirl(np.inf, np.inf, 500.0).tolist() == [1, 0, 0, 0]
    assert relaxation_factors(0.0, 0.0, 5.0).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(("n_qubits", "size"), [(1, 2), (2, 4)])
def test_depolarizing_has_the_average_infidelity_that_was_asked_for(n_qubits, size):
    made = depolarizing(0.003, n_qubits)
    channel = PauliChannel(qubits=tuple(range(n_qubits)), probabilities=made)
    assert 1 - fidelity(channel) == pytest.approx(0.003, rel=1e-9)
    assert channel.error_probability == pytest.approx(0.003 * (size + 1) / size)
    # Aer's parameter is yet another one: the share of full depolarization.
    theirs = SuperOp(depolarizing_error(0.003 * size / (size - 1), n_qubits))
    assert np.abs(superoperator(channel) - theirs.data).max() < 1e-14


def test_depolarizing_ends_where_nothing_is_left():
    assert depolarizing(0.9, 1) == pytest.approx(np.full(4, 0.25))


def test_paulis_are_in_the_order_that_channels_have():
    two = pauli_matrices(2)
    x, z = pauli_matrices(1)[1], pauli_matrices(1)[3]
    assert np.array_equal(two[1 + 4 * 3], np.kron(z, x))  # X on the first qubit, which is the lowest bit


def test_probabilities_and_factors_are_a_transform():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet(np.ones(16))
    paulis = pauli_matrices(2)
    signs = np.array([[1 if np.allclose(a @ b, b @ a) else -1 for b in paulis] for a in paulis])
    assert probabilities_of(signs @ probabilities) == pytest.approx(probabilities)


@settings(max_examples=60, deadline=None)
@given(
    k=st.sampled_from([1, 2]),
    infidelity=st.floats(1e-5, 0.1),
    t1=st.floats(5.0, 500.0),
    ratio=st.floats(0.05, 2.0),
    duration=st.floats(0.0, 600.0),
    share=st.floats(0.0, 1.0),
)
def test_turn_relaxation_and_rest_have_the_calibrated_infidelity(k, infidelity, t1, ratio, duration, share):
    t1_us = t1 * np.array([[1.0, 0.7]])[:, :k]
    t2_us = ratio * t1_us
    made = gate_noise(np.array([infidelity]), t1_us, t2_us, np.array([duration]), coherent_share=share)
    qubits = tuple(range(k))
    whole = SuperOp(np.eye(4**k))
    if made.angle[0]:
        turn = np.diag(np.exp(-0.5j * made.angle[0] * np.array([1, -1, -1, 1])))
        whole = whole.compose(SuperOp(Kraus([turn])))
    whole = whole.compose(SuperOp(superoperator(PauliChannel(qubits=qubits, probabilities=made.depolarizing[0]))))
    for q in qubits:
        kraus = relaxation_kraus(t1_us[0, q], t2_us[0, q], float(made.relaxation_ns[0]))
        whole = whole.compose(SuperOp(Kraus(list(kraus))), qargs=[q])
    assert 1 - average_gate_fidelity(whole) == pytest.approx(infidelity, rel=1e-6, abs=1e-12)
    if not made.angle[0]:
        twirled = PauliChannel(qubits=qubits, probabilities=made.twirled[0])
        assert 1 - fidelity(twirled) == pytest.approx(infidelity, rel=1e-6, abs=1e-12)
        chi = Chi(whole).data.diagonal().real / 2**k
        assert made.twirled[0] == pytest.approx(chi, abs=1e-12)
    if made.exceeds[0]:
        assert made.relaxation_ns[0] < duration
        assert made.full_infidelity[0] > infidelity
    else:
        assert made.relaxation_ns[0] == duration


def test_relaxation_that_is_kept_makes_the_gate_worse_than_calibrated():
    given_ = (np.array([1e-4]), np.array([[20.0]]), np.array([[20.0]]), np.array([100.0]))
    kept = gate_noise(*given_, excess="keep")
    assert kept.exceeds.all()
    assert kept.relaxation_ns[0] == 100.0
    assert kept.depolarizing[0, 0] == 1
    relaxed = KrausChannel(qubits=(0,), operators=relaxation_kraus(20.0, 20.0, 100.0))
    assert kept.full_infidelity[0] == pytest.approx(1 - fidelity(relaxed))
    assert kept.full_infidelity[0] > 1e-3


def test_a_turn_can_be_the_whole_rest():
    made = gate_noise(
        np.array([0.01]), np.full((1, 2), 1e9), np.full((1, 2), 1e9), np.array([50.0]), coherent_share=1.0
    )
    assert np.sin(made.angle[0] / 2) ** 2 == pytest.approx(1.25 * 0.01, rel=1e-6)
    assert made.depolarizing[0, 0] == pytest.approx(1)
