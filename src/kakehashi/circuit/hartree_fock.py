"""The circuit that only prepares the Hartree-Fock determinant."""

from __future__ import annotations

from kakehashi.circuit.model import Circuit
from kakehashi.problem.model import Problem

__all__ = ["build_hartree_fock"]


def build_hartree_fock(problem: Problem) -> Circuit:
    """Circuit that prepares the determinant of the lowest orbitals and nothing else.

    It is what a device is given that does not read its circuit, and the baseline of one that does.

    Example:
        >>> import numpy as np
        >>> from kakehashi.problem.model import Hamiltonian
        >>> hamiltonian = Hamiltonian(one_body=np.eye(2), two_body=np.zeros((2, 2, 2, 2)))
        >>> build_hartree_fock(Problem(name="two", hamiltonian=hamiltonian, n_elec=(1, 1))).settings
        {'ansatz': 'hartree-fock'}
    """
    return Circuit(n_orb=problem.n_orb, n_elec=problem.n_elec, settings={"ansatz": "hartree-fock"})
