"""The public problems: the N2 cc-pVDZ (14e,28o) curve, [2Fe-2S] and [4Fe-4S], each as a user would run it.

Goals on two cores. N2: within 15 minutes a point an estimate within 0.3 mHa of the public table, with the interval
covering it. [2Fe-2S]: within 30 minutes a variational energy within 15 mHa, an estimate within 5 mHa. [4Fe-4S], from
the bare FCIDUMP: below -327.16 hartree within 15 minutes, below -327.20 within an hour.

Every point runs in a process of its own with the same settings but for the number of determinants, and is kept as soon
as it is done: points that are not run again stay as they are. [2Fe-2S] and [4Fe-4S] need their integrals, see
KAKEHASHI_DATA.

    python benchmarks/leaderboard.py [--only NAME ...] [--quick]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from record import RESULTS, keep

from kakehashi.core.files import data_directories
from kakehashi.core.provenance import collect_provenance
from kakehashi.core.resources import n_processors, peak_memory_bytes
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.fcidump import read_fcidump
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem

BONDS_ANGSTROM = (0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 2.5, 3.0)
FE2S2_HARTREE = -116.60560912
"""Exact: full configuration interaction, Quantum Advantage Tracker."""

CDFCI_BOHR, CDFCI_HARTREE = 2.118, -109.282173
"""N2 as above, converged to the last digit by coordinate descent in the full space: Z. Wang, Y. Li and J. Lu, J. Chem.
Theory Comput. 15, 3558 (2019), doi:10.1021/acs.jctc.9b00138. No point of the table, but a check of it."""

BOHR_ANGSTROM = 0.52917721067
SIZES: dict[str, int] = dict.fromkeys((f"n2-{bond}" for bond in BONDS_ANGSTROM), 400_000)
SIZES |= {"n2-cdfci": 400_000, "fe2s2": 800_000, "fe4s4": 300_000}
QUICK_SIZE = 4_000


def load(name: str) -> tuple[Problem, float | None]:
    """A problem and the energy that is known of it."""
    if name == "fe2s2":
        return load_problem("fe2s2"), FE2S2_HARTREE
    if name == "fe4s4":
        paths = [folder / "fe4s4_54e36o.fcidump.gz" for folder in data_directories()]
        return read_fcidump(next((path for path in paths if path.is_file()), paths[0])), None
    if name == "n2-cdfci":
        return load_problem("n2-cc-pvdz-all-electron", bond_angstrom=CDFCI_BOHR * BOHR_ANGSTROM), CDFCI_HARTREE
    problem = load_problem("n2-cc-pvdz-all-electron", bond_angstrom=float(name.removeprefix("n2-")))
    if problem.reference is None:
        raise ValueError(f"no energy is known of {name}")
    return problem, problem.reference.energy_hartree


def run(name: str, size: int, n_threads: int) -> dict[str, Any]:
    """One point, from the integrals to the estimate."""
    problem, exact = load(name)
    began = time.perf_counter(), time.process_time()
    found = climb(problem, EnergySpec(max_determinants=size, n_threads=n_threads), seed=0)
    last, estimate, perturbation = found.rungs[0][-1], found.estimates[0], found.perturbations[0]
    row: dict[str, Any] = {
        "problem": name,
        "n_threads": n_threads,
        "orbitals": found.start.name,
        "spin_penalty_hartree": found.spin_penalty_hartree,
        "n_determinants": last.n_determinants,
        "energy_hartree": last.energy_hartree,
        "second_order_hartree": perturbation.energy_hartree,
        "second_order_error_hartree": perturbation.error_hartree,
        "estimate": asdict(estimate),
        "spin_squared": last.spin_squared,
        "converged": found.converged,
        "stopped": found.stopped,
        "rungs": [asdict(rung) for rung in found.rungs[0]],
        "wall_s": time.perf_counter() - began[0],
        "cpu_s": time.process_time() - began[1],
        "peak_bytes": peak_memory_bytes(),
    }
    if exact is not None:
        row["exact_hartree"] = exact
        row["error_hartree"] = estimate.energy_hartree - exact
        row["covers"] = estimate.covers(exact)
    return row


def in_a_process(name: str, size: int, n_threads: int) -> dict[str, Any]:
    """The same in a fresh process, so that its peak of memory is its own."""
    command = [sys.executable, __file__, "--work", name, str(size), str(n_threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def keep_point(row: dict[str, Any]) -> None:
    """Beside the other points, which are read anew: they may come from another call."""
    path = Path(RESULTS, "leaderboard.json")
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    rows = {other["problem"]: other for other in [*kept, row]}
    keep("leaderboard", [rows[name] for name in SIZES if name in rows])


def say(row: dict[str, Any]) -> str:
    estimate = row["estimate"]
    low, high = estimate["low_hartree"], estimate["high_hartree"]
    error = f", off by {1e3 * row['error_hartree']:+.3f} mHa, covers: {row['covers']}" if "covers" in row else ""
    return (
        f"{row['problem']:9s} {row['orbitals']}, {row['n_determinants']:,} determinants, {row['energy_hartree']:.6f}; "
        f"{estimate['energy_hartree']:.6f} [{low:.6f}, {high:.6f}] trusted: {estimate['trusted']} "
        f"({estimate['reason']}){error}; <S^2> {row['spin_squared']:.3f}; {row['wall_s']:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(SIZES), default=list(SIZES), help="these points alone")
    parser.add_argument("--quick", action="store_true", help="small spaces, nothing kept")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, size, n_threads = options.work
        print(json.dumps(run(name, int(size), int(n_threads))))
        return
    n_threads = min(2, n_processors())
    for name in options.only:
        row = in_a_process(name, QUICK_SIZE if options.quick else SIZES[name], n_threads)
        print(say(row), flush=True)
        if not options.quick:
            keep_point(row | {"commit": collect_provenance()["commit"]})


if __name__ == "__main__":
    main()
