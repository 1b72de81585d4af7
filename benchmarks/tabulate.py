"""Write the tables of README.md and the pages of docs/ from benchmarks/results and verification/results.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; nothing between them is written by hand.

    python benchmarks/tabulate.py [--check]
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from tabulate_key_network import network_tables
from tabulate_qkd import tables as qkd_tables
from tabulate_qkd_delivery import delivery_tables
from tabulate_twins import tables

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = tuple(
    ROOT / page
    for page in (
        "README.md",
        "docs/reference/benchmarks.md",
        "docs/explanations/amplification.md",
        "docs/explanations/compilation.md",
        "docs/explanations/distillation.md",
        "docs/explanations/network.md",
        "docs/explanations/photons.md",
        "docs/explanations/reconciliation.md",
        "docs/explanations/twins.md",
        "docs/explanations/router.md",
        "docs/how-to/mitigation.md",
        "docs/reference/key-delivery.md",
    )
)
SELECTED = {"n2-6-31g": "N2 6-31G (10e,16o)", "n2-cc-pvdz": "N2 cc-pVDZ (10e,26o)", "fe2s2": "[2Fe-2S] (30e,20o)"}
PEERS = {"pyci": "PyCI", "trimci": "TrimCI", "pyscf": "PySCF"}
SYSTEMS = {"n2": "N2 cc-pVDZ (10e,26o)", "fe2s2": "[2Fe-2S] (30e,20o)"}
FUGAKU_HARTREE = -326.913
"""[4Fe-4S]: arXiv:2511.00224."""

PLACE = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def read(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return result


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def about(result: dict[str, Any]) -> str:
    machine, commit = result["provenance"]["machine"], result["provenance"]["commit"]
    return f"\nMeasured on {machine['processor']}, {machine['n_processors']} cores, at commit `{commit}`.\n"


def sigma_table() -> str:
    result = read("sigma")
    rows = []
    for row in result["rows"]:
        ratio = f"{row['ratio_pyscf']:,.0f}" if "ratio_pyscf" in row else ""
        cells = [
            SYSTEMS[row["system"]],
            f"{row['n_determinants']:,}",
            str(row["n_threads"]),
            f"{1e3 * row['build_s']:.1f}",
            f"{1e3 * row['sigma_s']:.2f}",
            f"{row['ns_per_connected']:.3f}",
            f"{row['ns_per_connected_general']:.3f}",
            f"{row['ns_per_nonzero']:.2f}",
            ratio,
        ]
        rows.append(cells)
    columns = ["system", "determinants", "cores", "build / ms", "sigma / ms", "ns per connected element"]
    columns += ["the same without spin exchange", "ns per non-zero element", "times faster than PySCF"]
    peak = result["peak_1e7"]
    words = (
        f"\nSolving {int(peak['n_determinants']):,} determinants of N2 to {float(peak['energy_hartree']):.8f} hartree "
        f"took {int(peak['bytes']) / 1e9:.2f} GB at the peak.\n"
    )
    return markdown(columns, rows) + words + about(result)


def solve_table() -> str:
    result = read("solve")
    rows = [
        [
            SYSTEMS[row["system"]],
            f"{row['n_determinants']:,}",
            f"{row['ours_s']:.3f}",
            f"{row['addon_s']:.1f}",
            f"{row['ratio']:,.0f}",
            f"{1e9 * (row['ours_hartree'] - row['addon_hartree']):+.2g}",
        ]
        for row in result["rows"]
    ]
    columns = ["system", "determinants", "kakehashi / s", "qiskit-addon-sqd / s", "ratio", "difference / nanohartree"]
    return markdown(columns, rows) + about(result)


def loop_rows() -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in read("loop")["rows"]:
        rows.setdefault(row["who"], []).append(row)
    return rows


def loop_table() -> str:
    result = read("loop")
    minutes = [1, 2, 4, 7, 10, result["minutes"]]
    rows = []
    for who, history in loop_rows().items():
        cells = [who]
        for limit in minutes:
            done = [row for row in history if row["wall_s"] <= 60 * limit * (1 if limit < result["minutes"] else 1.5)]
            cells.append(f"{done[-1]['error_mhartree']:.1f}" if done else "none yet")
        rows.append(cells)
    columns = ["error in mHa after", *(f"{limit:g} min" for limit in minutes)]
    return markdown(columns, rows) + about(result)


def summary_table() -> str:
    sigma = {(row["system"], row["n_determinants"], row["n_threads"]): row for row in read("sigma")["rows"]}
    solve = {(row["system"], row["n_determinants"]): row for row in read("solve")["rows"]}
    rows = []
    for system, size in (("n2", 99_856), ("fe2s2", 99_856)):
        row = sigma[system, size, 1]
        one = f"{1e3 * row['sigma_s']:.1f} ms, {row['ns_per_connected']:.2f} ns an element"
        peer = f"PySCF selected CI: {row['pyscf_s']:.1f} s"
        rows.append([f"sigma, {SYSTEMS[system]}, 1e5 determinants", one, peer, f"{row['ratio_pyscf']:,.0f}"])
    for system, size, words in (("n2", 99_856, "1e5"), ("fe2s2", 2_500, "2,500")):
        row = solve[system, size]
        peer = f"qiskit-addon-sqd: {row['addon_s']:.0f} s"
        name = f"to a converged energy, {SYSTEMS[system]}, {words} determinants"
        rows.append([name, f"{row['ours_s']:.2f} s", peer, f"{row['ratio']:,.0f}"])
    loop = loop_rows()
    ours, theirs = loop["kakehashi"][-1]["error_mhartree"], loop["qiskit-addon-sqd"][-1]["error_mhartree"]
    name = f"error after {read('loop')['minutes']:g} minutes of the loop on random bits, {SYSTEMS['n2']}"
    rows.append([name, f"{ours:.1f} mHa", f"qiskit-addon-sqd: {theirs:.0f} mHa", f"{theirs / ours:,.0f}"])
    return markdown(["one core", "kakehashi", "beside", "ratio"], rows)


def public_table() -> str:
    """What was published of three problems, and what this machine makes of them."""
    rows = {row["problem"]: row for row in read("leaderboard")["rows"]}
    curve = [row for name, row in rows.items() if name.startswith("n2-") and name != "n2-cdfci"]
    worst = max(abs(row["error_hartree"]) for row in curve)
    inside = sum(row["covers"] for row in curve)
    seconds = [row["wall_s"] for row in curve]
    lines = [
        [
            f"N2 cc-pVDZ (14e,28o), {len(curve)} bond lengths",
            f"estimates within {1e3 * worst:.1f} mHa, {inside} of {len(curve)} intervals hold the published energy, "
            f"{min(seconds):.0f} to {max(seconds):.0f} s each",
            "heat-bath CI, 4,480 cores, 23 to 81 min each ([tracker][])",
        ]
    ]
    row = rows["fe2s2"]
    estimate, exact = row["estimate"], row["exact_hartree"]
    half = max(
        estimate["high_hartree"] - estimate["energy_hartree"], estimate["energy_hartree"] - estimate["low_hartree"]
    )
    lines.append(
        [
            "[2Fe-2S] (30e,20o)",
            f"{1e3 * (row['energy_hartree'] - exact):.1f} mHa above exact, "
            f"estimate {1e3 * row['error_hartree']:+.1f} ± {1e3 * half:.1f} mHa, {row['wall_s']:.0f} s",
            "HI-VQE with a quantum processor and 10,240 cores: 0.9 mHa above exact in 11.6 h ([tracker][])",
        ]
    )
    if "fe4s4" in rows:
        row = rows["fe4s4"]
        early = next(rung for rung in row["rungs"] if rung["energy_hartree"] < FUGAKU_HARTREE)
        found = (
            f"{row['energy_hartree']:.3f} hartree, variational, {row['wall_s'] / 60:.0f} min; "
            f"{early['energy_hartree']:.3f} after {early['elapsed_s']:.0f} s"
        )
        published = f"SQD in a closed loop with 152,064 nodes of Fugaku: {FUGAKU_HARTREE} hartree "
        lines.append(
            ["[4Fe-4S] (54e,36o)", found, published + "([arXiv:2511.00224](https://arxiv.org/abs/2511.00224))"]
        )
    link = "\n[tracker]: https://github.com/quantum-advantage-tracker/quantum-advantage-tracker.github.io\n"
    columns = ["problem", "kakehashi, two cores, no quantum processor", "published"]
    return markdown(columns, lines).replace("---:", "---") + link


def selected_steps(result: dict[str, Any]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    steps: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        steps.setdefault((row["problem"], row["who"]), []).append(row)
    return steps


def time_to_error(steps: list[dict[str, Any]], exact: float, target: float, *, perturbed: bool) -> float | None:
    """Growth up to the first stage from which on all keep the error, and that stage's perturbation theory."""
    key = "perturbed_hartree" if perturbed else "energy_hartree"
    reached: float | None = None
    for step in reversed(steps):
        if step[key] is None or abs(step[key] - exact) > target:
            break
        reached = step["cpu_s"] + (step["perturbation_cpu_s"] if perturbed else 0.0)
    return reached


