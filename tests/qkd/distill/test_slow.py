"""The oracles themselves, against numbers from elsewhere."""

import json
from pathlib import Path

import numpy as np

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.slow import amplify_slow, multiply_slow, polynomial_hash_slow

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "polyval.json").read_text())


def test_products_are_those_of_polynomials():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, 30), rng.integers(0, 2, 41)
    product = np.polymul(a, b) % 2

    def as_integer(coefficients):
        return int("".join(str(c) for c in coefficients), 2)

    assert multiply_slow(as_integer(a), as_integer(b)) == as_integer(product)


def test_the_polynomial_is_that_of_the_standard():
    key, blocks = bytes.fromhex(REFERENCE["hash_key"]), bytes.fromhex(REFERENCE["blocks"])
    assert polynomial_hash_slow(key, blocks).hex() == REFERENCE["value"]


def test_the_hash_is_the_sum_of_its_definition():
    rng = np.random.default_rng(2)
    x, s, m = rng.integers(0, 2, 50), rng.integers(0, 2, 49), 17
    expected = [(x[i] + sum(s[i - j + 50 - m - 1] * x[m + j] for j in range(50 - m))) % 2 for i in range(m)]
    assert list(amplify_slow(Bits.pack(x), Bits.pack(s), m).unpack()) == expected
