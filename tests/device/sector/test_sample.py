"""Noiseless shots by whichever exact way suits the size."""

import ffsim
import numpy as np
import pytest

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.device.sector.sample import choose_method, require_sector, sample_sector
from kakehashi.device.sector.vector import estimate_memory_bytes


def layers(n_orb, n_elec, *, lattice="heavy-hex", n_layers=1):
    operator = ffsim.random.random_ucj_op_spin_balanced(
        n_orb, n_reps=n_layers, interaction_pairs=interaction_pairs(n_orb, lattice), seed=1
    )
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


def test_the_way_suits_the_size():
    assert choose_method(Circuit(n_orb=40, n_elec=(5, 5))) == "determinant"
    assert choose_method(layers(16, (5, 5))) == "state-vector"
    assert choose_method(layers(26, (5, 5))) == "spin-factored"
    assert choose_method(layers(26, (5, 5), n_layers=2)) == "state-vector"


def test_a_problem_is_refused_where_no_way_can_do_it():
    require_sector(4, (2, 2))
    require_sector(26, (5, 5))
    assert estimate_memory_bytes(26, (5, 5)) > 200 * 2**30
    with pytest.raises(InputError, match="at most 63 orbitals"):
        require_sector(64, (1, 1))
    with pytest.raises(ResourceError, match=r"72 qubits .* one layer on a heavy-hex lattice"):
        require_sector(36, (27, 27))


def test_a_circuit_is_refused_where_its_vector_does_not_fit():
    with pytest.raises(ResourceError, match="52 qubits"):
        sample_sector(layers(26, (5, 5), n_layers=2), 10, rng=np.random.default_rng(1))


def test_52_qubits_give_exact_shots():
    circuit = layers(26, (2, 2))
    assert choose_method(circuit) == "state-vector"  # few electrons: quick
    shots = sample_sector(circuit, 100, rng=np.random.default_rng(1))
    assert shots.bits.shape[1] == 52
    assert (shots.bits[:, :26].sum(axis=1) == 2).all()
    assert shots.counts.sum() == 100


@pytest.mark.slow
def test_52_qubits_with_ten_electrons():
    shots = sample_sector(layers(26, (5, 5)), 1000, rng=np.random.default_rng(1))
    assert shots.method == "spin-factored"
    assert (shots.bits[:, :26].sum(axis=1) == 5).all()
    assert (shots.bits[:, 26:].sum(axis=1) == 5).all()
