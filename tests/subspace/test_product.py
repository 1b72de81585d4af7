"""The native kernels against their slow twins, on every instruction set that this machine has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.problem.model import Hamiltonian
from kakehashi.samples.random import all_strings, random_strings
from kakehashi.subspace.product import ProductHamiltonian, pack_pairs
from kakehashi.subspace.slow import (
    apply_hamiltonian_slow,
    build_hamiltonian_slow,
    build_spin_squared_slow,
)


def random_hamiltonian(n_orb: int, seed: int, *, n_irreps: int = 1) -> Hamiltonian:
    """Random symmetric integrals; with irreps, orbital p has irrep p % n_irreps of an abelian group."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(n_orb, n_orb))
    g = rng.normal(size=(n_orb,) * 4)
    g = g + g.transpose(1, 0, 2, 3)
    g = g + g.transpose(0, 1, 3, 2)
    g = g + g.transpose(2, 3, 0, 1)
    irrep = np.arange(n_orb) % n_irreps
    pair = irrep[:, None] ^ irrep[None, :]
    h = np.where(pair == 0, h + h.T, 0.0)
    g = np.where((pair[:, :, None, None] ^ pair[None, None]) == 0, g, 0.0)
    return Hamiltonian(one_body=h, two_body=g)


@pytest.mark.parametrize("n_irreps", [1, 2, 4])
@pytest.mark.parametrize("n_elec", [(3, 3), (4, 2), (1, 3), (0, 2)])
def test_sigma_equals_slow_twin(kernels: str, n_irreps: int, n_elec: tuple[int, int]) -> None:
    hamiltonian = random_hamiltonian(6, seed=1, n_irreps=n_irreps)
    alpha, beta = (random_strings(13, n_orb=6, n_electrons=n, rng=5 + i) for i, n in enumerate(n_elec))
    product = ProductHamiltonian(hamiltonian, alpha, beta, n_threads=2)
    c = np.random.default_rng(3).normal(size=product.shape)
    expected = apply_hamiltonian_slow(hamiltonian, product.alpha, product.beta, c)
    np.testing.assert_allclose(product.apply(c), expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("parity", [1, -1])
@pytest.mark.parametrize("n_strings", [1, 2, 7, 8, 9, 17, 20])
def test_parity_halves_the_work_and_not_the_result(kernels: str, parity: int, n_strings: int) -> None:
    hamiltonian = random_hamiltonian(6, seed=2)
    strings = random_strings(n_strings, n_orb=6, n_electrons=3, rng=1)
    product = ProductHamiltonian(hamiltonian, strings, n_threads=2)
    c = np.random.default_rng(0).normal(size=product.shape)
    c = c + parity * c.T
    np.testing.assert_allclose(product.apply(c, parity=parity), product.apply(c), atol=1e-11)


@given(st.integers(0, 10_000), st.integers(2, 5), st.data())
@settings(max_examples=25, deadline=None)
def test_any_small_space_equals_its_slow_twin(seed: int, n_orb: int, data: st.DataObject) -> None:
    n_elec = data.draw(st.tuples(st.integers(0, n_orb), st.integers(0, n_orb)))
    sizes = data.draw(st.tuples(st.integers(1, 10), st.integers(1, 10)))
    hamiltonian = random_hamiltonian(n_orb, seed, n_irreps=data.draw(st.sampled_from([1, 2, 4])))
    alpha, beta = (
        random_strings(size, n_orb=n_orb, n_electrons=n, rng=seed) for size, n in zip(sizes, n_elec, strict=True)
    )
    product = ProductHamiltonian(hamiltonian, alpha, beta, n_threads=1)
    dense = build_hamiltonian_slow(hamiltonian, product.alpha, product.beta)
    identity = np.eye(len(dense)).reshape(-1, *product.shape)
    columns = np.stack([product.apply(unit).reshape(-1) for unit in identity], axis=1)
    np.testing.assert_allclose(columns, dense, atol=1e-10)
    np.testing.assert_allclose(product.diagonal.reshape(-1), np.diag(dense), atol=1e-10)
    np.testing.assert_allclose(product.block(np.arange(len(dense))), dense, atol=1e-10)
    if sum(n_elec):
        spin = build_spin_squared_slow(product.alpha, product.beta, n_orb)
        columns = np.stack([product.apply_spin_squared(unit).reshape(-1) for unit in identity], axis=1)
        np.testing.assert_allclose(columns, spin, atol=1e-12)
        block = product.block(np.arange(len(dense)), operator="spin_squared")
        np.testing.assert_allclose(block, spin, atol=1e-12)


def test_strings_beyond_64_orbitals() -> None:
    """The same problem, moved to the highest of 100 orbitals, has the same matrix."""
    small = random_hamiltonian(5, seed=4)
    n_orb, first = 100, 62  # orbitals 62 to 66 lie in both words
    h = np.zeros((n_orb,) * 2)
    g = np.zeros((n_orb,) * 4)
    part = slice(first, first + 5)
    h[part, part] = small.one_body
    g[part, part, part, part] = small.two_body
    large = Hamiltonian(one_body=h, two_body=g)
    strings = random_strings(8, n_orb=5, n_electrons=2, rng=1)
    moved = np.empty_like(strings)
    moved[:, 0] = strings[:, 0] << np.uint64(62)
    moved[:, 1] = strings[:, 0] >> np.uint64(2)
    one, two = ProductHamiltonian(small, strings), ProductHamiltonian(large, moved)
    c = np.random.default_rng(0).normal(size=(8, 8))
    np.testing.assert_allclose(two.apply(c), one.apply(c), atol=1e-12)
    np.testing.assert_allclose(two.apply_spin_squared(c), one.apply_spin_squared(c), atol=1e-12)


@pytest.mark.parametrize("parity", [0, 1])
def test_sigma_does_not_depend_on_threads(parity: int) -> None:
    hamiltonian = random_hamiltonian(10, seed=6)
    strings = random_strings(150, n_orb=10, n_electrons=5, rng=2)
    c = np.random.default_rng(1).normal(size=(150, 150))
    c = c + c.T
    results = [ProductHamiltonian(hamiltonian, strings, n_threads=n).apply(c, parity=parity) for n in (1, 2, 3, 7)]
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n_elec", [(5, 5), (5, 4)])
def test_large_spaces_equal_pyscf(kernels: str, n_threads: int, n_elec: tuple[int, int]) -> None:
    """Many blocks, all widths and several threads, which the slow twins are too slow for."""
    from pyscf import fci

    hamiltonian = random_hamiltonian(10, seed=11)
    alpha, beta = (all_strings(n_orb=10, n_electrons=n) for n in n_elec)
    product = ProductHamiltonian(hamiltonian, alpha, beta, n_threads=n_threads)
    absorbed = fci.direct_spin1.absorb_h1e(hamiltonian.one_body, hamiltonian.two_body, 10, n_elec, 0.5)
    c = np.random.default_rng(1).normal(size=product.shape)
    for parity in (0, 1, -1) if n_elec[0] == n_elec[1] else (0,):
        vector = c + parity * c.T if parity else c
        expected = fci.direct_spin1.contract_2e(absorbed, vector, 10, n_elec)
        np.testing.assert_allclose(product.apply(vector, parity=parity), expected, atol=1e-9)
    np.testing.assert_allclose(product.apply_spin_squared(c), fci.spin_op.contract_ss(c, 10, n_elec), atol=1e-11)


def test_counts_of_elements() -> None:
    hamiltonian = random_hamiltonian(5, seed=9, n_irreps=2)
    strings = random_strings(8, n_orb=5, n_electrons=2, rng=3)
    product = ProductHamiltonian(hamiltonian, strings)
    connected, nonzero = product.count_elements()
    dense = build_hamiltonian_slow(hamiltonian, product.alpha, product.beta)
    assert nonzero == np.count_nonzero(np.abs(dense) > 1e-12)
    everything = build_hamiltonian_slow(random_hamiltonian(5, seed=9), product.alpha, product.beta)
    assert connected == np.count_nonzero(everything)


def test_pairs_are_packed_in_lower_triangle_order() -> None:
    g = random_hamiltonian(3, seed=1).two_body
    packed = pack_pairs(g)
    assert packed.shape == (6, 6)
    assert packed[1, 2] == g[1, 0, 1, 1]


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        (np.zeros((0, 2), dtype=np.uint64), "holds no strings"),
        (np.array([[3, 0], [7, 0]], dtype=np.uint64), "same number of electrons"),
        (np.array([[3, 0, 0]], dtype=np.uint64), r"shape \(n, 2\)"),
        (np.array([[1 << 5, 0]], dtype=np.uint64), "beyond the 5"),
    ],
)
def test_impossible_strings_are_refused(strings: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ProductHamiltonian(random_hamiltonian(5, seed=0), strings)


def test_wrong_coefficients_are_refused() -> None:
    product = ProductHamiltonian(random_hamiltonian(4, seed=0), np.array([[3, 0], [5, 0]], dtype=np.uint64))
    with pytest.raises(InputError, match=r"shape \(2, 2\)"):
        product.apply(np.ones((3, 2)))
    different = ProductHamiltonian(
        random_hamiltonian(4, seed=0), np.array([[3, 0]], dtype=np.uint64), np.array([[1, 0]], dtype=np.uint64)
    )
    with pytest.raises(InputError, match="parity"):
        different.apply(np.ones((1, 1)), parity=1)
