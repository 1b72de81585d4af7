"""The command that makes keys: photons, two ends in processes of their own, and what became of every bit."""

from __future__ import annotations

import json
import sys
import tempfile
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators
from rich.console import Console
from rich.table import Table

from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kakehashi.qkd.distill.forecast import Forecast
    from kakehashi.qkd.distill.process import Report

__all__ = ["distill_app"]

words = Console(stderr=True, soft_wrap=True)
data = Console()

distill_app = App(name="distill", result_action="return_value")

Json = Annotated[bool, Parameter(name="--json", negative="")]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]
Seed = Annotated[int, Parameter(validator=validators.Number(gte=0))]

COLUMNS = ("block", "after", "sifted", "wrong", "leak / limit", "tested", "given up", "secret key", "both ends")


@distill_app.default
def distill(
    link: str,
    /,
    *,
    blocks: Count = 2,
    block_bits: int | None = None,
    error_positions: Literal["public", "charged"] = "public",
    seed: Seed | None = None,
    json_: Json = False,
) -> int:
    """Make keys over a simulated link.

    Three processes are started: the photons, the sender and the receiver. The two ends share nothing but the wire
    between them and the secret that they begin with. What is printed is public: accounts, and whether the hashes of
    the two ends' keys agree.

    Example: kakehashi qkd distill tokyo-koganei-loop-ntt

    Parameters
    ----------
    link
        Name of a link, see `kakehashi qkd link list`, or a TOML file.
    blocks
        How many blocks of key to make.
    block_bits
        Sifted bits of a block; by default as few as still give half the key of the longest block.
    error_positions
        Whether error correction may make the positions of the errors public, or the key pays for them too.
    seed
        Seed of the photons; keys differ all the same, since the ends draw their hashes anew.
    json_
        Print the reports of both ends as JSON on standard output.
    """
    from kakehashi.qkd.distill.agreement import agree_on
    from kakehashi.qkd.distill.forecast import forecast, smallest_block
    from kakehashi.qkd.distill.process import distil_in_processes
    from kakehashi.qkd.link.library import load_link
    from kakehashi.qkd.link.source import SourceProcess

    spec = load_link(link)
    if block_bits is None:
        chosen = smallest_block(link, spec, error_positions=error_positions)
    else:
        chosen = agree_on(link, spec, block_bits=block_bits, error_positions=error_positions)
    expected = forecast(spec, chosen)
    if expected.length.bits == 0:
        raise InputError(
            f"Blocks of {chosen.block_bits:,} sifted bits give no key over {link}: {expected.qber:.1%} of the bits are "
            "wrong there and the counts prove too little. Ask for longer blocks, or another link."
        )
    words.print(_announced(link, expected))
    with tempfile.TemporaryDirectory(prefix="kakehashi-") as folder, SourceProcess(link, folder, seed=seed):
        reports = distil_in_processes(chosen, folder, n_blocks=blocks, timeout_s=max(300.0, 100 * expected.block_s))
        if json_:
            sys.stdout.write(json.dumps([_as_json(report) for report in reports], indent=2) + "\n")
        else:
            _show(reports)
    return 0


def _announced(link: str, expected: Forecast) -> str:
    return (
        f"{link}: {expected.sifted_bit_per_s / 1e3:,.1f} kbit/s sifted, {expected.qber:.2%} wrong; blocks of "
        f"{expected.block_bits:,} bits, {expected.block_s:,.1f} s of light each; "
        f"{expected.secret_bit_per_s / 1e3:,.2f} kbit/s of key expected"
    )


def _as_json(report: Report) -> dict[str, object]:
    import dataclasses

    return dataclasses.asdict(report)


def _show(reports: Iterable[Report]) -> None:
    """One line for each block, as soon as both ends have spoken of it."""
    first: dict[str, Report] = {}
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for report in reports:
        if report.reason:
            words.print(f"[yellow]{report.role}: {report.reason}[/yellow]")
        elif report.block_id not in first:
            first[report.block_id] = report
            words.print(f"  {report.role} has {report.n_key:,} bits after {report.at_s:.1f} s")
        else:
            table.add_row(*_row(first[report.block_id], report))
    data.print(table)


def _row(one: Report, other: Report) -> tuple[str, ...]:
    from kakehashi.qkd.security.intervals import binary_entropy

    account = one.account
    n_key = account.sifted - account.estimation
    limit = n_key * binary_entropy(one.qber or 0.0)
    return (
        one.block_id[:8],
        f"{other.at_s:.1f} s",
        f"{account.sifted:,}",
        f"{one.qber or 0.0:.2%}",
        f"{account.correction / limit:.3f}" if limit else "-",
        f"{account.estimation:,}",
        f"{account.correction + account.verification + account.amplification:,}",
        f"{account.secret:,}",
        "equal" if one.key_sha256 == other.key_sha256 else "[red]DIFFERENT[/red]",
    )
