"""The command that judges key servers."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from cyclopts import App, Parameter, validators
from rich.markup import escape
from rich.table import Table

from kakehashi.cli.terminal import Terminal, data, tell, words
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.core.progress import Event
    from kakehashi.qkd.conformance.model import Bounds, Finding, Hooks, Judgement, Party, Report, Verdict

__all__ = ["conformance_app"]


conformance_app = App(
    name="conformance",
    help="Judge any ETSI GS QKD 014 server, clause by clause and by how servers have failed.",
    help_epilogue="Exit code: 0 conformant, 1 not, 2 wrong use, 3 no verdict. Key material is never shown.",
    result_action="return_value",
)

MARKS = {
    "pass": "[green]✓[/]",
    "fail": "[red]✗[/]",
    "warn": "[yellow]![/]",
    "not-tested": "[dim]–[/]",
}
COUNTED: dict[Verdict, str] = {"pass": "passed", "fail": "failed", "warn": "with a warning", "not-tested": "not tested"}
JUDGEMENTS: dict[Judgement, tuple[str, int]] = {
    "conformant": ("[green]Conformant[/]", 0),
    "not conformant": ("[red]Not conformant[/]", 1),
    "no verdict": ("[yellow]No verdict[/]", 3),
}
"""How each is written, and the exit code that says it."""
Patterns = Annotated[tuple[str, ...], Parameter(negative="")]
Flag = Annotated[bool, Parameter(negative="")]


@conformance_app.default
def conformance(
    url: str,
    /,
    *,
    master: str,
    slave: str,
    third: str | None = None,
    slave_url: str | None = None,
    third_url: str | None = None,
    pki: Path = Path("pki"),
    authority: Path | None = None,
    server_name: str | None = None,
    kill_command: str | None = None,
    restart_command: str | None = None,
    max_requests: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 3000,
    max_keys: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 5000,
    max_seconds: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 300.0,
    timeout: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 10.0,
    exhaust: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    only: Patterns = (),
    leave_out: Patterns = (),
    junit: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
    verbose: Flag = False,
) -> int:
    """Judge the server at URL, asking it as two SAEs.

    It is conformant where nothing failed and the checks enc-get and dec-post saw a key reach both sides; where nothing
    failed and they were not made, or could not be, there is no verdict.

    Parameters
    ----------
    url
        The master's server, https://HOST:PORT.
    master
        SAE that asks for keys: its ID, or ID,CERTIFICATE,PRIVATE_KEY with PEM files.
    slave
        SAE that fetches them, likewise.
    third
        SAE that has no part in those keys, likewise; without it what one user may see of another is not tested.
    slave_url
        The slave's server, where its site has another.
    third_url
        The third SAE's server; the slave's where not given, so name it where that SAE belongs to another.
    pki
        Folder with ID.crt and ID.key of SAEs for which no files are named, and ca.crt.
    authority
        Certificates that sign the servers', PEM; ca.crt of the folder where not given.
    server_name
        Name in the servers' certificates, where it is not the host of the URL.
    kill_command
        Shell command that stops the servers at once, such as kill -9; with it crashes are tested.
    restart_command
        Shell command that starts them again and returns.
    max_requests
        Most requests.
    max_keys
        Most keys that are asked for.
    max_seconds
        Longest time of the run.
    timeout
        Seconds that one answer may take.
    exhaust
        Keys that may be taken to see what an empty store does. Keys of other users may be among them.
    only
        Make this check alone, or those of a pattern such as once-*; may be given several times.
    leave_out
        Do not make this check, likewise.
    junit
        File to write as JUnit XML.
    json_
        Print the report as one JSON object.
    verbose
        Show passed checks too, with what was sent and what came.
    """
    from kakehashi.qkd.conformance.model import Bounds, Target
    from kakehashi.qkd.conformance.suite import run_suite

    there = slave_url or url
    target = Target(
        master=_party("--master", master, url, pki),
        slave=_party("--slave", slave, there, pki),
        third=_party("--third", third, third_url or there, pki) if third is not None else None,
        authority=authority or pki / "ca.crt",
        server_name=server_name,
    )
    bounds = Bounds(
        max_requests=max_requests, max_keys=max_keys, max_seconds=max_seconds, timeout_s=timeout, exhaust_keys=exhaust
    )
    hooks = _hooks(kill_command, restart_command)
    _announce(url, bounds, hooks)

    def on_group(findings: Sequence[Finding]) -> None:
        _print_group(findings, words if json_ else data, verbose=verbose)

    report = run_suite(
        target,
        bounds=bounds,
        hooks=hooks,
        only=only,
        leave_out=leave_out,
        progress=_progress(verbose=verbose),
        on_group=on_group,
    )
    if junit is not None:
        _write_junit(report, junit)
    _print_judgement(report, as_json=json_)
    return JUDGEMENTS[report.judgement][1]


def _party(option: str, text: str, url: str, pki: Path) -> Party:
    from kakehashi.qkd.conformance.model import Party

    sae_id, *files = text.rsplit(",", 2)
    if files and len(files) != 2:
        raise InputError(f"{option} takes ID, or ID,CERTIFICATE,PRIVATE_KEY, but got '{text}'.")
    name = quote(sae_id, safe=" @+")
    certificate, private_key = (Path(file) for file in files) if files else (pki / f"{name}.crt", pki / f"{name}.key")
    return Party(sae_id=sae_id, certificate=certificate, private_key=private_key, url=url)


def _hooks(kill: str | None, restart: str | None) -> Hooks | None:
    from kakehashi.qkd.conformance.model import Hooks

    if (kill is None) != (restart is None):
        raise InputError("--kill-command and --restart-command must be given together.")
    return Hooks(kill=kill, restart=restart) if kill is not None and restart is not None else None


def _announce(url: str, bounds: Bounds, hooks: Hooks | None) -> None:
    tell(f"Judging {escape(url)} by ETSI GS QKD 014 V1.1.1.")
    tell(bounds.sentence())
    if hooks is not None:
        tell("[yellow]The servers will be stopped and started three times.[/]")
    if bounds.exhaust_keys:
        tell(f"[yellow]Up to {bounds.exhaust_keys:,} keys will be taken to empty the store.[/]")


def _progress(*, verbose: bool) -> Callable[[Event], None]:
    def show(event: Event) -> None:
        if verbose:
            tell(f"[dim]{event.step}/{event.total}[/] {event.message}")

    return show


def _write_junit(report: Report, path: Path) -> None:
    from kakehashi.qkd.conformance.junit import write_junit

    try:
        path.write_text(write_junit(report), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None


def _print_group(findings: Sequence[Finding], console: Terminal, *, verbose: bool) -> None:
    console.print(f"[bold]{findings[0].group}[/]  [dim]{_count(findings)}[/]", highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        if verbose or finding.verdict != "pass":
            table.add_row(MARKS[finding.verdict], finding.check, _explain(finding, verbose=verbose))
    if table.row_count:
        console.print(table)


def _count(findings: Sequence[Finding]) -> str:
    found = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{found[verdict]} {word}" for verdict, word in COUNTED.items() if found[verdict])


def _print_judgement(report: Report, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
        return
    word, _ = JUDGEMENTS[report.judgement]
    data.print(f"\n{word}: {_count(report.findings)}.", highlight=False)
    if report.judgement == "no verdict":
        checks = " and ".join(report.untried)
        data.print(f"Whether keys reach both sides was not seen: {checks} must be tried for that.", highlight=False)
    data.print(f"{report.n_requests:,} requests, {report.n_keys:,} keys, {report.duration_s:.1f} s.", highlight=False)


def _explain(finding: Finding, *, verbose: bool) -> str:
    lines = [escape(finding.sentence)]
    if finding.verdict in ("fail", "warn"):
        lines.insert(0, escape(finding.demands))
        lines.append(f"[dim]{escape(finding.clause)}: {finding.demand}[/]")
    if (verbose or finding.verdict in ("fail", "warn")) and finding.sent:
        lines.append(f"[dim]sent {escape(finding.sent)}[/]")
        lines.append(f"[dim]came {escape(finding.came)}[/]")
    return "\n".join(lines)
