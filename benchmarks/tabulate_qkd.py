"""The tables of the key network, for `tabulate.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["tables"]

RESULTS = Path(__file__).resolve().parent / "results"

METHODS = {"cascade": "Cascade", "ldpc": "LDPC"}


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def _measured(document: dict[str, Any]) -> str:
    machine = document["provenance"]["machine"]
    return f"\nMeasured on {machine['processor']} at commit `{document['provenance']['commit']}`.\n"


def _failures(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval_95"]
    n = row[f"{name}_frames"]
    return (
        f"{n} of {row['n_frames']:,} (below {high:.1e})"
        if n == 0
        else f"{n} of {row['n_frames']:,} ({low:.1e} to {high:.1e})"
    )


def correction(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Efficiency, failures, round trips and speed of error correction."""
    document = _read("qkd_correction")
    rows = [
        [
            METHODS.get(row["method"], document["peer"]),
            f"{100 * row['qber']:g} %",
            f"{row['n_bits']:.3g}" if "n_bits" in row else "–",
            f"{row['efficiency']:.4f}",
            _failures(row, "wrong"),
            str(row.get("rounds", "–")),
            f"{row['question_bytes_per_bit']:.3f}, {row['answer_bytes_per_bit']:.3f}" if "rounds" in row else "–",
            f"{row['reference_ns_per_bit']:.1f}, {row['corrector_ns_per_bit']:.1f}" if "rounds" in row else "–",
            f"{row['one_core_mbit_per_s']:.1f}",
            f"{row['two_cores_mbit_per_s']:.1f}" if "rounds" in row else "–",
        ]
        for row in document["rows"]
    ]
    columns = ["method", "QBER", "bits of a block", "f", "frames wrong at the end", "round trips"]
    columns += ["bytes a bit: questions, answers", "ns a bit: reference, corrector", "Mbit/s, one core", "two cores"]
    return markdown(columns, rows) + _measured(document)


def resumed(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Frames of Cascade that only the checks at the end saw."""
    rows = [
        [f"{100 * row['qber']:g} %", f"{row['n_frames']:,}", _failures(row, "resumed"), _failures(row, "wrong")]
        for row in _read("qkd_correction")["rows"]
        if row["method"] == "cascade"
    ]
    return markdown(["QBER", "frames", "wrong before the checks", "wrong after them"], rows)


def tables(markdown: Callable[[list[str], list[list[str]]], str]) -> dict[str, Callable[[], str]]:
    """By name, what fills each table.

    Args:
        markdown: Writes a table from its columns and rows.
    """
    makers = {"qkd-correction": correction, "qkd-correction-checks": resumed}
    return {name: partial(make, markdown) for name, make in makers.items()}
