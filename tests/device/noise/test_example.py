"""The example is a twin like any other."""

from __future__ import annotations

import numpy as np

from kakehashi.device.noise.example import line_twin


def test_the_line_is_a_line():
    twin = line_twin(6, zz_khz=20.0)
    assert twin.usable_edges.all()
    assert np.array_equal(np.diff(twin.edges, axis=1), np.ones((5, 1)))
    assert twin.readout_line.tolist() == [0, 0, 0, 0, 1, 1]
    assert twin.is_assumed


def test_one_qubit_has_no_edge():
    assert line_twin(1).edges.shape == (0, 2)
