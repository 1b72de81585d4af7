"""The same shots through the package that today's users have: post-selection equal, recovery equal in law."""

import warnings

import numpy as np
import pytest
from scipy import stats

from kakehashi.device.model import Shots
from kakehashi.samples import flip_weights, postselect, recover_configurations

with warnings.catch_warnings():
    # jax and qiskit warn while they are imported; that is not ours.
    warnings.simplefilter("ignore")
    pytest.importorskip("qiskit_addon_sqd")
    from qiskit_addon_sqd import configuration_recovery as theirs
    from qiskit_addon_sqd import subsampling


def their_matrix(shots):
    """The package writes the highest qubit in the first column: ``[beta | alpha]``, each from high to low."""
    return shots.to_matrix()[:, ::-1]


def as_pairs(matrix):
    """Their rows as pairs of integers (alpha, beta)."""
    n_orb = matrix.shape[1] // 2
    value = 2 ** np.arange(n_orb)[::-1]
    return zip((matrix[:, n_orb:] @ value).tolist(), (matrix[:, :n_orb] @ value).tolist(), strict=True)


def our_pairs(configurations):
    return zip(configurations.alpha[:, 0].tolist(), configurations.beta[:, 0].tolist(), strict=True)


def test_postselection_keeps_the_same_shots_with_the_same_weights():
    shots = Shots.from_matrix(np.random.default_rng(0).random((3000, 10)) < 0.45)
    kept, probabilities = subsampling.postselect_by_hamming_right_and_left(
        their_matrix(shots), shots.counts / shots.n_shots, hamming_right=2, hamming_left=3
    )
    ours = postselect(shots, n_orb=5, n_elec=(2, 3))
    expected = dict(zip(as_pairs(kept), probabilities, strict=True))
    found = dict(zip(our_pairs(ours), ours.weights, strict=True))
    assert found.keys() == expected.keys()
    for key, weight in found.items():
        assert weight == pytest.approx(expected[key])


@pytest.mark.parametrize(("n_electrons", "n_orb"), [(0, 4), (1, 4), (3, 4), (4, 4), (5, 16)])
def test_flip_weights_are_the_same(n_electrons, n_orb):
    occupancies = np.random.default_rng(1).random(n_orb)
    fill, empty = flip_weights(occupancies, n_electrons=n_electrons)
    filling = n_electrons / n_orb
    np.testing.assert_allclose(fill, [theirs._p_flip_0_to_1(filling, occ) for occ in occupancies])
    np.testing.assert_allclose(empty, [theirs._p_flip_1_to_0(filling, occ) for occ in occupancies])


@pytest.mark.parametrize("n_elec", [(2, 2), (1, 3)])
def test_recovery_draws_from_the_same_law(n_elec):
    n_orb, n = 4, 4000
    rng = np.random.default_rng(7)
    occupancies = rng.random((2, n_orb))
    matrix = rng.random((4, 2 * n_orb)) < 0.5  # a few strings, each many times
    rows = matrix[rng.integers(0, len(matrix), n)]
    shots = Shots.from_matrix(rows)

    mine = recover_configurations(shots, n_elec=n_elec, occupancies=occupancies, rng=1)
    repeated, frequencies = theirs.recover_configurations(
        np.repeat(their_matrix(shots), shots.counts, axis=0),
        np.full(n, 1 / n),
        (occupancies[0], occupancies[1]),
        *n_elec,
        rand_seed=1,
    )
    a = dict(zip(our_pairs(mine), np.rint(mine.weights * n), strict=True))
    b = dict(zip(as_pairs(repeated), np.rint(frequencies * n), strict=True))
    assert sum(a.values()) == sum(b.values()) == n
    keys = sorted(a.keys() | b.keys())
    table = np.array([[a.get(key, 0), b.get(key, 0)] for key in keys])
    rare = table.sum(axis=1) < 10
    table = np.vstack([table[~rare], table[rare].sum(axis=0)]) if rare.any() else table
    table = table[table.sum(axis=1) > 0]
    assert len(table) > 5
    assert stats.chi2_contingency(table).pvalue > 1e-4
