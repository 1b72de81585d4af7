"""Programs of sweeps: bases, conditions on what was measured, and the signs that errors leave."""

from __future__ import annotations

import numpy as np
from tests.device.methods.test_pauli_rotations import gate

from kakehashi.device.methods.front_order import find_sweep
from kakehashi.device.methods.front_program import draw_signs, find_sign_effects, write_program
from kakehashi.device.methods.pauli_rotations import unravel
from kakehashi.device.noise.model import PauliChannel
from kakehashi.device.sampler.front import KNOWN, MEASURE, PARITY, SINGLE
from kakehashi.device.sampler.rotations import to_rotations


def written(steps, n):
    circuit = to_rotations(steps, n_qubits=n)
    plain = unravel(circuit)
    return circuit, write_program(plain, find_sweep(plain, most=n))


def test_a_chain_of_cx_needs_no_state():
    steps = [gate("ry", 0, parameters=(0.4,)), *(gate("cx", q, q + 1) for q in range(69))]
    _, program = written(steps, 70)
    kinds = program.program.code[:, 0].tolist()
    assert kinds.count(MEASURE) == 70
    assert (kinds.count(PARITY), kinds.count(KNOWN)) == (0, 69)
    assert program.program.width == 0


def test_bases_are_kept_until_another_is_needed():
    steps = [
        gate("rxx", 0, 1, parameters=(0.2,)),
        gate("rxx", 0, 1, parameters=(0.3,)),
        gate("rx", 0, parameters=(0.1,)),
    ]
    _, program = written(steps, 2)
    code = program.program.code
    # Into the basis of X before two rotations, and back for the measurement.
    assert (code[:, 0] == PARITY).sum() == 2
    assert ((code[:, 0] == SINGLE) & (code[:, 1] == 1)).sum() == 2


def test_errors_turn_signs_and_flip_results_beyond_64_qubits():
    n, bad = 70, 69
    flip = PauliChannel(qubits=(bad,), probabilities=np.array([0.0, 1.0, 0.0, 0.0]))  # X
    steps = [gate("rx", q, parameters=(0.3,)) for q in range(n)]
    steps += [
        flip,
        *(gate("rz", q, parameters=(0.5,)) for q in range(n)),
        *(gate("rx", q, parameters=(0.2,)) for q in range(n)),
    ]
    circuit, program = written(steps, n)
    signs, flips = draw_signs(circuit, program, find_sign_effects(circuit, program), 5, np.random.default_rng(1))
    plain = unravel(circuit)
    turned = {
        plain.rotations[k].qubits
        for k, r in enumerate(plain.rotations)
        if r.source in program.sources[signs.any(axis=1)]
    }
    assert turned == {(bad,)}
    assert flips[bad].all()
    assert not np.delete(flips, bad, axis=0).any()
    assert (signs[signs.any(axis=1)] == 1).all()


def test_without_errors_there_are_no_signs():
    circuit, program = written([gate("x", 0), gate("rx", 0, parameters=(0.1,))], 1)
    assert find_sign_effects(circuit, program) is None
    signs, flips = draw_signs(circuit, program, None, 3, np.random.default_rng(1))
    assert not signs.any()
    assert flips.tolist() == [[1, 1, 1]]
