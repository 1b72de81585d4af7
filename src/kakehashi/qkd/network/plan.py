"""A network's folder: certificates, secrets, addresses; all that its programs need to find each other."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kakehashi.core.errors import InputError
from kakehashi.core.spec import Spec, parse_spec
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.delivery.certificates import REVOKED, make_certificates, revoke_certificates
from kakehashi.qkd.delivery.spec import KmeSpec, LimitsSpec, PeerSpec
from kakehashi.qkd.delivery.trial import free_ports
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.keys.vault import read_node_key, write_node_key
from kakehashi.qkd.link.spec import LinkSpec
from kakehashi.qkd.network.spec import MANAGER, LinkOfNetwork, NetworkSpec, agreement_of, light_of, read_network
from kakehashi.qkd.network.stock_file import StockFile

__all__ = ["Doors", "Plan", "read_plan", "renew_secret", "set_up"]

SECRET_BYTES = 2048
"""Secret that the two ends of a link are given to begin with."""

HOST = "127.0.0.1"
PATIENCE_S = 30.0
"""How long programs wait for each other: all of them share one machine, which may be busy with something else."""
PATH_LIMIT = 100
"""Longest path of a socket's file that every system takes."""


class Doors(Spec):
    """Ports of a node.

    Attributes:
        users: Where users fetch keys.
        keys: Where other nodes' key servers ask.
        node: Where relayed keys come in.
        links: Where the classical channels of links come in.
    """

    users: int
    keys: int
    node: int
    links: int


class Addresses(Spec):
    """Who listens where.

    Attributes:
        nodes: By node.
        manager: Port of the management server.
        page: Port of its page, for this machine alone.
    """

    nodes: dict[str, Doors]
    manager: int
    page: int


class Plan:
    """A network's folder as it was set up.

    Args:
        folder: The folder.
        spec: The network.
        addresses: Who listens where.
    """

    def __init__(self, folder: Path, spec: NetworkSpec, addresses: Addresses) -> None:
        self.folder = folder
        self.spec = spec
        self.addresses = addresses

    def tls(self, name: str) -> tuple[Path, Path, Path]:
        """Certificate, private key and authority of a node or user."""
        base = self.folder / "certificates"
        return base / f"{name}.crt", base / f"{name}.key", base / "ca.crt"

    @property
    def revoked(self) -> Path:
        """List of revoked certificates, which every program goes by."""
        return self.folder / "certificates" / REVOKED

    def store(self, node: str) -> Path:
        """Folder of a node's key store."""
        return self.folder / "nodes" / node / "store"

    def node_key(self, node: str) -> Path:
        """File of a node's key."""
        return self.folder / "nodes" / node / "node.key"

    def stock(self, node: str, link: str) -> StockFile:
        """A node's stock of tag key for a link."""
        return StockFile(self.folder / "nodes" / node / f"{link}.stock", read_node_key(self.node_key(node)))

    def photons(self, link: str) -> Path:
        """Folder of a simulated link's sockets."""
        return self.folder / "photons" / link

    def light(self, link: str) -> Path:
        """TOML file of a simulated link."""
        return self.folder / "photons" / f"{link}.toml"

    def link(self, name: str) -> LinkOfNetwork:
        """A link by its name.

        Raises:
            InputError: There is none.
        """
        for link in self.spec.link:
            if link.name == name:
                return link
        known = ", ".join(link.name for link in self.spec.link)
        raise InputError(f"'{name}' is no link of this network; there are: {known}.")

    def kme(self, node: str) -> KmeSpec:
        """A node's key server."""
        certificate, private_key, authority = self.tls(node)
        doors = self.addresses.nodes
        return KmeSpec(
            name=node,
            store=self.store(node),
            node_key=self.node_key(node),
            listen=f"{HOST}:{doors[node].users}",
            peer_listen=f"{HOST}:{doors[node].keys}",
            certificate=certificate,
            private_key=private_key,
            authority=authority,
            revoked=self.revoked,
            sae=self.spec.sae,
            peer=tuple(PeerSpec(name=n, address=f"{HOST}:{d.keys}") for n, d in doors.items() if n != node),
            limits=LimitsSpec(
                block_lifetime_s=self.spec.management.max_key_age_s,
                fair_share=False,
                handshake_timeout_s=PATIENCE_S,
                request_timeout_s=PATIENCE_S,
            ),
        )