def at_size(steps: list[dict[str, Any]], size: int) -> tuple[float, float] | None:
    """Processor time and energy at a number of determinants, between the stages around it on logarithmic scales."""
    for before, after in pairwise(steps):
        if before["n_determinants"] < size <= after["n_determinants"]:
            low, high = math.log(before["n_determinants"]), math.log(after["n_determinants"])
            share = (math.log(size) - low) / (high - low)
            seconds = math.exp((1 - share) * math.log(before["cpu_s"]) + share * math.log(after["cpu_s"]))
            return seconds, (1 - share) * before["energy_hartree"] + share * after["energy_hartree"]
    return None


def selected_table() -> str:
    """Processor seconds to an error and to a size."""
    result = read("selected")
    steps, rows = selected_steps(result), []

    def add(problem: str, words: str, seconds: dict[str, float | None]) -> None:
        if all(value is None for value in seconds.values()):
            return
        ours = seconds.pop("kakehashi")
        cells = [SELECTED[problem], words, "not reached" if ours is None else f"{ours:.3g}"]
        for who in PEERS:
            value = seconds.get(who)
            cells.append("" if who in result["left_out"] else "not reached" if value is None else f"{value:.3g}")
        # Whoever did not get there would have needed more than its growth took so far.
        least, reached = min(
            (value or steps[problem, who][-1]["cpu_s"], value is not None) for who, value in seconds.items()
        )
        ratio = "" if ours is None else f"{'' if reached else '> '}{least / ours:.1f}"
        rows.append([*cells, ratio])

    for problem in SELECTED:
        who_ran = [who for who in ("kakehashi", *PEERS) if (problem, who) in steps]
        exact, uncertainty = result["exact_hartree"].get(problem, (None, 0.0))
        for perturbed, how in ((True, "with perturbation theory"), (False, "variational")):
            for target in (1e-3, 1e-4):
                if exact is None or uncertainty > target / 4:
                    continue
                found = {who: time_to_error(steps[problem, who], exact, target, perturbed=perturbed) for who in who_ran}
                add(problem, f"{1e3 * target:g} mHa, {how}", found)
        for size in (10_000, 100_000):
            sizes = {who: at_size(steps[problem, who], size) for who in who_ran}
            add(problem, f"{size:,} determinants", {who: at and at[0] for who, at in sizes.items()})
    columns = ["system", "processor seconds to", "kakehashi", *PEERS.values(), "best of the others over kakehashi"]
    words = "".join(f"\n{PEERS[who]} was left out: {reason}.\n" for who, reason in result["left_out"].items())
    return markdown(columns, rows) + words + about(result)


