"""The tables of the key network, for `tabulate.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["tables"]

RESULTS = Path(__file__).resolve().parent / "results"
Markdown = Callable[[list[str], list[list[str]]], str]


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def _about(document: dict[str, Any]) -> str:
    machine, commit = document["provenance"]["machine"], document["provenance"]["commit"]
    return f"\nMeasured on {machine['processor']}, {machine['n_processors']} cores, at commit `{commit}`.\n"


def amplification(markdown: Markdown) -> str:
    """Mbit/s of the Toeplitz hash, beside other ways."""
    document = _read("qkd_amplification")

    rows = [
        [
            f"{row['n'] / 1e6:g} Mbit",
            f"{row['ratio']:g}",
            f"**{row['mbit_per_s']:,.0f}**",
            f"{row['cpu_s_two_threads'] / row['cpu_s']:.2f}",
            *(f"{row['n'] / row[f'{name}_cpu_s'] / 1e6:,.0f}" for name in ("pclmul", "portable")),
            *(
                f"{row['n'] / row[f'{name}_cpu_s'] / 1e6:,.1f}" if f"{name}_cpu_s" in row else "–"
                for name in ("floating", "flint")
            ),
            f"{100 * row['share_of_products']:.0f} %",
            f"{row['times_of_one_copy']:.0f}",
        ]
        for row in document["rows"]
    ]
    columns = ["block", "ratio", "Mbit/s, one core", "CPU time of two threads to one", "AVX2 and PCLMUL", "portable"]
    columns += ["floating-point FFT", "FLINT", "products, of a bare loop", "time, of one copy"]
    small, peers = document["small"], document["peers"]
    words = (
        "\nMbit/s of key and CPU second. Two threads to one: their CPU time, summed, as a ratio. "
        f"At {small['n']:,} bits the hash takes {1e6 * small['cpu_s']:.0f} microseconds"
    )
    if small["galois_cpu_s"]:
        words += f", and galois {small['galois_cpu_s']:.2g} s for the product"
    words += f". Peers: {', '.join(f'{name} {version}' for name, version in peers.items())}.\n"
    return markdown(columns, rows) + words + _about(document)


def tags(markdown: Markdown) -> str:
    """GB/s of the polynomial hash, beside other authenticators."""
    document = _read("qkd_amplification")
    rows = [
        [f"{row['n_bytes']:,}", *(f"{row[f'{name}_gb_per_s']:.2f}" for name in ("polyval", "ghash", "poly1305"))]
        for row in document["tags"]
    ]
    columns = ["bytes", "ours, GB/s", "GHASH of AES-GCM, GB/s", "Poly1305, GB/s"]
    words = "\nOne core, by CPU time, calls interleaved. The peers are those of pyca/cryptography, OpenSSL's.\n"
    return markdown(columns, rows) + words + _about(document)


def tables(markdown: Markdown) -> dict[str, Callable[[], str]]:
    """By name, what fills each table.

    Args:
        markdown: Writes a table from its columns and rows.
    """
    makers = {"amplification": amplification, "tags": tags}
    return {name: partial(make, markdown) for name, make in makers.items()}
