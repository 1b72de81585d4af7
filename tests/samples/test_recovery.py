import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kakehashi.core.bits import count_electrons, lowest_string, unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.device.model import Shots
from kakehashi.samples import flip_weights, initial_occupancies, postselect, recover_configurations
from kakehashi.samples import recovery as recovery_module


def sequential_draw(weights, k):
    """Probability of every k-subset under draws one after the other by weight: the definition, slowly."""
    found: dict[frozenset[int], float] = {}
    for order in itertools.permutations(range(len(weights)), k):
        left, probability = sum(weights), 1.0
        for i in order:
            probability *= weights[i] / left
            left -= weights[i]
        found[frozenset(order)] = found.get(frozenset(order), 0.0) + probability
    return found


def shots_of(text, n):
    """``n`` equal shots; the text reads like a bit string, qubit 0 on the right."""
    row = np.array([[c == "1" for c in reversed(text)]])
    return Shots.from_matrix(row, counts=np.array([n]))


@st.composite
def noisy_shots(draw):
    n_orb = draw(st.integers(1, 128))
    n_elec = draw(st.tuples(st.integers(0, n_orb), st.integers(0, n_orb)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    matrix = rng.random((int(rng.integers(1, 30)), 2 * n_orb)) < draw(st.floats(0, 1))
    occupancies = rng.random((2, n_orb))
    extreme = rng.random((2, n_orb)) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    occupancies[extreme] = np.round(occupancies[extreme])
    return Shots.from_matrix(matrix), n_orb, n_elec, occupancies


@given(noisy_shots(), st.integers(0, 2**32))
def test_every_configuration_has_the_right_numbers_whatever_the_shots(case, seed):
    shots, n_orb, n_elec, occupancies = case
    recovered = recover_configurations(shots, n_elec=n_elec, occupancies=occupancies, rng=seed)
    assert (count_electrons(recovered.alpha) == n_elec[0]).all()
    assert (count_electrons(recovered.beta) == n_elec[1]).all()
    assert unpack_strings(recovered.alpha, 128)[:, n_orb:].sum() == 0
    assert unpack_strings(recovered.beta, 128)[:, n_orb:].sum() == 0
    assert recovered.weights.sum() == pytest.approx(1)
    assert 1 <= len(recovered) <= shots.n_shots


@given(noisy_shots(), st.integers(0, 2**32))
def test_no_more_bits_are_flipped_than_needed(case, seed):
    shots, n_orb, n_elec, occupancies = case
    matrix = shots.to_matrix()[:1]
    one = Shots.from_matrix(matrix)
    recovered = recover_configurations(one, n_elec=n_elec, occupancies=occupancies, rng=seed)
    after = np.hstack([unpack_strings(recovered.alpha, n_orb), unpack_strings(recovered.beta, n_orb)])
    for spin, target in enumerate(n_elec):
        part = slice(spin * n_orb, (spin + 1) * n_orb)
        changed = (matrix[0, part] != after[0, part]).sum()
        assert changed == abs(int(matrix[0, part].sum()) - target)


def test_shots_in_the_sector_stay_as_they_are():
    rng = np.random.default_rng(3)
    shots = Shots.from_matrix(rng.random((500, 8)) < 0.5)
    kept = postselect(shots, n_orb=4, n_elec=(2, 2))
    rows = np.hstack([unpack_strings(kept.alpha, 4), unpack_strings(kept.beta, 4)])
    counts = np.rint(kept.weights * 1000).astype(np.int64)
    inside = Shots.from_matrix(rows, counts=counts)
    recovered = recover_configurations(inside, n_elec=(2, 2), occupancies=rng.random((2, 4)), rng=1)
    np.testing.assert_array_equal(recovered.alpha, kept.alpha)
    np.testing.assert_array_equal(recovered.beta, kept.beta)
    np.testing.assert_allclose(recovered.weights, counts / counts.sum())


@pytest.mark.parametrize(
    ("text", "n_elec"),
    [("11111111", (2, 3)), ("00000000", (3, 1)), ("01110001", (3, 1))],
)
def test_draws_follow_the_definition(text, n_elec):
    rng = np.random.default_rng(11)
    occupancies = rng.random((2, 4))
    n = 40_000
    recovered = recover_configurations(shots_of(text, n), n_elec=n_elec, occupancies=occupancies, rng=5)

    bits = np.array([c == "1" for c in reversed(text)])
    expected: dict[tuple[int, int], float] = {(0, 0): 1.0}
    strings = []
    for spin in range(2):
        part = bits[4 * spin : 4 * spin + 4]
        fill, empty = flip_weights(occupancies[spin], n_electrons=n_elec[spin])
        excess = int(part.sum()) - n_elec[spin]
        weights, candidates = (empty, part) if excess > 0 else (fill, ~part)
        where = np.flatnonzero(candidates)
        outcomes = {}
        for subset, p in sequential_draw(weights[where], abs(excess)).items():
            flipped = part.copy()
            flipped[where[sorted(subset)]] ^= True
            outcomes[int((flipped * 2 ** np.arange(4)).sum())] = p
        strings.append(outcomes)
    expected = {(a, b): p * q for a, p in strings[0].items() for b, q in strings[1].items()}

    pairs = zip(recovered.alpha[:, 0], recovered.beta[:, 0], strict=True)
    observed = dict(zip(((int(a), int(b)) for a, b in pairs), recovered.weights * n, strict=True))
    assert set(observed) <= set(expected)
    keys = [key for key, p in expected.items() if p * n > 5]
    rest = 1 - sum(expected[key] for key in keys)
    f_obs = [observed.get(key, 0) for key in keys] + [n - sum(observed.get(key, 0) for key in keys)]
    f_exp = [expected[key] * n for key in keys] + [rest * n]
    if rest * n < 5:
        f_obs, f_exp = f_obs[:-1], np.array(f_exp[:-1]) * sum(f_obs[:-1]) / sum(f_exp[:-1])
    assert stats.chisquare(f_obs, f_exp).pvalue > 1e-4


def test_flip_weights_are_the_modified_relu():
    occupancies = np.array([0.0, 0.125, 0.25, 0.625, 1.0, 0.5, 0.2, 0.1])
    fill, empty = flip_weights(occupancies, n_electrons=2)  # corner at 1/4
    np.testing.assert_allclose(fill[:5], [0, 0.005, 0.01, 0.505, 1])
    # For emptying the deviation is 1 - occupancy and the corner lies at 3/4.
    np.testing.assert_allclose(empty[:5], [1, 0.505, 0.01, 0.005, 0])


@pytest.mark.parametrize("n_electrons", [0, 3])
def test_flip_weights_of_an_empty_and_of_a_full_shell_are_finite(n_electrons):
    for weights in flip_weights(np.array([0.0, 0.4, 1.0]), n_electrons=n_electrons):
        assert np.isfinite(weights).all()
        assert (weights >= 0).all()
        assert (weights <= 1).all()


def test_orbitals_that_must_not_flip_do_so_only_as_a_last_resort():
    # Two electrons are missing; only orbital 3 is said to be occupied, so the other flip is anybody's.
    occupancies = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    recovered = recover_configurations(shots_of("00000000", 3000), n_elec=(2, 0), occupancies=occupancies, rng=2)
    filled = unpack_strings(recovered.alpha, 4)
    assert filled[:, 3].all()
    assert len(recovered) == 3
    np.testing.assert_allclose(recovered.weights, 1 / 3, atol=0.05)


def test_no_valid_shot_is_recovered_from_the_first_guess():
    n_orb, n_elec = 26, (5, 5)
    shots = Shots.from_matrix(np.random.default_rng(0).random((2000, 2 * n_orb)) < 0.5)
    assert len(postselect(shots, n_orb=n_orb, n_elec=n_elec)) == 0
    occupancies = initial_occupancies(n_orb=n_orb, n_elec=n_elec)
    recovered = recover_configurations(shots, n_elec=n_elec, occupancies=occupancies, rng=1)
    assert len(recovered) > 1900  # diverse: not all became the Hartree-Fock determinant
    in_lowest = unpack_strings(recovered.alpha, n_orb)[:, :5].sum(axis=1).mean()
    assert in_lowest > 2.4  # a uniform string of 5 in 26 has 0.96 there; an unbiased shot keeps its 2.5


def test_a_repeated_shot_is_repaired_for_each_of_its_counts():
    occupancies = np.full((2, 4), 0.5)
    shots = shots_of("00110000", 1000)
    recovered = recover_configurations(shots, n_elec=(2, 2), occupancies=occupancies, rng=1)
    assert len(recovered) == 6
    np.testing.assert_allclose(recovered.weights, 1 / 6, atol=0.05)


def test_counts_beyond_the_budget_are_shared_and_weights_kept(monkeypatch):
    monkeypatch.setattr(recovery_module, "MAX_DRAWS", 500)
    row = np.array([[1, 0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0]], dtype=bool)
    shots = Shots.from_matrix(row, counts=np.array([10**9, 3 * 10**9]))
    recovered = recover_configurations(shots, n_elec=(1, 1), occupancies=np.array([[0, 0, 1, 1], [1, 0, 0, 0]]), rng=1)
    weights = dict(zip(recovered.alpha[:, 0].tolist(), recovered.weights, strict=True))
    assert weights[1] == pytest.approx(0.25)
    assert weights[4] + weights[8] == pytest.approx(0.75)


def test_many_rows_cross_the_chunks_intact():
    n_orb = 10
    shots = Shots.from_matrix(np.random.default_rng(0).random((3 * recovery_module.CHUNK, 2 * n_orb)) < 0.5)
    recovered = recover_configurations(shots, n_elec=(3, 7), occupancies=np.full((2, n_orb), 0.5), rng=1)
    assert (count_electrons(recovered.beta) == 7).all()


def test_equal_seeds_give_equal_results_and_others_not():
    shots = Shots.from_matrix(np.random.default_rng(0).random((200, 20)) < 0.5)
    occupancies = np.full((2, 10), 0.3)
    one, two, other = (
        recover_configurations(shots, n_elec=(3, 3), occupancies=occupancies, rng=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.alpha, two.alpha)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert len(one) != len(other) or (one.alpha != other.alpha).any()


def test_shots_are_not_changed():
    shots = Shots.from_matrix(np.random.default_rng(0).random((50, 20)) < 0.5)
    before = shots.bits.copy()
    recover_configurations(shots, n_elec=(3, 3), occupancies=np.full((2, 10), 0.3), rng=0)
    np.testing.assert_array_equal(shots.bits, before)


def test_no_shots_give_no_configurations():
    shots = Shots.from_matrix(np.zeros((0, 4), dtype=bool))
    assert len(recover_configurations(shots, n_elec=(1, 1), occupancies=np.full((2, 2), 0.5), rng=0)) == 0


def test_first_guess_fills_the_lowest_orbitals():
    guess = initial_occupancies(n_orb=5, n_elec=(3, 0))
    np.testing.assert_array_equal(guess, [[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    assert unpack_strings(lowest_string(3), 5)[0].tolist() == (guess[0] > 0).tolist()


@pytest.mark.parametrize(
    ("occupancies", "n_elec", "message"),
    [
        (np.zeros(4), (1, 1), r"shape \(2, n_orb\)"),
        (np.zeros((2, 0)), (0, 0), r"shape \(2, n_orb\)"),
        (np.full((2, 2), 1.1), (1, 1), "between 0 and 1"),
        (np.full((2, 2), -0.1), (1, 1), "between 0 and 1"),
        (np.full((2, 2), np.nan), (1, 1), "between 0 and 1"),
        (np.zeros((2, 3)), (1, 1), "have 4 qubits, but 3 orbitals need 6"),
        (np.zeros((2, 2)), (3, 1), "3 alpha electrons do not fit"),
    ],
)
def test_bad_arguments_are_refused_in_words(occupancies, n_elec, message):
    shots = Shots.from_matrix(np.zeros((1, 4), dtype=bool))
    with pytest.raises(InputError, match=message):
        recover_configurations(shots, n_elec=n_elec, occupancies=occupancies, rng=0)


def test_occupancies_beyond_the_interval_by_rounding_are_fine():
    shots = Shots.from_matrix(np.zeros((1, 4), dtype=bool))
    occupancies = np.array([[1 + 1e-9, -1e-9], [1.0, 0.0]])
    recovered = recover_configurations(shots, n_elec=(1, 1), occupancies=occupancies, rng=0)
    assert recovered.alpha[0, 0] == 1
