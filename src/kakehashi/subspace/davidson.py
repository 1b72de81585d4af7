"""Davidson's method for the lowest roots of a symmetric operator that is known only by its action.

E. R. Davidson, J. Comput. Phys. 17, 87 (1975), doi:10.1016/0021-9991(75)90065-0; the thick restart, which keeps the
Ritz vectors of the step before as well, follows A. Stathopoulos and Y. Saad, Electron. Trans. Numer. Anal. 7, 163
(1998).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Eigenpairs", "basis_size", "davidson"]

Vector = NDArray[np.float64]

MAX_SPACE = 8
LINEAR_DEPENDENCE = 1e-8
SMALLEST_DENOMINATOR = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Eigenpairs:
    """Lowest eigenvalues and eigenvectors.

    Attributes:
        values: Ascending, shape ``(n_roots,)``.
        vectors: Shape ``(n_roots, size)``, orthonormal rows.
        residual_norms: Shape ``(n_roots,)``.
        converged: Whether every residual norm reached the tolerance.
        n_iterations: Number of iterations done.
    """

    values: Vector
    vectors: Vector
    residual_norms: Vector
    converged: bool
    n_iterations: int


def _as_it_is(array: Vector) -> Vector:
    return array


class _Space:
    """Orthonormal basis vectors and the operator's action on them, in two buffers of fixed size."""

    def __init__(self, size: int, capacity: int, total: Callable[[Vector], Vector]) -> None:
        self.total = total
        self.basis = np.empty((capacity, size))
        self.image = np.empty((capacity, size))
        self.projected = np.empty((capacity, capacity))
        self.count = 0

    def orthogonalize(self, vector: Vector) -> bool:
        """Normalise ``vector`` against the basis, in place; False where nothing new is left."""
        norm = self.norm(vector)
        if norm == 0 or not np.isfinite(norm):
            return False
        vector /= norm
        for _ in range(2):
            vector -= self.total(self.basis[: self.count] @ vector) @ self.basis[: self.count]
            norm = self.norm(vector)
            if norm < LINEAR_DEPENDENCE:
                return False
            vector /= norm
        return True

    def norm(self, vector: Vector) -> float:
        return float(np.sqrt(self.total(np.array([vector @ vector]))[0]))

    def append(self, vector: Vector, apply: Callable[[Vector, Vector], None]) -> None:
        n = self.count
        self.basis[n] = vector
        apply(self.basis[n], self.image[n])
        self.projected[n, : n + 1] = self.total(self.basis[: n + 1] @ self.image[n])
        self.projected[: n + 1, n] = self.projected[n, : n + 1]
        self.count += 1

    def compress(self, rotation: Vector) -> None:
        """Replace the basis by the orthonormal combinations ``rotation.T @ basis``, in cache-sized columns."""
        n, m = rotation.shape
        columns = 1 << 16
        for start in range(0, self.basis.shape[1], columns):
            part = slice(start, start + columns)
            self.basis[:m, part] = rotation.T @ self.basis[:n, part]
            self.image[:m, part] = rotation.T @ self.image[:n, part]
        self.projected[:m, :m] = rotation.T @ self.projected[:n, :n] @ rotation
        self.count = m


def basis_size(n_roots: int, *, max_space: int = MAX_SPACE) -> int:
    """Basis vectors that are kept at most: room for the vectors of a restart and for one more of each root.

    Example:
        >>> basis_size(1), basis_size(5)
        (8, 16)
    """
    return max(max_space, 3 * n_roots + 1)


