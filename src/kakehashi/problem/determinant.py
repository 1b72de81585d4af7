"""The energy of one determinant as a function of its orbitals: value, gradient, and action of the second derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.resources import require_memory
from kakehashi.problem.model import Hamiltonian

__all__ = ["DeterminantEnergy", "Expansion", "spin_squared"]

Array = NDArray[np.float64]


def spin_squared(densities: Array) -> float:
    """Expectation value of the total spin's square for one determinant.

    ``<S^2> = (n_alpha - n_beta)^2 / 4 + (n_alpha + n_beta) / 2 - tr(D_alpha D_beta)`` (Szabo and Ostlund, Modern
    Quantum Chemistry, 1989, eq. 2.271).

    Args:
        densities: One-body density of each spin, shape ``(2, n_orb, n_orb)``.

    Example:
        >>> spin_squared(np.array([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]))
        1.0
    """
    n_alpha, n_beta = np.trace(densities, axis1=1, axis2=2)
    return float((n_alpha - n_beta) ** 2 / 4 + (n_alpha + n_beta) / 2 - np.vdot(densities[0], densities[1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expansion:
    """The energy around one set of orbitals, to second order in the rotations.

    Attributes:
        energy_hartree: The energy there.
        gradient: First derivatives, shape ``(n_parameters,)``, hartree.
        diagonal: Second derivatives of one parameter each, without the change of the mean field; same shape.
        curve: Product of the full matrix of second derivatives with a vector.
    """

    energy_hartree: float
    gradient: Array
    diagonal: Array
    curve: Callable[[Array], Array]


class DeterminantEnergy:
    """Energy of one determinant; its orbitals ``C`` move as ``C exp(kappa)`` with antisymmetric ``kappa``.

    The parameters are the ``kappa_pq`` (``p > q``) that change the determinant, of alpha and then of beta orbitals,
    or of both at once. Source: Helgaker, Jorgensen, Olsen, Molecular Electronic-Structure Theory, 2000, section 10.1,
    written with one density and one Fock matrix a spin.

    Args:
        hamiltonian: The integrals.
        occupied: Which orbitals are occupied by alpha and by beta electrons, shape ``(2, n_orb)``, bool.
        shared: Whether alpha and beta electrons use the same orbitals.

    Raises:
        ResourceError: The integrals do not fit into memory a second time.

    Example:
        >>> dimer = Hamiltonian(one_body=[[0, -1], [-1, 0]], two_body=np.zeros((2, 2, 2, 2)))
        >>> model = DeterminantEnergy(dimer, np.array([[True, False], [True, False]]), shared=True)
        >>> expansion = model.expand(np.array([np.eye(2), np.eye(2)]))
        >>> expansion.energy_hartree, expansion.gradient.tolist()
        (0.0, [-4.0])
    """

    def __init__(self, hamiltonian: Hamiltonian, occupied: NDArray[np.bool_], *, shared: bool) -> None:
        from pyscf import ao2mo

        n = hamiltonian.n_orb
        require_memory(2 * n**4, f"The energy of a determinant of {n} orbitals", remedy="use fewer orbitals")
        self._one_body, self._constant = hamiltonian.one_body, hamiltonian.constant
        self._packed = ao2mo.restore(8, hamiltonian.two_body, n)
        self._occupied = np.asarray(occupied, dtype=np.float64)
        # Which spins turn together, and which pairs of orbitals.
        self._turns: list[tuple[list[int], NDArray[np.intp], NDArray[np.intp]]] = []
        for spins in [[0, 1]] if shared else [[0], [1]]:
            differs = np.zeros((n, n), dtype=np.bool_)
            for spin in spins:
                differs |= self._occupied[spin][:, None] != self._occupied[spin]
            rows, columns = np.nonzero(np.tril(differs))
            self._turns.append((spins, rows, columns))

    @property
    def n_parameters(self) -> int:
        """Number of rotations that change the determinant."""
        return sum(len(rows) for _, rows, _ in self._turns)

    def densities(self, orbitals: Array) -> Array:
        """One-body density of each spin, shape ``(2, n_orb, n_orb)``, from orbitals of the same shape."""
        return (orbitals * self._occupied[:, None, :]) @ orbitals.transpose(0, 2, 1)

    def energy(self, orbitals: Array) -> float:
        """Energy in hartree."""
        densities = self.densities(orbitals)
        return self.energy_of(densities, self.fock(densities))

    def move(self, orbitals: Array, step: Array) -> Array:
        """The orbitals after a step in the parameters."""
        from scipy.linalg import expm

        return np.stack([c @ expm(kappa) for c, kappa in zip(orbitals, self._unpack(step), strict=True)])

    def fock(self, densities: Array) -> Array:
        """Fock matrix of each spin, shape ``(2, n_orb, n_orb)``, hartree; the densities must be symmetric."""
        return self._one_body + self._mean_field(densities)

    def expand(self, orbitals: Array) -> Expansion:
        """Value, gradient and second derivative at these orbitals."""
        densities = self.densities(orbitals)
        fock = self.fock(densities)
        energy = self.energy_of(densities, fock)
        turned = orbitals.transpose(0, 2, 1)
        fock = turned @ fock @ orbitals
        n = self._occupied

        def curve(step: Array) -> Array:
            kappa = self._unpack(step)
            change = kappa * (n[:, None, :] - n[:, :, None])  # [kappa, n], symmetric
            response = turned @ self._mean_field(orbitals @ change @ turned) @ orbitals
            matrix = (change @ fock - fock @ change) / 2
            inner = (fock @ kappa - kappa @ fock) / 2 + response
            return self._pack(-2 * (matrix + inner * (n[:, :, None] - n[:, None, :])))

        level = np.diagonal(fock, axis1=1, axis2=2)
        rise = 2 * (level[:, :, None] - level[:, None, :]) * (n[:, None, :] - n[:, :, None])
        return Expansion(
            energy_hartree=energy,
            gradient=self._pack(2 * fock * (n[:, None, :] - n[:, :, None])),
            diagonal=self._pack(rise),
            curve=curve,
        )

    def _mean_field(self, densities: Array) -> Array:
        """Coulomb minus exchange potential of each spin; linear in the densities, which must be symmetric."""
        from pyscf import lib
        from pyscf.scf.hf import dot_eri_dm

        # One thread: several add in any order, and no run would repeat another's digits.
        with lib.with_omp_threads(1):
            coulomb, exchange = dot_eri_dm(self._packed, densities, hermi=1)
        field: Array = coulomb.sum(axis=0) - exchange
        return field

    def energy_of(self, densities: Array, fock: Array) -> float:
        """Energy in hartree of densities, given their own Fock matrices."""
        return float(np.vdot(densities, self._one_body + fock) / 2 + self._constant)

    def _pack(self, matrices: Array) -> Array:
        """Parameters from one matrix per spin; where spins turn together their matrices add."""
        return np.concatenate([matrices[spins].sum(axis=0)[rows, columns] for spins, rows, columns in self._turns])

    def _unpack(self, parameters: Array) -> Array:
        """Antisymmetric matrix of each spin."""
        kappa = np.zeros((2, *self._one_body.shape))
        start = 0
        for spins, rows, columns in self._turns:
            part = parameters[start : start + len(rows)]
            for spin in spins:
                kappa[spin, rows, columns] = part
            start += len(rows)
        antisymmetric: Array = kappa - kappa.transpose(0, 2, 1)
        return antisymmetric