def set_up(file: Path, folder: Path) -> Plan:
    """Make a network's folder for a trial on one machine: an authority, certificates, secrets, free ports.

    Args:
        file: The network's TOML file.
        folder: A new folder.

    Raises:
        InputError: The folder is not empty or cannot be made, or its path is too long.
        SpecError: The file is wrong.
    """
    spec = read_network(file)
    longest = max(len(str(folder / "photons" / link.name / "receiver.sock")) for link in spec.link)
    if longest > PATH_LIMIT:
        raise InputError(
            f"{folder} is too long a path for sockets in it: choose one that is {longest - PATH_LIMIT} shorter."
        )
    _make_empty(folder)
    (folder / ".gitignore").write_text("*\n", encoding="ascii")  # wherever it lies, its secrets are not for others
    make_certificates(
        folder / "certificates", saes=[sae.id for sae in spec.sae], kmes=[*spec.names, MANAGER, "operator"]
    )
    revoke_certificates(folder / "certificates", [])
    addresses = _find_ports(spec)
    plan = Plan(folder, spec, addresses)
    for name in spec.names:
        plan.node_key(name).parent.mkdir(mode=0o700, parents=True)
        write_node_key(plan.node_key(name))
    for link in spec.link:
        plan.photons(link.name).mkdir(mode=0o700, parents=True)
        _write_stocks(plan, link)
        plan.light(link.name).write_text(_as_toml(light_of(link)), encoding="utf-8")
    shutil.copy(file, folder / "network.toml")
    (folder / "addresses.json").write_text(addresses.model_dump_json(indent=2) + "\n", encoding="ascii")
    return plan


def _make_empty(folder: Path) -> None:
    """Make a folder for this user alone: secrets shall not lie among files that are there already."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            is_network = (folder / "addresses.json").exists()
            what = "holds a network already" if is_network else "is not empty"
            raise InputError(f"{folder} {what}; name a folder that is not there yet.")
        folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = "there is a file of that name" if isinstance(error, FileExistsError) else error.strerror
        raise InputError(f"The folder {folder} cannot be made: {why}.") from None


def renew_secret(plan: Plan, name: str) -> None:
    """Give both ends of a link a new secret, where its stock of tag key is used up or was lost.

    Args:
        plan: The network's folder.
        name: The link. Its nodes must not run: a node holds its stock, and would write it over the new one.

    Raises:
        InputError: There is no such link.
        ResourceError: A node runs, or the disk is full.
    """
    link = plan.link(name)
    with ExitStack() as stack:
        for end in link.ends:
            store = KeyStore(plan.store(end), node=end, node_key=read_node_key(plan.node_key(end)))
            stack.callback(store.close)
        _write_stocks(plan, link)


def _write_stocks(plan: Plan, link: LinkOfNetwork) -> None:
    forgery = agreement_of(link).forgery
    secret = Bits.from_bytes(secrets.token_bytes(SECRET_BYTES))
    for end in link.ends:
        stock = Stock.from_secret(secret, is_sender=end == link.sender, forgery=forgery)
        plan.stock(end, link.name).write(stock)


def read_plan(folder: Path) -> Plan:
    """A folder that :func:`set_up` made.

    Raises:
        InputError: It is none.
    """
    path = folder / "addresses.json"
    if not path.is_file():
        raise InputError(f"{folder} holds no network; make one with: kakehashi qkd network set-up FILE {folder}")
    try:
        table = json.loads(path.read_text(encoding="ascii"))
    except ValueError:
        raise InputError(f"{path} is no JSON.") from None
    return Plan(folder, read_network(folder / "network.toml"), parse_spec(Addresses, table, source=str(path)))


def _find_ports(spec: NetworkSpec) -> Addresses:
    ports = free_ports(4 * len(spec.names) + 2)
    nodes = {
        name: Doors(users=ports[4 * i], keys=ports[4 * i + 1], node=ports[4 * i + 2], links=ports[4 * i + 3])
        for i, name in enumerate(spec.names)
    }
    return Addresses(nodes=nodes, manager=ports[-2], page=ports[-1])


def _as_toml(light: LinkSpec) -> str:
    """A link as a TOML file; where its numbers come from is not repeated."""
    table = light.model_dump(mode="json", exclude_none=True, exclude={"numbers", "event", "reported"})
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in _flat(table))


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return found
