"""The commands about keys in store and their delivery."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter, validators
from rich.markup import escape
from rich.table import Table

from kakehashi.cli.terminal import data, tell, words
from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    from kakehashi.qkd.delivery.spec import KmeSpec
    from kakehashi.qkd.keys.audit import Audit, BlockAccount

__all__ = ["keys_app"]


keys_app = App(
    name="qkd",
    help="Quantum keys: in store, accounted for, and delivered by ETSI GS QKD 014.",
    help_epilogue="Start with: kakehashi qkd trial trial",
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]
Names = Annotated[tuple[str, ...], Parameter(negative="")]

ORIGINS = {"distilled": "sifted with", "relayed": "relayed key with"}


@keys_app.command
def audit(store: Path, other: Path | None = None, /, *, json_: Json = False) -> int:
    """Prove from a store that every bit is accounted for, once; with two stores, that the two ends agree.

    No key is read, and the stores may be in use.

    Parameters
    ----------
    store
        Folder of a key store.
    other
        Folder of the other end's.
    json_
        Print what was found as JSON on standard output.
    """
    from kakehashi.qkd.keys.audit import audit_pair, audit_store

    audits = [audit_store(folder) for folder in (store, other) if folder is not None]
    if other is not None:
        audits.append(audit_pair(store, other))
    if json_:
        sys.stdout.write(json.dumps([found.to_json() for found in audits], indent=2) + "\n")
    else:
        _print_audits(audits)
    return 0 if all(found.is_clean for found in audits) else 1


def _print_audits(audits: Sequence[Audit]) -> None:
    from kakehashi.qkd.keys.model import NO_PROOF

    links = [link for found in audits for link in found.links]
    heads = {id(link): f"{ORIGINS[link.origin]} {link.peer}" for link in links}
    # One width for all tables, so that the numbers stand below each other.
    widths = (
        max([len("= authentication"), *map(len, heads.values())]),
        max([5, *(len(f"{x.sifted:,}") for x in links)]),
    )
    for found in audits:
        mark = "[green]✓[/]" if found.is_clean else "[red]✗[/]"
        data.print(f"{mark} [bold]{escape(found.node)}[/]  {_extent(found)}", highlight=False)
        for link in found.links:
            _print_account(link, heads[id(link)], widths)
        for fault in found.faults:
            data.print(f"  [red]Wrong:[/] {escape(fault)}", highlight=False, soft_wrap=True)
        for note in found.notes:
            data.print(f"  [yellow]Note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    if len(audits) == 3 and _differ(*audits[:2]):
        data.print(
            "\nThe two may count the same bits differently: the end that hands a key out has it as delivered at once,"
            " the other end when all slaves there have fetched it.",
            style="dim",
            highlight=False,
        )
    if any(link.bound not in ("", NO_PROOF) for link in links):
        data.print("\nWhat each proof shows: docs/explanations/key-length.md", style="dim", highlight=False)


def _extent(found: Audit) -> str:
    if found.compared is None:
        return _number(len(found.blocks), "block")
    return f"compared: {_number(found.compared['blocks'], 'block')}, {_number(found.compared['grants'], 'grant')}"


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _print_account(link: BlockAccount, head: str, widths: tuple[int, int]) -> None:
    from kakehashi.qkd.keys.model import NO_PROOF

    table = Table(box=None, padding=(0, 2, 0, 2), show_header=False)
    table.add_column(no_wrap=True, min_width=widths[0])
    table.add_column(no_wrap=True, justify="right", min_width=widths[1])
    table.add_row(escape(head), f"{link.sifted:,}")
    for index, (account, bits) in enumerate(link.accounts.items()):
        table.add_row(f"{'+' if index else '='} {account}", f"{bits:,}")
    data.print(table)
    if link.bound:
        proof = "none, these are random bits of a trial" if link.bound == NO_PROOF else link.bound
        data.print(f"  weakest proof: {escape(proof)}", highlight=False)


def _differ(one: Audit, other: Audit) -> bool:
    """Whether two ends have the same bits in different accounts."""
    mine = {link.origin: link.accounts for link in one.links if link.peer == other.node}
    theirs = {link.origin: link.accounts for link in other.links if link.peer == one.node}
    return mine != theirs


@keys_app.command
def certificates(
    folder: Path,
    /,
    *,
    sae: Names = (),
    kme: Names = (),
    host: Names = ("localhost", "127.0.0.1"),
) -> int:
    """Make certificates for a trial, and their authority where the folder has none; nothing is written over.

    Parameters
    ----------
    folder
        Where they go: NAME.crt and NAME.key for each, and ca.crt.
    sae
        ID of a user; may be given several times.
    kme
        Name of a key server; may be given several times.
    host
        Name or address by which servers are reached; may be given several times.
    """
    from kakehashi.qkd.delivery.certificates import make_certificates

    for path in make_certificates(folder, saes=sae, kmes=kme, hosts=host):
        data.print(str(path), highlight=False, soft_wrap=True)
    return 0


@keys_app.command
def trial(folder: Path, /) -> int:
    """Write all that two key servers of this machine need, and say how to start and ask them.

    Parameters
    ----------
    folder
        Where it goes: a.toml and b.toml, the servers' node keys, and certificates in the folder pki.
    """
    from kakehashi.qkd.delivery.trial import TRIAL_HOMES, TRIAL_PORTS, write_trial

    write_trial(folder, TRIAL_HOMES, ports=TRIAL_PORTS)
    at, users, other_users = escape(str(folder)), TRIAL_PORTS[0], TRIAL_PORTS[2]
    data.print(
        f"""\
{at} holds two key servers, kme-a for alice, and kme-b for bob and anna.
Start each in a terminal:

  kakehashi qkd serve {at}/a.toml --fill {at}/b.toml
  kakehashi qkd serve {at}/b.toml

