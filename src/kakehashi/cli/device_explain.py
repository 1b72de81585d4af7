"""``kakehashi device explain``: what a processor would make of a circuit, before anything is run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from kakehashi.cli.terminal import data, words
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.device.methods.model import Plan
    from kakehashi.device.twin_device import Prepared, TwinDevice

__all__ = ["explain"]

BAR = 32
"""Width of the bars of the budget, characters."""


def explain(
    file: Path,
    /,
    *,
    device: str | None = None,
    shots: int | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", allow_leading_hyphen=True, negative="")] = (),
    map_: Annotated[Path | None, Parameter(name="--map")] = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Explain how a processor would run a circuit: where it lies, what its errors do, how it would be simulated.

    The circuit is compiled and its errors are written in; nothing is simulated.

    Parameters
    ----------
    file
        A run's TOML file, whose ansatz circuit is built, or an OpenQASM 3 program (.qasm).
    device
        A name of "kakehashi device list"; for a TOML file, that of its table [device] where not given.
    shots
        Number of shots; that of the file, or 100,000, where not given.
    set_
        Change one value of the TOML file, such as --set device.day=30; may be given several times.
    map_
        Write a map of the chip with the circuit's place to a file that ends in .svg, .png or .pdf.
    json_
        Print everything as JSON on standard output.
    """
    twin_device, circuit, n_shots = _read(file, device, shots, set_)
    prepared = twin_device.prepare(circuit, n_shots)
    if map_ is not None:
        _save_map(twin_device, prepared, map_)
    if json_:
        document = {"device": twin_device.name, "n_shots": n_shots, **prepared.to_json()}
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        _print(twin_device, prepared, n_shots)
    if map_ is not None:
        words.print(f"\nMap: {map_}", highlight=False, soft_wrap=True)
    return 0


def _read(
    file: Path, device: str | None, shots: int | None, assignments: tuple[str, ...]
) -> tuple[TwinDevice, Any, int]:
    from kakehashi.device.spec import TwinDeviceSpec, parse_device

    if file.suffix != ".toml":
        from kakehashi.circuit.qasm3 import read_qasm3
        from kakehashi.core.files import read_text

        if device is None:
            raise InputError("For an OpenQASM program give the processor, such as --device ibm-kobe.")
        spec = parse_device({"name": device, **({} if shots is None else {"n_shots": shots})})
        circuit: Any = read_qasm3(read_text(file), path=file)
    else:
        from kakehashi.workflow.spec import read_spec

        run = read_spec(file, assignments=assignments)
        n_shots = run.device.n_shots if shots is None else shots
        spec = parse_device({"name": device, "n_shots": n_shots}) if device is not None else run.device
        spec = spec.model_copy(update={"n_shots": n_shots})
        if isinstance(spec, TwinDeviceSpec):
            circuit = run.circuit.build(run.problem.build(base=file.parent))
    if not isinstance(spec, TwinDeviceSpec):
        raise InputError(f"The device {spec.name!r} has no processor to explain; give one, such as --device ibm-kobe.")
    return spec.build(file.parent), circuit, spec.n_shots


def _save_map(device: TwinDevice, prepared: Prepared, path: Path) -> None:
    from kakehashi.report.chip_map import draw_chip_map, save_chip_map

    made = prepared.compiled
    used = () if made is None else made.circuit.used_qubits
    save_chip_map(path, draw_chip_map(device.twin, qubits="readout_error", edges="two_qubit_error", used=used))


def _print(device: TwinDevice, prepared: Prepared, n_shots: int) -> None:
    data.print(Text(device.name, style="bold").append(f"  {device.twin.title}", style="not bold"))
    for change in prepared.changes:
        data.print(Text(change, style="yellow"))
    data.print()
    if prepared.compiled is not None:
        _print_candidates(prepared)
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column()
    rows.add_row("a shot without any error", f"{prepared.success_probability:.3g}")
    rows.add_row("on the machine", f"{n_shots:,} shots in about {prepared.machine_s:,.0f} s, queue aside")
    data.print(rows)
    data.print("\n[dim]chance of at least one error in a shot, by source[/]", highlight=False)
    for origin, chance in sorted(prepared.budget.items(), key=lambda item: -item[1]):
        bar = "█" * round(BAR * chance)
        data.print(Text(f"  {origin:<18} {100 * chance:6.2f} %  ").append(bar, style="red"))
    data.print()
    _print_plan(prepared.plan)


def _print_candidates(prepared: Prepared) -> None:
    made = prepared.compiled
    assert made is not None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("compiled by")
    for column in ("two-qubit gates", "depth", "µs", "log10 of success", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for candidate in made.candidates:
        table.add_row(
            Text(candidate.name, style="bold" if candidate is made.chosen else ""),
            f"{candidate.n_two_qubit_gates:,}",
            f"{candidate.two_qubit_depth:,}",
            f"{1e-3 * candidate.duration_ns:.2f}",
            f"{candidate.log10_esp:.2f}",
            f"{candidate.cpu_s:.2f}",
        )
    data.print(table)
    for note in made.notes:
        data.print(Text(note, style="dim"))
    data.print()


def _print_plan(plan: Plan) -> None:
    from kakehashi.device.methods.explain import describe

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for line in describe(plan).splitlines():
        title, _, text = line.partition(": ")
        table.add_row(title.lower(), Text(text))
    data.print(table)
