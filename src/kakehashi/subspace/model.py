"""A state on a product space: what the eigensolver returns and everything else is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, unpack_strings

__all__ = ["State"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An eigenstate of the Hamiltonian projected on alpha strings times beta strings.

    Attributes:
        energy_hartree: Total energy, an upper bound on the exact one of the same root.
        coefficients: Shape ``(n_alpha_strings, n_beta_strings)``, float64, normalised.
        alpha: Alpha strings, shape ``(n_alpha_strings, 2)``, ascending.
        beta: Beta strings, shape ``(n_beta_strings, 2)``, ascending.
        n_orb: Number of spatial orbitals.
        spin_squared: Expectation value of ``S^2``.
        residual_norm: Norm of ``H c - E c``, hartree.
        converged: Whether the residual reached the tolerance.
        n_iterations: Iterations of the eigensolver.
        root_energies_hartree: Total energies of all roots that were asked for, ascending.
    """

    energy_hartree: float
    coefficients: NDArray[np.float64]
    alpha: Strings
    beta: Strings
    n_orb: int
    spin_squared: float
    residual_norm: float
    converged: bool
    n_iterations: int
    root_energies_hartree: tuple[float, ...]

    @property
    def n_determinants(self) -> int:
        """Size of the subspace."""
        return int(self.coefficients.size)

    def string_weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probability of each alpha string and of each beta string in the state; each sums to 1."""
        probabilities = np.square(self.coefficients)
        return probabilities.sum(axis=1), probabilities.sum(axis=0)

    def occupancies(self) -> NDArray[np.float64]:
        """Mean occupation of each orbital, shape ``(2, n_orb)``: alpha, then beta."""
        weights = self.string_weights()
        return np.stack(
            [
                weight @ unpack_strings(strings, self.n_orb)
                for weight, strings in zip(weights, (self.alpha, self.beta), strict=True)
            ]
        )
