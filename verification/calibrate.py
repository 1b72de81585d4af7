"""Hold the error bar of the estimate to problems whose exact energies are known, and find its factor.

Each problem takes the way that a run takes: orbitals are chosen in a small space, a space grows over them, and the
estimate is asked for at several sizes, as if the run had ended there. Afterwards the factor of the interval is the
conformal quantile over the problems: the least that would have covered 95 of 100, one more problem allowed for.

    python -m verification.calibrate               grow all spaces, and write verification/results/calibration.json
    python -m verification.calibrate --exact       the same, and compute the exact energies anew (half an hour)
    python -m verification.calibrate --tables      write the tables of docs/explanations/error-bar.md from the results

The held-out problems have no part in the factor; [2Fe-2S] needs its integrals, see KAKEHASHI_DATA.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from verification.problems import PROBLEMS, exact_energy, sector_size

from kakehashi.core.provenance import collect_provenance
from kakehashi.energy.extrapolation import (
    CALIBRATED_FACTOR,
    LEAST_HALF_WIDTH_HARTREE,
    SPIN_TOLERANCE,
    extrapolate,
)
from kakehashi.energy.ladder import MIXED
from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import choose_start
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import grow

__all__ = ["PAGE", "RESULTS", "conformal_factor", "read_rungs", "scores", "summarize", "trials", "with_tables"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "verification" / "results" / "calibration.json"
PAGE = ROOT / "docs" / "explanations" / "error-bar.md"
PLACE = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

SHARES = (0.003, 0.01, 0.03, 0.1)
"""Where a run ends, as shares of the determinants of the problem's symmetry."""

MOST_DETERMINANTS = 40_000
VARIANTS: dict[str, dict[str, Any]] = {
    "given": {"orbitals": "given"},
    "natural": {"orbitals": "natural"},
    "broken-symmetry": {"orbitals": "broken-symmetry"},
    "spin penalty 0.05": {"spin_penalty_hartree": 0.05},
}
"""Other ways than the usual one; none has a part in the factor."""

EXACT_TO_HARTREE = 1e-7
"""How well eigensolvers converge the exact energies."""
HELD_OUT = {
    f"N2 cc-pVDZ (14e,28o) {bond}": ("n2-cc-pvdz-all-electron", {"bond_angstrom": bond}) for bond in (1.0, 1.5, 2.5)
}
HELD_OUT["[2Fe-2S] (30e,20o)"] = ("fe2s2", {})
HELD_OUT_SIZES = (10_000, 30_000, 100_000)


