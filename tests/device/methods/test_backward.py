"""Only what matters is kept, and what is kept gives the same answer."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.device.methods.backward import Letters, keep_what_matters, letters_of
from kakehashi.device.noise.model import PauliChannel


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def names(steps):
    return [getattr(step, "name", "channel") for step in steps]


def test_a_gate_that_commutes_with_what_was_collected_is_dropped():
    steps = [
        gate("rzz", 1, 2, parameters=(0.3,)),
        gate("rzz", 0, 1, parameters=(0.3,)),
        gate("rx", 0, parameters=(1.0,)),
    ]
    letters = letters_of(3, ((0, "Z"),))
    # RZZ on (1, 2) commutes with RZZ on (0, 1), so that qubit 2 stays outside.
    assert names(keep_what_matters(steps, letters)) == ["rzz", "rx"]
    assert letters.masks[2] == 1


def test_compiled_gates_keep_the_axis():
    # CX by H, CZ, H: the observable Z on the control stays Z all the way, as for CX itself.
    steps = [gate("cx", 0, 1), gate("h", 1), gate("cz", 0, 1), gate("h", 1)]
    assert keep_what_matters(steps, letters_of(2, ((0, "Z"),))) == []


def test_channels_get_narrower_at_the_rim():
    p = np.full(16, 0.01)
    p[0] += 1 - p.sum()
    kept = keep_what_matters([PauliChannel(qubits=(0, 1), probabilities=p)], letters_of(2, ((1, "Z"),)))
    assert kept[0].qubits == (1,)
    assert kept[0].probabilities == pytest.approx([0.88, 0.04, 0.04, 0.04])


def test_a_reset_ends_the_cone():
    letters = letters_of(2, ((0, "Z"),))
    assert names(keep_what_matters([gate("cx", 1, 0), gate("reset", 0), gate("x", 0)], letters)) == ["reset", "x"]
    assert letters.masks == [1, 1]


def test_a_condition_makes_its_bit_needed():
    steps = [gate("h", 1), gate("measure", 1, bits=(0,)), gate("x", 0, condition=(0, 1))]
    assert names(keep_what_matters(steps, letters_of(2, ((0, "Z"),)))) == ["h", "measure", "x"]
    assert names(keep_what_matters(steps, letters_of(2, ((0, "X"),)))) == []


def test_an_overwritten_bit_does_not_matter():
    steps = [gate("h", 0), gate("measure", 0, bits=(0,)), gate("measure", 1, bits=(0,))]
    kept = keep_what_matters(steps, Letters(masks=[1, 1], needed_bits={0}))
    assert [step.qubits for step in kept] == [(1,)]
