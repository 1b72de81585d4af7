import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.problem.centres import Shells, find_centres, spin_patterns
from kakehashi.problem.lattice import anderson, hubbard
from kakehashi.problem.model import Hamiltonian


def atoms(n_atoms, n_shell, *, repulsion=1.0, exchange=0.05, hopping=0.1, bridge=0.3):
    """A row of atoms with a shell of orbitals each; behind each but the last sits one orbital that repels less."""
    sizes = [n_shell, 1] * (n_atoms - 1) + [n_shell]
    atom = np.repeat(np.arange(len(sizes)), sizes)
    n = len(atom)
    two_body = np.zeros((n,) * 4)
    for p, q in np.ndindex(n, n):
        power = np.sqrt((repulsion if atom[p] % 2 == 0 else bridge) * (repulsion if atom[q] % 2 == 0 else bridge))
        if p != q:
            two_body[p, p, q, q] = 0.5 * power
            strength = exchange if atom[p] == atom[q] else 0.005
            for index in ((p, q, p, q), (p, q, q, p)):
                two_body[index] = strength * power
        else:
            two_body[p, p, p, p] = power
    one_body = np.array([0.0, -hopping, -hopping / 2, 0.0, 0.0])[np.abs(atom[:, None] - atom)]
    return Hamiltonian(one_body=one_body, two_body=two_body)


def shuffled(hamiltonian, order):
    return hamiltonian.rotate(np.eye(hamiltonian.n_orb)[:, order])


def test_shells_of_atoms_are_found_and_what_bridges_them_is_not():
    hamiltonian = atoms(2, 3)  # 0-2, bridge 3, 4-6
    # 8 electrons: two in the bridge, one in each of six orbitals.
    assert find_centres(hamiltonian, (4, 4)) == ((0, 1, 2), (4, 5, 6))
    assert find_centres(hamiltonian, (7, 1)) == ((0, 1, 2), (4, 5, 6))
    # Equivalent atoms are open together, also where one has room enough.
    assert find_centres(hamiltonian, (6, 5)) == ((0, 1, 2), (4, 5, 6))


def test_the_numbers_of_the_orbitals_do_not_matter():
    hamiltonian, order = atoms(2, 2), [3, 0, 4, 2, 1]
    found = find_centres(shuffled(hamiltonian, order), (3, 3))
    expected = {frozenset(order.index(p) for p in centre) for centre in find_centres(hamiltonian, (3, 3))}
    assert {frozenset(centre) for centre in found} == expected
    assert found == tuple(sorted(tuple(sorted(centre)) for centre in found))


@pytest.mark.parametrize(
    ("make", "n_elec", "expected"),
    [
        (lambda: hubbard(3, u=4.0, n_elec=(1, 1)), (2, 1), ((0,), (1,), (2,))),
        (lambda: hubbard(3, u=4.0, n_elec=(1, 1)), (3, 3), ()),  # all full
        (lambda: hubbard(3, u=4.0, n_elec=(1, 1)), (1, 0), ((0,), (1,), (2,))),
        (lambda: hubbard(3, u=0.0, n_elec=(1, 1)), (2, 1), ((0,), (1,), (2,))),
        (lambda: hubbard(3, u=-4.0, n_elec=(1, 1)), (2, 1), ((0,), (1,), (2,))),
        (
            lambda: anderson(u=4.0, epsilon=-2.0, hybridisation=(0.1, 0.1), bath=(-1.0, 1.0), n_elec=(1, 1)),
            (3, 2),
            ((0,),),
        ),
    ],
)
def test_open_sites_of_lattices(make, n_elec, expected):
    assert find_centres(make().hamiltonian, n_elec) == expected


def test_delocalised_orbitals_are_one_group():
    waves = hubbard(4, u=4.0, n_elec=(2, 2), basis="standing_wave")
    assert find_centres(waves.hamiltonian, (2, 2)) == ((0, 1, 2, 3),)


@pytest.mark.parametrize("n_sites", [4, 8, 20])  # of 20 not all patterns are looked at
def test_spins_of_neighbours_are_opposite_first(n_sites):
    half = n_sites // 2
    problem = hubbard(n_sites, u=8.0, n_elec=(half, half))
    patterns = spin_patterns(problem.hamiltonian, problem.n_elec, [[p] for p in range(n_sites)], n_patterns=5, rng=1)
    alternating = [(p % 2 == 0) == (patterns[0][0]) for p in range(n_sites)]
    assert list(patterns[0]) == alternating
    assert len(set(patterns)) == len(patterns)
    assert all(sum(pattern) == half for pattern in patterns)


def test_all_patterns_are_listed_once():
    problem = hubbard(6, u=8.0, n_elec=(3, 3))
    patterns = spin_patterns(problem.hamiltonian, (3, 3), [[p] for p in range(6)], n_patterns=100)
    assert len(set(patterns)) == len(patterns) == 10  # 6! / (3! 3!) / 2
    assert all(tuple(not up for up in pattern) not in patterns for pattern in patterns)
    more_up = spin_patterns(problem.hamiltonian, (4, 2), [[p] for p in range(6)], n_patterns=100)
    assert len(more_up) == 15
    assert all(sum(pattern) == 4 for pattern in more_up)
    fewer_up = spin_patterns(problem.hamiltonian, (2, 4), [[p] for p in range(6)], n_patterns=100)
    assert {tuple(not up for up in pattern) for pattern in fewer_up} == set(more_up)


