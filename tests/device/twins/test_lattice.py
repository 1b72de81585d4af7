"""Lattices against the published coupling maps and the numbering rules of the topology files."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.twins.lattice import cell_number, cell_place, greedy_layers, heavy_hex_lattice, square_lattice


@pytest.mark.parametrize(("side", "n_edges", "n_lines"), [(8, 112, 16), (12, 264, 36), (16, 480, 64), (32, 1984, 256)])
def test_square_lattices_have_the_announced_numbers(side, n_edges, n_lines):
    lattice = square_lattice(side)
    assert lattice.n_qubits == side**2
    assert len(lattice.edges) == n_edges == 2 * side * (side - 1)
    assert np.bincount(lattice.readout_line).tolist() == [4] * n_lines
    assert len({tuple(sorted(edge)) for edge in lattice.edges.tolist()}) == n_edges
    steps = np.abs(np.diff(lattice.positions[lattice.edges], axis=1)).sum(axis=(1, 2))
    assert (steps == 1).all()


def test_controls_and_targets_form_a_checkerboard():
    lattice = square_lattice(12)
    parity = lattice.positions.sum(axis=1) % 2
    assert (parity[lattice.edges[:, 0]] == 0).all()
    assert (parity[lattice.edges[:, 1]] == 1).all()
    assert set((lattice.edges[:, 0] % 4).tolist()) == {0, 3}


def test_the_couplings_of_the_public_calibrations_are_there_in_their_direction():
    """Physical numbers of the example files of device-gateway and oqtopus-engine (Apache-2.0), chip of 64 qubits."""
    first = {(0, 2), (3, 2)}
    second = {(16, 17), (16, 18), (19, 22), (19, 17), (19, 18), (20, 22), (20, 21), (20, 17), (23, 21), (23, 22)}
    edges = set(map(tuple, square_lattice(8).edges.tolist()))
    assert first | second <= edges


@given(st.sampled_from([4, 8, 12, 16, 32]), st.data())
def test_numbers_and_places_are_inverse(side, data):
    number = data.draw(st.integers(0, side**2 - 1))
    assert cell_number(*cell_place(number, side=side), side=side) == number


def test_heavy_hex_is_that_of_ibm_fez():
    provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    published = {tuple(sorted(edge)) for edge in provider.FakeFez().coupling_map}
    assert set(map(tuple, heavy_hex_lattice().edges.tolist())) == published


def test_heavy_hex_is_that_of_ibm_kobe():
    """SHA-256 of the sorted edges and of the layers in include/tnbp/device/ibm_kobe.h, commit 3327fef8, as JSON."""
    lattice = heavy_hex_lattice()
    layers = greedy_layers(lattice.edges)
    assert lattice.edges[lattice.edges[:, 0] == 15].tolist() == [[15, 19]]
    assert lattice.edges[-1].tolist() == [154, 155]
    assert [len(layer) for layer in layers] == [64, 60, 52]
    for layer in layers:
        qubits = np.ravel(layer)
        assert len(set(qubits.tolist())) == len(qubits)
    digest = hashlib.sha256(json.dumps([lattice.edges.tolist(), layers], separators=(",", ":")).encode()).hexdigest()
    assert digest == "bf9afa8df660e9180d63882010421b98857ea9d92a74c0a7834586f2ac7983ea"


def test_impossible_sizes_are_refused():
    with pytest.raises(InputError, match="must be even and at least 2, but is 7"):
        square_lattice(7)
    with pytest.raises(InputError, match="8 rows of 15 were asked for"):
        heavy_hex_lattice(row_length=15)
