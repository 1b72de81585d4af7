"""Packing, against qiskit's own."""

import numpy as np
import pytest
from qiskit.primitives import BitArray

from kakehashi.device.interfaces.registers import pack_register, shot_order
from kakehashi.device.model import Shots


@pytest.mark.parametrize("bits", [range(20), [3], [19, 0, 7], range(8), range(4, 13)])
def test_packed_bits_are_those_that_qiskit_packs(bits):
    rng = np.random.default_rng(1)
    shots = Shots.from_matrix(rng.random((50, 20)) < 0.5)
    chosen = shots.to_matrix()[:, list(bits)]
    expected = BitArray.from_bool_array(chosen, order="little")
    assert np.array_equal(pack_register(shots, bits), expected.array)


def test_the_order_holds_every_shot_once_and_depends_on_the_seed():
    shots = Shots.from_counts({"00": 5, "01": 3, "11": 2})
    one, same, other = (shot_order(shots, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(np.bincount(one), shots.counts)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
