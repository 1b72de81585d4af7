from __future__ import annotations

import numpy as np
import pytest

from kakehashi.problem.lattice import hubbard
from kakehashi.samples.random import all_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.shards import pack_shard, shard_strings, unpack_shard


@pytest.mark.parametrize("n", [0, 1, 40])
def test_a_shard_holds_the_determinants_in_their_order(n: int) -> None:
    space = DeterminantSpace(hubbard(6, u=4.0, n_elec=(3, 2)).hamiltonian)
    rng = np.random.default_rng(n)
    alphas, betas = (all_strings(n_orb=6, n_electrons=k) for k in (3, 2))
    space.append(alphas[rng.integers(len(alphas), size=n)], betas[rng.integers(len(betas), size=n)])
    sizes = np.array([len(space), space.native.blocks.n_alphas, space.native.blocks.n_betas])
    buffer = pack_shard(space)
    assert buffer.nbytes == 8 * sizes[0] + 16 * (sizes[1] + sizes[2])
    shard = unpack_shard(buffer, sizes)
    for found, expected in zip(shard_strings(shard), space.strings(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(np.unique(shard[0], axis=0)) == sizes[1]


def test_numbers_that_name_no_string_are_refused() -> None:
    space = DeterminantSpace(hubbard(6, u=4.0, n_elec=(3, 2)).hamiltonian)
    strings = all_strings(n_orb=6, n_electrons=3)[:1], all_strings(n_orb=6, n_electrons=2)[:1]
    space.append(*strings)
    for wrong in (1, -1):
        numbers = np.array([wrong], dtype=np.int32)
        with pytest.raises(ValueError, match="no such alpha string"):
            space.native.blocks.build(0, *strings, numbers, np.zeros(1, dtype=np.int32), 0, 2**62)
