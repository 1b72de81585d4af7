"""Two strings that differ here and there, and what error correction makes of them."""

import numpy as np


def strings(n, qber, seed=1):
    rng = np.random.default_rng(seed)
    right = rng.integers(0, 2, n, dtype=np.uint8)
    return right, right ^ (rng.random(n) < qber)


def run(reference, corrector):
    while not corrector.is_done:
        corrector.take(reference.answer(corrector.question()))
        assert corrector.leaked_bits == reference.leaked_bits
