"""The tables of the twins, for `tabulate.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["tables"]

ROOT = Path(__file__).resolve().parents[1]

SAMPLERS = {
    "kakehashi": "kakehashi",
    "kakehashi_single": "kakehashi, single precision",
    "qulacs": "qulacs",
    "grouped_qulacs": "grouped shots on qulacs",
    "grouped_lightning": "grouped shots on lightning",
    "aer": "Aer",
}


def _read(path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return document


def _commit(document: dict[str, Any]) -> str:
    return f"\nMeasured at commit `{document['provenance']['commit']}`.\n"


def _three(value: float) -> str:
    """A number to three digits."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def noisy_sampling(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Shots a second of a noisy brickwork circuit."""
    document = _read("benchmarks/results/noisy_sampling.json")
    rows = []
    for row in document["rows"]:
        equal = row["at_equal_shots"]
        rows.append(
            [
                str(row["n_qubits"]),
                *(_three(row[f"{name}_shots_per_s"]) for name in SAMPLERS),
                f"{row['kakehashi_ratio']:.1f}, {row['kakehashi_ratio_to_all']:.1f}",
                f"{equal['kakehashi_ratio']:.1f}, {equal['kakehashi_ratio_to_all']:.1f}",
            ]
        )
    columns = ["qubits", *SAMPLERS.values(), "ratio to the best of qulacs and Aer, of all", "the same at equal shots"]
    return markdown(columns, rows) + _commit(document)


def transport(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Distances of carried errors from the exact noisy distribution."""
    rows = [
        [
            row["circuit"],
            f"{100 * row['rate']:g} %",
            f"{100 * row['error_free']:.1f} %",
            f"{row['noise_distance']:.3f}",
            f"{row['transport_distance']:.3f}",
            f"{row['uniform_distance']:.3f}",
            f"{row['in_sector']:.3f}, {row['in_sector_transport']:.3f}",
        ]
        for row in _read("verification/results/transport.json")["rows"]
    ]
    columns = ["circuit", "error a gate", "shots without error", "noise moves it by", "carried errors are off by"]
    columns += ["global depolarising is off by", "in sector: exact, carried"]
    return markdown(columns, rows)


COMPILERS = ("qiskit 1", "qiskit 2", "qiskit 3", "pytket", "kakehashi")


def _compiled(result: dict[str, Any] | None) -> str:
    """Gates on two qubits, their depth, the logarithm of success, and seconds."""
    if result is None:
        return "–"
    chance = f" {result['log10_esp']:.2f}" if "log10_esp" in result else ""
    return f"{result['two_qubit_gates']:,} d{result['two_qubit_depth']:,}{chance}, {result['cpu_s']:.2f} s"


def compiled(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """All compilers on all circuits, processor by processor."""
    document = _read("benchmarks/results/compile.json")
    return _by_processor(document["rows"], COMPILERS, markdown) + _commit(document)


def held_out(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """The same for circuits that nothing was tuned on, with what they miss."""
    rows = _read("benchmarks/results/compile.json")["held_out"]
    compilers = tuple(who for who in COMPILERS if who != "pytket")
    return _by_processor(rows, compilers, markdown, missed=True) + _counts(rows)


def _by_processor(
    rows: list[dict[str, Any]],
    compilers: tuple[str, ...],
    markdown: Callable[[list[str], list[list[str]]], str],
    *,
    missed: bool = False,
) -> str:
    parts = []
    for twin in dict.fromkeys(row["twin"] for row in rows):
        lines = [
            [
                row["circuit"],
                *(_compiled(row.get(who)) for who in compilers),
                row["kakehashi"]["chosen"],
                *([", ".join(row["short_falls"]) or "–"] if missed else []),
            ]
            for row in rows
            if row["twin"] == twin
        ]
        columns = ["circuit", *compilers, "way", *(["misses"] if missed else [])]
        parts.append(f"**{twin}**\n\n{markdown(columns, lines)}")
    return "\n".join(parts)


def _counts(rows: list[dict[str, Any]]) -> str:
    counts = {what: sum(what in row["short_falls"] for row in rows) for what in ("gates", "error", "time")}
    words = ", ".join(f"{n} miss on {what}" for what, n in counts.items())
    return f"\nOf {len(rows)} rows {words}.\n"


def short_falls(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Rows of the compiler that miss the goal."""
    rows = _read("benchmarks/results/compile.json")["rows"]
    missed = [[row["twin"], row["circuit"], ", ".join(row["short_falls"])] for row in rows if row["short_falls"]]
    return markdown(["processor", "circuit", "misses"], missed) + _counts(rows)


def trees(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Depths of broadcast trees."""
    rows = [
        [row["twin"], f"{row['qubits']:,}", str(row["tree_depth"]), str(row["chain_depth"])]
        for row in _read("benchmarks/results/compile.json")["trees"]
    ]
    return markdown(["processor", "qubits", "depth of the tree", "of the chain"], rows)


def tables(markdown: Callable[[list[str], list[list[str]]], str]) -> dict[str, Callable[[], str]]:
    """By name, what fills each table.

    Args:
        markdown: Writes a table from its columns and rows.
    """
    makers = {
        "noisy-sampling": noisy_sampling,
        "transport": transport,
        "compiled": compiled,
        "compiled-held-out": held_out,
        "compiled-short-falls": short_falls,
        "trees": trees,
    }
    return {name: partial(make, markdown) for name, make in makers.items()}
