"""The command table.

Data goes to standard output, words to standard error. Exit codes: 0 done, 1 failed, 2 wrong use, 3 not converged,
130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter, validators
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kakehashi.cli.device import device_app
from kakehashi.cli.live import LiveProgress
from kakehashi.cli.qkd import qkd_app
from kakehashi.cli.terminal import data, tell, words
from kakehashi.cli.usage import begin_with, explain_misuse, show_default, tidy_help
from kakehashi.core.errors import InputError, KakehashiError

__all__ = ["app", "main"]

app = App(
    name="kakehashi",
    help="From a molecule through a quantum sampler to an energy that can be trusted.",
    help_epilogue=begin_with("kakehashi problems", "kakehashi run examples/n2.toml"),
    version_flags=["--version"],
    default_parameter=Parameter(show_default=show_default),
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]


@app.command
def run(
    file: Path,
    /,
    *,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", allow_leading_hyphen=True, negative="")] = (),
    out: Path | None = None,
    fresh: Annotated[bool, Parameter(negative="")] = False,
    json_: Json = False,
) -> int:
    """Run the whole chain that a TOML file describes.

    Shots, checkpoints, the result and the report are kept in a folder. The same command goes on from there
    after Ctrl-C, a kill or a power cut, and shows the finished result at once.

    Under mpirun, as in "mpirun -n 4 kakehashi run FILE.toml", selected configuration interaction is spread over the
    ranks, and the first one does the rest.

    Parameters
    ----------
    file
        The run's TOML file. Its tables are [problem], [circuit], [device], [samples], [subspace], [control],
        [energy], [classical], [ledger]; docs/reference/spec.md lists every key.
    set_
        Change one value, such as --set subspace.max_strings=500; may be given several times.
    out
        Folder of the run; runs/NAME-ID where not given.
    fresh
        Forget what an earlier call left in the folder.
    json_
        Print the result as one JSON object on standard output.
    """
    from kakehashi.core.ranks import guard_ranks, started_ranks
    from kakehashi.report.document import result_to_json
    from kakehashi.report.summary import is_converged
    from kakehashi.workflow.run import execute
    from kakehashi.workflow.spec import read_spec

    ranks = started_ranks()
    advice = "What was computed is kept; the same command goes on from there, on any number of ranks."
    try:
        with guard_ranks(ranks, advice=advice):
            spec = read_spec(file, assignments=set_)
            folder = out or _default_folder(file, spec)
            with LiveProgress(Console(quiet=True) if ranks.rank else words) as progress:
                result = execute(spec, base=file.parent, folder=folder, fresh=fresh, ranks=ranks, progress=progress)
    except KeyboardInterrupt:
        words.print(
            f"\nStopped. What was computed is kept in {folder}; the same command goes on from there.",
            highlight=False,
        )
        return 130
    if ranks.rank:
        return 0
    if json_:
        sys.stdout.write(json.dumps(result_to_json(result), indent=2, allow_nan=False) + "\n")
    else:
        _print_result(result)
    words.print(f"\nReport: {folder / 'report.html'}", highlight=False, soft_wrap=True)
    return 0 if is_converged(result) else 3


@app.command
def scan(
    file: Path,
    /,
    *,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", allow_leading_hyphen=True, negative="")] = (),
    out: Path | None = None,
    fresh: Annotated[bool, Parameter(negative="")] = False,
    jobs: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    json_: Json = False,
) -> int:
    """Run the whole chain for each value of a key, such as a bond that is stretched.

    The table [scan] of the TOML file names the key and its values. Points are cut into chains that run beside each
    other; along a chain, orbitals and determinants are carried from point to point. Each point is an ordinary run in a
    folder of its own, and scan.json, scan.svg and scan.html stand beside them. The same command goes on after Ctrl-C.

    Parameters
    ----------
    file
        The TOML file: that of a run, with a table [scan].
    set_
        Change one value, such as --set scan.n_points=5; may be given several times.
    out
        Folder of the scan; runs/NAME-ID where not given.
    fresh
        Forget what an earlier call left in the folder.
    jobs
        Processes at once; as many as there are chains, or processors, where not given.
    json_
        Print the scan as one JSON object on standard output.
    """
    from kakehashi.cli.scan_live import ScanProgress
    from kakehashi.core.ranks import started_ranks
    from kakehashi.workflow.scan import execute_scan
    from kakehashi.workflow.spec import read_spec

    if started_ranks().size > 1:
        raise InputError("A scan starts its own processes: run `kakehashi scan` without mpirun.")
    spec = read_spec(file, assignments=set_)
    folder = out or _default_folder(file, spec)
    options: dict[str, Any] = {"fresh": fresh, "n_jobs": jobs, "source": str(file)}
    try:
        with ScanProgress(words) as progress:
            found = execute_scan(spec, base=file.parent, folder=folder, progress=progress, **options)
    except KeyboardInterrupt:
        words.print(
            f"\nStopped. What was computed is kept in {folder}; the same command goes on from there.",
            highlight=False,
        )
        return 130
    if json_:
        sys.stdout.write(json.dumps(found.to_json(), indent=2, allow_nan=False) + "\n")
    else:
        _print_scan(found)
    words.print(f"\nPage: {folder / 'scan.html'}", highlight=False, soft_wrap=True)
    return found.exit_code


@app.command
def compare(
    file: Path,
    /,
    *,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", allow_leading_hyphen=True, negative="")] = (),
    out: Path | None = None,
    json_: Json = False,
) -> int:
    """Compare the samples with random determinants and with selection that needs none.

    Energies of growing spaces whose determinants come from the device's shots, from chance, from heat-bath selection,
    and from both: at equal size and at equal processor time. The shots of an earlier run or comparison in the same
    folder are used again; ledger.json, ledger.svg and ledger.html are written there.

    Parameters
    ----------
    file
        The run's TOML file; the table [ledger] says how far to go.
    set_
        Change one value, such as --set ledger.max_determinants=100_000; may be given several times.
    out
        Folder of the run; runs/NAME-ID where not given.
    json_
        Print the comparison as one JSON object on standard output.
    """
    from kakehashi.workflow.compare import trace_comparison
    from kakehashi.workflow.spec import read_spec

    spec = read_spec(file, assignments=set_)
    # The run whose shots are wanted may have had another ledger.
    of_run = tuple(assignment for assignment in set_ if not assignment.startswith("ledger."))
    folder = out or _default_folder(file, read_spec(file, assignments=of_run))
    try:
        with LiveProgress(words) as progress:
            comparison = trace_comparison(spec, base=file.parent, folder=folder, progress=progress)
    except KeyboardInterrupt:
        words.print(f"\nStopped. The shots are kept in {folder}.", highlight=False)
        return 130
    if json_:
        sys.stdout.write(json.dumps(comparison.to_json(), indent=2, allow_nan=False) + "\n")
    else:
        _print_comparison(comparison)
    words.print(f"\nPage: {folder / 'ledger.html'}", highlight=False, soft_wrap=True)
    return 0


@app.command
def show(folder: Path, /, *, json_: Json = False) -> int:
    """Show the result of an earlier run.

    Parameters
    ----------
    folder
        The run's folder, or its result.json.
    json_
        Print the result as one JSON object on standard output.
    """
    from kakehashi.report.document import read_json, result_to_json

    path = folder / "result.json" if folder.is_dir() else folder
    if folder.is_dir() and not path.exists():
        raise InputError(f"{folder} holds no result.json: the run is not finished, or this is no run's folder.")
    result = read_json(path)
    if json_:
        sys.stdout.write(json.dumps(result_to_json(result), indent=2, allow_nan=False) + "\n")
    else:
        _print_result(result)
    return 0


@app.command
def problems(*, json_: Json = False) -> int:
    """List the problems that can be run by name.

    Parameters
    ----------
    json_
        Print the list as JSON on standard output.
    """
    from kakehashi.problem.library import list_problems

    entries = list_problems()
    if json_:
        rows = [
            {
                "name": entry.name,
                "description": entry.description,
                "n_qubits": entry.n_qubits,
                "n_orb": entry.n_orb,
                "n_elec": entry.n_elec,
                "parameters": {p.name: {"default": p.default, "description": p.description} for p in entry.parameters},
                "references": entry.references,
            }
            for entry in entries
        ]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return 0
    for entry in entries:
        table = Table.grid(padding=(0, 2, 0, 0), expand=False)
        table.add_column(width=10, style="dim")
        table.add_column()
        table.add_row("", entry.description)
        if entry.parameters:
            table.add_row("parameters", ", ".join(f"{p.name} = {p.default}" for p in entry.parameters))
        table.add_row("known", entry.references)
        data.print(f"[bold]{entry.name}[/]  [dim]{entry.n_qubits} qubits[/]", highlight=False)
        data.print(table)
        data.print()
    return 0


@app.command
def doctor(*, json_: Json = False) -> int:
    """Check this machine: kernels, threads, memory, packages, data.

    Parameters
    ----------
    json_
        Print the findings as JSON on standard output.
    """
    from kakehashi.cli.doctor import examine

    findings = examine()
    if json_:
        sys.stdout.write(json.dumps([finding.to_json() for finding in findings], indent=2) + "\n")
    else:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for finding in findings:
            mark = {"good": "[green]✓[/]", "note": "[yellow]–[/]", "bad": "[red]✗[/]"}[finding.state]
            table.add_row(mark, finding.subject, finding.text)
        data.print(table)
    return 1 if any(finding.state == "bad" for finding in findings) else 0


app.command(device_app)
app.command(qkd_app)
tidy_help(app, "kakehashi")


def _default_folder(file: Path, spec: Any) -> Path:
    from kakehashi.core.identity import identify

    machine = {"n_threads", "memory_gib"}
    left_out: dict[str, Any] = dict.fromkeys(("subspace", "energy", "ledger"), machine)
    if spec.scan is None:
        left_out["scan"] = True
    table = spec.model_dump(mode="json", exclude=left_out)
    return Path("runs") / f"{file.stem}-{identify(table)[:8]}"


def _print_result(result: Any) -> None:
    from kakehashi.report.summary import summary_rows
    from kakehashi.report.verdict import judge

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for index, row in enumerate(summary_rows(result)):
        table.add_row(row.label, f"[bold]{row.value}[/]" if index == 0 else row.value, row.unit, row.note)
    data.print(table)
    data.print()
    verdict = judge(result)
    data.print(verdict.headline, style="bold", highlight=False, markup=False)
    sentences = Table.grid(padding=(0, 1, 0, 0))
    for sentence in verdict.sentences:
        sentences.add_row("\N{MIDDLE DOT}", Text(sentence))
    data.print(sentences)
    for warning in result.warnings:
        words.print(f"[yellow]Warning:[/] {escape(warning)}", highlight=False)


def _print_scan(scan: Any) -> None:
    from kakehashi.report.scan_page import scan_table
    from kakehashi.report.scan_warnings import scan_warnings

    _print_table(scan_table(scan, short=True))
    for point in scan.points:
        if point.error is not None:
            words.print(f"[red]Failed[/] at {escape(f'{point.value}: {point.error}')}", highlight=False)
    for warning in scan_warnings(scan):
        words.print(f"[yellow]Warning:[/] {escape(warning)}", highlight=False)


def _print_table(content: Any) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for index, name in enumerate(content.columns):
        table.add_column(name, justify="right" if index else "left", no_wrap=True, header_style="dim")
    for row in content.rows:
        table.add_row(*row)
    data.print(table)


def _print_comparison(comparison: Any) -> None:
    from kakehashi.report.tables import ledger_table

    _print_table(ledger_table(comparison.ledger, reference=comparison.reference))
    data.print()
    data.print(comparison.ledger.verdict, highlight=False, markup=False)


def main() -> None:
    """Entry point of the command; turns errors into one sentence and an exit code."""
    try:
        code = app(sys.argv[1:], exit_on_error=False, print_error=False, console=data)
    except CycloptsError as error:
        tell(f"[red]Error:[/] {escape(explain_misuse(error))}")
        code = InputError.exit_code
    except KakehashiError as error:
        tell(f"[red]Error:[/] {escape(str(error))}")
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code or 0)
