"""Interaction pairs of the lattices."""

import ffsim
import pytest

from kakehashi.circuit.connectivity import CONNECTIVITIES, interaction_pairs
from kakehashi.core.errors import InputError


@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
@pytest.mark.parametrize("n_orb", [1, 2, 5, 16])
def test_pairs_are_ffsims(n_orb, connectivity):
    theirs = ffsim.variational.util.interaction_pairs_spin_balanced(connectivity, n_orb)
    assert interaction_pairs(n_orb, connectivity) == tuple(theirs)


def test_heavy_hex_joins_every_fourth_orbital():
    same, opposite = interaction_pairs(10, "heavy-hex")
    assert opposite == [(0, 0), (4, 4), (8, 8)]
    assert len(same) == 9


def test_unknown_lattice():
    with pytest.raises(InputError, match="heavy-hex, square, all-to-all"):
        interaction_pairs(4, "torus")
