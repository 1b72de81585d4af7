"""One set of orbitals for both spins in which a broken-symmetry state is one determinant, and the best such set.

An unrestricted determinant is no determinant over common orbitals. This module finds the nearest one, with doubly
occupied, alpha-only, beta-only and empty orbitals, and then minimises its energy: the reference from which the
correlation of coupled spins is a small correction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.core.bits import Strings, pack_strings
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.problem.determinant import DeterminantEnergy, spin_squared
from kakehashi.problem.model import Hamiltonian, check_electrons, check_rotation
from kakehashi.problem.newton import minimize_energy
from kakehashi.problem.orbitals import local_basis, with_fixed_signs
from kakehashi.problem.unrestricted import Unrestricted

__all__ = ["CommonDeterminant", "common_orbitals", "optimize_determinant"]

Array = NDArray[np.float64]

SMALLEST_POLARIZATION = 1e-6
"""An eigenvalue of the spin density below this is rounding, and its orbital no half of a pair."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommonDeterminant:
    """One determinant over orbitals that alpha and beta electrons share.

    Attributes:
        energy_hartree: Total energy.
        rotation: Orthogonal matrix, shape ``(n_orb, n_orb)``; column ``j`` is orbital ``j`` over the Hamiltonian's.
            Doubly occupied orbitals come first, then alpha-only, beta-only and empty ones.
        alpha_occupied: Which orbitals hold an alpha electron, shape ``(n_orb,)``, bool.
        beta_occupied: Which hold a beta electron.
        spin_squared: ``<S^2>``.
        gradient_norm: Norm of the energy's gradient with respect to orbital rotations, hartree.
        converged: Whether that norm reached the tolerance of the optimisation.
        stable: Whether no rotation of the orbitals lowers the energy; False where that was not found out.
        n_iterations: Steps of the optimisation.
    """

    energy_hartree: float
    rotation: Array
    alpha_occupied: NDArray[np.bool_]
    beta_occupied: NDArray[np.bool_]
    spin_squared: float
    gradient_norm: float
    converged: bool = False
    stable: bool = False
    n_iterations: int = 0

    @property
    def strings(self) -> tuple[Strings, Strings]:
        """The alpha and the beta occupation string, each of shape ``(1, 2)``."""
        return pack_strings(self.alpha_occupied[None]), pack_strings(self.beta_occupied[None])


def common_orbitals(
    hamiltonian: Hamiltonian, unrestricted: Unrestricted, *, least_polarization: float = np.sqrt(0.5)
) -> CommonDeterminant:
    """The determinant over common orbitals that is nearest to an unrestricted one.

    Eigenvalues of the spin density ``D_alpha - D_beta`` come in pairs ``+-sin(theta)``. Where they are large the
    two orbitals become alpha-only and beta-only; elsewhere the total density says which orbitals are doubly
    occupied. With the threshold ``sqrt(1/2)`` the overlap with the unrestricted determinant is the largest that is
    possible. Source: corresponding orbitals, A. T. Amos and G. G. Hall, Proc. R. Soc. A 263, 483 (1961),
    doi:10.1098/rspa.1961.0175.

    Args:
        hamiltonian: The integrals, for the energy.
        unrestricted: The determinant to come close to.
        least_polarization: Eigenvalue of the spin density from which orbitals are singly occupied, 0 to 1.

    Returns:
        The determinant. Of each kind of orbitals the most local combinations are taken (see
        :func:`kakehashi.problem.orbitals.local_basis`), which changes no energy.

    Raises:
        InputError: Hamiltonian and determinant have different numbers of orbitals, or the threshold is not 0 to 1.

    Example:
        >>> from kakehashi.problem import hubbard, solve_unrestricted
        >>> problem = hubbard(2, u=8.0, n_elec=(1, 1))
        >>> solution = solve_unrestricted(problem.hamiltonian, problem.n_elec, rng=1)
        >>> nearest = common_orbitals(problem.hamiltonian, solution)
        >>> round(nearest.energy_hartree, 6), nearest.alpha_occupied.tolist(), nearest.beta_occupied.tolist()
        (0.0, [True, False], [False, True])
    """
    n = hamiltonian.n_orb
    if unrestricted.densities.shape[1] != n:
        raise InputError(
            f"Argument `unrestricted` has {unrestricted.densities.shape[1]} orbitals, but the Hamiltonian has {n}."
        )
    if not 0 <= least_polarization <= 1:
        raise InputError(f"Argument `least_polarization` must be 0 to 1, but is {least_polarization}.")
    alpha, beta = unrestricted.densities
    n_alpha, n_beta = unrestricted.n_elec
    polarization, vectors = np.linalg.eigh(alpha - beta)
    # Pairs count once; rounding may put only one of a pair above the threshold, or orbitals that are no pair.
    least = max(least_polarization, SMALLEST_POLARIZATION)
    paired = min((polarization > least).sum(), (polarization < -least).sum())
    alpha_only = int(paired) + max(n_alpha - n_beta, 0)
    beta_only = int(paired) + max(n_beta - n_alpha, 0)
    rest = vectors[:, beta_only : n - alpha_only]
    _, turn = np.linalg.eigh(rest.T @ (alpha + beta) @ rest)
    rest = rest @ turn[:, ::-1]
    doubly = n_alpha - alpha_only
    kinds = (rest[:, :doubly], vectors[:, n - alpha_only :], vectors[:, :beta_only], rest[:, doubly:])
    rotation = np.hstack(kinds)
    orbital = np.arange(n)
    single = (orbital >= doubly) & (orbital < n_alpha + beta_only)
    occupied = np.array([orbital < n_alpha, (orbital < doubly) | (single & (orbital >= n_alpha))])
    expansion = DeterminantEnergy(hamiltonian, occupied, shared=True).expand(np.stack([rotation, rotation]))
    return CommonDeterminant(
        energy_hartree=expansion.energy_hartree,
        rotation=_local(rotation, occupied),
        alpha_occupied=occupied[0],
        beta_occupied=occupied[1],
        spin_squared=_spin_squared(occupied),
        gradient_norm=float(np.linalg.norm(expansion.gradient)),
    )


