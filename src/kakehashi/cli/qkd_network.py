"""The commands that run a network of trusted nodes."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter, validators
from rich.markup import escape
from rich.table import Table

from kakehashi.cli.terminal import data, words
from kakehashi.cli.usage import begin_with
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.qkd.network.table import Row

__all__ = ["network_app"]

ROOM = 95
"""Columns that the widest of the tables takes."""

network_app = App(
    name="network",
    help="A network of trusted nodes: set up, run, and looked at.",
    help_epilogue=begin_with("kakehashi qkd network table examples/tokyo.toml", "kakehashi qkd demo"),
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]
Names = Annotated[tuple[str, ...], Parameter(negative="")]


@network_app.command(name="set-up")
def set_up(file: Path, folder: Path, /) -> int:
    """Make the folder of a network for a trial on this machine: certificates, secrets, addresses.

    Parameters
    ----------
    file
        The network's TOML file, such as examples/tokyo.toml.
    folder
        A new folder; its path must be short, since sockets lie in it.
    """
    from kakehashi.qkd.network.plan import set_up as make

    plan = make(file, folder)
    _say(f"{plan.spec.title}: {len(plan.spec.node)} nodes and {len(plan.spec.link)} links in {folder}.")
    _say("Each line is a program, to be started in a terminal of its own:")
    programs = [f"photons {folder} {link.name}" for link in plan.spec.link]
    programs += [f"manage {folder}", *(f"node {folder} {name}" for name in plan.spec.names)]
    for program in programs:
        sys.stdout.write(f"kakehashi qkd network {program}\n")
    return 0


@network_app.command
def photons(folder: Path, link: str, /) -> int:
    """Run the photons of a link until Ctrl-C: each of its ends gets its half of every exposure.

    Parameters
    ----------
    folder
        The network's folder.
    link
        The link.
    """
    from kakehashi.qkd.link.source import addresses_in, run_source
    from kakehashi.qkd.network.plan import read_plan

    plan = read_plan(folder)
    found = plan.link(link)
    run_source(
        str(plan.light(link)),
        addresses_in(plan.photons(link)),
        exposure_s=found.exposure_s,
        pace=found.pace,
        on_ready=lambda: _say(f"Link '{link}' is up: {found.pace:g} s of light a second; Ctrl-C ends it."),
    )
    return 0


@network_app.command
def renew(folder: Path, link: str, /) -> int:
    """Give both ends of a link a new secret, when the link has stopped because its key for tags is used up.

    Parameters
    ----------
    folder
        The network's folder.
    link
        The link; its two nodes must have been stopped.
    """
    from kakehashi.qkd.network.plan import read_plan, renew_secret

    renew_secret(read_plan(folder), link)
    _say(f"Both ends of '{link}' have a new secret; start their nodes again.")
    return 0


@network_app.command
def node(
    folder: Path, name: str, /, *, link: Names = (), verbose: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """Run one node until Ctrl-C: its ends of links, its key server, its part in relays.

    Parameters
    ----------
    folder
        The network's folder.
    name
        The node.
    link
        Run only these of its links; may be given several times.
    verbose
        Say on standard error what happens. Keys are never said.
    """
    from kakehashi.qkd.network.node import run_node
    from kakehashi.qkd.network.plan import read_plan

    _log(verbose=verbose)
    asyncio.run(run_node(read_plan(folder), name, links=frozenset(link) or None, say=_say))
    return 0


@network_app.command
def manage(folder: Path, /, *, page: bool = True, verbose: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Run the management server until Ctrl-C: reports in, routes and alarms out, and the live page.

    Parameters
    ----------
    folder
        The network's folder.
    page
        Serve the page.
    verbose
        Say on standard error what happens.
    """
    from kakehashi.qkd.network.kms import run_management
    from kakehashi.qkd.network.plan import read_plan

    _log(verbose=verbose)
    asyncio.run(run_management(read_plan(folder), with_page=page, say=_say))
    return 0


@network_app.command
def status(folder: Path, /, *, json_: Json = False) -> int:
    """Show how a running network does.

    Parameters
    ----------
    folder
        The network's folder.
    json_
        Print everything as JSON on standard output.
    """
    from kakehashi.qkd.network.kms import Operator
    from kakehashi.qkd.network.plan import read_plan

    found = asyncio.run(_ask(Operator(read_plan(folder))))
    if json_:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    _show_status(found)
    return 0


