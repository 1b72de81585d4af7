"""Results and scans as runs give them, made up from published energies so that no run is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.report.made_selected import FCI, RUNGS, make_selected

from kakehashi.problem.model import Reference
from kakehashi.report.model import Control, Iteration, Result, SamplingSummary, SizePoint
from kakehashi.report.scan import Scan, ScanPoint, summarize_point

HARTREE_FOCK = -108.83523657
NASTY = "<script>alert('1')</script> & \"$x^{$\""

CONTROL = Control(
    energy_hartree=-108.8561,
    n_determinants=4_000_000,
    spin_squared=0.0,
    size_curve=tuple(
        SizePoint(n_determinants=n * n, energy_hartree=e)
        for n, e in ((30, -108.8353), (300, -108.8381), (1000, -108.8462), (2000, -108.8561))
    ),
)
PROVENANCE: dict[str, Any] = {
    "kakehashi": "0.1.0",
    "commit": "1a2b3c4d5e6f",
    "created_utc": "2026-07-14T09:31:05+00:00",
    "python": "3.12.4",
    "packages": {
        "numpy": "2.4.1",
        "scipy": "1.17.0",
        "pyscf": "2.14.0",
        "ffsim": "0.0.85",
        "qiskit": "2.6.0",
    },
    "machine": {"system": "Linux x86_64", "processor": "AMD EPYC 7763", "n_processors": 2},
}


def make_iterations(n: int, last: float) -> tuple[Iteration, ...]:
    turns = []
    for index in range(1, n + 1):
        best = last + 0.0121 * (2.0 ** (n - index) - 1.0) / 4
        n_strings = 1200 + 800 * index // n
        spread = 0.0009 / index
        turns.append(
            Iteration(
                index=index,
                energy_hartree=best,
                batch_energies_hartree=tuple(best + spread * k / 4 for k in range(5)),
                n_alpha_strings=n_strings,
                n_beta_strings=n_strings,
                n_determinants=n_strings**2,
                spin_squared=1e-7 / index,
                n_configurations=9000 + 1000 * index,
                elapsed_s=14.2 + 21.9 * index,
            )
        )
    return tuple(turns)


def make_sampling(**changes: Any) -> SamplingSummary:
    edges = np.linspace(-16, 0, 33)
    centers = (edges[:-1] + edges[1:]) / 2
    state = np.round(4.4e5 * np.exp(-(((centers + 10.5) / 2.3) ** 2))).astype(np.int64)
    state[centers > -1.5] = 0
    state[-1] = 1
    sampled = np.zeros(32, dtype=np.int64)
    sampled[[-1, -7, -8, -9, -10]] = [1, 3, 9, 15, 20]
    values = {
        "device": "noisy",
        "n_shots": 100_000,
        "n_distinct": 31_907,
        "in_sector_fraction": 0.6141,
        "n_in_sector": 48,
        "n_recovered": 14_000,
        "new_per_1000_shots": 0.48,
        "weight_bins_log10": edges,
        "sampled_histogram": sampled,
        "state_histogram": state,
    }
    return SamplingSummary(**(values | changes))


def make_occupancies(n_orb: int, n_elec: tuple[int, int]) -> np.ndarray:
    rows = [
        np.where(
            np.arange(n_orb) < count,
            0.985 - 0.004 * np.arange(n_orb),
            0.045 / (0.5 + abs(np.arange(n_orb) - count)),
        )
        for count in n_elec
    ]
    return np.clip(np.array(rows), 0, 1)


def make_spec(n_iterations: int) -> dict[str, Any]:
    return {
        "seed": 7,
        "problem": {"name": "n2_631g", "bond_length_angstrom": 1.0},
        "circuit": {"ansatz": "lucj", "layers": 1, "connectivity": "heavy-hex"},
        "device": {"name": "noisy", "n_shots": 100_000, "readout_flip": 0.01, "depolarizing": 0.001},
        "loop": {"iterations": n_iterations, "batches": 5, "strings_per_batch": 2000, "tolerance": 1e-05},
        "control": {"random_strings": True, "loop": False},
    }


def make_result(**changes: Any) -> Result:
    """N2 6-31G (10e,16o), with any field replaced."""
    n_iterations = changes.pop("n_iterations", 5)
    energy = changes.get("energy_hartree", -109.0459)
    n_orb = changes.get("n_orb", 16)
    n_elec = changes.get("n_elec", (5, 5))
    values: dict[str, Any] = {
        "run_id": "9f2c41d07be8a6530c1b7f4e2d9a8c6b5f4e3d2c1b0a99887766554433221100",
        "problem": "N2 6-31G (10e,16o)",
        "description": "Nitrogen at 1.0 angstrom, 6-31G, the 1s orbitals frozen.",
        "n_orb": n_orb,
        "n_elec": n_elec,
        "energy_hartree": energy,
        "root_energies_hartree": (energy,),
        "hartree_fock_hartree": HARTREE_FOCK,
        "reference": Reference(energy_hartree=FCI, method="FCI", source="arXiv:2405.05068"),
        "spin_squared": 2.1e-8,
        "n_determinants": 4_000_000,
        "n_alpha_strings": 2000,
        "n_beta_strings": 2000,
        "occupancies": make_occupancies(n_orb, n_elec),
        "iterations": make_iterations(n_iterations, energy),
        "size_curve": tuple(
            SizePoint(n_determinants=n * n, energy_hartree=energy + rise / 1000)
            for n, rise in ((1, 210.66), (30, 108.0), (100, 62.0), (300, 21.4), (1000, 3.6), (2000, 0.0))
        ),
        "sampling": make_sampling(),
        "control": CONTROL,
        "converged": True,
        "warnings": (),
        "stage_s": {"problem": 2.4, "circuit": 3.1, "sample": 8.7, "loop": 95.3, "control": 20.4},
        "seed": 7,
        "wall_s": 130.4,
        "peak_memory_bytes": 1_503_238_553,
        "spec": make_spec(n_iterations),
        "provenance": PROVENANCE,
    }
    return Result(**(values | changes))


def make_scan(**changes: Any) -> Scan:
    """Four points, the last two without an error bar; ``failed`` and ``waiting`` add one each."""
    values = changes.pop("values", (0.9, 1.0, 1.1, 1.2))
    results = changes.pop("results", None) or [
        make_result(selected=make_selected(last=last, shift_hartree=shift), reference=None)
        for last, shift in ((len(RUNGS), 0.02), (len(RUNGS), 0.0), (3, 0.01), (2, 0.05))
    ]
    points = [
        summarize_point(value, result, chain=k // 2, folder=f"{k + 1}-0123abcd", carried_from=values[0] if k else None)
        for k, (value, result) in enumerate(zip(values, results, strict=True))
    ]
    if changes.pop("failed", False):
        points.append(ScanPoint(value=9.9, chain=1, state="failed", folder="5-0123abcd", error=f"No: {NASTY}"))
    if changes.pop("waiting", False):
        points.append(ScanPoint(value=10.5, chain=1, state="waiting"))
    table: dict[str, Any] = {
        "scan_id": "0" * 64,
        "problem": "N2 6-31G (10e,16o)",
        "key": "problem.bond_angstrom",
        "label": "bond (angstrom)",
        "n_chains": 2,
        "points": tuple(points),
        "wall_s": 60.0,
        "seed": 7,
        "spec": {"seed": 7, "scan": {"key": "problem.bond_angstrom"}},
        "provenance": {"kakehashi": "0.1.0"},
    }
    return Scan(**(table | changes))
