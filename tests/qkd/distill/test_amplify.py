"""Privacy amplification: the hash that its definition names, whatever way it is computed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import toeplitz

from kakehashi import _native
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.amplify import amplify, draw_seed, n_seed_bits, require_block_memory
from kakehashi.qkd.distill.slow import amplify_slow


def random_bits(rng, n):
    return Bits.pack(rng.integers(0, 2, n))


def hash_by(plan, key, seed, n_out, n_threads=1):
    """The hash by a transform of 2^plan bits, or word by word where plan is 0."""
    out = np.zeros((n_out + 7) // 8, dtype=np.uint8)
    _native.toeplitz_into_buffer(key.data, seed.data, key.n, out, n_out, plan, n_threads)
    return Bits(out, n_out)


@st.composite
def tasks(draw, largest=600):
    n = draw(st.integers(1, largest))
    n_out = draw(st.sampled_from([0, 1, n - 1, n]) | st.integers(0, n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random_bits(rng, n), random_bits(rng, n_seed_bits(n)), n_out


@given(tasks())
def test_it_is_the_slow_twin(task):
    assert amplify(*task) == amplify_slow(*task)


def test_it_is_the_matrix_of_its_definition():
    rng = np.random.default_rng(1)
    for n, n_out in ((2, 1), (9, 4), (130, 67), (200, 1), (200, 199)):
        key, seed = random_bits(rng, n), random_bits(rng, n - 1)
        x, s, corner = key.unpack(), seed.unpack(), n - n_out - 1
        matrix = toeplitz(s[corner : corner + n_out], s[corner::-1])
        assert matrix.shape == (n_out, n - n_out)
        expected = (x[:n_out] + matrix.astype(int) @ x[n_out:]) % 2
        np.testing.assert_array_equal(amplify(key, seed, n_out).unpack(), expected)


@given(tasks(), st.integers(0, 2**32))
def test_it_is_linear(task, rng_seed):
    key, seed, n_out = task
    other = random_bits(np.random.default_rng(rng_seed), key.n)
    assert amplify(key ^ other, seed, n_out) == amplify(key, seed, n_out) ^ amplify(other, seed, n_out)


def test_two_keys_collide_for_one_seed_in_two_to_the_length():
    """Two-universality, counted over all seeds of a small hash."""
    n_out = 3
    seeds = [Bits.pack(np.array([int(c) for c in f"{s:06b}"])) for s in range(64)]
    zero = Bits.pack(np.zeros(n_out, int))
    for x in range(1, 128):
        key = Bits.pack(np.array([int(c) for c in f"{x:07b}"]))
        hits = sum(amplify(key, seed, n_out) == zero for seed in seeds)
        assert hits == (8 if key.unpack()[n_out:].any() else 0)


@pytest.mark.parametrize("n", [4_000, 8_191, 8_192, 8_193, 20_011, 70_001])
def test_all_transforms_and_instruction_sets_agree(instruction_set, n):
    rng = np.random.default_rng(n)
    key, seed = random_bits(rng, n), random_bits(rng, n - 1)
    for n_out in {1, 63, n // 8, n // 3, n - 1}:
        expected = hash_by(0, key, seed, n_out)
        if n <= 8_192 and instruction_set == "portable":
            assert expected == amplify_slow(key, seed, n_out)
        for plan in range(13, 19):
            n_pieces = -(-(n - n_out) // (2**plan - n_out + 1)) if n_out <= 2**plan else 0
            if 0 < n_pieces <= 20:
                assert hash_by(plan, key, seed, n_out) == expected, (n_out, plan)


def test_large_blocks_agree_for_every_number_of_threads():
    """Long enough for the ways that only transforms of 2^24 bits and more take."""
    rng = np.random.default_rng(5)
    n = 1_000_003
    key, seed = random_bits(rng, n), random_bits(rng, n - 1)
    expected = amplify(key, seed, 300_001, n_threads=1)
    for plan in (19, 20, 22, 24, 25):
        for n_threads in (1, 2, 3):
            assert hash_by(plan, key, seed, 300_001, n_threads) == expected


def test_instruction_sets_agree_on_large_transforms(instruction_set):
    rng = np.random.default_rng(6)
    n = 200_003
    key, seed = random_bits(rng, n), random_bits(rng, n - 1)
    assert hash_by(24, key, seed, 50_001) == hash_by(0, key, seed, 50_001)


def test_every_seed_bit_counts():
    key = Bits.pack(np.ones(40, int))
    seed = Bits.pack(np.zeros(39, int))
    base = amplify(key, seed, 10)
    for i in range(39):
        flipped = np.zeros(39, int)
        flipped[i] = 1
        assert amplify(key, Bits.pack(flipped), 10) != base


def test_nothing_and_everything():
    key = Bits.from_bytes(b"key")
    assert amplify(key, draw_seed(24), 0).n == 0
    assert amplify(key, draw_seed(24), 24) == key
    assert amplify(Bits.from_bytes(b""), draw_seed(0), 0).n == 0
    assert n_seed_bits(0) == n_seed_bits(1) == 0


def test_seeds_are_fresh():
    assert draw_seed(1_000).n == 999
    assert draw_seed(1_000) != draw_seed(1_000)
    with pytest.raises(InputError, match="-1 bits"):
        draw_seed(-1)


def test_what_cannot_be():
    key = Bits.from_bytes(b"key")
    with pytest.raises(InputError, match="0 to 24"):
        amplify(key, draw_seed(24), 25)
    with pytest.raises(InputError, match="0 to 24"):
        amplify(key, draw_seed(24), -1)
    with pytest.raises(InputError, match="seed of 23, but `seed` has 24"):
        amplify(key, Bits.from_bytes(b"key"), 8)
    with pytest.raises(InputError, match="n_threads"):
        amplify(key, draw_seed(24), 8, n_threads=0)


def test_blocks_too_large_for_this_machine_are_refused_early():
    require_block_memory(10**6, 10**5)
    with pytest.raises(ResourceError, match=r"Amplifying a block of 1000000000000 bits needs .*smaller blocks"):
        require_block_memory(10**12, 10**11, n_threads=10**8)
    with pytest.raises(InputError, match="137438953472 bits at most"):
        require_block_memory(10**13, 10**12)


def test_the_kernel_refuses_arrays_that_do_not_fit():
    data = np.zeros(3, dtype=np.uint8)
    for n, n_out, plan in ((24, 25, 0), (25, 8, 0), (24, 8, 12), (24, 8, 38), (24, 16, 0)):
        with pytest.raises(ValueError, match=r"bits|length"):
            _native.toeplitz_into_buffer(data, data, n, np.zeros(1, dtype=np.uint8), n_out, plan, 1)


def test_an_unknown_instruction_set_is_refused():
    assert not _native.select_carryless_kernels("abacus")
    assert _native.select_carryless_kernels("widest")
    assert _native.carryless_kernel_name()
