"""Matrix product states against dense vectors."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.device.methods.matrix_product import MatrixProductState


def random_unitary(rng, size):
    q, r = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))
    return q * (np.diag(r) / np.abs(np.diag(r)))


def dense(state):
    vector = np.ones((1, 1))
    for tensor in state._tensors:
        vector = np.tensordot(vector, tensor, axes=1).reshape(-1, tensor.shape[2])
    n = len(state._tensors)
    return vector.reshape((2,) * n).transpose(range(n - 1, -1, -1)).ravel()  # site 0 the lowest bit


@pytest.mark.parametrize("seed", range(4))
def test_gates_near_and_far(exact, seed):
    rng = np.random.default_rng(seed)
    n = 5
    state = MatrixProductState(n)
    vector = np.zeros(2**n, dtype=complex)
    vector[0] = 1
    for _ in range(15):
        sites = tuple(int(q) for q in rng.choice(n, size=int(rng.integers(1, 3)), replace=False))
        gate = random_unitary(rng, 2 ** len(sites))
        state.apply(gate, sites)
        vector = exact.on(gate, sites, n) @ vector
    assert np.allclose(dense(state), vector, atol=1e-10)
    assert state.fidelity == pytest.approx(1, abs=1e-10)
    shots = state.sample(50_000, rng) @ (1 << np.arange(n))
    found = np.bincount(shots, minlength=2**n) / 50_000
    assert 0.5 * np.abs(found - np.abs(vector) ** 2).sum() < 0.02
    assert np.allclose(dense(state), vector, atol=1e-10)
    z = np.diag([1, -1])
    assert state.expect({1: z, 3: z}) == pytest.approx(
        (np.abs(vector) ** 2 * exact.on(np.kron(z, z), (1, 3), n).diagonal().real).sum()
    )


def test_what_is_cut_off_shows_in_the_fidelity(exact):
    rng = np.random.default_rng(1)
    n = 6
    state, whole = MatrixProductState(n, max_bond=3), MatrixProductState(n)
    for _ in range(30):
        site = int(rng.integers(n - 1))
        gate = random_unitary(rng, 4)
        state.apply(gate, (site, site + 1))
        whole.apply(gate, (site, site + 1))
    overlap = abs(np.vdot(dense(state), dense(whole))) ** 2
    assert state.largest_bond == 3
    assert 0.01 < state.fidelity < 0.999
    assert state.fidelity == pytest.approx(overlap, abs=0.2)
    assert np.linalg.norm(dense(state)) == pytest.approx(1)


def test_kraus_operators_are_drawn_with_their_probabilities():
    rng = np.random.default_rng(2)
    decay = np.array([[[1, 0], [0, np.sqrt(0.7)]], [[0, np.sqrt(0.3)], [0, 0]]], dtype=complex)
    excited = 0
    for _ in range(2000):
        state = MatrixProductState(2)
        state.apply(np.array([[0, 1], [1, 0]]), (1,))
        state.choose(decay, 1, rng)
        excited += int(state.sample(1, rng)[0, 1])
    assert excited / 2000 == pytest.approx(0.7, abs=0.05)
