"""The state vector in the electron sector: right amplitudes, right addresses."""

import ffsim
import numpy as np
import pytest

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.sector.vector import address_bits, draw, state_vector

CASES = [(3, (2, 1)), (4, (2, 2)), (2, (1, 1)), (1, (1, 0)), (3, (3, 3)), (3, (0, 2)), (5, (1, 4))]


CASES = [(3, (2, 1)), (4, (2, 2)), (2, (1, 1)), (1, (1, 0)), (3, (3, 3)), (3, (0, 2)), (5, (1, 4))]


def random_circuit(n_orb, n_elec, *, balanced=True, n_layers=2, last=True, seed=3):
    name = "random_ucj_op_spin_balanced" if balanced else "random_ucj_op_spin_unbalanced"
    make = getattr(ffsim.random, name)
    operator = make(n_orb, n_reps=n_layers, with_final_orbital_rotation=last, seed=seed)
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize(("n_layers", "last"), [(1, False), (1, True), (3, True)])
@pytest.mark.parametrize(("n_orb", "n_elec"), CASES)
def test_state_is_ffsims(n_orb, n_elec, n_layers, last, balanced):
    circuit = random_circuit(n_orb, n_elec, balanced=balanced, n_layers=n_layers, last=last)
    reference = ffsim.hartree_fock_state(n_orb, n_elec)
    expected = ffsim.apply_unitary(reference, circuit.operator, norb=n_orb, nelec=n_elec)
    np.testing.assert_allclose(state_vector(circuit), expected, atol=1e-12)


def test_a_rotation_without_layers():
    rotation = ffsim.random.random_unitary(4, seed=1)
    operator = ffsim.UCJOpSpinBalanced(np.zeros((0, 2, 4, 4)), np.zeros((0, 4, 4)), rotation)
    expected = ffsim.apply_orbital_rotation(ffsim.hartree_fock_state(4, (2, 1)), rotation, norb=4, nelec=(2, 1))
    found = state_vector(Circuit(n_orb=4, n_elec=(2, 1), operator=operator))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_circuit_without_operator_has_no_vector():
    with pytest.raises(InputError, match="one determinant"):
        state_vector(Circuit(n_orb=2, n_elec=(1, 1)))


@pytest.mark.parametrize(("n_orb", "n_elec"), CASES)
def test_addresses_are_ffsims(n_orb, n_elec):
    addresses = np.arange(ffsim.dim(n_orb, n_elec))
    strings = ffsim.addresses_to_strings(addresses, n_orb, n_elec, bitstring_type=ffsim.BitstringType.STRING)
    found = address_bits(addresses, n_orb, n_elec)[:, ::-1]
    assert ["".join("01"[bit] for bit in row) for row in found.astype(int)] == strings


def test_drawing_in_blocks_keeps_the_number_of_shots():
    addresses, counts = draw(np.array([0, 0.6, 0, 0.8j, 0]), 2_500_000, np.random.default_rng(0))
    assert addresses.tolist() == [1, 3]
    assert counts.sum() == 2_500_000
    assert abs(counts[0] - 0.36 * 2_500_000) < 5 * np.sqrt(2_500_000 * 0.36 * 0.64)