async def _ask(operator: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await operator.state()
        return found
    finally:
        operator.close()


@network_app.command
def acknowledge(folder: Path, subject: str, /) -> int:
    """Close an alarm about relayed keys, when you have looked.

    Such an alarm names nodes on a key's way, one of which is bad or was lied to; it does not end by itself. Alarms of
    links and of silent nodes do.

    Parameters
    ----------
    folder
        The network's folder, whose management server runs.
    subject
        Of the alarm, as kakehashi qkd network status shows it: "relays of koganei".
    """
    from kakehashi.qkd.network.kms import Operator
    from kakehashi.qkd.network.plan import read_plan

    async def tell(operator: Operator) -> None:
        try:
            await operator.acknowledge(subject)
        finally:
            operator.close()

    asyncio.run(tell(Operator(read_plan(folder))))
    return 0


@network_app.command
def attack(
    folder: Path,
    link: str,
    /,
    *,
    fraction: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1))] = 1.0,
    end: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Let Eve measure the photons of a link that runs and send on what she found, or let her go.

    Parameters
    ----------
    folder
        The network's folder.
    link
        The link.
    fraction
        Share of the photons that she measures.
    end
        Let her go.
    """
    from kakehashi.core.errors import DeviceError
    from kakehashi.qkd.link.ends import Control
    from kakehashi.qkd.link.source import addresses_in
    from kakehashi.qkd.network.plan import read_plan

    plan = read_plan(folder)
    control = Control(addresses_in(plan.photons(plan.link(link).name))["control"])
    again = f"kakehashi qkd network attack {folder} {link} --end"
    try:
        if end:
            was_there = control.switch_off("intercept-resend")
            _say(f"Eve has gone from {link}." if was_there else f"Eve was not at {link}.")
        else:
            control.switch_on("intercept-resend", fraction=fraction)
            share = "every photon" if fraction == 1 else f"{100 * fraction:g} % of the photons"
            _say(f"Eve measures {share} of {link} and sends on what she found. She goes with: {again}")
    except DeviceError:
        start = f"kakehashi qkd network photons {folder} {link}"
        raise DeviceError(f"The photons of '{link}' do not run; start them with: {start}", transient=True) from None
    return 0


@network_app.command
def table(file: Path, /, *, json_: Json = False, markdown: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Show, link by link, what the simulation gives beside what was measured.

    Only numbers that were read at their source stand as measured; others are marked as not verified.

    Parameters
    ----------
    file
        The network's TOML file.
    json_
        Print the rows as JSON on standard output.
    markdown
        Print a page of Markdown, as in docs/reference/tokyo.md.
    """
    from kakehashi.qkd.network.spec import read_network
    from kakehashi.qkd.network.table import as_json, as_markdown, compare_links

    if json_ and markdown:
        raise InputError("--json and --markdown are two ways to print the same table: choose one.")
    spec = read_network(file)
    rows = compare_links(spec)
    if json_:
        sys.stdout.write(json.dumps([as_json(row) for row in rows], indent=2) + "\n")
    elif markdown:
        sys.stdout.write(as_markdown(spec, rows))
    else:
        _show(rows)
    return 0


def _table(*columns: str, numbers: tuple[str, ...]) -> Table:
    """A table without lines; ``numbers`` are the columns that hold them."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
    return made


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _ago(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:,.0f} s"


def _show_status(found: dict[str, Any]) -> None:
    numbers = ("QBER", "kbit/s", "blocks", "last key")
    links = _table("link", "state", *numbers, numbers=numbers)
    for link in found["links"]:
        rate = f"{link['rate_bit_per_s'] / 1e3:,.2f}" if link["state"] == "running" else "–"
        colour = {"running": "green", "alarm": "red"}.get(link["state"], "dim")
        cells = (_percent(link["qber"]), rate, f"{link['n_blocks']:,}", _ago(link["last_key_s"]))
        links.add_row(link["name"], f"[{colour}]{link['state']}[/]", *cells)
    data.print(links)
    for link in found["links"]:
        if link["state"] == "down" and link["why"]:
            data.print(f"{link['name']} is down: {escape(link['why'])}.", highlight=False, soft_wrap=True)
    nodes = _table("node", "state", "oldest key", numbers=("oldest key",))
    for node in found["nodes"]:
        nodes.add_row(node["name"], "[green]up[/]" if node["is_up"] else "[red]silent[/]", _ago(node["oldest_s"]))
    data.print()
    data.print(nodes)
    data.print()
    data.print(_routes_of(found))
    for alarm in found["alarms"]:
        if alarm["cleared_utc"] is None:
            ago = _ago(found["at_utc"] - alarm["at_utc"])
            data.print(f"[red]Alarm[/] {escape(alarm['subject'])}, {ago} ago: {escape(alarm['text'])}", highlight=False)


def _routes_of(found: dict[str, Any]) -> Table:
    """A row for two nodes, and one more where keys go another way back."""
    routes = {(route["source"], route["target"]): route["routes"] for route in found["routes"]}
    stored = {node["name"]: node["stock_bits"] for node in found["nodes"]}
    shown = _table("pair", "route", "stored bits", "and back", numbers=("stored bits", "and back"))
    for one, other in itertools.permutations(stored, 2):
        ways, back = routes.get((one, other), []), routes.get((other, one), [])
        is_mirror = sorted(way[::-1] for way in back) == sorted(ways)
        if is_mirror and list(stored).index(one) > list(stored).index(other):
            continue
        bits = [f"{stored[here].get(there, 0):,}" for here, there in ((one, other), (other, one))]
        way = " and ".join("-".join(nodes) for nodes in ways) or "[red]no route[/]"
        shown.add_row(f"{one}, {other}", way, bits[0], bits[1] if is_mirror else "")
    return shown


def _show(rows: tuple[Row, ...]) -> None:
    shown = _table(
        *("link", "km", "dB", "sifted", "QBER", "key", "measured", "not verified"),
        numbers=("km", "dB", "sifted", "QBER", "key"),
    )
    for row in rows:
        shown.add_row(
            row.link,
            f"{row.length_km:g}",
            f"{row.loss_db:.1f}",
            f"{row.sifted_kbit_per_s:,.4g}",
            _percent(row.qber),
            f"{row.secret_kbit_per_s:,.3g}",
            _reported(row.measured),
            _reported(row.unverified),
        )
    data.print(shown)
    data.print("Rates in kbit/s of simulated time, for blocks of 1e8 sifted bits.", highlight=False)


def _reported(text: str) -> str:
    """What was reported, side by side where there is room; the unit of all rates stands below the table."""
    numbers = text.replace(" kbit/s", "").split(", ")
    return (", " if data.width >= ROOM else "\n").join(numbers) if text else "–"


def _say(sentence: str) -> None:
    words.print(escape(sentence), highlight=False, soft_wrap=True)  # not broken, so that commands in it can be copied


def _log(*, verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", stream=sys.stderr)
