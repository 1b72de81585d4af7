"""Reduced density matrices of a state, and the energy as their contraction with the integrals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.model import State
from kakehashi.subspace.product import ProductHamiltonian

__all__ = ["Densities", "compute_densities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Densities:
    """One- and two-body reduced density matrices, spin by spin.

    Attributes:
        one_alpha: ``<a+_p a_q>`` at ``[p, q]`` for alpha electrons, shape ``(n_orb, n_orb)``.
        one_beta: The same for beta electrons.
        two_alpha_alpha: ``<a+_p a+_r a_s a_q>`` at ``[p, q, r, s]``, shape ``(n_orb,) * 4``.
        two_alpha_beta: ``p, q`` alpha and ``r, s`` beta.
        two_beta_beta: Both beta.
    """

    one_alpha: NDArray[np.float64]
    one_beta: NDArray[np.float64]
    two_alpha_alpha: NDArray[np.float64]
    two_alpha_beta: NDArray[np.float64]
    two_beta_beta: NDArray[np.float64]

    @property
    def one_body(self) -> NDArray[np.float64]:
        """Spin-summed one-body density, shape ``(n_orb, n_orb)``; its trace is the number of electrons."""
        return self.one_alpha + self.one_beta

    @property
    def two_body(self) -> NDArray[np.float64]:
        """Spin-summed two-body density at ``[p, q, r, s]``; ``(pq|rs)`` contracted with half of it is the energy."""
        mixed = self.two_alpha_beta
        return self.two_alpha_alpha + self.two_beta_beta + mixed + mixed.transpose(2, 3, 0, 1)

    def energy(self, hamiltonian: Hamiltonian) -> float:
        """Total energy in hartree."""
        one = np.vdot(hamiltonian.one_body, self.one_body)
        two = np.vdot(hamiltonian.two_body, self.two_body)
        return float(one + two / 2 + hamiltonian.constant)


def compute_densities(hamiltonian: Hamiltonian, state: State, *, n_threads: int | None = None) -> Densities:
    """Density matrices of a state.

    Args:
        hamiltonian: The integrals that the state belongs to; only their number of orbitals matters.
        state: The state.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given.

    Returns:
        The densities of the state in the orbitals of the Hamiltonian.

    Raises:
        ResourceError: The density matrix over strings does not fit into memory.

    Example:
        >>> from kakehashi.core.bits import pack_strings
        >>> from kakehashi.subspace.solve import solve_subspace
        >>> dimer = Hamiltonian(
        ...     one_body=np.array([[0.0, -1.0], [-1.0, 0.0]]),
        ...     two_body=4.0 * np.einsum("pq,qr,rs->pqrs", *[np.eye(2)] * 3),
        ... )
        >>> state = solve_subspace(dimer, pack_strings(np.eye(2, dtype=bool)))
        >>> densities = compute_densities(dimer, state)
        >>> bool(abs(densities.energy(dimer) - state.energy_hartree) < 1e-10)
        True
    """
    product = ProductHamiltonian(hamiltonian, state.alpha, state.beta, n_threads=n_threads)
    one_alpha, two_alpha_alpha = product.same_spin_density(state.coefficients, spin="alpha")
    one_beta, two_beta_beta = product.same_spin_density(state.coefficients, spin="beta")
    return Densities(
        one_alpha=one_alpha,
        one_beta=one_beta,
        two_alpha_alpha=two_alpha_alpha,
        two_alpha_beta=product.opposite_spin_density(state.coefficients),
        two_beta_beta=two_beta_beta,
    )