def small_spec(size: int, **changes: Any) -> EnergySpec:
    """Orbitals are chosen in a space that is as small beside the problem as it is in a large run."""
    small = min(300, max(30, size // 300))
    return EnergySpec(orbital_determinants=small, max_orbital_turns=4, n_starts=4, n_threads=1, **changes)


def measure(problem: Problem, spec: EnergySpec, n_determinants: int) -> dict[str, Any]:
    """The spaces of a run, from the orbitals on."""
    began = time.process_time()
    start = choose_start(problem, spec, seed=0)
    space = DeterminantSpace(start.hamiltonian, spin_penalty_hartree=spec.spin_penalty_hartree or 0.0, n_threads=1)
    space.append(start.alpha, start.beta)
    rungs = [
        [
            stage.n_determinants,
            stage.energies_hartree[0],
            stage.second_order_hartree[0],
            round(stage.spin_squared[0], 6),
        ]
        for stage in grow(
            space, n_determinants=n_determinants, two_s=abs(problem.two_s), perturbation_threshold_hartree=1e-6
        )
    ]
    return {
        "two_s": abs(problem.two_s),
        "orbitals": start.name,
        "cpu_s": round(time.process_time() - began, 1),
        "rungs": rungs,
    }


def read_rungs(row: dict[str, Any]) -> list[Rung]:
    """The spaces of a stored problem."""
    return [
        Rung(n_determinants=n, energy_hartree=energy, second_order_hartree=second, spin_squared=spin)
        for n, energy, second, spin in row["rungs"]
    ]


def trials(row: dict[str, Any]) -> list[tuple[int, Estimate]]:
    """The size and the estimate at each place where the run might have ended."""
    rungs = read_rungs(row)
    ends = row.get("sizes") or [share * row["sector_size"] for share in SHARES]
    found: dict[int, Estimate] = {}
    for end in ends:
        n = sum(rung.n_determinants <= 1.01 * end for rung in rungs)
        if n >= 4 and rungs[n - 1].n_determinants >= 0.4 * min(end, MOST_DETERMINANTS):
            found[n] = extrapolate(rungs[:n], two_s=row["two_s"])
    return [(rungs[n - 1].n_determinants, estimate) for n, estimate in found.items()]


def covers(estimate: Estimate, exact_hartree: float) -> bool:
    """Whether an interval holds the exact energy, as far as that is known."""
    low, high = estimate.low_hartree - EXACT_TO_HARTREE, estimate.high_hartree + EXACT_TO_HARTREE
    return low <= exact_hartree <= high


def score(estimate: Estimate, exact_hartree: float) -> float:
    """The factor at which the interval of a trusted estimate would just have covered the exact energy."""
    measure = (estimate.energy_hartree - estimate.low_hartree - LEAST_HALF_WIDTH_HARTREE) / CALIBRATED_FACTOR
    excess = abs(estimate.energy_hartree - exact_hartree) - LEAST_HALF_WIDTH_HARTREE
    return max(excess, 0.0) / measure if measure > 0 else 0.0


def scores(problems: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
    """Scores of the trusted estimates of each problem that has any."""
    found = {
        name: [score(estimate, row["exact_hartree"]) for _, estimate in trials(row) if estimate.trusted]
        for name, row in problems.items()
    }
    return {name: values for name, values in found.items() if values}


def conformal_factor(found: dict[str, list[float]], *, coverage: float = 0.95) -> float:
    """The factor that covers a share of new problems, by what it took on these; each counts once, whatever its trials.

    One problem more than there are, which nothing covers, is allowed for (V. Vovk, A. Gammerman and G. Shafer,
    Algorithmic Learning in a Random World, 2005, chapter 2).
    """
    values = np.concatenate([np.array(own) for own in found.values()])
    weights = np.concatenate([np.full(len(own), 1 / len(own)) for own in found.values()])
    order = np.argsort(values)
    covered = np.cumsum(weights[order]) / (len(found) + 1)
    return float(values[order][min(int(np.searchsorted(covered, coverage)), len(values) - 1)])


def summarize(problems: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How often the intervals held the exact energy, and how wide they were."""
    rows = [(name, row["exact_hartree"], estimate) for name, row in problems.items() for _, estimate in trials(row)]
    trusted = [(name, exact, estimate) for name, exact, estimate in rows if estimate.trusted]
    others = [(exact, estimate) for _, exact, estimate in rows if not estimate.trusted]
    found = scores(problems)
    left_out = [
        np.mean([value <= conformal_factor({k: v for k, v in found.items() if k != name}) for value in own])
        for name, own in found.items()
    ]
    halves = [1e3 * estimate.half_width_hartree for _, _, estimate in trusted]
    errors = [1e3 * abs(estimate.energy_hartree - exact) for _, exact, estimate in trusted]
    return {
        "n_problems": len(problems),
        "n_trusted_problems": len(found),
        "n_estimates": len(rows),
        "n_trusted": len(trusted),
        "factor": conformal_factor(found),
        "stated_factor": CALIBRATED_FACTOR,
        "coverage": float(np.mean([covers(estimate, exact) for _, exact, estimate in trusted])),
        "coverage_by_problem": float(
            np.mean([np.mean([v <= CALIBRATED_FACTOR * (1 + 1e-9) for v in own]) for own in found.values()])
        ),
        "coverage_left_out": float(np.mean(left_out)),
        "coverage_untrusted": float(np.mean([covers(estimate, exact) for exact, estimate in others])),
        "half_width_mhartree": {str(q): float(np.quantile(halves, q)) for q in (0.1, 0.5, 0.9)},
        "error_mhartree": {str(q): float(np.quantile(errors, q)) for q in (0.1, 0.5, 0.9)},
    }


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def table(problems: dict[str, dict[str, Any]], *, missed: bool = False) -> str:
    rows = []
    for name, row in problems.items():
        for n, estimate in trials(row):
            if missed and (not estimate.trusted or covers(estimate, row["exact_hartree"])):
                continue
            error = 1e3 * (estimate.energy_hartree - row["exact_hartree"])
            variational = 1e3 * (read_energy(row, n) - row["exact_hartree"])
            rows.append(
                [
                    name,
                    f"{row['exact_hartree']:.6f}",
                    row["orbitals"],
                    f"{n:,}",
                    f"{variational:+.3f}",
                    f"{error:+.3f}",
                    f"{1e3 * (estimate.energy_hartree - estimate.low_hartree):.3f}",
                    "yes" if estimate.trusted else "no",
                    "yes" if covers(estimate, row["exact_hartree"]) else "**no**",
                ]
            )
    columns = (
        "problem",
        "exact",
        "orbitals",
        "determinants",
        "variational",
        "estimate",
        "reach below",
        "trusted",
        "covered",
    )
    return markdown(columns, rows)


def variant_table(problems: dict[str, dict[str, Any]], variants: dict[str, dict[str, Any]]) -> str:
    estimates = {"a run: again with a penalty where spins are mixed": as_climbed(problems, variants)}
    n_problems = [len(problems)]
    for variant in VARIANTS:
        own = [row for name, row in variants.items() if name.endswith(f", {variant}")]
        estimates[variant] = [(row["exact_hartree"], estimate) for row in own for _, estimate in trials(row)]
        n_problems.append(len(own))
    rows = []
    for n, (words, found) in zip(n_problems, estimates.items(), strict=True):
        trusted = [covers(estimate, exact) for exact, estimate in found if estimate.trusted]
        others = [covers(estimate, exact) for exact, estimate in found if not estimate.trusted]
        rows.append([words, str(n), f"{sum(trusted)} of {len(trusted)}", f"{sum(others)} of {len(others)}"])
    return markdown(("variant", "problems", "trusted: covered", "not trusted: covered"), rows)


def as_climbed(
    problems: dict[str, dict[str, Any]], variants: dict[str, dict[str, Any]]
) -> list[tuple[float, Estimate]]:
    """The exact energy and the estimate that a run keeps: of a mixture of spins, the better of two growths."""
    kept = []
    for name, row in problems.items():
        penalized = variants[f"{name}, spin penalty 0.05"]
        others = dict(trials(penalized))
        for n, estimate in trials(row):
            pure = row["two_s"] / 2 * (row["two_s"] / 2 + 1)
            excess = [spin - pure for size, _, _, spin in row["rungs"] if size <= n]
            if excess[-1] > SPIN_TOLERANCE or max(excess) > MIXED:
                growths = [(not estimate.trusted, read_energy(row, n), estimate)]
                growths += [
                    (not other.trusted, read_energy(penalized, size), other)
                    for size, other in others.items()
                    if abs(size - n) < 0.1 * n
                ]
                *_, estimate = min(growths, key=lambda growth: growth[:2])
            kept.append((row["exact_hartree"], estimate))
    return kept


def read_energy(row: dict[str, Any], n_determinants: int) -> float:
    return float(next(energy for n, energy, *_ in row["rungs"] if n == n_determinants))


def summary_table(summary: dict[str, Any]) -> str:
    half, error = summary["half_width_mhartree"], summary["error_mhartree"]
    percent = {key: f"{100 * value:.1f} %" for key, value in summary.items() if key.startswith("coverage")}
    rows = [
        ["problems; with a trusted estimate", f"{summary['n_problems']}; {summary['n_trusted_problems']}"],
        ["estimates; trusted", f"{summary['n_estimates']}; {summary['n_trusted']}"],
        ["factor: found; stated in the code", f"{summary['factor']:.3f}; {summary['stated_factor']:g}"],
        ["trusted intervals that hold the exact energy", percent["coverage"]],
        ["the same, each problem counted once", percent["coverage_by_problem"]],
        ["the same, with the factor of all other problems", percent["coverage_left_out"]],
        ["intervals marked as not trusted that hold it", percent["coverage_untrusted"]],
        ["half width in mHa: 10 %, 50 %, 90 %", "; ".join(f"{half[q]:.3f}" for q in ("0.1", "0.5", "0.9"))],
        ["true error in mHa: 10 %, 50 %, 90 %", "; ".join(f"{error[q]:.3f}" for q in ("0.1", "0.5", "0.9"))],
    ]
    return markdown(("", "measured"), rows)


def with_tables(text: str, stored: dict[str, Any]) -> str:
    """The page with its tables as the results and the present code have them."""
    tables = {
        "summary": summary_table(summarize(stored["problems"])),
        "problems": table(stored["problems"]),
        "held-out": table(stored["held_out"]),
        "variants": variant_table(stored["problems"], stored["variants"]),
        "misses": table(stored["variants"], missed=True),
    }
    return PLACE.sub(lambda m: f"{m[1]}\n{tables[m[2]]}\n{m[4]}", text)


def calibrate(stored: dict[str, Any], *, exact: bool) -> None:
    for name, build in PROBLEMS.items():
        problem, old = build(), stored["problems"].get(name, {})
        energy = exact_energy(problem) if exact or "exact_hartree" not in old else old["exact_hartree"]
        size = sector_size(problem)
        about = {"exact_hartree": energy, "source": "PySCF FCI", "sector_size": size}
        end = min(MOST_DETERMINANTS, math.ceil(SHARES[-1] * size))
        stored["problems"][name] = about | measure(problem, small_spec(size), end)
        show(name, stored["problems"][name])
        for variant, changes in VARIANTS.items():
            other = about | measure(problem, small_spec(size, **changes), end)
            stored["variants"].pop(f"{name}, {variant}", None)
            if changes.get("orbitals") in (None, other["orbitals"]):  # broken-symmetry determinants need not exist
                stored["variants"][f"{name}, {variant}"] = other


def validate(stored: dict[str, Any]) -> None:
    for name, (library, parameters) in HELD_OUT.items():
        problem = load_problem(library, **parameters)
        if problem.reference is not None:
            energy, source = problem.reference.energy_hartree, problem.reference.method
        else:
            energy, source = FE2S2_HARTREE, "FCI, quantum advantage tracker"
        about = {"exact_hartree": energy, "source": source, "sizes": HELD_OUT_SIZES}
        for label, penalty in ((name, 0.0), (f"{name}, spin penalty 0.05", 0.05)):
            spec = EnergySpec(n_threads=1, spin_penalty_hartree=penalty)
            stored["held_out"][label] = about | measure(problem, spec, HELD_OUT_SIZES[-1])
            show(label, stored["held_out"][label])


FE2S2_HARTREE = -116.60560912


def show(name: str, row: dict[str, Any]) -> None:
    print(f"{name}: {row['orbitals']}, {row['cpu_s']} s")
    for n, estimate in trials(row):
        print(
            f"    {n:7,d}  error {1e3 * (estimate.energy_hartree - row['exact_hartree']):+9.3f} mHa, "
            f"below {1e3 * (estimate.energy_hartree - estimate.low_hartree):8.3f}, "
            f"{'trusted' if estimate.trusted else 'not trusted'}, "
            f"{'covered' if covers(estimate, row['exact_hartree']) else 'NOT COVERED'}: {estimate.reason}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exact", action="store_true", help="compute the exact energies anew")
    parser.add_argument("--held-out", action="store_true", help="run the held-out problems alone")
    parser.add_argument("--tables", action="store_true", help="only write the tables of the page")
    options = parser.parse_args()
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for part in ("problems", "variants", "held_out"):
        stored.setdefault(part, {})
    if not options.tables:
        if not options.held_out:
            calibrate(stored, exact=options.exact)
        validate(stored)
        stored = {"schema": "kakehashi.calibration/1", **stored, "provenance": collect_provenance()}
    stored["summary"] = summarize(stored["problems"])
    RESULTS.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(stored["summary"], indent=1))
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), stored), encoding="utf-8")


if __name__ == "__main__":
    main()
