"""Unrestricted Hartree-Fock from bare integrals: one determinant whose alpha and beta orbitals differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.problem.determinant import DeterminantEnergy, spin_squared
from kakehashi.problem.model import SYMMETRY_TOLERANCE, Hamiltonian, check_electrons
from kakehashi.problem.newton import minimize_energy

__all__ = ["Unrestricted", "solve_unrestricted"]

Array = NDArray[np.float64]

DIIS_TOLERANCE = 1e-4
DIIS_CYCLES = 40
"""DIIS is quick far from the solution; what it has not finished by then the second-order method finishes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unrestricted:
    """An unrestricted determinant.

    Attributes:
        energy_hartree: Total energy.
        orbitals: Alpha and beta orbitals over the Hamiltonian's, shape ``(2, n_orb, n_orb)``; columns are orbitals,
            occupied ones first, each group by energy.
        occupations: Shape ``(2, n_orb)``, bool.
        densities: One-body density of each spin, shape ``(2, n_orb, n_orb)``.
        spin_squared: ``<S^2>``.
        gradient_norm: Norm of the energy's gradient with respect to orbital rotations, hartree.
        converged: Whether that norm reached the tolerance.
        stable: Whether no rotation of the orbitals lowers the energy; False where that was not found out.
        n_iterations: DIIS cycles and second-order steps together.
    """

    energy_hartree: float
    orbitals: Array
    occupations: NDArray[np.bool_]
    densities: Array
    spin_squared: float
    gradient_norm: float
    converged: bool
    stable: bool
    n_iterations: int

    @property
    def n_elec(self) -> tuple[int, int]:
        """Numbers of alpha and beta electrons."""
        alpha, beta = self.occupations.sum(axis=1)
        return int(alpha), int(beta)


def solve_unrestricted(
    hamiltonian: Hamiltonian,
    n_elec: tuple[int, int],
    *,
    densities: ArrayLike | None = None,
    max_iterations: int = 200,
    gradient_tolerance: float = 1e-6,
    follow_instabilities: bool = True,
    rng: RngLike = None,
) -> Unrestricted:
    """Unrestricted Hartree-Fock.

    PySCF's DIIS first, then second-order steps that never raise the energy. Where the solution is no minimum the
    search goes on downhill, so that a closed shell which wants to break its symmetry does.

    Args:
        hamiltonian: The integrals.
        n_elec: Numbers of alpha and beta electrons.
        densities: Where to start: one-body density of each spin, shape ``(2, n_orb, n_orb)``; its trace need not be
            the number of electrons. Where not given: the best of the lowest-numbered orbitals, and the orbitals of
            the bare and of an evenly screened potential.
        max_iterations: Most DIIS cycles and second-order steps, each.
        gradient_tolerance: Norm of the gradient, in hartree, at which the solution counts as converged.
        follow_instabilities: Whether to leave stationary points that are no minima.
        rng: For the search of directions that lead downhill.

    Returns:
        The determinant; ``converged`` and ``stable`` say what it is.

    Raises:
        InputError: The electrons do not fit, the densities are complex, of the wrong shape or not symmetric, or
            the tolerance is not positive.
        ResourceError: The integrals do not fit into memory a second time.

    Example:
        >>> from kakehashi.problem import hubbard
        >>> problem = hubbard(2, u=8.0, n_elec=(1, 1))
        >>> solution = solve_unrestricted(problem.hamiltonian, problem.n_elec, rng=1)
        >>> round(solution.energy_hartree, 6), round(solution.spin_squared, 6), solution.stable
        (-0.25, 0.9375, True)
    """
    counts = check_electrons(n_elec, hamiltonian.n_orb)
    if max_iterations < 1:
        raise InputError(f"Argument `max_iterations` must be at least 1, but is {max_iterations}.")
    generator = as_generator(rng)
    occupied = np.arange(hamiltonian.n_orb) < np.array(counts)[:, None]
    model = DeterminantEnergy(hamiltonian, occupied, shared=False)
    if densities is None:
        start = _lowest_guess(model, hamiltonian, counts)
    else:
        start = _checked_densities(densities, hamiltonian.n_orb)
    orbitals, cycles = _run_diis(model, start, min(max_iterations, DIIS_CYCLES))
    minimum = minimize_energy(
        model,
        orbitals,
        rng=generator,
        gradient_tolerance=gradient_tolerance,
        max_iterations=max_iterations,
        follow_instabilities=follow_instabilities,
    )
    found = model.densities(minimum.orbitals)
    return Unrestricted(
        energy_hartree=minimum.energy_hartree,
        orbitals=_canonical(model, minimum.orbitals, occupied),
        occupations=occupied,
        densities=found,
        spin_squared=spin_squared(found),
        gradient_norm=minimum.gradient_norm,
        converged=minimum.converged,
        stable=minimum.stable,
        n_iterations=cycles + minimum.n_iterations,
    )