def selected_energies_table() -> str:
    """What the same number of determinants is worth in each package."""
    result = read("selected")
    steps, rows = selected_steps(result), []
    for problem, title in SELECTED.items():
        exact = result["exact_hartree"].get(problem, (None,))[0]
        for size in (1_000, 10_000, 100_000):
            found = {who: at_size(steps.get((problem, who), []), size) for who in ("kakehashi", *PEERS)}
            if exact is not None and any(found.values()):
                cells = [f"{1e3 * (at[1] - exact):.2f}" if at else "" for at in found.values()]
                rows.append([title, f"{size:,}", *cells])
    return markdown(["variational energy above the exact, mHa", "determinants", "kakehashi", *PEERS.values()], rows)


def selected_kernels_table() -> str:
    result = read("selected")
    one_core = {row["problem"]: row for row in result["kernels"] if row["n_threads"] == 1}
    rows = []
    for row in result["kernels"]:
        one = one_core[row["problem"]]
        ratios = [one[key] / row[key] for key in ("build_s", "product_s", "select_s", "perturb_s")]
        cells = [
            SELECTED[row["problem"]],
            f"{row['n_determinants']:,}",
            str(row["n_threads"]),
            f"{row['build_ns_per_element']:.1f}",
            f"{row['product_ns_per_element']:.2f}",
            f"{row['select_determinants_per_s'] / 1e6:.2f}",
            f"{row['perturb_determinants_per_s'] / 1e6:.2f}",
            f"{row['bytes_per_determinant']:,.0f}",
            "" if row is one else ", ".join(f"{ratio:.2f}" for ratio in ratios),
        ]
        rows.append(cells)
    columns = ["system", "determinants", "cores", "build / ns per element", "product / ns per element"]
    columns += ["selection / 1e6 determinants a second", "perturbation theory / 1e6 determinants a second"]
    columns += ["bytes per determinant", "times faster than on one core: build, product, selection, perturbation"]
    return markdown(columns, rows) + about(result)


