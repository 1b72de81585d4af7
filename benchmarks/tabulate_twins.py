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


def _or_nothing(value: float | None, show: Callable[[float], str]) -> str:
    return "" if value is None else show(value)


def routed_shots(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Noisy GHZ states from a twin's name to shots, and a line of a thousand qubits as a matrix product state."""
    document = _read("benchmarks/results/routes.json")
    rows = []
    for row in document["rows"]:
        if "twin" not in row:
            continue
        chosen = "".join(f", {key} `{value}`" for key, value in row["chosen"].items())
        parts = [row[f"{part}_s"] for part in ("load", "compile", "attach", "convert")]
        rows.append(
            [
                row["circuit"].removeprefix("noisy "),
                f"`{row['twin']}`{chosen}",
                " + ".join(f"{1e3 * part:.0f}" for part in parts),
                f"{1e3 * row['set_up_s']:.0f}",
                *(_three(row[f"{who}shots_per_s"]) for who in ("", "stim_")),
                *(_or_nothing(row.get(f"aer_{how}_shots_per_s"), _three) for how in ("stabilizer", "statevector")),
            ]
        )
    columns = ["shots of", "twin", "load + compile + noise + conversion / ms", "set-up / ms", "shots/s after"]
    columns += ["stim alone, uniform errors", "Aer stabilizer", "Aer state vector"]
    line = next(row for row in document["rows"] if row["method"] == "mps")
    words = (
        "\nThe transverse-field Ising model on a line of 1,000 qubits, 5 steps, "
        f"took {line['set_up_s']:.1f} s to the first shot\nand gave {_three(line['shots_per_s'])} shots/s "
        f"over {line['n_shots']:,} shots as a matrix product state; "
        f"quimb took {line['quimb_set_up_s']:.1f} s and gave {line['quimb_shots_per_s']:.1f}\nshots/s.\n"
    )
    return markdown(columns, rows) + words


GRAPHS = {"hh127": "127 qubits", "hh156": "156 qubits", "grid16": "16 x 16"}


def routed_values(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Expectation values of kicked Ising circuits."""
    document = _read("benchmarks/results/routes.json")
    rows = []
    for row in document["rows"]:
        if "n_values" not in row:
            continue
        graph, _, rest = row["circuit"].removeprefix("kicked Ising ").partition(", ")
        each = row["time_s"] / row["n_values"]
        package = ""
        if "pauli_prop_s_each" in row:
            package = f"{row['pauli_prop_s_each']:.2f} ({row['pauli_prop_discarded']:.2g})"
        rows.append(
            [
                f"{GRAPHS[graph]}, {rest}: {row['n_values']}",
                str(row["cone_qubits"]),
                _three(row["time_s"]),
                _three(1e3 * each),
                _or_nothing(row.get("qulacs_s_each"), _three),
                package,
                f"{row['value']:.7f}",
            ]
        )
    columns = ["expectation values of Z", "cone / qubits", "all by us / s", "one by us / ms", "qulacs, one / s"]
    columns += ["pauli-prop, one / s (its discarded norm)", "value of one"]
    quimb = next(row for row in document["rows"] if "quimb_mps_s_each" in row)
    words = (
        "\nquimb's matrix product state of the cone of 156 qubits took "
        f"{1e3 * quimb['quimb_mps_s_each']:.0f} ms for one value, after its compilation.\n"
    )
    return markdown(columns, rows) + words + _commit(document)


def _span(values: list[float]) -> str:
    """Milliseconds or seconds, of the least and the most."""
    low, high = min(values), max(values)
    if high < 0.01:
        return f"{1e3 * high:.1f} ms"
    return f"{low:.2g} to {high:.2g} s" if f"{low:.2g}" != f"{high:.2g}" else f"{high:.2g} s"


def misread(markdown: Callable[[list[str], list[list[str]]], str]) -> str:
    """Readout mitigation of a known state, three seeds a row."""
    document = _read("benchmarks/results/readout.json")
    groups: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in document["rows"]:
        groups.setdefault((row["n_qubits"], row["n_shots"]), []).append(row)
    rows = [
        [
            f"{n_qubits}, {n_shots:,}",
            _three(sum(row["n_distinct"] for row in group) / len(group)),
            f"{sum(row['raw'] for row in group) / len(group):.2f}",
            ", ".join(f"{row['ours']:.3f}" for row in group) + f" (± {group[0]['ours_error']:.3f})",
            ", ".join(f"{row['mthree']:.3f}" for row in group),
            *(_span([row[f"{what}_s"] for row in group]) for what in ("one_string", "all_strings", "mthree")),
        ]
        for (n_qubits, n_shots), group in groups.items()
    ]
    columns = ["qubits, shots", "distinct", "read", "here", "mthree"]
    columns += ["here, this string", "here, all strings", "mthree, all strings"]
    return markdown(columns, rows) + _commit(document)


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
        "routed-shots": routed_shots,
        "routed-values": routed_values,
        "misread": misread,
    }
    return {name: partial(make, markdown) for name, make in makers.items()}
