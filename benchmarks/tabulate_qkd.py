"""The tables of the key network, for `tabulate.py`; each has a function of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["tables"]

RESULTS = Path(__file__).resolve().parent / "results"
Markdown = Callable[[list[str], list[list[str]]], str]

PHOTON_PEERS = {"numpy": "NumPy arrays", "sequence": "SeQUeNCe", "qkdpy": "qkdpy"}
METHODS = {"cascade": "Cascade", "ldpc": "LDPC"}


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
            f"{row['n'] / row['wall_s_two_threads'] / 1e6:,.0f}",
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
    columns = ["block", "ratio", "Mbit/s, one core", "two cores, by the clock", "AVX2 and PCLMUL", "portable"]
    columns += ["floating-point FFT", "FLINT", "products, of a bare loop", "time, of one copy"]
    small, peers = document["small"], document["peers"]
    words = (
        "\nMbit/s of corrected bits that go in; of one core, a CPU second. "
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


def correction(markdown: Markdown) -> str:
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


def resumed(markdown: Markdown) -> str:
    """Frames of Cascade that only the checks at the end saw."""
    rows = [
        [f"{100 * row['qber']:g} %", f"{row['n_frames']:,}", _failures(row, "resumed"), _failures(row, "wrong")]
        for row in _read("qkd_correction")["rows"]
        if row["method"] == "cascade"
    ]
    return markdown(["QBER", "frames", "wrong before the checks", "wrong after them"], rows)


STAGES = {
    "sifting": ("sifting",),
    "correction": ("correction",),
    "estimation, verification": ("estimation", "verification"),
    "amplification": ("amplification",),
    "tags": ("authentication",),
    "messages, wire, socket": ("messages", "wire", "socket"),
    "the rest": ("rest",),
}
"""Columns of a session's table, and the stages that each sums."""
GOAL_MBIT_PER_S = 50.0
"""Of a whole session with Cascade, by the clock."""


def sessions(markdown: Markdown) -> str:
    """Whole sessions: rates of each end, and what each stage takes."""
    document = _read("qkd_session")
    rows = []
    for row in document["rows"]:
        for role in ("sender", "receiver"):
            end = row[role]
            ns = end["stages_ns_per_bit"]
            rows.append(
                [
                    METHODS[row["correction"]],
                    f"{row['block_bits']:.0e}".replace("e+0", "e"),
                    role,
                    f"{end['mbit_per_s']:.1f}",
                    f"{end['mbit_per_processor_s']:.1f}",
                    *(f"{sum(ns[stage] for stage in stages):.1f}" for stages in STAGES.values()),
                    f"{end['photons_ns_per_bit']:.1f}",
                    f"{end['sent_bytes_per_bit']:.2f}",
                ]
            )
    columns = ["method", "bits of a block", "end", "Mbit/s by the clock", "Mbit/s a processor second"]
    columns += [f"ns a bit: {name}" for name in STAGES]
    columns += ["taking exposures", "bytes sent a bit"]
    load = document["load_before"]
    words = f"\nPrograms that ran or waited on the two cores beforehand, on average: {load:.1f}.\n"
    return markdown(columns, rows) + _goal(document) + words + _measured(document)


def _goal(document: dict[str, Any]) -> str:
    """Whether sessions with Cascade are as fast as they should be."""
    ends = [row[role] for row in document["rows"] if row["correction"] == "cascade" for role in ("sender", "receiver")]
    clock, processor = (sorted(end[name] for end in ends) for name in ("mbit_per_s", "mbit_per_processor_s"))
    verdict = "met" if clock[0] >= GOAL_MBIT_PER_S else "not met"
    return (
        f"\nThe goal is {GOAL_MBIT_PER_S:g} Mbit/s of sifted bits with Cascade, one core for each end. By the clock,"
        f" whole sessions reach {clock[0]:.0f} to {clock[-1]:.0f} Mbit/s: the goal is **{verdict}**. The"
        f" {processor[0]:.0f} to {processor[-1]:.0f} Mbit/s a processor second are what an end could do if it never"
        " had to wait for the other.\n"
    )


def tables(markdown: Markdown) -> dict[str, Callable[[], str]]:
    """By name, what fills each table.

    Args:
        markdown: Writes a table from its columns and rows.
    """
    makers = {
        "qkd-photons": photons,
        "qkd-photons-agreement": photons_agreement,
        "amplification": amplification,
        "tags": tags,
        "qkd-correction": correction,
        "qkd-correction-checks": resumed,
        "qkd-session": sessions,
    }
    return {name: partial(make, markdown) for name, make in makers.items()}
