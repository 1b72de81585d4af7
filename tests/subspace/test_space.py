"""What every space offers and returns: the protocol, and densities against the slow twin."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from pyscf import fci
from tests.subspace.determinant_cases import CASES, case, make_space, normalized, random_determinants
from tests.subspace.test_product import random_hamiltonian

from kakehashi.problem.model import Hamiltonian, symmetrized_two_body
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.slow import determinant_densities_slow
from kakehashi.subspace.space import Space


@pytest.mark.parametrize("kind", [DeterminantSpace, DistributedSpace])
def test_what_a_space_does_is_said_once(kind: type[Space]) -> None:
    offered = [name for name, value in vars(Space).items() if name[0] != "_" and not isinstance(value, type)]
    assert {"n_own", "append", "apply", "look_outside"} <= set(offered)
    for name in offered:
        assert name in vars(kind), f"{kind.__name__} leaves {name} to the protocol"
        assert vars(kind)[name].__doc__ is None, f"{kind.__name__} says again what {name} does"
        assert inspect.getdoc(getattr(kind, name)) == inspect.getdoc(getattr(Space, name))
        if callable(getattr(kind, name)):
            assert inspect.signature(getattr(kind, name)) == inspect.signature(getattr(Space, name))


@pytest.mark.parametrize("name", ["narrow", "unequal", "no-beta", "no-alpha", "two-words"])
def test_densities_equal_slow_twin(kernels: str, name: str, hamiltonians: dict[str, Hamiltonian]) -> None:
    hamiltonian, determinants = case(name, hamiltonians, 60)
    space = make_space(hamiltonian, determinants)
    c = normalized(len(space))
    found = space.densities(c)
    _, orbitals, n_elec = CASES[name]
    one, two = determinant_densities_slow(*random_determinants(60, 6, n_elec, 3), 6, c)
    part = np.ix_(orbitals, orbitals)
    np.testing.assert_allclose(
        [found.one_body[spin][part] for spin in (0, 1)], (one + one.transpose(0, 2, 1)) / 2, atol=1e-12
    )
    two_body = found.two_body()
    np.testing.assert_allclose(two_body[np.ix_(*[orbitals] * 4)], symmetrized_two_body(two), atol=1e-12)
    assert [np.trace(spin) for spin in found.one_body] == pytest.approx(n_elec, abs=1e-12)
    n = sum(n_elec)
    assert np.einsum("ppqq", two_body) == pytest.approx(n * (n - 1), abs=1e-10)
    energy = np.vdot(hamiltonian.one_body, found.one_body.sum(axis=0)) + np.vdot(hamiltonian.two_body, two_body) / 2
    space.build(memory_budget_bytes=0)
    assert energy == pytest.approx(c @ space.apply(c), abs=1e-10)


def test_densities_of_a_full_space_are_pyscfs(kernels: str) -> None:
    sets = [all_strings(n_orb=5, n_electrons=n) for n in (3, 2)]
    alpha, beta = np.repeat(sets[0], 10, axis=0), np.tile(sets[1], (10, 1))
    c = normalized(100)
    found = make_space(random_hamiltonian(5, seed=1), (alpha, beta)).densities(c)
    one, two = fci.direct_spin1.make_rdm12s(c.reshape(10, 10), 5, (3, 2))
    np.testing.assert_allclose(found.one_body, one, atol=1e-12)
    summed = two[0] + two[2] + two[1] + two[1].transpose(2, 3, 0, 1)
    np.testing.assert_allclose(found.two_body(), symmetrized_two_body(summed), atol=1e-12)


def test_transition_densities_follow_from_those_of_sums() -> None:
    space = make_space(random_hamiltonian(5, seed=1), random_determinants(50, 5, (3, 2), 1))
    bra, ket = normalized(50, 1), normalized(50, 2)
    between = space.densities(bra, ket)
    both, left, right = (space.densities(c) for c in (bra + ket, bra, ket))
    for part in ("one_body", "pairs"):
        expected = (getattr(both, part) - getattr(left, part) - getattr(right, part)) / 2
        np.testing.assert_allclose(getattr(between, part), expected, atol=1e-12)
