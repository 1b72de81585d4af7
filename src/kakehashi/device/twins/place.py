"""Where to draw qubits of which only the couplings are known."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["place_qubits"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

REFINED_QUBITS = 200
"""Larger graphs are placed without the refining steps, which take time that grows with the square of their size."""

REFINING_STEPS = 300


def place_qubits(n_qubits: int, edges: Integers) -> Floats:
    """Positions whose distances are as near as may be to the numbers of steps between the qubits.

    Args:
        n_qubits: Number of qubits.
        edges: Pairs of joined qubits, shape ``(n_edges, 2)``.

    Returns:
        ``(column, row)`` of each qubit, float64, shape ``(n_qubits, 2)``, the longer side across, the least of each
        0. Parts of the graph that are not joined to each other stand beside each other.

    Source:
        Classical scaling (Torgerson, Psychometrika 17, 401 (1952)) refined by majorization (Gansner, Koren and
        North, Graph Drawing 2004, DOI 10.1007/978-3-540-31843-9_25).

    Example:
        >>> place_qubits(3, np.array([[0, 1], [1, 2]])).round(3).tolist()
        [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    if n_qubits < 2:
        return np.zeros((n_qubits, 2))
    ones = np.ones(len(edges))
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n_qubits, n_qubits)).tocsr()
    steps = shortest_path(graph, directed=False, unweighted=True)
    finite = np.isfinite(steps)
    steps[~finite] = steps[finite].max() + 2.0
    found = _classical(steps)
    if n_qubits <= REFINED_QUBITS:
        found = _refined(found, steps)
    return _upright(found)


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
        found = inverse @ (np.diag(ratio.sum(1)) - ratio) @ found
    return found


def _upright(found: Floats) -> Floats:
    """Turned so that the longer side lies across and qubit 0 at its left and upper end."""
    centred = found - found.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ axes.T
    turned *= np.where(turned[0] > 0, -1.0, 1.0)
    return np.asarray(turned - turned.min(axis=0) + 0.0)