def _checked_densities(densities: ArrayLike, n_orb: int) -> Array:
    checked = np.asarray(densities)
    if np.iscomplexobj(checked):
        raise InputError("Argument `densities` must be real, but is complex.")
    if checked.shape != (2, n_orb, n_orb):
        raise InputError(f"Argument `densities` must have shape {(2, n_orb, n_orb)}, but has {checked.shape}.")
    checked = checked.astype(np.float64, copy=False)
    asymmetric = (
        not np.isfinite(checked).all() or np.abs(checked - checked.transpose(0, 2, 1)).max() > SYMMETRY_TOLERANCE
    )
    if asymmetric:
        raise InputError("Argument `densities` must hold two symmetric matrices of finite numbers.")
    return checked


def _lowest_guess(model: DeterminantEnergy, hamiltonian: Hamiltonian, n_elec: tuple[int, int]) -> Array:
    """Densities of the best of three determinants that need no iteration."""
    n = hamiltonian.n_orb
    even = np.eye(n) * (np.array(n_elec) / n)[:, None, None]
    orbitals = (np.eye(n), np.linalg.eigh(hamiltonian.one_body)[1], np.linalg.eigh(model.fock(even).mean(axis=0))[1])
    return model.densities(min((np.stack([c, c]) for c in orbitals), key=model.energy))


def _run_diis(model: DeterminantEnergy, densities: Array, max_cycles: int) -> tuple[Array, int]:
    """Self-consistent cycles with DIIS (P. Pulay, J. Comput. Chem. 3, 556 (1982), doi:10.1002/jcc.540030413).

    Returns:
        The orbitals of the lowest energy seen, occupied ones first, and the number of cycles.
    """
    from pyscf import lib

    mixer = lib.diis.DIIS(incore=True)
    mixer.verbose, mixer.space = 0, 8
    fock = model.fock(densities)
    best, lowest, cycles = np.empty(0), np.inf, 0
    while cycles < max_cycles:
        orbitals = np.linalg.eigh(fock)[1]  # ascending: the occupied ones are the first
        densities = model.densities(orbitals)
        fock = model.fock(densities)
        energy = model.energy_of(densities, fock)
        cycles += 1
        if energy < lowest:
            best, lowest = orbitals, energy
        error = fock @ densities - densities @ fock
        if np.linalg.norm(error) < DIIS_TOLERANCE:
            break
        fock = mixer.update(fock, xerr=error)
    return best, cycles


def _canonical(model: DeterminantEnergy, orbitals: Array, occupied: NDArray[np.bool_]) -> Array:
    """The same determinant in orbitals that diagonalise the occupied and the empty block of the Fock matrix."""
    fock = orbitals.transpose(0, 2, 1) @ model.fock(model.densities(orbitals)) @ orbitals
    turned = orbitals.copy()
    for spin, block in np.ndindex(2, 2):
        members = np.flatnonzero(occupied[spin] == (block == 0))
        _, vectors = np.linalg.eigh(fock[spin][np.ix_(members, members)])
        turned[spin][:, members] = orbitals[spin][:, members] @ vectors
    return turned
