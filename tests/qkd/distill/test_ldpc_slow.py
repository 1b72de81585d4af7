from functools import lru_cache

import numpy as np
import pytest

from kakehashi import _native
from kakehashi.qkd.distill.ldpc_code import build_base
from kakehashi.qkd.distill.ldpc_slow import decode_slowly, syndrome_slowly


def code(base):
    return base.z, base.n_columns, base.row_start, base.column, base.shift


@lru_cache
def twin(n_rows, qber):
    """Errors, and what the twins make of them: slow, and the same for every instruction set."""
    base = build_base(n_columns=128, n_rows=n_rows, n_pairs=3, z=64)
    rng = np.random.default_rng(n_rows)
    errors = (rng.random(base.n_columns * base.z) < qber).astype(np.uint8)
    errors[128 * base.z :] = rng.integers(0, 2, 3 * base.z)
    syndrome = syndrome_slowly(base, errors)
    belief = expected(base)
    return errors, syndrome, decode_slowly(base, syndrome, belief, 3), belief


def expected(base):
    belief = np.full(base.n_columns * base.z, 110, np.int16)
    belief[128 * base.z :] = 0
    return belief


@pytest.mark.parametrize(("n_rows", "qber"), [(40, 0.02), (22, 0.02), (60, 0.06)])
def test_the_kernels_count_as_their_twins(kernels, n_rows, qber):
    base = build_base(n_columns=128, n_rows=n_rows, n_pairs=3, z=64)
    errors, slow_syndrome, slow_iterations, slow_belief = twin(n_rows, qber)
    syndrome, belief = np.empty(n_rows * base.z, np.uint8), expected(base)
    _native.fill_syndrome(*code(base), errors, syndrome)
    assert np.array_equal(syndrome, slow_syndrome)
    assert _native.decode_ldpc(*code(base), syndrome, belief, 3) == slow_iterations
    assert np.array_equal(belief, slow_belief)


def test_a_code_that_suits_finds_the_errors(kernels):
    base = build_base(n_columns=128, n_rows=30, n_pairs=0, z=256)
    errors = (np.random.default_rng(1).random(128 * 256) < 0.02).astype(np.uint8)
    syndrome = np.empty(30 * 256, np.uint8)
    _native.fill_syndrome(*code(base), errors, syndrome)
    belief = np.full(128 * 256, 125, np.int16)
    assert 0 < _native.decode_ldpc(*code(base), syndrome, belief, 50) < 30
    assert np.array_equal(belief < 0, errors)
