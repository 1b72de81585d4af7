"""Strings of one spin: ascending, and as amplitudes the minors of a rotation."""

import ffsim
import numpy as np
import pytest

from kakehashi.device.sector.strings import occupations, slater_amplitudes


@pytest.mark.parametrize(("n_orb", "n"), [(4, 2), (5, 0), (3, 3)])
def test_occupations_ascend(n_orb, n):
    filled = occupations(n_orb, n)
    numbers = filled @ 2.0 ** np.arange(n_orb)
    assert (filled.sum(axis=1) == n).all()
    assert (np.diff(numbers) > 0).all()


@pytest.mark.parametrize("n", [0, 1, 3, 5])
def test_amplitudes_are_ffsims(n):
    rotation = ffsim.random.random_unitary(5, seed=n)
    expected = ffsim.apply_orbital_rotation(ffsim.hartree_fock_state(5, n), rotation, norb=5, nelec=n)
    np.testing.assert_allclose(slater_amplitudes(rotation, n), expected, atol=1e-12)
