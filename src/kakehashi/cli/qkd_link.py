"""The commands about quantum links: which there are, what one is like, what it gives, and one that runs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter, validators
from rich.table import Table
from rich.text import Text

from kakehashi.cli.terminal import data, words
from kakehashi.cli.usage import positive
from kakehashi.core.numbers import percent

if TYPE_CHECKING:
    from kakehashi.qkd.link.rates import Expected
    from kakehashi.qkd.link.simulation import Comparison
    from kakehashi.qkd.link.spec import LinkSpec

__all__ = ["link_app"]

link_app = App(
    name="link",
    help="Quantum links: which there are, what one is like, what it gives, and one that runs.",
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]
Positive = Annotated[float, Parameter(validator=positive)]
Seed = Annotated[int, Parameter(validator=validators.Number(gte=0))]
BASES = ("key", "test")
UNITS = {"_hz": "/s", "_km": "km", "_db": "dB", "_ns": "ns", "_db_per_km": "dB/km", "_kbit_per_s": "kbit/s"}


@link_app.command(name="list")
def list_(*, json_: Json = False) -> int:
    """List the links that can be picked by name.

    Parameters
    ----------
    json_
        Print the list as JSON on standard output.
    """
    from kakehashi.qkd.link.library import list_links, load_link

    links = {name: load_link(name) for name in list_links()}
    if json_:
        keys = ("protocol", "title")
        rows = [{"name": name, **{key: getattr(link, key) for key in keys}} for name, link in links.items()]
        _write_json([row | _lengths(link) for row, link in zip(rows, links.values(), strict=True)])
        return 0
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for name, link in links.items():
        lengths = _lengths(link)
        cells = (f"{lengths['length_km']:g} km", f"{lengths['loss_db']:g} dB")
        table.add_row(Text(name, style="bold"), link.protocol, *cells)
    data.print(table)
    return 0


@link_app.command
def show(name: str, /, *, json_: Json = False) -> int:
    """Show what a link is like, how each number is known, and what it should give.

    Parameters
    ----------
    name
        A name of "kakehashi qkd link list", or a TOML file.
    json_
        Print everything as JSON on standard output.
    """
    from kakehashi.qkd.link.library import load_link
    from kakehashi.qkd.link.simulation import expect_link

    link = load_link(name)
    expected = expect_link(link)
    if json_:
        _write_json({"link": link.model_dump(mode="json"), "expected": _expected_json(link, expected)})
        return 0
    data.print(Text(name, style="bold").append(f"  {link.title}", style="not bold"))
    data.print()
    _print_numbers(link)
    _print_expected(link, expected)
    return 0


@link_app.command
def simulate(
    name: str,
    /,
    *,
    seconds: Positive = 1.0,
    mode: Literal["pulse", "statistical"] = "statistical",
    seed: Seed = 0,
    threads: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
    json_: Json = False,
) -> int:
    """Run a link and show what was drawn beside what was to be expected.

    Parameters
    ----------
    name
        A name of "kakehashi qkd link list", or a TOML file.
    seconds
        Simulated time.
    mode
        "pulse": every pulse is drawn; "statistical": only what is detected.
    seed
        Seed of the physics.
    threads
        Threads; the result does not depend on them.
    json_
        Print the counts as JSON on standard output.
    """
    from kakehashi.qkd.link.library import load_link
    from kakehashi.qkd.link.simulation import Simulation, compare

    link = load_link(name)
    exposure_s = min(seconds, 0.1)
    found = compare(Simulation(link, mode=mode, exposure_s=exposure_s, rng=seed, n_threads=threads), seconds)
    if json_:
        _write_json(_comparison_json(link, found, mode=mode, seed=seed))
    else:
        _print_comparison(name, link, found)
    return 0


@link_app.command
def serve(
    name: str,
    directory: Path,
    /,
    *,
    mode: Literal["pulse", "statistical"] = "statistical",
    exposure: Positive = 0.1,
    pace: Positive | None = None,
    seed: Seed | None = None,
    threads: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
) -> int:
    """Run a link for two ends, which take their halves from sockets, until Ctrl-C.

    Parameters
    ----------
    name
        A name of "kakehashi qkd link list", or a TOML file.
    directory
        Folder of the sockets sender.sock, receiver.sock and control.sock; made for this user alone.
    mode
        "pulse": every pulse is drawn; "statistical": only what is detected.
    exposure
        Simulated seconds that are handed out at a time.
    pace
        Simulated seconds in a second; as fast as the ends ask where not given.
    seed
        Seed of the physics; fresh where not given.
    threads
        Threads.
    """
    from kakehashi.core.files import make_folder
    from kakehashi.qkd.link.source import addresses_in, run_source

    make_folder(directory, mode=0o700)
    run_source(
        name,
        addresses_in(directory),
        mode=mode,
        exposure_s=exposure,
        pace=pace,
        seed=seed,
        n_threads=threads,
        on_ready=lambda: words.print(
            f"Serving {name} in {directory}; Ctrl-C ends it.", highlight=False, markup=False, soft_wrap=True
        ),
    )
    return 0


def _write_json(values: Any) -> None:
    sys.stdout.write(json.dumps(values, indent=2, allow_nan=False) + "\n")


def _lengths(link: LinkSpec) -> dict[str, float]:
    return {"length_km": link.fibre.length_km, "loss_db": round(link.fibre.total_loss_db, 6)}


def _numbers(link: LinkSpec) -> Iterator[tuple[str, str]]:
    for table in ("source", "fibre", "sender_fibre", "detector", "sender_detector", "reported"):
        spec = getattr(link, table)
        for key, value in () if spec is None else spec:
            if isinstance(value, tuple):
                yield f"{table}.{key}", ", ".join(f"{x:g}" for x in value)
            elif isinstance(value, int | float) and key in spec.model_fields_set:
                yield f"{table}.{key}", f"{value:,.10g}"


def _unit(key: str) -> str:
    return next((UNITS[end] for end in sorted(UNITS, key=len, reverse=True) if key.endswith(end)), "")


def _rate(value: float) -> str:
    return f"{value / 1e6:.3g} M" if value >= 1e6 else f"{value / 1e3:.3g} k" if value >= 1e3 else f"{value:.3g} "


def _percent(errors: float, detections: float) -> str:
    return percent(errors / detections) if detections > 0 else "–"


def _sigmas(drawn: float, expected: float) -> str:
    return f"{(drawn - expected) / math.sqrt(expected):+.1f}".replace("-0.0", "+0.0") if expected > 0 else "–"


def _print_numbers(link: LinkSpec) -> None:
    """Each number with how it is known, and below, each from where once."""
    from kakehashi.qkd.link.library import source_of

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column, justify in (("", "left"), ("value", "right"), ("unit", "left"), ("known", "left"), ("note", "right")):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    notes: list[str] = []
    group = ""
    for key, value in _numbers(link):
        within, _, name = key.partition(".")
        if within != group:
            table.add_row(Text(within, style="bold"))
            group = within
        source = source_of(link, key)
        cells = ("", "")
        if source is not None:
            if source.text not in notes:
                notes.append(source.text)
            cells = (source.grade, str(notes.index(source.text) + 1))
        table.add_row(f"  {name}", value, _unit(key), *(Text(cell, style="dim") for cell in cells))
    data.print(table)
    data.print()
    below = Table.grid(padding=(0, 2, 0, 0))
    below.add_column(justify="right")
    for number, note in enumerate(notes, 1):
        below.add_row(str(number), Text(note))
    data.print(below, style="dim")
    data.print()


def _print_expected(link: LinkSpec, expected: Expected) -> None:
    rate = link.source.pulse_rate_hz
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    data.print("Expected, by mean photon number of a pulse:" if len(link.source.intensities) > 1 else "Expected:")
    for column in ("photons", "sent", "gain", "sifted", "QBER"):
        table.add_column(column, justify="right", no_wrap=True)
    for k, mean in enumerate(link.source.intensities):
        sifted, wrong = expected.sifted[:, k].sum(), expected.wrong[:, k].sum()
        sent = f"{100 * link.source.probabilities[k]:g} %"
        table.add_row(
            f"{mean:g}", sent, f"{expected.gain[k]:.3e}", f"{_rate(rate * sifted)}bit/s", _percent(wrong, sifted)
        )
    data.print(table)
    total, wrong = expected.sifted.sum(), expected.wrong.sum()
    data.print(
        f"\n{_rate(rate * expected.click)}clicks/s, {_rate(rate * total)}bit/s sifted, QBER {_percent(wrong, total)}, "
        f"detectors alive {percent(expected.live, 1)}, afterpulses {percent(expected.afterpulses)} of the clicks",
        highlight=False,
    )


def _print_comparison(name: str, link: LinkSpec, found: Comparison) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    compared = ("expected", "drawn", "sigma")
    columns = ["\nbasis", "\nphotons", "gain\nexpected"]
    columns += [f"{'sifted/s' * (k == 0)}\n{name}" for k, name in enumerate(compared)]
    columns += [f"{'QBER' * (k == 0)}\n{name}" for k, name in enumerate(compared)]
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    drawn, expected = found.drawn, found.expected
    for basis, label in enumerate(BASES):
        if expected.detections[basis].sum() == 0 and drawn.detections[basis].sum() == 0:
            continue
        for k, mean in enumerate(link.source.intensities):
            n, m = drawn.detections[basis, k], drawn.errors[basis, k]
            n_hoped, m_hoped = expected.detections[basis, k], expected.errors[basis, k]
            gain = f"{n_hoped / (found.n_slots * link.source.probabilities[k]):.1e}".replace("e-0", "e-")
            rates = (_rate(n_hoped / found.seconds), _rate(n / found.seconds), _sigmas(n, n_hoped))
            errors = (_percent(m_hoped, n_hoped), _percent(m, n), _sigmas(m, m_hoped))
            table.add_row(label, f"{mean:g}", gain, *rates, *errors)
    data.print(Text(name, style="bold").append(f"  {link.title}", style="not bold"))
    data.print()
    data.print(table)
    sifted, errors_drawn = drawn.detections.sum(), drawn.errors.sum()
    data.print(
        f"\n{found.n_slots:,} pulses in {found.seconds:g} s, {found.n_clicks:,} clicks, "
        f"{_rate(sifted / found.seconds)}bit/s sifted, QBER {_percent(errors_drawn, sifted)}\n"
        "[dim]gain: sifted bits of this basis for each pulse sent; sigma: how far what was drawn lies from what was "
        "expected, in standard deviations[/]",
        highlight=False,
    )


def _expected_json(link: LinkSpec, expected: Expected) -> dict[str, Any]:
    rate = link.source.pulse_rate_hz
    return {
        "clicks_per_s": rate * expected.click,
        "live": expected.live,
        "afterpulses": expected.afterpulses,
        "gain": expected.gain.tolist(),
        "sifted_bit_per_s": (rate * expected.sifted).tolist(),
        "wrong_bit_per_s": (rate * expected.wrong).tolist(),
    }


def _comparison_json(link: LinkSpec, found: Comparison, *, mode: str, seed: int) -> dict[str, Any]:
    return {
        "protocol": link.protocol,
        "mode": mode,
        "seed": seed,
        "seconds": found.seconds,
        "n_slots": found.n_slots,
        "n_clicks": found.n_clicks,
        "bases": list(BASES),
        "intensities": list(link.source.intensities),
        "drawn": {"detections": found.drawn.detections.tolist(), "errors": found.drawn.errors.tolist()},
        "expected": {"detections": found.expected.detections.tolist(), "errors": found.expected.errors.tolist()},
    }
