"""The command that makes keys: photons, two ends in processes of their own, and what became of every bit."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from kakehashi.cli.terminal import data, tell, words
from kakehashi.core.errors import InputError, KakehashiError
from kakehashi.core.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kakehashi.qkd.distill.agreement import Agreement
    from kakehashi.qkd.distill.forecast import Forecast
    from kakehashi.qkd.distill.process import Report
    from kakehashi.qkd.link.source import SourceProcess

__all__ = ["distill_app"]

distill_app = App(name="distill", result_action="return_value")

Json = Annotated[bool, Parameter(name="--json", negative="")]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]
BlockBits = Annotated[int | None, Parameter(validator=validators.Number(gte=1_000, lte=200_000_000))]
Seed = Annotated[int, Parameter(validator=validators.Number(gte=0))]

COLUMNS = ("block", "wrong", "sifted", "tested", "leaked", "/ limit", "hashed away", "secret key")


@distill_app.default
def distill(
    link: str,
    /,
    *,
    blocks: Count = 2,
    block_bits: BlockBits = None,
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
        Sifted bits of the key basis in a block; by default as few as still give half the key of the longest block.
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
            f"Blocks of {chosen.block_bits:,} sifted bits give no key over {link}: {percent(expected.qber, 1)} of the "
            "bits are wrong there and the counts prove too little. Ask for longer blocks, or another link."
        )
    _announce(link, expected)
    with tempfile.TemporaryDirectory(prefix="kakehashi-") as folder, SourceProcess(link, folder, seed=seed) as photons:
        reports = distil_in_processes(chosen, folder, n_blocks=blocks, timeout_s=max(300.0, 100 * expected.block_s))
        with _counting(photons, expected, blocks):
            told = list(_tell_blocks(reports))
    if json_:
        sys.stdout.write(json.dumps([_as_json(report) for report in told], indent=2) + "\n")
    else:
        _show(told, chosen)
    return 0


def _announce(link: str, expected: Forecast) -> None:
    rate = (expected.block_bits + expected.test_bits) / expected.block_s
    tell(
        f"{link}: {rate / 1e3:,.1f} kbit/s sifted, {percent(expected.qber)} wrong, "
        f"{expected.secret_bit_per_s / 1e3:,.2f} kbit/s of key expected."
    )
    bits = f"{expected.block_bits:,} bits"
    if expected.test_bits:
        bits += f" of the key basis, with some {_round_off(expected.test_bits):,} of the test basis"
    tell(f"A block takes {bits}: {expected.block_s:,.1f} s of light.")


def _round_off(n: float) -> int:
    """A count to three digits, as a forecast has them.

    Example:
        >>> _round_off(99_851.2)
        99900
    """
    return int(float(f"{n:.3g}"))


@contextlib.contextmanager
def _counting(photons: SourceProcess, expected: Forecast, n_blocks: int) -> Iterator[None]:
    """Show on a terminal how much of the light has been there, for the first key takes seconds or minutes."""
    spinner, total_s = Spinner("dots", style="cyan"), n_blocks * expected.block_s

    def draw() -> Spinner:
        with contextlib.suppress(KakehashiError):  # a busy link answers the next time
            light_s = photons.control().status()["time_s"]
            block = min(n_blocks, 1 + int(light_s / expected.block_s))
            spinner.update(text=f"block {block} of {n_blocks}: {light_s:,.1f} of about {total_s:,.1f} s of light")
        return spinner

    if not words.is_terminal:
        yield
        return
    with Live(console=words, get_renderable=draw, refresh_per_second=4, transient=True, redirect_stdout=False):
        yield


def _tell_blocks(reports: Iterable[Report]) -> Iterator[Report]:
    """The reports, with a line for each block as soon as both ends have spoken of it."""
    first: dict[str, Report] = {}
    for report in reports:
        if report.reason:
            tell(f"[yellow]{report.role}: {escape(report.reason)}[/]")
        elif report.block_id not in first:
            first[report.block_id] = report
        else:
            other = first[report.block_id]
            same = "the same" if report.key_sha256 == other.key_sha256 else "[red]DIFFERENT[/]"
            tell(f"Block {len(first)}: {report.n_key:,} bits after {report.at_s:.1f} s, {same} at both ends.")
        yield report


def _as_json(report: Report) -> dict[str, object]:
    import dataclasses

    return dataclasses.asdict(report)


def _show(reports: Iterable[Report], agreement: Agreement) -> None:
    """What became of the bits of each block, of which both ends have spoken."""
    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="dim")
    for column in table.columns:
        column.justify = "right"
        column.no_wrap = True
    first: dict[str, Report] = {}
    pairs = [(first[r.block_id], r) for r in reports if r.block_id and first.setdefault(r.block_id, r) is not r]
    for number, (one, _) in enumerate(pairs, 1):
        table.add_row(str(number), *_row(one, n_ways=agreement.n_leaks))
    data.print(table)
    n_equal = sum(one.key_sha256 == other.key_sha256 for one, other in pairs)
    leaked = "leaked ones to correct them" + (" in each direction" if agreement.n_leaks > 1 else "")
    data.print(
        "[dim]sifted = tested + leaked + hashed away + secret key. Tested bits are shown to count errors, "
        f"{leaked} (over the least that must be), and hashing takes away what an eavesdropper may know.[/]\n"
        f"The keys of both ends are equal in {n_equal} of {len(pairs)} blocks.",
        highlight=False,
    )


def _row(report: Report, *, n_ways: int) -> tuple[str, ...]:
    from kakehashi.qkd.security.intervals import binary_entropy

    account = report.account
    limit = n_ways * (account.sifted - account.estimation) * binary_entropy(report.qber or 0.0)
    return (
        percent(report.qber or 0.0),
        f"{account.sifted:,}",
        f"{account.estimation:,}",
        f"{account.correction + account.verification:,}",
        f"{account.correction / limit:.3f}" if limit else "–",
        f"{account.amplification:,}",
        f"{account.secret:,}",
    )
