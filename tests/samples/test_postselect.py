import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.bits import unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.device.model import Shots
from kakehashi.samples import in_sector_fraction, postselect, split_shots


@given(n_orb=st.integers(1, 128), seed=st.integers(0, 2**32))
def test_splitting_gives_the_two_halves_of_every_shot(n_orb, seed):
    shots = Shots.from_matrix(np.random.default_rng(seed).random((5, 2 * n_orb)) < 0.5)
    alpha, beta = split_shots(shots, n_orb=n_orb)
    matrix = shots.to_matrix()
    # Unpacked at full width, so that a bit that strays beyond n_orb is seen too.
    padding = np.zeros((shots.n_distinct, 128 - n_orb), dtype=bool)
    np.testing.assert_array_equal(unpack_strings(alpha, 128), np.hstack([matrix[:, :n_orb], padding]))
    np.testing.assert_array_equal(unpack_strings(beta, 128), np.hstack([matrix[:, n_orb:], padding]))


@given(n_orb=st.integers(1, 5), seed=st.integers(0, 2**32), data=st.data())
def test_kept_are_exactly_the_shots_with_the_right_numbers(n_orb, seed, data):
    n_elec = data.draw(st.tuples(st.integers(0, n_orb), st.integers(0, n_orb)))
    matrix = np.random.default_rng(seed).random((50, 2 * n_orb)) < 0.5
    shots = Shots.from_matrix(matrix)
    good = (matrix[:, :n_orb].sum(axis=1) == n_elec[0]) & (matrix[:, n_orb:].sum(axis=1) == n_elec[1])

    kept = postselect(shots, n_orb=n_orb, n_elec=n_elec)
    assert in_sector_fraction(shots, n_orb=n_orb, n_elec=n_elec) == pytest.approx(good.mean())
    rows = np.hstack([unpack_strings(kept.alpha, n_orb), unpack_strings(kept.beta, n_orb)])
    expected, counts = np.unique(matrix[good], axis=0, return_counts=True)
    found = {tuple(row): weight for row, weight in zip(rows.tolist(), kept.weights, strict=True)}
    assert set(found) == {tuple(row) for row in expected.tolist()}
    for row, count in zip(expected.tolist(), counts, strict=True):
        assert found[tuple(row)] == pytest.approx(count / good.sum())


def test_no_valid_shot_gives_no_configuration():
    shots = Shots.from_matrix(np.zeros((3, 8), dtype=bool))
    assert len(postselect(shots, n_orb=4, n_elec=(2, 2))) == 0
    assert in_sector_fraction(shots, n_orb=4, n_elec=(2, 2)) == 0.0


def test_no_shots_at_all():
    shots = Shots.from_matrix(np.zeros((0, 8), dtype=bool))
    assert len(postselect(shots, n_orb=4, n_elec=(2, 2))) == 0
    assert in_sector_fraction(shots, n_orb=4, n_elec=(2, 2)) == 0.0


def test_shots_of_another_width_are_refused_in_words():
    shots = Shots.from_matrix(np.zeros((1, 30), dtype=bool))
    with pytest.raises(InputError, match="have 30 qubits, but 16 orbitals need 32"):
        postselect(shots, n_orb=16, n_elec=(5, 5))


def test_more_orbitals_than_supported():
    shots = Shots.from_matrix(np.zeros((1, 258), dtype=bool))
    with pytest.raises(InputError, match="At most 128 orbitals"):
        split_shots(shots, n_orb=129)


def test_impossible_electron_numbers():
    shots = Shots.from_matrix(np.zeros((1, 4), dtype=bool))
    with pytest.raises(InputError, match="3 alpha electrons do not fit into 2 orbitals"):
        in_sector_fraction(shots, n_orb=2, n_elec=(3, 1))
