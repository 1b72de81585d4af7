"""Privacy amplification and tags beside what others do, in one run.

Amplification: the modified Toeplitz hash by the additive transform, on one core and two; the same hash by a
floating-point FFT of real numbers, which is the way that papers take (scipy); the product of seed and key over GF(2)
by FLINT (python-flint), by galois, and by our portable kernels. Results are compared bit for bit. Tags: the
polynomial hash beside GHASH (as AES-GCM's associated data) and Poly1305 of pyca/cryptography.

Times are of the CPU, the shortest of several calls; with two threads the sum over both, which says what sharing the
work costs. The time by the clock with two threads is kept beside the load of the machine, and is worth something only
where that is low. How far the hash is from what the machine could do is said in two ways: products of 64 bits a
second beside those of a loop that does nothing else, and the time beside that of moving key, seed and result once.

Goal: 100 Mbit/s of key at blocks of 1e8 bits on two cores. Published: 108 Mbit/s in a product (arXiv:1807.04484), 71,
54 and 39 Mbit/s at ratios of 0.125, 0.25 and 0.375 on a CPU at 128 Mbit (Sci. Rep. 9, 15733), more than 1 Gbit/s on a
GPU (arXiv:1805.02372).

    OMP_WAIT_POLICY=passive python benchmarks/qkd_amplification.py [--quick]
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
from record import best_seconds, keep

from kakehashi import _native
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.amplify import amplify, draw_seed

RATIOS = (0.125, 0.25, 0.375)
SIZES = (1_000_000, 10_000_000, 100_000_000, 128_000_000)
FLOATING_AT_MOST = (100_000_000, 0.25)  # minutes, and 5 GB
FLINT_AT_MOST = (10_000_000, 0.25)  # it takes its coefficients one by one
GALOIS_AT_MOST = 100_000  # its product takes time with the square of the length


def cpu_seconds(work: Callable[[], Any], *, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def by_floating_point(key: Bits, seed: Bits, n_out: int) -> Bits:
    """Cyclic convolution of the seed's length, so that only places wrap that are not read."""
    n_tail = key.n - n_out
    length = scipy.fft.next_fast_len(key.n - 1, real=True)
    bits = key.unpack()
    spectrum = scipy.fft.rfft(seed.unpack().astype(np.float64), length)
    spectrum *= scipy.fft.rfft(bits[n_out:].astype(np.float64), length)
    product = scipy.fft.irfft(spectrum, length, overwrite_x=True)[n_tail - 1 : key.n - 1]
    return Bits.pack(bits[:n_out] ^ (np.rint(product).astype(np.int64) & 1).astype(np.uint8))


def flint_product(key: Bits, seed: Bits, n_out: int) -> tuple[Callable[[], Any], Callable[[Any], Bits]] | None:
    """The product alone, on polynomials that are there already, and how to read the hash off it."""
    try:
        flint = importlib.import_module("flint")
    except ImportError:
        return None
    bits = key.unpack()
    tail = flint.nmod_poly([int(bit) for bit in bits[n_out:]], 2)
    diagonals = flint.nmod_poly([int(bit) for bit in seed.unpack()], 2)

    def read(product: Any) -> Bits:
        coefficients = np.array([int(product[i]) for i in range(key.n - n_out - 1, key.n - 1)], dtype=np.uint8)
        return Bits.pack(bits[:n_out] ^ coefficients)

    return (lambda: diagonals * tail), read