def test_shells_of_different_size_are_combined_as_the_spin_demands():
    hamiltonian = atoms(3, 2)  # 0-1, 2, 3-4, 5, 6-7
    centres = ((0, 1), (3, 4), (6, 7))
    assert spin_patterns(hamiltonian, (6, 4), centres)[0] == (True, False, True)
    assert spin_patterns(hamiltonian, (8, 2), centres) == ((True, True, True),)
    uneven = spin_patterns(hamiltonian, (6, 6), ((0, 1), (3,), (4,)), n_patterns=9)
    assert uneven == ((True, False, False),)


def test_the_strongest_hopping_decides():
    one_body = np.zeros((4, 4))
    one_body[0, 2] = one_body[2, 0] = one_body[1, 3] = one_body[3, 1] = -1.0
    one_body[0, 1] = one_body[1, 0] = -0.1
    two_body = np.zeros((4,) * 4)
    for p in range(4):
        two_body[p, p, p, p] = 8.0
    hamiltonian = Hamiltonian(one_body=one_body, two_body=two_body)
    patterns = spin_patterns(hamiltonian, (2, 2), [[0], [1], [2], [3]])
    assert patterns == ((True, False, False, True), (True, True, False, False), (True, False, True, False))


def test_without_centres_there_is_no_pattern():
    assert spin_patterns(hubbard(2, u=1.0, n_elec=(2, 2)).hamiltonian, (2, 2), ()) == ()


def test_centres_may_be_an_array():
    hamiltonian = hubbard(4, u=4.0, n_elec=(2, 2)).hamiltonian
    assert spin_patterns(hamiltonian, (2, 2), np.arange(4)[:, None], n_patterns=1) == ((True, False, True, False),)


@pytest.mark.parametrize(
    ("n_elec", "centres", "options", "message"),
    [
        ((4, 1), [[0]], {}, "4 alpha electrons do not fit"),
        (
            (1, 1),
            [[0], [0]],
            {},
            r"`centres` must be groups of different orbitals from 0 to 2, but is \[\[0\], \[0\]\]",
        ),
        ((1, 1), [[0, 0]], {}, "must be groups of different orbitals"),
        ((1, 1), [[0], [3]], {}, "from 0 to 2"),
        ((1, 1), [[-1]], {}, "from 0 to 2"),
        ((1, 1), [[0], []], {}, "must be groups of different orbitals"),
        ((1, 1), [[0]], {"n_patterns": 0}, "`n_patterns` must be at least 1, but is 0"),
    ],
)
def test_impossible_centres_are_refused(n_elec, centres, options, message):
    with pytest.raises(InputError, match=message):
        spin_patterns(hubbard(3, u=1.0, n_elec=(1, 1)).hamiltonian, n_elec, centres, **options)


def test_more_electrons_than_fit_are_refused():
    with pytest.raises(InputError, match="3 beta electrons do not fit into 2 orbitals"):
        find_centres(hubbard(2, u=1.0, n_elec=(1, 1)).hamiltonian, (1, 3))


@settings(max_examples=60)
@given(st.data())
def test_a_start_holds_all_electrons_and_no_more_than_one_in_each_orbital(data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    n = sum(sizes)
    n_elec = data.draw(st.tuples(st.integers(0, n), st.integers(0, n)).filter(any))
    pattern = np.array(data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes))))
    rng = data.draw(st.sampled_from([None, 1, 2]))
    groups = np.split(np.arange(n), np.cumsum(sizes)[:-1])
    hamiltonian = Hamiltonian(one_body=np.zeros((n, n)), two_body=np.zeros((n,) * 4))
    shells = Shells(hamiltonian, n_elec, [group.tolist() for group in groups])
    densities = shells.densities(pattern, None if rng is None else np.random.default_rng(rng))
    np.testing.assert_allclose(densities, densities.transpose(0, 2, 1), atol=1e-12)
    np.testing.assert_allclose(np.trace(densities, axis1=1, axis2=2), n_elec, atol=1e-9)
    occupations = np.linalg.eigvalsh(densities)
    assert occupations.min() > -1e-9
    assert occupations.max() < 1 + 1e-9
    if rng is None:
        own = [
            np.concatenate([g for g, up in zip(groups, pattern, strict=True) if up == spin] or [[]]) for spin in (1, 0)
        ]
        for density, count, members in zip(densities, n_elec, own, strict=True):
            inside = density.diagonal()[members.astype(int)].sum()
            assert inside == pytest.approx(min(count, len(members)), abs=1e-9)


def test_orbitals_outside_the_centres_are_full_or_where_electrons_are_few_empty():
    hamiltonian = Hamiltonian(one_body=np.zeros((4, 4)), two_body=np.zeros((4,) * 4))
    full = Shells(hamiltonian, (3, 3), [[0], [2]]).densities(np.array([True, False]), None)
    assert full[0].diagonal().tolist() == [1.0, 1.0, 0.0, 1.0]
    assert full[1].diagonal().tolist() == [0.0, 1.0, 1.0, 1.0]
    empty = Shells(hamiltonian, (1, 1), [[0], [2]]).densities(np.array([True, False]), None)
    assert empty[0].diagonal().tolist() == [1.0, 0.0, 0.0, 0.0]
    assert empty[1].diagonal().tolist() == [0.0, 0.0, 1.0, 0.0]


def test_a_second_turn_of_a_pattern_starts_elsewhere():
    problem = hubbard(4, u=4.0, n_elec=(2, 2))
    shells = Shells(problem.hamiltonian, (2, 2), [[0], [1], [2], [3]])
    pattern = np.array([True, False, True, False])
    first, second = shells.densities(pattern, None), shells.densities(pattern, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.eigvalsh(first), np.linalg.eigvalsh(second), atol=1e-12)
    assert np.linalg.norm(first - second) > 0.1
