"""Second-order minimisation of a determinant's energy, followed downhill until the determinant is stable.

Trust region with truncated conjugate gradients: T. Steihaug, SIAM J. Numer. Anal. 20, 626 (1983), doi:10.1137/0720042;
steps as in Nocedal and Wright, Numerical Optimization, 2006, chapters 4 and 7. Stability: R. Seeger and J. A. Pople,
J. Chem. Phys. 66, 3045 (1977), doi:10.1063/1.434318.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.problem.determinant import DeterminantEnergy, Expansion

__all__ = ["Minimum", "minimize_energy"]

Array = NDArray[np.float64]

INSTABILITY_HARTREE = 1e-5
"""A direction with a curvature below minus this leads downhill; zero belongs to what symmetry leaves free."""

SMALLEST_SCALE = 0.1
LARGEST_RADIUS = 1.0
NOISE_HARTREE = 1e-10
"""Differences of energies below this are rounding and decide nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Minimum:
    """Where a minimisation ended.

    Attributes:
        orbitals: Shape ``(2, n_orb, n_orb)``; columns are orbitals.
        energy_hartree: The energy there.
        gradient_norm: Norm of the gradient there, hartree.
        converged: Whether that norm reached the tolerance.
        stable: Whether no rotation of the orbitals lowers the energy; False where that was not found out.
        n_iterations: Steps that were tried.
    """

    orbitals: Array
    energy_hartree: float
    gradient_norm: float
    converged: bool
    stable: bool
    n_iterations: int


def minimize_energy(
    model: DeterminantEnergy,
    orbitals: Array,
    *,
    rng: np.random.Generator,
    gradient_tolerance: float = 1e-6,
    max_iterations: int = 200,
    follow_instabilities: bool = True,
) -> Minimum:
    """Minimise a determinant's energy over its orbitals.

    The energy never rises. At each stationary point the lowest curvature is looked for from a random start, so that
    no symmetry of the orbitals hides it; where it is negative, the search goes on downhill.

    Args:
        model: The energy.
        orbitals: Where to start, shape ``(2, n_orb, n_orb)``.
        rng: For the search of the lowest curvature.
        gradient_tolerance: Norm of the gradient, in hartree, at which a point counts as stationary.
        max_iterations: Most steps, over all descents together.
        follow_instabilities: Whether to leave stationary points that are no minima.

    Returns:
        The last point; ``converged`` and ``stable`` say what it is.

    Raises:
        InputError: The tolerance is not positive.
    """
    if not gradient_tolerance > 0:
        raise InputError(f"Argument `gradient_tolerance` must be positive, but is {gradient_tolerance}.")
    used = 0
    while True:
        orbitals, expansion, steps = _descend(model, orbitals, gradient_tolerance, max_iterations - used)
        used += steps
        norm = float(np.linalg.norm(expansion.gradient))
        converged, stable = norm <= gradient_tolerance, False
        if converged:
            value, direction, known = _lowest_curvature(expansion, rng)
            lower = None
            if value < -INSTABILITY_HARTREE:
                lower = _leave_saddle(model, orbitals, direction, expansion.energy_hartree)
            stable = known and lower is None
            if lower is not None and follow_instabilities and used < max_iterations:
                orbitals = lower
                continue
        return Minimum(
            orbitals=orbitals,
            energy_hartree=expansion.energy_hartree,
            gradient_norm=norm,
            converged=converged,
            stable=stable,
            n_iterations=used,
        )


def _descend(
    model: DeterminantEnergy, orbitals: Array, tolerance: float, max_steps: int
) -> tuple[Array, Expansion, int]:
    """Trust-region steps to a stationary point."""
    expansion = model.expand(orbitals)
    radius, steps = LARGEST_RADIUS / 2, 0
    while float(np.linalg.norm(expansion.gradient)) > tolerance and steps < max_steps:
        scale = 1 / np.sqrt(np.maximum(np.abs(expansion.diagonal), SMALLEST_SCALE))
        gradient, curve = expansion.gradient * scale, _scaled(expansion.curve, scale)
        step, predicted = _truncated_step(gradient, curve, radius)
        trial = model.move(orbitals, step * scale)
        candidate = model.expand(trial)
        gained = expansion.energy_hartree - candidate.energy_hartree
        # Close to the end both are rounding: there the model is better than their ratio.
        noise = max(predicted, abs(gained)) <= NOISE_HARTREE
        ratio = 1.0 if noise else gained / max(predicted, NOISE_HARTREE)
        length = float(np.linalg.norm(step))
        if ratio < 0.25:
            radius = length / 4
        elif ratio > 0.75 and length > 0.99 * radius:
            radius = min(2 * radius, LARGEST_RADIUS)
        steps += 1
        if ratio > 1e-4:
            orbitals, expansion = trial, candidate
        elif radius < 1e-10:
            break
    return orbitals, expansion, steps


