from __future__ import annotations

import numpy as np
import pytest

from kakehashi.subspace.davidson import davidson


def symmetric_matrix(size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(size, size)) * 0.1
    return a + a.T + np.diag(np.arange(size, dtype=float))


@pytest.mark.parametrize("n_roots", [1, 3, 6])
def test_roots_of_a_dense_matrix(n_roots: int) -> None:
    matrix = symmetric_matrix(200, seed=1)

    def apply(x: np.ndarray, out: np.ndarray) -> None:
        out[:] = matrix @ x

    guesses = list(np.eye(200)[:n_roots])
    pairs = davidson(apply, np.diag(matrix).copy(), guesses, n_roots=n_roots, tolerance=1e-8, max_space=4)
    assert pairs.converged
    np.testing.assert_allclose(pairs.values, np.linalg.eigvalsh(matrix)[:n_roots], atol=1e-10)
    np.testing.assert_allclose(pairs.vectors @ pairs.vectors.T, np.eye(n_roots), atol=1e-8)
    residuals = pairs.vectors @ matrix - pairs.values[:, None] * pairs.vectors
    assert np.linalg.norm(residuals, axis=1).max() < 1e-7


@pytest.mark.parametrize("size", [1, 2, 5])
def test_spaces_smaller_than_the_basis(size: int) -> None:
    matrix = symmetric_matrix(size, seed=2)

    def apply(x: np.ndarray, out: np.ndarray) -> None:
        out[:] = matrix @ x

    pairs = davidson(apply, np.diag(matrix).copy(), [np.ones(size)], tolerance=1e-10)
    assert pairs.converged
    assert pairs.values[0] == pytest.approx(np.linalg.eigvalsh(matrix)[0], abs=1e-10)


def test_restarts_keep_the_convergence() -> None:
    matrix = symmetric_matrix(500, seed=3)
    calls = 0

    def apply(x: np.ndarray, out: np.ndarray) -> None:
        nonlocal calls
        calls += 1
        out[:] = matrix @ x

    roomy = davidson(apply, np.diag(matrix).copy(), [np.eye(500)[0]], tolerance=1e-8, max_space=60)
    roomy_calls, calls = calls, 0
    tight = davidson(apply, np.diag(matrix).copy(), [np.eye(500)[0]], tolerance=1e-8, max_space=4)
    assert roomy.converged
    assert tight.converged
    assert calls <= 2 * roomy_calls


def test_limit_of_iterations_is_reported() -> None:
    matrix = symmetric_matrix(300, seed=4)

    def apply(x: np.ndarray, out: np.ndarray) -> None:
        out[:] = matrix @ x

    seen: list[int] = []
    pairs = davidson(
        apply,
        np.diag(matrix).copy(),
        [np.ones(300)],
        max_iterations=3,
        tolerance=1e-12,
        callback=lambda iteration, values, norms: seen.append(iteration),
    )
    assert not pairs.converged
    assert seen == [1, 2, 3]
