"""The commands that put delivered keys to use: TLS, WireGuard, IPsec."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from cyclopts import App, Parameter, validators
from rich.markup import escape
from rich.table import Table

from kakehashi.cli.terminal import data, tell
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.qkd.consumers.fetch import KeyClient
    from kakehashi.qkd.consumers.model import Outcome

__all__ = ["Sides", "Traffic", "use_app"]


use_app = App(
    name="use",
    help="Delivered keys in use: TLS 1.3, WireGuard, IPsec, each between two sides that fetch their keys by ETSI 014.",
    help_epilogue="Start with: kakehashi qkd use tls, then kakehashi qkd use tls --wrong-key",
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]
Flag = Annotated[bool, Parameter(negative="")]
Seconds = Annotated[float, Parameter(validator=validators.Number(gt=0, lte=86_400))]
Rotation = Annotated[float, Parameter(validator=validators.Number(gte=1))]


@Parameter(name="*")
@dataclass(frozen=True)
class Sides:
    """Who the two sides are and where their KMEs are.

    Parameters
    ----------
    master
        SAE that fetches new keys and begins.
    slave
        SAE of the other side.
    master_kme
        Address of the master's KME, such as https://kme-a:8443. Without addresses, two KMEs with random bits in store
        are started for the run: a trial, no quantum keys.
    slave_kme
        Address of the slave's KME.
    pki
        Folder with ca.crt and, for each SAE, ID.crt and ID.key.
    master_kme_name
        Name that the certificate of the master's KME gives; without, it must be that of the host in the address.
    slave_kme_name
        Likewise.
    """

    master: str = "alice"
    slave: str = "bob"
    master_kme: str | None = None
    slave_kme: str | None = None
    pki: Path | None = None
    master_kme_name: str | None = None
    slave_kme_name: str | None = None


TRIAL = Sides()


@Parameter(name="*")
@dataclass(frozen=True)
class Traffic:
    """What goes through a tunnel, and when its key is renewed.

    Parameters
    ----------
    seconds
        How long pings are sent through the tunnel, five a second.
    rotate
        Seconds between keys.
    wrong_key
        Turn one bit of the slave's keys over, and show that nothing passes.
    """

    seconds: Seconds = 15.0
    rotate: Rotation = 5.0
    wrong_key: Flag = False


PINGS = Traffic()


@use_app.command
def tls(
    *,
    sides: Sides = TRIAL,
    program: Annotated[Literal["openssl", "python"], Parameter(name="--with")] = "openssl",
    wrong_key: Flag = False,
    json_: Json = False,
) -> int:
    """TLS 1.3 whose external PSK is a delivered key, with no certificate, between two programs.

    Parameters
    ----------
    program
        "openssl": s_server and s_client; "python": the module ssl of Python 3.13 or later.
    wrong_key
        Turn one bit of the server's key over, and show that nothing passes.
    json_
        Print what came of it as JSON on standard output.
    """
    from kakehashi.qkd.consumers.packages import require_programs
    from kakehashi.qkd.consumers.psk import require_psk
    from kakehashi.qkd.consumers.python_tls import use_python_tls
    from kakehashi.qkd.consumers.tls import use_tls

    if program == "openssl":
        require_programs("openssl")
    else:
        require_psk()
    use = use_tls if program == "openssl" else use_python_tls
    return _run(sides, lambda a, b: use(a, b, wrong_from=0 if wrong_key else None, say=_say), json_=json_)


@use_app.command
def wireguard(*, sides: Sides = TRIAL, traffic: Traffic = PINGS, json_: Json = False) -> int:
    """A WireGuard tunnel whose preshared key is a delivered key and is renewed under traffic. Needs root.

    The two sides are namespaces of this machine, joined by a cable. A renewed key is used from the next handshake on,
    which WireGuard makes after 120 s.

    Parameters
    ----------
    json_
        Print what came of it as JSON on standard output.
    """
    from kakehashi.qkd.consumers.wireguard import PROGRAMS, use_wireguard

    return _run_tunnel(use_wireguard, PROGRAMS, sides, traffic, json_=json_)


@use_app.command
def ipsec(*, sides: Sides = TRIAL, traffic: Traffic = PINGS, json_: Json = False) -> int:
    """An IPsec tunnel of strongSwan whose PPK (RFC 8784) is a delivered key and is renewed under traffic. Needs root.

    The two sides are namespaces of this machine, joined by a cable. Each renewed key makes a new tunnel before the old
    one is closed.

    Parameters
    ----------
    json_
        Print what came of it as JSON on standard output.
    """
    from kakehashi.qkd.consumers.ipsec import PROGRAMS, use_ipsec

    return _run_tunnel(use_ipsec, PROGRAMS, sides, traffic, json_=json_)


def _run_tunnel(
    use: Callable[..., Outcome], programs: Sequence[str], sides: Sides, traffic: Traffic, *, json_: bool
) -> int:
    from kakehashi.qkd.consumers.hosts import require_hosts
    from kakehashi.qkd.consumers.packages import require_programs

    require_programs(*programs)
    require_hosts()
    options = {"seconds": traffic.seconds, "rotate_s": traffic.rotate, "wrong_from": 0 if traffic.wrong_key else None}
    return _run(sides, lambda a, b: use(a, b, say=_say, **options), json_=json_)


def _say(sentence: str) -> None:
    tell(escape(sentence))


def _run(sides: Sides, use: Callable[[KeyClient, KeyClient], Outcome], *, json_: bool) -> int:
    with _clients(sides) as (master, slave):
        outcome = use(master, slave)
    if json_:
        sys.stdout.write(json.dumps(outcome.to_json(), indent=2) + "\n")
    else:
        _print(outcome)
    return 0 if outcome.is_right else 1


@contextlib.contextmanager
def _clients(sides: Sides) -> Iterator[tuple[KeyClient, KeyClient]]:
    from kakehashi.qkd.consumers.fetch import KeyClient, SaeAccess
    from kakehashi.qkd.consumers.kmes import trial_kmes

    urls = (sides.master_kme, sides.slave_kme)
    names = (sides.master_kme_name, sides.slave_kme_name)
    if urls == names == (None, None) and sides.pki is None:
        _say("Two KMEs with random bits in store start: a trial of the consumer, no quantum keys.")
        with trial_kmes(sides.master, sides.slave) as clients:
            yield clients
        return
    if None in urls or sides.pki is None:
        raise InputError("Real KMEs need --master-kme, --slave-kme and --pki; a trial needs none of them.")
    found = []
    for sae, url, name in zip((sides.master, sides.slave), urls, names, strict=True):
        file = quote(sae, safe=" @+")
        access = SaeAccess(
            sae_id=sae,
            url=str(url),
            certificate=sides.pki / f"{file}.crt",
            private_key=sides.pki / f"{file}.key",
            authority=sides.pki / "ca.crt",
            kme_name=name,
        )
        found.append(KeyClient(access))
    yield found[0], found[1]


def _print(outcome: Outcome) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column, justify in (("at", "right"), ("took", "right"), ("side", "left"), ("step", "left")):
        table.add_column(column, justify=justify, no_wrap=column != "step")  # type: ignore[arg-type]
    for moment in outcome.moments:
        took = f"{1e3 * moment.took_s:.0f} ms" if moment.took_s else ""
        table.add_row(f"{moment.at_s:.3f} s", took, escape(moment.side), escape(moment.step))
    data.print(table)
    data.print()
    mark = "[green]✓[/]" if outcome.is_right else "[red]✗[/]"
    keys = f"{len(outcome.key_ids)} key{'s' if len(outcome.key_ids) != 1 else ''}"
    if outcome.wrong_from is not None:
        keys += ", one side's with a bit turned over"
    if outcome.is_connected:
        state = outcome.suite
    else:
        state = f"{'Closed, as it must be' if outcome.is_right else 'No connection'}: {outcome.refusal}"
    data.print(f"{mark} {escape(state)}.", highlight=False, soft_wrap=True)
    data.print(f"  {keys}; {outcome.received:,} of {outcome.sent:,} messages came through.", highlight=False)