def _scaled(curve: Callable[[Array], Array], scale: Array) -> Callable[[Array], Array]:
    def product(vector: Array) -> Array:
        return scale * curve(scale * vector)

    return product


def _truncated_step(gradient: Array, curve: Callable[[Array], Array], radius: float) -> tuple[Array, float]:
    """Step within the radius that lowers the quadratic model, and by how much it does."""
    step, image = np.zeros_like(gradient), np.zeros_like(gradient)
    residual, direction = gradient.copy(), -gradient
    size = float(np.linalg.norm(gradient))
    enough = min(0.1, np.sqrt(size)) * size
    for _ in range(len(gradient)):
        product = curve(direction)
        bend = float(direction @ product)
        squared = float(residual @ residual)
        length = squared / bend if bend > 0 else np.inf
        if np.isinf(length) or float(np.linalg.norm(step + length * direction)) >= radius:
            length = _to_boundary(step, direction, radius)
            step, image = step + length * direction, image + length * product
            break
        step, image = step + length * direction, image + length * product
        residual = residual + length * product
        if float(np.linalg.norm(residual)) <= enough:
            break
        direction = direction * (float(residual @ residual) / squared) - residual
    return step, -float(gradient @ step + step @ image / 2)


def _to_boundary(step: Array, direction: Array, radius: float) -> float:
    a, b, c = float(direction @ direction), float(step @ direction), float(step @ step) - radius**2
    return float((-b + np.sqrt(b * b - a * c)) / a)


def _lowest_curvature(expansion: Expansion, rng: np.random.Generator) -> tuple[float, Array, bool]:
    """Lowest eigenvalue of the second derivative, its direction, and whether they converged."""
    from pyscf import lib

    n = len(expansion.gradient)
    if n == 0:
        return 0.0, np.zeros(0), True
    # Random numbers in each component: a start of some symmetry would only find directions of the same.
    guess = (1 + 0.3 * rng.standard_normal(n)) * rng.choice((-1.0, 1.0), n)
    guess /= np.maximum(np.abs(expansion.diagonal), SMALLEST_SCALE) ** 2

    def precondition(residual: Array, value: float, vector: Array) -> Array:
        # Orthogonal to the vector (J. Olsen and others, Chem. Phys. Lett. 169, 463 (1990),
        # doi:10.1016/0009-2614(90)85633-N): without that a diagonal matrix gives the vector itself again.
        gap = expansion.diagonal - value
        gap = np.where(np.abs(gap) < 1e-2, 1e-2, gap)
        overlap = float(vector @ (vector / gap))
        change = float(vector @ (residual / gap)) / overlap if overlap else 0.0
        corrected: Array = (residual - change * vector) / gap
        return corrected

    converged, values, vectors = lib.davidson1(
        lambda vectors: [expansion.curve(vector) for vector in vectors],
        [guess / np.linalg.norm(guess)],
        precondition,
        tol=1e-9,
        max_cycle=200,
        max_space=30,
        verbose=0,
    )
    return float(values[0]), np.asarray(vectors[0]), bool(converged[0])


def _leave_saddle(model: DeterminantEnergy, orbitals: Array, direction: Array, energy: float) -> Array | None:
    """The lowest point along a direction of negative curvature, or None where rounding hides the fall."""
    direction = direction / np.abs(direction).max()
    trials = [model.move(orbitals, sign * length * direction) for length in (0.05, 0.2, 0.6) for sign in (1.0, -1.0)]
    energies = [model.energy(trial) for trial in trials]
    best = int(np.argmin(energies))
    return trials[best] if energies[best] < energy - NOISE_HARTREE else None