def davidson(
    apply: Callable[[Vector, Vector], None],
    diagonal: Vector,
    guesses: list[Vector],
    *,
    n_roots: int = 1,
    tolerance: float = 1e-5,
    max_iterations: int = 100,
    max_space: int = MAX_SPACE,
    symmetrize: Callable[[Vector], None] | None = None,
    callback: Callable[[int, Vector, Vector], None] | None = None,
    total: Callable[[Vector], Vector] = _as_it_is,
) -> Eigenpairs:
    """Lowest roots of a symmetric operator.

    Args:
        apply: ``apply(x, out)`` writes the operator's action on ``x`` into ``out``; shape ``(size,)``, float64.
        diagonal: The operator's diagonal, for the preconditioner, shape ``(size,)``.
        guesses: Start vectors, at least one; they need not be orthogonal.
        n_roots: Number of roots.
        tolerance: Norm of the residual at which a root counts as converged; its energy is then right to
            about the square of this over the gap.
        max_iterations: Iterations after which the best so far is returned with ``converged`` false.
        max_space: Basis vectors kept before a restart; memory is twice this many vectors.
        symmetrize: Projects a vector on the wanted symmetry, in place.
        callback: Receives the iteration, the values and the residual norms.
        total: Where every process holds a part of each vector: the sum of a small array over all processes, equal to
            the last bit on each. All arguments and results that are vectors are then parts.

    Returns:
        The roots; ``converged`` tells whether all of them are.
    """
    size = int(total(np.array([float(diagonal.size)]))[0])
    capacity = min(basis_size(n_roots, max_space=max_space), size + n_roots)
    space = _Space(diagonal.size, capacity, total)
    for guess in guesses:
        vector = guess.copy()
        if symmetrize is not None:
            symmetrize(vector)
        if space.count < capacity and space.orthogonalize(vector):
            space.append(vector, apply)
    previous = np.empty((0, 0))
    for iteration in range(1, max_iterations + 1):
        n = space.count
        values, rotation = np.linalg.eigh(space.projected[:n, :n])
        wanted = min(n_roots, n)
        residuals = rotation[:, :wanted].T @ space.image[:n]
        residuals -= values[:wanted, None] * (rotation[:, :wanted].T @ space.basis[:n])
        norms = np.sqrt(total(np.einsum("ij,ij->i", residuals, residuals)))
        if callback is not None:
            callback(iteration, values[:wanted], norms)
        converged = bool(wanted == n_roots and (norms <= tolerance).all())
        if converged or iteration == max_iterations:
            break
        if n + n_roots > capacity:
            space.compress(_restart_rotation(rotation, previous, n_roots))
            n = space.count
            rotation = np.eye(n)
        previous = rotation[:, :wanted].copy()
        added = _expand(space, residuals, values, norms, tolerance, diagonal, symmetrize, apply)
        if not added:
            converged = bool(wanted == min(n_roots, size) and (norms <= 10 * tolerance).all())
            break
    vectors = rotation[:, :wanted].T @ space.basis[: rotation.shape[0]]
    vectors /= np.sqrt(total(np.einsum("ij,ij->i", vectors, vectors)))[:, None]
    return Eigenpairs(
        values=values[:wanted],
        vectors=vectors,
        residual_norms=norms,
        converged=converged,
        n_iterations=iteration,
    )


def _expand(
    space: _Space,
    residuals: Vector,
    values: Vector,
    norms: Vector,
    tolerance: float,
    diagonal: Vector,
    symmetrize: Callable[[Vector], None] | None,
    apply: Callable[[Vector, Vector], None],
) -> int:
    """Add one preconditioned residual per unconverged root; how many were added."""
    added = 0
    for root in range(len(residuals)):
        if norms[root] <= tolerance:
            continue
        denominator = values[root] - diagonal
        small = np.abs(denominator) < SMALLEST_DENOMINATOR
        denominator[small] = np.where(denominator[small] < 0, -SMALLEST_DENOMINATOR, SMALLEST_DENOMINATOR)
        vector = residuals[root]
        vector /= denominator
        if symmetrize is not None:
            symmetrize(vector)
        if space.orthogonalize(vector):
            space.append(vector, apply)
            added += 1
    return added


def _restart_rotation(rotation: Vector, previous: Vector, n_roots: int) -> Vector:
    """Ritz vectors of this step and of the one before, orthonormal, as columns over the present basis."""
    kept = rotation[:, :n_roots]
    if previous.size:
        padded = np.zeros((rotation.shape[0], previous.shape[1]))
        padded[: previous.shape[0]] = previous
        for column in padded.T:
            column -= kept @ (kept.T @ column)
            column -= kept @ (kept.T @ column)
            norm = np.linalg.norm(column)
            if norm > 1e-6:
                kept = np.column_stack([kept, column / norm])
    return kept
