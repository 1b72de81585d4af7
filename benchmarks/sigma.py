"""One product of Hamiltonian and vector, beside PySCF's selected CI, in one run.

Goal: at most 0.3 ns per matrix element on one core for N2 cc-pVDZ (10e,26o) at 1e5 and 1e6 determinants, 0.5 ns for
[2Fe-2S], near twice as fast on two cores, 1e7 determinants in under 2 GB.

``connected`` counts the pairs of determinants that differ by at most two excitations, which is what other codes
count or store; ``nonzero`` those whose element is not zero by symmetry. The start vector is symmetric under spin
exchange, as a singlet's is; the column ``general`` does not use that.

    python benchmarks/sigma.py [--quick]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

import numpy as np
from record import best_seconds, keep, load, lowest_strings, to_integers

from kakehashi.core.resources import format_bytes, n_processors
from kakehashi.problem.model import Problem
from kakehashi.subspace.product import ProductHamiltonian


def measure(problem: Problem, n_strings: int, n_threads: int) -> dict[str, Any]:
    strings = lowest_strings(problem, n_strings)
    build_s = best_seconds(lambda: ProductHamiltonian(problem.hamiltonian, strings, n_threads=n_threads), repeats=3)
    product = ProductHamiltonian(problem.hamiltonian, strings, n_threads=n_threads)
    c = np.random.default_rng(0).normal(size=product.shape)
    c = c + c.T
    out = np.empty_like(c)
    repeats = max(3, min(20, int(3e7 / c.size)))
    product.apply(c, out=out)
    even_s = best_seconds(lambda: product.apply(c, parity=1, out=out), repeats=repeats)
    general_s = best_seconds(lambda: product.apply(c, out=out), repeats=repeats)
    connected, nonzero = product.count_elements()
    return {
        "n_determinants": c.size,
        "n_threads": n_threads,
        "build_s": build_s,
        "sigma_s": even_s,
        "sigma_general_s": general_s,
        "connected_per_row": connected / c.size,
        "nonzero_per_row": nonzero / c.size,
        "ns_per_connected": 1e9 * even_s / connected,
        "ns_per_connected_general": 1e9 * general_s / connected,
        "ns_per_nonzero": 1e9 * even_s / nonzero,
    }


def measure_pyscf(problem: Problem, n_strings: int) -> float:
    """Seconds of one product in PySCF's selected CI, links included as it computes them once per space."""
    from pyscf.fci import selected_ci
    from pyscf.lib import num_threads

    num_threads(1)
    integers = to_integers(lowest_strings(problem, n_strings))
    n_orb, n_elec = problem.n_orb, problem.n_elec
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    absorbed = selected_ci.direct_spin1.absorb_h1e(h, g, n_orb, n_elec, 0.5)
    c = np.random.default_rng(0).normal(size=(n_strings, n_strings))
    vector = selected_ci._as_SCIvector(c + c.T, (integers, integers))
    links = selected_ci._all_linkstr_index((integers, integers), n_orb, n_elec)
    return best_seconds(lambda: selected_ci.contract_2e(absorbed, vector, n_orb, n_elec, links), repeats=1)


PEAK = """
import sys
sys.path.insert(0, "benchmarks")
from record import load, lowest_strings
from kakehashi.core.resources import peak_memory_bytes
from kakehashi.subspace.solve import solve_subspace
problem = load("n2")
state = solve_subspace(problem.hamiltonian, lowest_strings(problem, 3163), max_iterations=40)
print(state.n_determinants, state.energy_hartree, peak_memory_bytes(), state.converged)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 1e5 determinants, one core")
    quick = parser.parse_args().quick
    rows: list[dict[str, Any]] = []
    print("system          D  threads  build/s  sigma/s  ns/connected  (general)  ns/nonzero   PySCF/s   ratio")
    for name in ("n2", "fe2s2"):
        problem = load(name)
        for n_strings in (100, 316) if quick else (100, 316, 1000, 3163):
            peer_s = measure_pyscf(problem, n_strings) if n_strings <= 316 else None
            for n_threads in (1,) if quick else sorted({1, min(2, n_processors())}):
                row = {"system": name, **measure(problem, n_strings, n_threads)}
                if n_threads == 1 and peer_s is not None:
                    row |= {"pyscf_s": peer_s, "ratio_pyscf": peer_s / row["sigma_s"]}
                rows.append(row)
                print(
                    f"{name:6s} {row['n_determinants']:10,d}  {n_threads:7d}  {row['build_s']:7.4f}  "
                    f"{row['sigma_s']:7.4f}  {row['ns_per_connected']:12.4f}  "
                    f"({row['ns_per_connected_general']:7.4f})  {row['ns_per_nonzero']:10.3f}  "
                    + (f"{peer_s:8.2f}  {row['ratio_pyscf']:6.0f}" if "ratio_pyscf" in row else ""),
                    flush=True,
                )
    about: dict[str, Any] = {}
    if not quick:
        words = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True).stdout.split()
        about = {"peak_1e7": dict(zip(("n_determinants", "energy_hartree", "bytes", "converged"), words, strict=True))}
        print(f"solving {int(words[0]):,} determinants: peak {format_bytes(int(words[2]))}, E = {words[1]}")
    print(keep("sigma", rows, **about))


if __name__ == "__main__":
    main()
