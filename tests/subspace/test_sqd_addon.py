"""The drop-in solver inside the real qiskit-addon-sqd."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
from pyscf import fci
from tests.subspace.test_solve import molecular_hamiltonian

from kakehashi.core.errors import InputError
from kakehashi.samples.random import all_strings
from kakehashi.subspace.sqd_addon import solve_sci_batch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside the package are its own
    from qiskit_addon_sqd.fermion import diagonalize_fermionic_hamiltonian
    from qiskit_addon_sqd.fermion import solve_sci_batch as their_solve_sci_batch


def test_the_same_loop_gives_the_same_energies() -> None:
    hamiltonian, n_elec = molecular_hamiltonian("; ".join(f"H 0 0 {1.1 * i}" for i in range(6)))
    bits = np.random.default_rng(5).random((2000, 12)) < 0.5
    energies = {}
    for name, solver in (("ours", solve_sci_batch), ("theirs", their_solve_sci_batch)):
        history: list[float] = []
        result = diagonalize_fermionic_hamiltonian(
            hamiltonian.one_body,
            hamiltonian.two_body,
            bits,
            samples_per_batch=20,
            norb=6,
            nelec=n_elec,
            num_batches=2,
            max_iterations=3,
            sci_solver=solver,
            symmetrize_spin=True,
            callback=lambda results, history=history: history.extend(r.energy for r in results),
            seed=7,
        )
        energies[name] = [*history, result.energy]
        assert result.sci_state.spin_square() < 1.0
        rdm1 = result.sci_state.rdm(rank=1, spin_summed=True)
        assert np.trace(rdm1) == pytest.approx(6)
    np.testing.assert_allclose(energies["ours"], energies["theirs"], atol=1e-7)


def test_full_space_and_wanted_spin() -> None:
    hamiltonian, n_elec = molecular_hamiltonian("; ".join(f"H 0 0 {1.8 * i}" for i in range(4)))
    integers = all_strings(n_orb=4, n_electrons=2)[:, 0].astype(np.int64)
    arguments = ([(integers, integers)], hamiltonian.one_body, hamiltonian.two_body, 4, n_elec)
    expected, _ = fci.direct_spin1.kernel(hamiltonian.one_body, hamiltonian.two_body, 4, n_elec)
    (singlet,) = solve_sci_batch(*arguments)
    assert singlet.energy == pytest.approx(expected, abs=1e-8)
    (triplet,) = functools.partial(solve_sci_batch, spin_sq=2.0)(*arguments)
    assert triplet.sci_state.spin_square() == pytest.approx(2.0, abs=1e-6)
    with pytest.raises(InputError, match="spin_sq"):
        solve_sci_batch(*arguments, spin_sq=1.0)
