"""The tables of the key network, for `tabulate.py`; each has a function of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["tables"]

RESULTS = Path(__file__).parent / "results"
Markdown = Callable[[list[str], list[list[str]]], str]

PHOTON_PEERS = {"numpy": "NumPy arrays", "sequence": "SeQUeNCe", "qkdpy": "qkdpy"}


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def _scientific(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def photons(markdown: Markdown) -> str:
    """Pulses a second of both modes and of peers."""
    document = _read("qkd_photons")
    rows = [
        [
            row["link"],
            _scientific(row["clicks_per_pulse"]),
            _scientific(row["pulse_per_s"]),
            _scientific(row["statistical_per_s"]),
            f"{row['statistical_ns_per_click']:.0f}",
            *(_scientific(row.get(f"{peer}_per_s")) for peer in PHOTON_PEERS),
            f"{row['pulse_ratio']:.0f}",
        ]
        for row in document["rows"]
    ]
    columns = ["link", "clicks a pulse", "pulse mode, pulses/s", "statistical mode, pulses/s", "the same, ns a click"]
    columns += [f"{title}, pulses/s" for title in PHOTON_PEERS.values()]
    columns += ["pulse mode to the best of them"]
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    commit = document["provenance"]["commit"]
    words = f"\nProcessor time of one thread, {document['kernel']} kernels, beside {versions}, at commit `{commit}`.\n"
    return markdown(columns, rows) + words


def photons_agreement(markdown: Markdown) -> str:
    """How the two modes and the formulas agree."""
    rows = [
        [
            row["link"],
            _scientific(row["n_pulses"]),
            f"{row['n_clicks']:,}",
            f"{row['p_cells']:.2f}",
            f"{row['p_gaps']:.2f}",
            f"{row['pulse_largest_sigma']:.1f}, {row['statistical_largest_sigma']:.1f}",
            str(row["pulse_n_cells"]),
        ]
        for row in _read("qkd_photons")["agreement"]
    ]
    columns = ["link", "pulses", "clicks", "p, intensity, bases, bits", "p, gaps"]
    columns += ["largest deviation from the formulas / sigma: pulse, statistical", "of so many counts"]
    return markdown(columns, rows)


def tables(markdown: Markdown) -> dict[str, Callable[[], str]]:
    """By name, what fills each table.

    Args:
        markdown: Writes a table from its columns and rows.
    """
    makers = {"qkd-photons": photons, "qkd-photons-agreement": photons_agreement}
    return {name: partial(make, markdown) for name, make in makers.items()}
