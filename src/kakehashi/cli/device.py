"""The commands about processors: which there are, what one is like, and how several compare."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kakehashi.cli.device_explain import explain
from kakehashi.cli.terminal import data, words
from kakehashi.cli.usage import begin_with
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.device.twins.metrics import Summary
    from kakehashi.device.twins.model import Twin

__all__ = ["device_app"]

device_app = App(
    name="device",
    help="Processors: which there are, what one is like, how several compare, what one makes of a circuit.",
    help_epilogue=begin_with("kakehashi device list", "kakehashi device show riken-64"),
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]
FILES = (".json", ".toml", ".zip")
GRADES = {"measured": "m", "published": "p", "inferred": "i", "assumed": "a"}
COMPARED = 4
"""Processors that stand side by side in 100 columns."""


@device_app.command(name="list")
def list_(*, json_: Json = False) -> int:
    """List the processors that can be picked by name.

    Parameters
    ----------
    json_
        Print the list as JSON on standard output.
    """
    from kakehashi.device.twins.library import list_twins, read_twin_spec
    from kakehashi.device.twins.snapshot import describe_snapshots

    twins = [entry for entry in list_twins() if entry.kind == "twin"]
    sizes = {entry.name: read_twin_spec(entry.name).lattice.build().n_qubits for entry in twins}
    snapshots = describe_snapshots()
    if json_:
        rows: list[dict[str, Any]] = [
            {"name": t.name, "kind": t.kind, "title": t.title, "n_qubits": sizes[t.name], "presets": t.presets}
            for t in twins
        ]
        rows += [{"name": s.name, "kind": "snapshot", "title": s.family, "n_qubits": s.n_qubits} for s in snapshots]
        _write_json(rows)
        return 0
    data.print("[bold]Twins[/]  [dim]real lattices, calibrations drawn from ranges by a seed[/]", highlight=False)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for entry in twins:
        about = Text(entry.title).append(f"\npresets: {', '.join(entry.presets)}", style="dim")
        table.add_row(Text(entry.name, style="bold", no_wrap=True), f"{sizes[entry.name]:,}", about)
    data.print(table)
    data.print()
    if not snapshots:
        data.print("[dim]68 calibrations that were measured come with: pip install 'kakehashi\\[ibm]'[/]")
        return 0
    data.print("[bold]Machines[/]  [dim]ibm:NAME, oqtopus:DEVICE_ID, qrmi:RESOURCE[/]", highlight=False)
    data.print()
    data.print("[bold]Snapshots[/]  [dim]IBM processors as measured, from qiskit-ibm-runtime[/]", highlight=False)
    data.print(_grouped(snapshots))
    return 0


def _grouped(snapshots: Iterable[Any]) -> Table:
    """Snapshots by family and size, the largest and newest families first."""
    groups: dict[tuple[int, str], list[str]] = {}
    for entry in snapshots:
        groups.setdefault((entry.n_qubits, entry.family), []).append(entry.name)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column()
    for n_qubits, family in sorted(groups, reverse=True):
        names = Text(" ".join(groups[n_qubits, family]))
        table.add_row(Text(family or "older", style="dim"), f"{n_qubits:,}", names)
    return table


@device_app.command
def show(
    name: str,
    /,
    *,
    seed: int = 0,
    day: float = 0.0,
    preset: str | None = None,
    metric: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    map_: Annotated[Path | None, Parameter(name="--map")] = None,
    json_: Json = False,
) -> int:
    """Show what a processor is like, and what of it is known.

    Parameters
    ----------
    name
        A name of "kakehashi device list", or a file: OQTOPUS device topology (.json, .zip), data of a twin (.toml).
    seed
        Seed of a drawn calibration.
    day
        Day that a drawn calibration has wandered to.
    preset
        Ranges that the calibration is drawn from.
    metric
        What colours the map, such as t1_us or two_qubit_error; may be given twice, for qubits and for couplings.
    map_
        Write the chip's map to a file that ends in .svg, .png or .pdf.
    json_
        Print everything, with the values of every part, as JSON on standard output.
    """
    from kakehashi.device.twins.metrics import METRICS, summarise

    of_place: dict[str, str] = {METRICS[wanted].place: wanted for wanted in metric}
    if len(of_place) < len(metric):
        raise InputError("--metric takes one metric for the qubits and one for the couplings.")
    twin = _load(name, seed=seed, day=day, preset=preset)
    if map_ is not None:  # first, for it can be refused
        _save_map(twin, map_, of_place or {"qubit": "readout_error", "edge": "two_qubit_error"})
    if json_:
        _write_json(_whole(twin))
    else:
        _print_twin(twin, summarise(twin))
    if map_ is not None:
        words.print(f"\nMap: {map_}", highlight=False, soft_wrap=True)
    return 0


@device_app.command
def compare(
    names: Annotated[tuple[str, ...], Parameter(negative="")],
    /,
    *,
    seed: int = 0,
    day: float = 0.0,
    preset: str | None = None,
    json_: Json = False,
) -> int:
    """Compare processors: medians, the best of each, what is dead or absent, times, and how sure each number is.

    Parameters
    ----------
    names
        Two names or files or more.
    seed
        Seed of drawn calibrations.
    day
        Day that drawn calibrations have wandered to.
    preset
        Ranges that calibrations are drawn from, for the processors that have them.
    json_
        Print the comparison as JSON on standard output.
    """
    from kakehashi.device.twins.library import list_twins
    from kakehashi.device.twins.metrics import summarise

    if len(names) < 2:
        raise InputError("A comparison takes two processors or more, such as: device compare ibm-kobe riken-64.")
    presets = {entry.name: entry.presets for entry in list_twins()}
    if preset is not None and not any(preset in presets.get(name, ()) for name in names):
        raise InputError(f"None of {', '.join(names)} has the preset {preset!r}.")
    found = []
    for name in names:
        drawn = bool(presets.get(name)) or name.endswith(".toml")
        chosen = preset if preset in presets.get(name, ()) else None
        found.append(summarise(_load(name, seed=seed, day=day if drawn else 0.0, preset=chosen)))
    if json_:
        _write_json([summary.to_json() for summary in found])
        return 0
    for start in range(0, len(found), COMPARED):
        data.print(_comparison(found[start : start + COMPARED]))
    data.print("\n[dim]median (best)   m measured, p published, i inferred, a assumed[/]", highlight=False)
    return 0


device_app.command(explain)


def _load(name: str, *, seed: int, day: float, preset: str | None) -> Twin:
    from kakehashi.device.twins.library import load_twin

    if Path(name).suffix.lower() in FILES:
        return load_twin(path=name, seed=seed, day=day, preset=preset)
    return load_twin(name, seed=seed, day=day, preset=preset)


def _save_map(twin: Twin, path: Path, metrics: dict[str, str]) -> None:
    from kakehashi.report.chip_map import draw_chip_map, save_chip_map

    save_chip_map(path, draw_chip_map(twin, qubits=metrics.get("qubit"), edges=metrics.get("edge")))


def _write_json(values: Any) -> None:
    sys.stdout.write(json.dumps(values, indent=2, allow_nan=False) + "\n")


def _whole(twin: Twin) -> dict[str, Any]:
    """Everything that is known, part by part; null where it is not."""
    from kakehashi.device.twins.metrics import METRICS, summarise

    def plain(values: Any) -> list[float | None]:
        return [None if value != value else value for value in values.tolist()]

    parts: dict[str, Any] = {name: plain(METRICS[name].read(twin)) for name in METRICS}
    return {
        "summary": summarise(twin).to_json(),
        "positions": twin.positions.tolist(),
        "present": twin.present.tolist(),
        "edges": twin.edges.tolist(),
        "usable_edges": twin.usable_edges.tolist(),
        "readout_line": None if twin.readout_line is None else twin.readout_line.tolist(),
        "prob_meas1_prep0": plain(twin.calibration.prob_meas1_prep0),
        "prob_meas0_prep1": plain(twin.calibration.prob_meas0_prep1),
        **parts,
        "sources": {field: {"grade": s.grade, "text": s.text} for field, s in twin.sources.items()},
    }


def _number(value: float) -> str:
    if 0 < abs(value) < 0.01:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _print_twin(twin: Twin, summary: Summary) -> None:
    from kakehashi.device.twins.metrics import METRICS

    data.print(Text(summary.name, style="bold").append(f"  {summary.title}", style="not bold"))
    data.print()
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, text in _structure(twin, summary):
        table.add_row(label, text)
    data.print(table)
    data.print()
    values = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    values.add_column("")
    for column in ("median", "best", "worst"):
        values.add_column(column, justify="right", no_wrap=True)
    values.add_column("")
    values.add_column("known for", justify="right", no_wrap=True)
    values.add_column("")
    for name, found in summary.values.items():
        metric = METRICS[name]
        best, worst = ("–", "–") if metric.better == "neither" else (_number(found.best), _number(found.worst))
        three = (_number(found.median), best, worst)
        parts = "qubits" if metric.place == "qubit" else "couplings"
        values.add_row(metric.words, *three, metric.unit, f"{found.n_known:,} {parts}", Text(found.grade, style="dim"))
    data.print(values)
    data.print()
    sources = Table.grid(padding=(0, 2, 0, 0))
    sources.add_column(style="dim", no_wrap=True)
    sources.add_column(no_wrap=True)
    sources.add_column()
    for field, source in twin.sources.items():
        sources.add_row(field, source.grade, Text(source.text))
    data.print(sources)


def _structure(twin: Twin, summary: Summary) -> list[tuple[str, str]]:
    way = "control to target only" if summary.directed else "either way"
    dead = f", {summary.n_dead} dead" if summary.n_dead else ""
    absent = f", {summary.n_absent} absent" if summary.n_absent else ""
    parts = f"largest part {summary.largest_part:,} qubits" + (
        f", {summary.n_cut_off} without a live coupling" if summary.n_cut_off else ""
    )
    rows = [
        ("lattice", f"{summary.lattice}, {summary.n_qubits:,} qubits{absent}, {summary.n_edges:,} couplings{dead}"),
        ("joined", parts),
        ("gates", f"{', '.join(twin.one_qubit_gates)}; {summary.two_qubit_gate}, {way}"),
        ("shots", f"up to {summary.shot_rate_per_s:,.0f} a second, {summary.max_shots:,} a job"),
        ("calibrated", escape(summary.taken_utc)),
    ]
    if twin.readout_line is not None:
        rows.insert(3, ("readout", f"{int(twin.readout_line.max()) + 1} lines shared by 4 qubits each"))
    return rows


def _comparison(found: Sequence[Summary]) -> Table:
    from kakehashi.device.twins.metrics import METRIC_ORDER, METRICS

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("", style="dim", no_wrap=True)
    for summary in found:
        table.add_column(Text(summary.name, style="bold"), justify="right", no_wrap=True)

    def add(label: str, cells: Iterable[tuple[str, str]]) -> None:
        table.add_row(label, *(Text(text).append(f" {GRADES.get(grade, ' ')}", style="dim") for text, grade in cells))

    add("lattice", ((s.lattice, s.grades["edges"]) for s in found))
    add("qubits", ((f"{s.n_qubits:,}", s.grades["edges"]) for s in found))
    add("absent", ((f"{s.n_absent:,}", s.grades["present"]) for s in found))
    add("couplings", ((f"{s.n_edges:,}", s.grades["edges"]) for s in found))
    add("dead", ((f"{s.n_dead:,}", s.grades["calibration"]) for s in found))
    add("largest part", ((f"{s.largest_part:,}", s.grades["calibration"]) for s in found))
    add("two-qubit gate", ((f"{s.two_qubit_gate}{' one way' * s.directed}", s.grades["edges"]) for s in found))
    for name in METRIC_ORDER:
        if not any(name in summary.values for summary in found):
            continue
        metric = METRICS[name]
        add(f"{metric.words} {metric.unit}".strip(), (_value(summary, name) for summary in found))
    add("shots per second", ((f"{s.shot_rate_per_s:,.0f}", s.grades["shot_interval_us"]) for s in found))
    add("shots per job", ((f"{s.max_shots:,}", "") for s in found))
    add("calibrated", ((s.taken_utc[:10], s.grades["calibration"]) for s in found))
    return table


def _value(summary: Summary, name: str) -> tuple[str, str]:
    from kakehashi.device.twins.metrics import METRICS

    found = summary.values.get(name)
    if found is None:
        return "–", ""
    if found.median == found.best or METRICS[name].better == "neither":
        return _number(found.median), found.grade
    return f"{_number(found.median)} ({_number(found.best)})", found.grade