Ask for a key as alice, and fetch it by its key_ID as bob:

  curl --cacert {at}/pki/ca.crt --cert {at}/pki/alice.crt \\
      --key {at}/pki/alice.key https://127.0.0.1:{users}/api/v1/keys/bob/enc_keys
  curl --cacert {at}/pki/ca.crt --cert {at}/pki/bob.crt --key {at}/pki/bob.key \\
      https://127.0.0.1:{other_users}/api/v1/keys/alice/dec_keys?key_ID=KEY_ID

See that every bit is accounted for: kakehashi qkd audit {at}/a {at}/b""",
        highlight=False,
        soft_wrap=True,
    )
    return 0


@keys_app.command
def revoke(folder: Path, /, *names: str) -> int:
    """Revoke certificates of a trial's authority, or renew its list before it runs out.

    The list is FOLDER/revoked.crl; a key server whose TOML file names it as `revoked` goes by it within seconds.

    Parameters
    ----------
    folder
        What `kakehashi qkd certificates` made.
    names
        IDs of users and names of key servers; with none, the list is renewed.
    """
    from kakehashi.qkd.delivery.certificates import revoke_certificates

    crl = revoke_certificates(folder, names)
    data.print(str(crl), highlight=False, soft_wrap=True)
    words.print(
        "A key server whose TOML file names this list goes by it within seconds.\nOne that names none needs\n"
        f'  revoked = "{escape(str(crl.absolute()))}"\n'
        "in its file, and a new start.",
        highlight=False,
        soft_wrap=True,
    )
    return 0


@keys_app.command(name="node-key")
def node_key(file: Path, /) -> int:
    """Make the key with which a node encrypts its store: a file that its owner alone can read.

    Parameters
    ----------
    file
        The file; it must not be there yet.
    """
    from kakehashi.qkd.keys.vault import write_node_key

    write_node_key(file)
    return 0


@keys_app.command
def serve(
    file: Path,
    /,
    *,
    fill: Path | None = None,
    fill_bits: Annotated[int, Parameter(validator=validators.Number(gte=8))] = 8_388_608,
    verbose: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Serve keys by ETSI GS QKD 014 and SKIP over mutual TLS.

    Parameters
    ----------
    file
        The KME's TOML file; docs/reference/key-delivery.md lists its keys.
    fill
        For trials of the delivery alone: TOML file of a peer that is not running. Random bits are put into both stores
        first, as if a link had made them. They are no quantum keys.
    fill_bits
        How many, in two blocks, one for each end.
    verbose
        Say on standard error what happens. Keys are never said.
    """
    from kakehashi.qkd.delivery.serve import run_kme
    from kakehashi.qkd.delivery.spec import read_kme_spec

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr
    )
    spec = read_kme_spec(file)
    if fill is not None:
        _fill(spec, read_kme_spec(fill), fill_bits)
    asyncio.run(run_kme(spec, say=lambda sentence: tell(escape(sentence))))
    return 0


def _fill(spec: KmeSpec, other: KmeSpec, n_bits: int) -> None:
    from kakehashi.qkd.delivery.serve import fill_blocks
    from kakehashi.qkd.keys.store import KeyStore
    from kakehashi.qkd.keys.vault import read_node_key

    if other.name not in {peer.name for peer in spec.peer}:
        raise InputError(f"'{other.name}' is no peer of '{spec.name}'.")
    stores = [KeyStore(s.store, node=s.name, node_key=read_node_key(s.node_key)) for s in (spec, other)]
    try:
        fill_blocks(*stores, n_bits=n_bits // 16 * 8, n_blocks=2)
    finally:
        for store in stores:
            store.close()
    tell(
        f"[yellow]Filled[/] the stores of '{escape(spec.name)}' and '{escape(other.name)}' with random bits:"
        " a trial of the delivery, no quantum keys."
    )
