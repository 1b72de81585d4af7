"""Rungs that a processor has no room for are left out, and nothing else."""

import ffsim
import numpy as np

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.model import Circuit
from kakehashi.device.sector.fitted import fit_rungs, without_rungs
from kakehashi.device.twins.library import load_twin


def ansatz(n_orb, *, balanced=True):
    same, rungs = interaction_pairs(n_orb, "heavy-hex")
    if balanced:
        operator = ffsim.random.random_ucj_op_spin_balanced(n_orb, n_reps=2, interaction_pairs=(same, rungs), seed=1)
    else:
        operator = ffsim.random.random_ucj_op_spin_unbalanced(n_orb, interaction_pairs=(same, rungs, same), seed=1)
    return Circuit(n_orb=n_orb, n_elec=(2, 2), operator=operator, settings={"ansatz": "lucj"})


def test_all_rungs_stay_where_there_is_room():
    circuit = ansatz(8)
    fitted, changes = fit_rungs(circuit, load_twin("fujitsu-256"))
    assert fitted is circuit
    assert changes == ()
    bare = Circuit(n_orb=4, n_elec=(2, 2))
    assert fit_rungs(bare, load_twin("ibm-kobe")) == (bare, ())


def test_rungs_without_room_are_left_out():
    circuit = ansatz(16)
    fitted, (change,) = fit_rungs(circuit, load_twin("fake-fez"))
    assert fitted.settings["left_out_rungs"] == [8]
    assert "3 of 4" in change
    assert "orbitals 8 were" in change


def test_nothing_else_changes():
    for circuit in (ansatz(8), ansatz(8, balanced=False)):
        fewer = without_rungs(circuit, [4])
        before, after = np.array(circuit.operator.diag_coulomb_mats), np.array(fewer.operator.diag_coulomb_mats)
        changed = np.argwhere(before != after)
        assert {tuple(row[1:]) for row in changed.tolist()} == {(1, 4, 4)}
        np.testing.assert_array_equal(circuit.operator.orbital_rotations, fewer.operator.orbital_rotations)
        assert fewer.settings == {"ansatz": "lucj", "left_out_rungs": [4]}
