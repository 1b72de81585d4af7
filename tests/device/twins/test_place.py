"""Places of graphs that are known."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.device.twins.lattice import heavy_hex_lattice, square_lattice
from kakehashi.device.twins.place import place_qubits


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=2)


@pytest.mark.parametrize("n_qubits", [1, 2, 3, 7])
def test_a_line_is_a_line(n_qubits):
    edges = np.array([[k, k + 1] for k in range(n_qubits - 1)], dtype=np.int64).reshape(-1, 2)
    found = place_qubits(n_qubits, edges)
    np.testing.assert_allclose(found, np.array([[k, 0.0] for k in range(n_qubits)]), atol=1e-3)


@pytest.mark.parametrize("lattice", [square_lattice(6), heavy_hex_lattice(n_rows=3, row_length=8), square_lattice(16)])
def test_joined_qubits_are_near_and_others_are_not(lattice):
    found = place_qubits(lattice.n_qubits, lattice.edges)
    apart = distances(found)
    joined = apart[lattice.edges[:, 0], lattice.edges[:, 1]]
    assert joined.max() / joined.min() < 1.8
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.6 * joined.min()
    assert found.min(axis=0).tolist() == [0.0, 0.0]


def test_parts_stand_beside_each_other():
    found = place_qubits(4, np.array([[0, 1], [2, 3]]))
    apart = distances(found)
    assert min(apart[0, 2], apart[0, 3], apart[1, 2], apart[1, 3]) > 1.2


def test_single_qubits_stand_in_a_row_below():
    found = place_qubits(5, np.array([[1, 3]]))
    np.testing.assert_allclose(found[[0, 2, 4]], [[0.0, 1.5], [1.0, 1.5], [2.0, 1.5]])


def test_places_do_not_depend_on_chance():
    lattice = square_lattice(6)
    np.testing.assert_array_equal(place_qubits(36, lattice.edges), place_qubits(36, lattice.edges))
