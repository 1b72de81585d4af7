"""Fixtures of the native kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.subspace.determinant_cases import CASES, embed
from tests.subspace.test_product import random_hamiltonian

from kakehashi import _native
from kakehashi.problem.model import Hamiltonian


@pytest.fixture(params=["portable", "avx2", "avx512"])
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    if not _native.select_kernels(request.param):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    _native.select_kernels("widest")


@pytest.fixture(scope="module")
def hamiltonians() -> dict[str, Hamiltonian]:
    """Built once: 128 orbitals take two gigabytes while they are checked."""
    small = random_hamiltonian(6, seed=1)
    return {name: embed(small, n_orb, orbitals) for name, (n_orb, orbitals, _) in CASES.items() if n_orb < 100}
