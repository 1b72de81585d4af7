"""Orbitals in which few determinants say much: natural and optimised ones of a selected wave function.

The energy of a truncated expansion depends on all orbitals, occupied ones among themselves included. States and
orbitals are improved in turn: solve in a small space, minimise the energy of its densities over the orbitals, choose
the space anew (Y. Yao and C. J. Umrigar, J. Chem. Theory Comput. 17, 4183 (2021), doi:10.1021/acs.jctc.1c00385).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm, expm_frechet
from scipy.optimize import minimize

from kakehashi.core.bits import Strings
from kakehashi.core.errors import InputError
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import grow
from kakehashi.subspace.space import Densities

__all__ = ["OptimizedOrbitals", "OrbitalStep", "minimize_over_orbitals", "optimize_orbitals"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrbitalStep:
    """One turn of the optimisation.

    Attributes:
        energy_hartree: Energy in the small space before this turn's rotation.
        n_determinants: Size of the small space.
        spin_squared: ``<S^2>`` there.
        rotation_norm: Frobenius norm of the rotation minus 1 over the square root of the number of orbitals.
    """

    energy_hartree: float
    n_determinants: int
    spin_squared: float
    rotation_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizedOrbitals:
    """What an optimisation of the orbitals ends with.

    Attributes:
        hamiltonian: Integrals over the new orbitals.
        rotation: Orthogonal, shape ``(n_orb, n_orb)``; column ``j`` is new orbital ``j``.
        alpha: Alpha strings of the best small space, over the new orbitals.
        beta: Its beta strings.
        coefficients: Its state.
        energy_hartree: Its energy.
        steps: All turns, the last of which need not be the best.
    """

    hamiltonian: Hamiltonian
    rotation: Array
    alpha: Strings
    beta: Strings
    coefficients: Array
    energy_hartree: float
    steps: tuple[OrbitalStep, ...]


def minimize_over_orbitals(
    hamiltonian: Hamiltonian, densities: Densities, *, max_iterations: int = 30, gradient_tolerance: float = 1e-5
) -> Array:
    """The rotation of the orbitals that minimises the energy of fixed densities.

    Args:
        hamiltonian: The integrals over the present orbitals.
        densities: Density matrices over the orbitals that are to be found.
        max_iterations: Of the quasi-Newton minimisation.
        gradient_tolerance: Largest element of the gradient, hartree.

    Returns:
        Orthogonal matrix, shape ``(n_orb, n_orb)``; column ``j`` is new orbital ``j``.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> chain = hubbard(2, u=2.0, n_elec=(1, 1)).hamiltonian
        >>> space = DeterminantSpace(chain)
        >>> space.append(lowest_string(1), lowest_string(1))
        1
        >>> turn = minimize_over_orbitals(chain, space.densities(np.ones(1)))
        >>> bool(chain.rotate(turn).one_body[0, 0] < chain.one_body[0, 0] - 0.5)
        True
    """
    n = hamiltonian.n_orb
    one_body = densities.one_body.sum(axis=0)
    two_body = densities.two_body().reshape(n, n**3)
    best = minimize(
        _energy_and_gradient,
        np.zeros(n * (n - 1) // 2),
        args=(hamiltonian, one_body, two_body),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "gtol": gradient_tolerance, "ftol": 1e-13, "maxcor": 20},
    )
    rotation: Array = expm(_antisymmetric(best.x, n))
    return rotation


def _antisymmetric(x: Array, n: int) -> Array:
    k = np.zeros((n, n))
    k[np.tril_indices(n, -1)] = x
    return k - k.T


def _energy_and_gradient(x: Array, hamiltonian: Hamiltonian, one_body: Array, two_body: Array) -> tuple[float, Array]:
    """Energy of densities, without the constant, over orbitals turned by the exponential of ``x``; and its gradient.

    Args:
        x: Elements of the antisymmetric generator below its diagonal, row by row.
        hamiltonian: The integrals over the orbitals that are turned.
        one_body: Spin-summed one-body density, shape ``(n_orb, n_orb)``.
        two_body: Spin-summed two-body density, shape ``(n_orb, n_orb**3)``.
    """
    n = hamiltonian.n_orb
    k = _antisymmetric(x, n)
    u = expm(k)
    mixed = hamiltonian.two_body
    for _ in range(3):  # each turns the second index and puts it last: (ab|cd) to (aq|rs)
        mixed = (mixed.reshape(n, n, n * n).transpose(0, 2, 1) @ u).reshape(n, n, n * n)
    hu = hamiltonian.one_body @ u
    slope = 2 * (hu @ one_body + mixed.reshape(n, n**3) @ two_body.T)
    energy = float(np.sum(u * (slope + 2 * (hu @ one_body)))) / 4
    pulled = expm_frechet(k.T, slope, compute_expm=False)
    return energy, (pulled - pulled.T)[np.tril_indices(n, -1)]


def optimize_orbitals(
    hamiltonian: Hamiltonian,
    alpha: Strings,
    beta: Strings,
    *,
    n_determinants: int = 2000,
    max_turns: int = 20,
    tolerance_hartree: float = 1e-4,
    two_s: int | None = None,
    spin_penalty_hartree: float = 0.0,
    max_iterations: int = 15,
    n_threads: int | None = None,
    callback: Callable[[OrbitalStep], None] | None = None,
) -> OptimizedOrbitals:
    """Optimise orbitals for the ground state in a small selected space.

    Args:
        hamiltonian: The integrals; no molecule is needed.
        alpha: Alpha strings of the determinants to start from.
        beta: Their beta strings.
        n_determinants: Size of the small space.
        max_turns: Most turns.
        tolerance_hartree: The optimisation ends when two turns in a row lower the energy by less.
        two_s: Twice the spin that is wanted, as in :func:`~kakehashi.subspace.select.grow`.
        spin_penalty_hartree: Weight of ``S^2``.
        max_iterations: Of each turn's minimisation over the orbitals.
        n_threads: Threads of the kernels.
        callback: Receives each turn.

    Raises:
        InputError: There is no determinant to start from.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> chain = hubbard(2, u=2.0, n_elec=(1, 1)).hamiltonian
        >>> found = optimize_orbitals(chain, lowest_string(1), lowest_string(1), n_determinants=1)
        >>> round(found.energy_hartree, 4)  # the mean field's: -2 t + U / 2
        -1.0
    """
    if len(alpha) == 0:
        raise InputError("Argument `alpha` holds no string to start from.")
    rotation = np.eye(hamiltonian.n_orb)
    steps: list[OrbitalStep] = []
    best: OptimizedOrbitals | None = None
    idle = 0
    while True:
        space = DeterminantSpace(hamiltonian, spin_penalty_hartree=spin_penalty_hartree, n_threads=n_threads)
        space.append(alpha, beta)
        stage = deque(
            grow(space, n_determinants=n_determinants, growth=3.0, two_s=two_s, tolerance=1e-4), maxlen=1
        ).pop()
        c, energy = stage.coefficients[0], stage.energies_hartree[0]
        alpha, beta = space.strings()
        gained = np.inf if best is None else best.energy_hartree - energy
        if best is None or gained > 0:
            best = OptimizedOrbitals(
                hamiltonian=hamiltonian,
                rotation=rotation,
                alpha=alpha,
                beta=beta,
                coefficients=c,
                energy_hartree=energy,
                steps=(),
            )
        idle = idle + 1 if gained < tolerance_hartree else 0
        turn = minimize_over_orbitals(hamiltonian, space.densities(c), max_iterations=max_iterations)
        steps.append(
            OrbitalStep(
                energy_hartree=energy,
                n_determinants=len(space),
                spin_squared=stage.spin_squared[0],
                rotation_norm=float(np.linalg.norm(turn - np.eye(len(turn))) / np.sqrt(len(turn))),
            )
        )
        if callback is not None:
            callback(steps[-1])
        if idle >= 2 or len(steps) >= max_turns:
            break
        rotation = rotation @ turn
        hamiltonian = hamiltonian.rotate(turn)
        # The heaviest part of the space seeds the next one: the rest is chosen anew in the new orbitals.
        heavy = np.sort(np.argsort(-np.abs(c), kind="stable")[: max(1, n_determinants // 3)])
        alpha, beta = alpha[heavy], beta[heavy]
    return replace(best, steps=tuple(steps))
