"""The determinant circuit."""

import numpy as np

from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.problem.model import Hamiltonian, Problem


def test_it_has_no_operator_and_prepares_the_lowest_orbitals():
    hamiltonian = Hamiltonian(one_body=np.eye(3), two_body=np.zeros((3,) * 4))
    circuit = build_hartree_fock(Problem(name="three", hamiltonian=hamiltonian, n_elec=(2, 1)))
    assert circuit.operator is None
    assert "x q[0];\nx q[1];\nx q[3];" in circuit.to_qasm3(measure=False)
