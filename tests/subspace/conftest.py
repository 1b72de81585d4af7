"""Hamiltonians of the tests of determinants."""

from __future__ import annotations

import pytest
from tests.subspace.determinant_cases import CASES, embed
from tests.subspace.test_product import random_hamiltonian

from kakehashi.problem.model import Hamiltonian


@pytest.fixture(scope="module")
def hamiltonians() -> dict[str, Hamiltonian]:
    """Built once: 128 orbitals take two gigabytes while they are checked."""
    small = random_hamiltonian(6, seed=1)
    return {name: embed(small, n_orb, orbitals) for name, (n_orb, orbitals, _) in CASES.items() if n_orb < 100}