def galois_seconds(n: int) -> float | None:
    """CPU seconds of galois for the product at ratio 0.25, None where it is not installed."""
    try:
        galois = importlib.import_module("galois")
    except ImportError:
        return None
    field = galois.GF(2)
    rng = np.random.default_rng(1)
    seed, tail = (galois.Poly(field(rng.integers(0, 2, size))) for size in (n - 1, 3 * n // 4))
    seed * tail  # compiles
    return cpu_seconds(lambda: seed * tail, repeats=1)


def products_of(n: int, n_out: int) -> int:
    """Products of 64 bits in the transforms and between them, two for each product of the field."""
    plan = _native.plan_toeplitz(n, n_out)
    points, levels = 1 << (plan - 6), plan - 6
    pieces = -(-(n - n_out) // ((1 << plan) - n_out + 1))
    return 2 * ((2 * pieces + 1) * levels * points // 2 + pieces * points)


def limits() -> dict[str, float]:
    """What this core does of products and of copying, when it does nothing else."""
    data = np.zeros(1 << 14, dtype=np.uint8)
    polynomial = _native.Polynomial(np.frombuffer(secrets.token_bytes(16), dtype=np.uint8))

    def many() -> None:
        for _ in range(1_000):
            polynomial.extend(data)

    large = np.ones(1 << 26, dtype=np.uint8)
    copy = np.empty_like(large)
    return {
        "products_per_s": 1_000 * len(data) / 16 * 4 / cpu_seconds(many, repeats=5),
        "copied_bytes_per_s": len(large) / cpu_seconds(lambda: np.copyto(copy, large), repeats=7),
    }


def measure(n: int, ratio: float, most: dict[str, float]) -> dict[str, Any]:
    n_out = int(n * ratio)
    key, seed = Bits.from_bytes(secrets.token_bytes(n // 8)), draw_seed(n)
    repeats = max(3, min(20, 200_000_000 // n))
    amplify(key, seed, n_out, n_threads=1)
    ours = cpu_seconds(lambda: amplify(key, seed, n_out, n_threads=1), repeats=repeats)
    row: dict[str, Any] = {"n": n, "ratio": ratio, "log2_length": _native.plan_toeplitz(n, n_out), "cpu_s": ours}
    row["cpu_s_two_threads"] = cpu_seconds(lambda: amplify(key, seed, n_out, n_threads=2), repeats=repeats)
    row["wall_s_two_threads"] = best_seconds(lambda: amplify(key, seed, n_out, n_threads=2), repeats=repeats)
    row["load_average"] = os.getloadavg()[0]
    row["mbit_per_s"] = n / ours / 1e6
    row["share_of_products"] = products_of(n, n_out) / ours / most["products_per_s"]
    row["times_of_one_copy"] = ours / ((2 * n + n_out) / 8 / most["copied_bytes_per_s"])
    expected = amplify(key, seed, n_out)
    for name in ("portable", "pclmul", "vpclmul", "vpclmul512", "pmull"):
        if _native.select_carryless_kernels(name):
            row[f"{name}_cpu_s"] = cpu_seconds(lambda: amplify(key, seed, n_out, n_threads=1), repeats=3)
            assert amplify(key, seed, n_out, n_threads=1) == expected
    _native.select_carryless_kernels("widest")
    if n <= 10_000_000 or (n, ratio) == FLOATING_AT_MOST:
        found: list[Bits] = []
        row["floating_cpu_s"] = cpu_seconds(
            lambda: found.append(by_floating_point(key, seed, n_out)), repeats=1 if n > 10**7 else 3
        )
        assert found[-1] == expected
    if (n <= 1_000_000 or (n, ratio) == FLINT_AT_MOST) and (peer := flint_product(key, seed, n_out)) is not None:
        multiply, read = peer
        row["flint_cpu_s"] = cpu_seconds(multiply, repeats=2)
        if n <= 1_000_000:
            assert read(multiply()) == expected
    return row


def ghash_of(data: bytes) -> Callable[[], Any]:
    """AES-GCM of associated data alone: GHASH, and one block of AES."""
    ciphers = importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
    cipher, nonce = ciphers.AESGCM(secrets.token_bytes(16)), secrets.token_bytes(12)
    return lambda: cipher.encrypt(nonce, b"", data)


def poly1305_of(data: bytes) -> Callable[[], Any]:
    primitive = importlib.import_module("cryptography.hazmat.primitives.poly1305").Poly1305
    key = secrets.token_bytes(32)
    return lambda: primitive.generate_tag(key, data)


def measure_tags(n_bytes: int) -> dict[str, Any]:
    data = secrets.token_bytes(n_bytes)
    array, point = np.frombuffer(data, dtype=np.uint8), np.frombuffer(secrets.token_bytes(16), dtype=np.uint8)
    row: dict[str, Any] = {"n_bytes": n_bytes}
    works: dict[str, Callable[[], Any]] = {
        "polyval": lambda: _native.Polynomial(point).extend(array),
        "ghash": ghash_of(data),
        "poly1305": poly1305_of(data),
    }
    calls = max(1, 4_000_000 // n_bytes)
    best = dict.fromkeys(works, float("inf"))
    for _ in range(7):  # interleaved, so that all meet the same machine
        for name, work in works.items():
            start = time.process_time()
            for _ in range(calls):
                work()
            best[name] = min(best[name], (time.process_time() - start) / calls)
    row |= {f"{name}_gb_per_s": n_bytes / seconds / 1e9 for name, seconds in best.items()}
    return row


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def main() -> None:
    most, rows = limits(), []
    print(f"{_native.carryless_kernel_name()}: {most}")
    for n in SIZES[:2] if "--quick" in sys.argv[1:] else SIZES:
        for ratio in RATIOS:
            row = measure(n, ratio, most)
            rows.append(row)
            print({name: float(f"{value:.4g}") for name, value in row.items()}, flush=True)
    tags = [measure_tags(n_bytes) for n_bytes in (1_024, 65_536, 12_500_000)]
    for row in tags:
        print(row)
    galois = galois_seconds(GALOIS_AT_MOST)
    small_key, small_seed = Bits.from_bytes(secrets.token_bytes(GALOIS_AT_MOST // 8)), draw_seed(GALOIS_AT_MOST)
    small = cpu_seconds(
        lambda: [amplify(small_key, small_seed, GALOIS_AT_MOST // 4, n_threads=1) for _ in range(100)], repeats=5
    )
    path = keep(
        "qkd_amplification",
        rows,
        tags=tags,
        limits=most,
        kernels=_native.carryless_kernel_name(),
        small={"n": GALOIS_AT_MOST, "ratio": 0.25, "cpu_s": small / 100, "galois_cpu_s": galois},
        peers={name: version(name) for name in ("scipy", "python-flint", "galois", "cryptography")},
    )
    print(path)


if __name__ == "__main__":
    main()
