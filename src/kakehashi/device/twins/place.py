"""Where to draw qubits of which only the couplings are known."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["place_qubits"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

REFINED_QUBITS = 300
"""Larger graphs are placed without the refining steps, which take time that grows with the square of their size."""

REFINING_STEPS = 300


def place_qubits(n_qubits: int, edges: Integers) -> Floats:
    """Positions whose distances are as near as may be to the numbers of steps between the qubits.

    Args:
        n_qubits: Number of qubits.
        edges: Pairs of joined qubits, shape ``(n_edges, 2)``.

    Returns:
        ``(column, row)`` of each qubit, float64, shape ``(n_qubits, 2)``, the longer side across, the least of each
        0. Parts that are not joined to each other stand beside each other, single qubits in a row below.

    Source:
        Classical scaling (Torgerson, Psychometrika 17, 401 (1952)) refined by majorization (Gansner, Koren and
        North, Graph Drawing 2004, DOI 10.1007/978-3-540-31843-9_25).

    Example:
        >>> place_qubits(3, np.array([[0, 1], [1, 2]])).round(3).tolist()
        [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    """
    positions = np.zeros((n_qubits, 2))
    joined = np.unique(edges)
    if len(joined):
        positions[joined] = _placed(_steps(n_qubits, edges)[np.ix_(joined, joined)])
    alone = np.setdiff1d(np.arange(n_qubits), joined)
    row = positions[:, 1].max(initial=0.0) + 1.5 if len(joined) else 0.0
    positions[alone] = np.column_stack([np.arange(len(alone)), np.full(len(alone), row)])
    return positions


def _steps(n_qubits: int, edges: Integers) -> Floats:
    """Numbers of steps between all qubits; between parts, two more than the longest way within one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    ones = np.ones(len(edges))
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n_qubits, n_qubits)).tocsr()
    steps = np.asarray(shortest_path(graph, directed=False, unweighted=True), dtype=np.float64)
    finite = np.isfinite(steps)
    steps[~finite] = steps[finite].max() + 2.0
    return steps


def _placed(steps: Floats) -> Floats:
    found = _classical(steps)
    return _upright(_refined(found, steps) if len(steps) <= REFINED_QUBITS else found)


def _classical(steps: Floats) -> Floats:
    from scipy.linalg import eigh

    n = len(steps)
    squares = steps**2
    centred = -0.5 * (squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean())
    values, vectors = eigh(centred, subset_by_index=[n - 2, n - 1])
    return np.asarray(vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 1e-12)))


def _refined(found: Floats, steps: Floats) -> Floats:
    """Majorization with weights 1 / steps**2: near qubits matter most."""
    with np.errstate(divide="ignore"):
        weights = np.where(steps > 0, steps**-2.0, 0.0)
    laplacian = np.diag(weights.sum(1)) - weights
    inverse = np.linalg.pinv(laplacian)
    for _ in range(REFINING_STEPS):
        apart = np.linalg.norm(found[:, None] - found[None], axis=2)
        ratio = np.where(apart > 1e-9, weights * steps / np.maximum(apart, 1e-9), 0.0)
        found = inverse @ (ratio.sum(1)[:, None] * found - ratio @ found)
    return found


def _upright(found: Floats) -> Floats:
    """Turned so that the longer side lies across and qubit 0 at its left and upper end."""
    centred = found - found.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ axes.T
    turned *= np.where(turned[0] > 0, -1.0, 1.0)
    return np.asarray(turned - turned.min(axis=0) + 0.0)
