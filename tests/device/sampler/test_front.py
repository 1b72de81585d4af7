"""The kernel of a front finds what its slow twin finds, for any program, and refuses programs that make no sense."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi import _native
from kakehashi.device.sampler.front import KNOWN, MEASURE, PARITY, SINGLE, FrontProgram


def random_program(rng, n_qubits, n_steps):
    """Rotations in any order, among them measurements, after which a qubit is only a condition."""
    matrices, code, alive = [], [], list(range(n_qubits))
    for _ in range(n_steps):
        a, b = (int(q) for q in rng.permutation(n_qubits)[:2])
        if a not in alive:
            continue
        chance = rng.random()
        if chance < 0.5:
            q, r = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
            matrices.append(q.ravel() if chance < 0.3 else np.diag(np.exp(1j * np.angle(np.diag(r)))).ravel())
            code.append((SINGLE, a, a, len(matrices) - 1))
        elif chance < 0.85:
            matrices.append(np.array([np.exp(1j * rng.uniform(0, 6)), 0, 0, 0]))
            code.append((PARITY if b in alive else KNOWN, a, b, len(matrices) - 1))
        elif len(alive) > 1:
            code.append((MEASURE, a, a, 0))
            alive.remove(a)
    matrices.append(np.eye(2).ravel())
    code += [(MEASURE, q, q, 0) for q in alive]
    return FrontProgram(
        n_qubits=n_qubits, code=np.array(code, dtype=np.int32), matrices=np.array(matrices, dtype=np.complex128)
    )


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_kernel_finds_what_its_slow_twin_finds(seed, n_qubits, n_steps):
    rng = np.random.default_rng(seed)
    program = random_program(rng, n_qubits, n_steps)
    signs = rng.integers(0, 2, size=(len(program.code), 11), dtype=np.uint8)
    uniforms = rng.random((n_qubits, 11))
    slowly = program.sample_slowly(signs, uniforms)
    assert (program.sample(signs, uniforms) == slowly).all()
    assert (program.sample(signs, uniforms, n_threads=2) == slowly).all()
    assert (program.sample(signs, uniforms, precision="single") == slowly).mean() > 0.95
    assert program.width <= n_qubits


def test_kernels_of_all_instruction_sets_agree():
    rng = np.random.default_rng(3)
    program = random_program(rng, 7, 120)
    signs = rng.integers(0, 2, size=(len(program.code), 37), dtype=np.uint8)
    uniforms = rng.random((7, 37))
    best = program.sample(signs, uniforms)
    try:
        for name in ("portable", "avx2", "avx512"):
            if _native.select_kernels(name):
                assert (program.sample(signs, uniforms) == best).all()
    finally:
        _native.select_kernels("widest")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ([(MEASURE, 0, 0, 0), (SINGLE, 0, 0, 0)], "after its measurement"),
        ([(KNOWN, 0, 1, 0)], "before its measurement"),
        ([(PARITY, 0, 0, 0)], "no such pair"),
        ([(SINGLE, 2, 2, 0)], "no such qubit"),
        ([(SINGLE, 0, 0, 1)], "no such matrix"),
        ([(7, 0, 0, 0)], "no such kind"),
    ],
)
def test_programs_that_make_no_sense(code, message):
    with pytest.raises(ValueError, match=message):
        _native.make_front(2, np.array(code, dtype=np.int32), np.eye(2, dtype=np.complex128).reshape(1, 4))


def test_arrays_that_do_not_fit():
    program = _native.make_front(1, np.array([(MEASURE, 0, 0, 0)], dtype=np.int32), np.zeros((0, 4), dtype=complex))
    bits = np.zeros((1, 3), dtype=np.uint8)
    for signs, uniforms in (((2, 3), (1, 3)), ((1, 2), (1, 3)), ((1, 3), (1, 2)), ((1, 3), (2, 3))):
        with pytest.raises(ValueError, match=r"row|shots"):
            program.sample(np.zeros(signs, dtype=np.uint8), np.zeros(uniforms), bits, 1, False)
