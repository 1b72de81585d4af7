"""The table of the key delivery, for `tabulate.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["delivery_tables"]

RESULTS = Path(__file__).parent / "results"


def delivery(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Rates and times of the key server, and what the machine did meanwhile."""
    document = json.loads((RESULTS / "qkd_delivery.json").read_text(encoding="utf-8"))
    rows, web = [], {}
    for row in document["rows"]:
        if row["what"] == "web server alone":
            web[row["server"], row["loop"]] = row["server_cpu_us_per_request"]
            continue
        rows.append(
            [
                row["what"],
                "yes" if row["durable"] else "no",
                str(row["clients"]),
                f"{row['requests_per_s']:,.0f}",
                f"{row['keys_per_s']:,.0f}",
                f"{row['p50_ms']:.1f}",
                f"{row['p99_ms']:.1f}",
                f"{row['requests_per_cpu_s']:,.0f}",
                f"{row['keys_per_s'] / row['requests_per_s'] * row['requests_per_cpu_s']:,.0f}",
            ]
        )
    columns = [
        "request", "durable", "clients", "requests/s", "keys/s", "p50 / ms", "p99 / ms",
        "requests per processor second", "keys per processor second",
    ]  # fmt: skip
    goal = _goal([row for row in document["rows"] if row.get("durable")])
    first = next(row for row in document["rows"] if row.get("durable"))
    words = goal + (
        f"\nOne durable write of 4 KiB alone took {first['fdatasync_p50_ms']:.2f} ms in the median and"
        f" {first['fdatasync_p99_ms']:.2f} ms at the 99th percentile on this disk, and {document['load_before']:.0f}"
        f" other processes wanted the {document['cores']} cores.\n"
        f"\nThe web server alone, for an answer of two bytes: {web['kakehashi', 'asyncio']:.0f} µs of processor time;"
        f" with uvloop {web['kakehashi', 'uvloop']:.0f} µs; uvicorn with httptools and uvloop"
        f" {web['uvicorn', 'uvloop']:.0f} µs.\n"
    )
    return markdown(columns, rows) + words + f"\nMeasured at commit `{document['provenance']['commit']}`.\n"


def _goal(durable: list[dict[str, Any]]) -> str:
    """With how many clients what was aimed at is reached."""

    def found(suffix: str) -> str:
        single, batch = f"{suffix}, 1 key", f"{suffix}, 128 keys"
        met = {
            row["clients"]
            for row in durable
            if row["what"] == single and row["requests_per_s"] >= 1_000 and row["p99_ms"] < 10
        } & {row["clients"] for row in durable if row["what"] == batch and row["keys_per_s"] >= 30_000}
        return f"with {' or '.join(map(str, sorted(met)))} clients" if met else "with no number of clients"

    return (
        "\nThe aim is 1,000 requests/s for single keys with p99 under 10 ms, and 30,000 keys/s in batches, both"
        f" durable. `enc_keys` meets it {found('enc_keys')}, `enc_keys` followed by `dec_keys`"
        f" {found('enc_keys then dec_keys')}.\n"
    )


def delivery_tables(markdown: Callable[[list[str], list[list[str]]], str]) -> dict[str, Callable[[], str]]:
    """By name."""
    return {"qkd-delivery": partial(delivery, markdown)}
