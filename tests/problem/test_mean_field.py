import numpy as np
import pytest

from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Hamiltonian, Problem, symmetrized_one_body, symmetrized_two_body


@pytest.mark.parametrize("n_elec", [(1, 0), (0, 2), (2, 2), (3, 1), (3, 3)])
def test_it_is_the_first_diagonal_element_of_the_matrix(n_elec):
    from pyscf import fci

    rng = np.random.default_rng(5)
    hamiltonian = Hamiltonian(
        one_body=symmetrized_one_body(rng.standard_normal((4, 4))),
        two_body=symmetrized_two_body(rng.standard_normal((4,) * 4)),
        constant=0.7,
    )
    diagonal = fci.direct_spin1.make_hdiag(hamiltonian.one_body, hamiltonian.two_body, 4, n_elec)
    energy = hartree_fock_energy(Problem(name="x", hamiltonian=hamiltonian, n_elec=n_elec))
    assert energy == pytest.approx(diagonal[0] + 0.7, abs=1e-12)