def leaderboard_title(name: str) -> str:
    titles = {"fe2s2": "[2Fe-2S] (30e,20o)", "fe4s4": "[4Fe-4S] (54e,36o)", "n2-cdfci": "N2, 2.118 bohr"}
    return titles.get(name, f"N2, {name.removeprefix('n2-')} angstrom")


def leaderboard_table() -> str:
    """Energies in hartree beside what is known."""
    result, rows = read("leaderboard"), []
    for row in result["rows"]:
        estimate, known = row["estimate"], row.get("exact_hartree")
        penalty = row["spin_penalty_hartree"]
        cells = [
            leaderboard_title(row["problem"]),
            "" if known is None else f"{known:.6f}",
            row["orbitals"] + (f", spin penalty {penalty:g}" if penalty else ""),
            f"{row['n_determinants']:,}",
            f"{row['energy_hartree']:.6f}",
            f"{1e3 * row['second_order_hartree']:.3f} ± {1e3 * row['second_order_error_hartree']:.3f}",
            f"{estimate['energy_hartree']:.6f}",
            f"{estimate['low_hartree']:.6f} to {estimate['high_hartree']:.6f}",
            "yes" if estimate["trusted"] else "no",
            "" if known is None else f"{1e3 * (row['energy_hartree'] - known):+.3f}",
            "" if known is None else f"{1e3 * row['error_hartree']:+.3f}",
            "" if known is None else "yes" if row["covers"] else "**no**",
            f"{row['spin_squared']:.3f}",
            f"{row['wall_s'] / 60:.1f}",
            f"{row['cpu_s'] / 60:.1f}",
            f"{row['peak_bytes'] / 1e9:.1f}",
        ]
        rows.append(cells)
    columns = [
        "system",
        "known",
        "orbitals",
        "determinants",
        "variational",
        "second order / mHa",
        "estimate",
        "interval",
    ]
    columns += ["trusted", "variational error / mHa", "estimate's error / mHa", "interval holds it", "<S^2>"]
    columns += ["wall / min", "processor / min", "peak / GB"]
    words = "".join(
        f"\n{leaderboard_title(row['problem'])} is not trusted because {row['estimate']['reason']}.\n"
        for row in result["rows"]
        if not row["estimate"]["trusted"]
    )
    for row in result["rows"]:
        bounds = (-327.16, -327.20) if row["problem"] == "fe4s4" else ()
        for bound in bounds:
            passed = next((rung for rung in row["rungs"] if rung["energy_hartree"] < bound), None)
            if passed is not None:
                words += (
                    f"\n{leaderboard_title(row['problem'])} was below {bound:.2f} after "
                    f"{passed['elapsed_s'] / 60:.1f} minutes, with {passed['n_determinants']:,} determinants.\n"
                )
    commits = sorted({str(row["commit"]) for row in result["rows"]})
    machine = result["provenance"]["machine"]
    where = f"\nMeasured on {machine['processor']}, {machine['n_processors']} cores, two threads, at commit "
    return markdown(columns, rows) + words + where + " and ".join(f"`{commit}`" for commit in commits) + ".\n"


TABLES: dict[str, Callable[[], str]] = {
    "sigma": sigma_table,
    "solve": solve_table,
    "loop": loop_table,
    "selected": selected_table,
    "selected-energies": selected_energies_table,
    "selected-kernels": selected_kernels_table,
    "leaderboard": leaderboard_table,
    "summary": summary_table,
    "public": public_table,
    **tables(markdown),
    **qkd_tables(markdown),
    **delivery_tables(markdown),
    **network_tables(markdown),
}


def fill(text: str) -> str:
    """The text with every table as the results have it."""
    return PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place[2]]()}\n{place[4]}", text)


def main() -> None:
    check = "--check" in sys.argv[1:]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        filled = fill(text)
        if check and filled != text:
            sys.exit(f"{page} does not show the results; run: python benchmarks/tabulate.py")
        if not check:
            page.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()
