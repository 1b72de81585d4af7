"""Measurements need what does not commute with them, and sweeps keep few qubits alive."""

from __future__ import annotations

import numpy as np
import pytest
from tests.device.methods.graphs import heavy_hex
from tests.device.methods.test_pauli_rotations import random_circuit

from kakehashi.device.methods.front_order import find_sweep, needed_rotations
from kakehashi.device.methods.pauli_rotations import PauliRotation, Unravelled, unravel


def layers(edges, n, count):
    """Rotations about X of all qubits and about ZZ of all pairs, in turns; those of pairs never come last."""
    rotations = []
    for layer in range(count):
        rotations += [PauliRotation((q,), (1,), 0.3, len(rotations) + q) for q in range(n)]
        if layer < count - 1:
            rotations += [PauliRotation(tuple(edge), (3, 3), 0.4, len(rotations) + k) for k, edge in enumerate(edges)]
    return Unravelled(n_qubits=n, rotations=tuple(rotations), measured=(3,) * n, flipped=(False,) * n)


def test_a_cone_is_a_ball():
    line = layers([(q, q + 1) for q in range(20)], 21, 4)
    cone = needed_rotations(line, most=21)[10]
    assert {q for number in cone for q in line.rotations[number].qubits} == set(range(7, 14))
    assert needed_rotations(line, most=6) is None


@pytest.mark.parametrize("seed", range(6))
def test_what_is_left_out_commutes_with_what_is_needed_later(seed):
    circuit = unravel(random_circuit(np.random.default_rng(seed), 5, 20))
    for qubit, cone in enumerate(needed_rotations(circuit, most=5)):
        assert cone == sorted(cone)
        for number, rotation in enumerate(circuit.rotations):
            if number not in cone:
                assert rotation.commutes_with((qubit,), (circuit.measured[qubit],))
                later = [circuit.rotations[k] for k in cone if k > number]
                assert all(rotation.commutes_with(other.qubits, other.letters) for other in later)


@pytest.mark.parametrize(("count", "width"), [(2, 7), (3, 14), (4, 17)])
def test_width_on_heavy_hex(count, width):
    edges = heavy_hex(156)
    edges = edges[1] if isinstance(edges, tuple) else edges
    sweep = find_sweep(layers(edges, 156, count), most=24)
    assert sweep.width <= width
    assert sorted(sweep.order) == list(range(156))
    done = [number for part in sweep.rotations for number in part]
    assert len(done) == len(set(done))


def test_no_sweep():
    everything = layers([(a, b) for a in range(12) for b in range(a)], 12, 3)
    assert find_sweep(everything, most=8) is None
    assert find_sweep(everything, most=12).width == 12
