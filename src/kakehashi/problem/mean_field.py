"""The energy of one determinant: the simplest answer to a problem, and the start of the others."""

from __future__ import annotations

import numpy as np

from kakehashi.problem.model import Problem

__all__ = ["hartree_fock_energy"]


def hartree_fock_energy(problem: Problem) -> float:
    """Energy of the determinant with the lowest-numbered orbitals occupied, in hartree.

    For molecules from :func:`kakehashi.problem.molecule_problem` without an orbital list this is the restricted
    Hartree-Fock energy. Source: Szabo and Ostlund, Modern Quantum Chemistry, 1989, eq. 2.110.

    Args:
        problem: Integrals and electron numbers.

    Example:
        >>> from kakehashi.problem import hubbard
        >>> hartree_fock_energy(hubbard(2, u=4.0, n_elec=(1, 1), basis="site"))
        4.0
    """
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    coulomb = np.einsum("ppqq->pq", g)
    exchange = np.einsum("pqqp->pq", g)
    n_alpha, n_beta = problem.n_elec
    energy = problem.hamiltonian.constant + coulomb[:n_alpha, :n_beta].sum()
    for n in (n_alpha, n_beta):
        energy += h.diagonal()[:n].sum() + (coulomb - exchange)[:n, :n].sum() / 2
    return float(energy)
