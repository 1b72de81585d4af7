"""What every benchmark shares: the problems, timing, and results kept with machine and commit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.core.bits import Strings, pack_strings, unique_strings
from kakehashi.core.provenance import collect_provenance
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.samples.random import all_strings

RESULTS = Path(__file__).parent / "results"


def load(name: str) -> Problem:
    """The two systems of the solver's benchmarks."""
    if name == "n2":
        return load_problem("n2-cc-pvdz", bond_angstrom=1.0)
    return load_problem("fe2s2")


def lowest_strings(problem: Problem, n: int) -> Strings:
    """The ``n`` alpha strings of lowest mean-field energy: the sum of the orbital energies of a mean occupation.

    For [2Fe-2S] in localised orbitals there is no Hartree-Fock determinant to speak of; there the mean
    occupation is uniform.
    """
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    n_orb, n_electrons = problem.n_orb, problem.n_elec[0]
    occupation = np.zeros(n_orb)
    if problem.name.startswith("fe2s2"):
        occupation[:] = n_electrons / n_orb
    else:
        occupation[:n_electrons] = 1.0
    energies = np.diag(h) + 2 * np.einsum("ppkk,k->p", g, occupation) - np.einsum("pkkp,k->p", g, occupation)
    strings = all_strings(n_orb=n_orb, n_electrons=n_electrons)
    octets = np.ascontiguousarray(strings.astype("<u8")).view(np.uint8)
    occupied = np.unpackbits(octets.reshape(len(strings), 16), axis=1, bitorder="little", count=n_orb)
    order = np.argsort(occupied @ energies, kind="stable")
    return unique_strings(pack_strings(occupied[order[:n]].astype(bool)))


def to_integers(strings: Strings) -> np.ndarray:
    """Strings of at most 63 orbitals as PySCF's integers."""
    return strings[:, 0].astype(np.int64)


def best_seconds(work: Callable[[], Any], *, repeats: int) -> float:
    """Shortest wall time of several calls, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def keep(name: str, rows: list[dict[str, Any]], **about: Any) -> Path:
    """Write the rows of a benchmark with machine and commit."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    table = {"schema": "kakehashi.benchmark/1", "benchmark": name, **about, "rows": rows}
    table["provenance"] = collect_provenance()
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return path