def optimize_determinant(
    hamiltonian: Hamiltonian,
    alpha_occupied: ArrayLike,
    beta_occupied: ArrayLike,
    rotation: ArrayLike | None = None,
    *,
    gradient_tolerance: float = 1e-6,
    max_iterations: int = 200,
    follow_instabilities: bool = True,
    rng: RngLike = None,
) -> CommonDeterminant:
    """Minimise the energy of one determinant over the orbitals that both spins share.

    Second-order steps that never raise the energy. For a high-spin determinant this is restricted open-shell
    Hartree-Fock; for other patterns of spins it is its counterpart, which that method does not have.

    Args:
        hamiltonian: The integrals.
        alpha_occupied: Which orbitals hold an alpha electron, shape ``(n_orb,)``, bool.
        beta_occupied: Which hold a beta electron.
        rotation: Where to start: orthogonal matrix whose column ``j`` is orbital ``j``; where not given, the
            orbitals of the Hamiltonian.
        gradient_tolerance: Norm of the gradient, in hartree, at which the result counts as converged.
        max_iterations: Most steps.
        follow_instabilities: Whether to leave stationary points that are no minima.
        rng: For the search of directions that lead downhill.

    Returns:
        The determinant, in the order of orbitals that was given; ``converged`` and ``stable`` say what it is. Of
        each kind of orbitals the most local combinations are taken.

    Raises:
        InputError: Occupations or rotation have a wrong shape, there are no electrons, or the tolerance is not
            positive.
        ResourceError: The integrals do not fit into memory a second time.

    Example:
        >>> from kakehashi.problem import hubbard
        >>> problem = hubbard(2, u=2.0, n_elec=(1, 1))
        >>> best = optimize_determinant(problem.hamiltonian, [True, False], [True, False], rng=1)
        >>> round(best.energy_hartree, 6), best.converged
        (-1.0, True)
    """
    n = hamiltonian.n_orb
    occupied = np.array(
        [_checked_occupations(alpha_occupied, n, "alpha"), _checked_occupations(beta_occupied, n, "beta")]
    )
    check_electrons((occupied[0].sum(), occupied[1].sum()), n)
    start = np.eye(n) if rotation is None else check_rotation(rotation, n)
    minimum = minimize_energy(
        DeterminantEnergy(hamiltonian, occupied, shared=True),
        np.stack([start, start]),
        rng=as_generator(rng),
        gradient_tolerance=gradient_tolerance,
        max_iterations=max_iterations,
        follow_instabilities=follow_instabilities,
    )
    return CommonDeterminant(
        energy_hartree=minimum.energy_hartree,
        rotation=_local(minimum.orbitals[0], occupied),
        alpha_occupied=occupied[0],
        beta_occupied=occupied[1],
        spin_squared=_spin_squared(occupied),
        gradient_norm=minimum.gradient_norm,
        converged=minimum.converged,
        stable=minimum.stable,
        n_iterations=minimum.n_iterations,
    )


def _checked_occupations(occupied: ArrayLike, n_orb: int, spin: str) -> NDArray[np.bool_]:
    checked = np.asarray(occupied)
    if checked.shape != (n_orb,) or checked.dtype != np.bool_:
        raise InputError(
            f"Argument `{spin}_occupied` must be bool of shape {(n_orb,)}, but is {checked.dtype} of {checked.shape}."
        )
    return checked


def _spin_squared(occupied: NDArray[np.bool_]) -> float:
    return spin_squared(np.array([np.diag(row) for row in occupied.astype(np.float64)]))


def _local(rotation: Array, occupied: NDArray[np.bool_]) -> Array:
    """The most local orbitals of each kind, in the kind's places."""
    local = rotation.copy()
    for kind in ((True, True), (True, False), (False, True), (False, False)):
        members = np.flatnonzero((occupied[0] == kind[0]) & (occupied[1] == kind[1]))
        local[:, members] = local_basis(rotation[:, members])
    return with_fixed_signs(local)
