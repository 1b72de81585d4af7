"""The commands that run a network of trusted nodes, and the demonstration."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter, validators
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kakehashi.cli.usage import begin_with
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.qkd.network.table import Row

__all__ = ["demo", "network_app"]

words = Console(stderr=True, soft_wrap=True)
TEXT_AT = 21
"""Column at which the sentences of a demonstration begin."""
data = Console()

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
    words.print(f"{plan.spec.title}: {len(plan.spec.node)} nodes and {len(plan.spec.link)} links in {folder}.")
    for link in plan.spec.link:
        data.print(
            f"kakehashi qkd link serve {plan.light(link.name)} {plan.photons(link.name)} --pace {link.pace:g} "
            f"--exposure {link.exposure_s:g}",
            highlight=False,
            soft_wrap=True,
        )
    data.print(f"kakehashi qkd network manage {folder}", highlight=False, soft_wrap=True)
    for name in plan.spec.names:
        data.print(f"kakehashi qkd network node {folder} {name}", highlight=False, soft_wrap=True)
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
    words.print(f"Both ends of '{link}' have a new secret; start their nodes again.", highlight=False)
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
    links = Table("link", "state", "QBER", "kbit/s", "blocks", box=None, pad_edge=False)
    for link in found["links"]:
        qber = "-" if link["qber"] is None else f"{link['qber']:.2%}"
        links.add_row(link["name"], link["state"], qber, f"{link['rate_bit_per_s'] / 1e3:.2f}", str(link["n_blocks"]))
    data.print(links)
    for route in found["routes"]:
        ways = " and ".join("-".join(nodes) for nodes in route["routes"]) or "no route"
        data.print(f"{route['source']} to {route['target']}: {ways}", highlight=False)
    for alarm in found["alarms"]:
        if alarm["cleared_utc"] is None:
            data.print(f"[red]Alarm[/] {escape(alarm['subject'])}: {escape(alarm['text'])}", highlight=False)
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


def _show(rows: tuple[Row, ...]) -> None:
    shown = Table("link", "km", "dB", "sifted", "QBER", "key", "measured", "not verified", box=None, pad_edge=False)
    for row in rows:
        shown.add_row(
            row.link,
            f"{row.length_km:g}",
            f"{row.loss_db:.1f}",
            f"{row.sifted_kbit_per_s:.4g}",
            f"{row.qber:.2%}",
            f"{row.secret_kbit_per_s:.3g}",
            row.measured or "-",
            row.unverified or "-",
        )
    data.print(shown)
    data.print("Rates in kbit/s of simulated time, for blocks of 1e8 sifted bits.", highlight=False)


def demo(
    *,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=10, lte=86_400))] = 90.0,
    file: Path | None = None,
    page: bool = True,
    json_: Json = False,
    folder: Path | None = None,
) -> int:
    """Start the Tokyo network, talk over it, and let Eve attack a link.

    Certificates, photons, four nodes and a management server are started on this machine; two users open a protected
    channel whose keys come from their nodes by ETSI 014. Then an eavesdropper measures the photons of a link. Watch
    the alarm, the new route, and the traffic that goes on. Everything that was started is ended.

    Parameters
    ----------
    seconds
        How long it may take from the first protected message on, longer on a machine that is too busy for the links'
        pace; it ends sooner when all has been seen and there is no page.
    file
        Another network's TOML file.
    page
        Serve the live page; its address is printed.
    json_
        Print the timeline as JSON on standard output.
    folder
        Where the network's folder goes, and stays; by default it is temporary.
    """
    from kakehashi.qkd.demo.show import run_demo

    timeline = asyncio.run(run_demo(file, folder=folder, seconds=seconds, with_page=page, say=None if json_ else _tell))
    if json_:
        sys.stdout.write(json.dumps(timeline.to_json(), indent=2) + "\n")
    return 0 if timeline.is_good else 1


def _tell(at_s: float, kind: str, text: str) -> None:
    colour = {"attack": "red", "alarm": "red", "route": "yellow", "cleared": "green", "result": "bold"}.get(
        kind, "default"
    )
    room = words.width - TEXT_AT if words.is_terminal else 0  # a pipe gets one line for each event
    lines = textwrap.wrap(text, room, break_on_hyphens=False) if room > 20 else [text]
    shown = escape(("\n" + TEXT_AT * " ").join(lines))
    words.print(f"[dim]{at_s:7.1f} s[/]  [{colour}]{kind:<9}[/] {shown}", highlight=False)


def _say(sentence: str) -> None:
    words.print(escape(sentence), highlight=False)


def _log(*, verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", stream=sys.stderr)
