"""What a user writes about a network: nodes, links, users, and how much key each pair of nodes should have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import Spec, matching, parse_spec, read_toml
from kakehashi.qkd.delivery.spec import SaeSpec
from kakehashi.qkd.distill.agreement import Agreement, ErrorPositions, agree_on
from kakehashi.qkd.distill.forecast import smallest_block
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.spec import Grade, LinkSpec

__all__ = [
    "LinkOfNetwork",
    "ManagementSpec",
    "NetworkSpec",
    "NodeSpec",
    "RelaySpec",
    "agreement_of",
    "light_of",
    "read_network",
]

Name = Annotated[str, matching("[a-z0-9][a-z0-9-]{0,39}", "lower-case letters, digits and hyphens, at most 40")]
Positive = Annotated[float, Field(gt=0)]

MANAGER = "kms"
"""Name of the management server among the nodes' certificates."""


class NodeSpec(Spec):
    """A trusted node.

    Attributes:
        name: Its name; lower-case letters, digits and hyphens.
        title: For people.
        x: Where it stands on the map, from 0 (west) to 100.
        y: Likewise, from 0 (north) to 100.
        grade: How it is known that there is such a node.
        text: From whom.
    """

    name: Name
    title: str = ""
    x: Annotated[float, Field(ge=0, le=100)] = 50.0
    y: Annotated[float, Field(ge=0, le=100)] = 50.0
    grade: Grade = "assumed"
    text: str = ""


class LinkOfNetwork(Spec):
    """A quantum link between two nodes.

    Attributes:
        name: Its name.
        sender: Node with the sender.
        receiver: Node with the receiver.
        photons: Name of a link of the library, or a TOML file.
        length_km: Instead of the length of that link.
        loss_db: Likewise.
        block_bits: Sifted bits of a block; the smallest that gives a good share where not given.
        error_positions: See :class:`~kakehashi.qkd.distill.agreement.Agreement`.
        pace: Simulated seconds in a second.
        exposure_s: Simulated seconds that are handed out at a time.
        in_demo: Whether ``kakehashi qkd demo`` runs it.
        grade: How it is known that these nodes have this link.
        text: From whom.
    """

    name: Name
    sender: Name
    receiver: Name
    photons: str
    length_km: Positive | None = None
    loss_db: Positive | None = None
    block_bits: Annotated[int, Field(ge=1_000, le=200_000_000)] | None = None
    error_positions: ErrorPositions = "public"
    pace: Positive = 1.0
    exposure_s: Positive = 0.1
    in_demo: bool = True
    grade: Grade = "assumed"
    text: str = ""

    @property
    def ends(self) -> tuple[str, str]:
        """Sender and receiver."""
        return self.sender, self.receiver


class RelaySpec(Spec):
    """How pairs of nodes get key over others.

    Attributes:
        block_bits: Bits that travel at a time.
        stock_bits: Each pair gets key until it has so much, in each direction.
        n_routes: Over how many disjoint routes a key travels in shares; fewer where there are fewer, but never fewer
            than two where two or more are asked for.
    """

    block_bits: Annotated[int, Field(ge=256, le=8_000_000, multiple_of=8)] = 16_384
    stock_bits: Annotated[int, Field(ge=256)] = 65_536
    n_routes: Annotated[int, Field(ge=1, le=8)] = 1


class ManagementSpec(Spec):
    """What the management server watches.

    Attributes:
        report_s: How often nodes report.
        silent_s: After how long without a report a node counts as lost.
        max_key_age_s: Key older than this is destroyed.
        max_qber: Error rate above which a link gives no key and raises an alarm.
    """

    report_s: Positive = 0.5
    silent_s: Positive = 5.0
    max_key_age_s: Positive = 86_400.0
    max_qber: Annotated[float, Field(gt=0, le=0.11)] = 0.08


class NetworkSpec(Spec):
    """A network.

    Attributes:
        title: For people.
        node: Its nodes.
        link: Its links.
        sae: Users of keys; their ``kme`` is the name of a node.
        relay: See :class:`RelaySpec`.
        management: See :class:`ManagementSpec`.

    Example:
        >>> table = {"title": "two", "node": ({"name": "a"}, {"name": "b"}), "link": (
        ...     {"name": "a-b", "sender": "a", "receiver": "b", "photons": "tokyo-koganei-loop-ntt"},)}
        >>> NetworkSpec.model_validate(table).neighbours("a")
        ('b',)
    """

    title: str
    node: Annotated[tuple[NodeSpec, ...], Field(min_length=2, max_length=64)]
    link: Annotated[tuple[LinkOfNetwork, ...], Field(min_length=1)]
    sae: tuple[SaeSpec, ...] = ()
    relay: RelaySpec = RelaySpec()
    management: ManagementSpec = ManagementSpec()

    @model_validator(mode="after")
    def _check(self) -> NetworkSpec:
        names = [*self.names, MANAGER, "operator", "ca", *(sae.id for sae in self.sae)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the name '{name}' stands for two; '{MANAGER}', 'operator' and 'ca' are taken")
        links = [link.name for link in self.link]
        if len(set(links)) < len(links):
            raise ValueError("every link needs a name of its own")
        for link in self.link:
            for end in link.ends:
                if end not in self.names:
                    raise ValueError(
                        f"link '{link.name}' has an end at '{end}', but the nodes are {', '.join(self.names)}"
                    )
            if link.sender == link.receiver:
                raise ValueError(
                    f"link '{link.name}' must lead from one node to another, not from and to '{link.sender}'"
                )
        for sae in self.sae:
            if sae.kme not in self.names:
                raise ValueError(f"SAE '{sae.id}' belongs to '{sae.kme}', but the nodes are {', '.join(self.names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the nodes."""
        return tuple(node.name for node in self.node)

    def neighbours(self, name: str) -> tuple[str, ...]:
        """Nodes with a link to one."""
        return tuple(sorted({end for link in self.link if name in link.ends for end in link.ends} - {name}))

    def links_of(self, one: str, other: str) -> tuple[LinkOfNetwork, ...]:
        """Links between two nodes, whichever of them sends."""
        return tuple(link for link in self.link if set(link.ends) == {one, other})


def light_of(link: LinkOfNetwork) -> LinkSpec:
    """What the photons of a link meet.

    Raises:
        InputError: There is no such link in the library, nor such a file.
    """
    spec = load_link(link.photons)
    changes: dict[str, float | None] = {}
    if link.length_km is not None:
        changes["length_km"] = link.length_km
    if link.loss_db is not None:
        changes |= {"loss_db": link.loss_db, "loss_db_per_km": None}
    return spec.model_copy(update={"fibre": spec.fibre.model_copy(update=changes)}) if changes else spec


def agreement_of(link: LinkOfNetwork, *, max_qber: float = 0.08) -> Agreement:
    """What the two ends of a link hold for the same."""
    light = light_of(link)
    options = {"max_qber": max_qber, "error_positions": link.error_positions}
    if link.block_bits is None:
        return smallest_block(link.name, light, **options)
    return agree_on(link.name, light, block_bits=link.block_bits, **options)


def read_network(path: Path | str) -> NetworkSpec:
    """Read a network's TOML file.

    Raises:
        InputError: The file is missing.
        SpecError: It is wrong; the message says where.
    """
    if not Path(path).suffix and not Path(path).exists():
        raise InputError(f"There is no network '{path}': it is a TOML file, such as examples/tokyo.toml.")
    table = read_toml(path)
    if "protocol" in table and "node" not in table:
        raise SpecError(f"{path}: this is a link, not a network; see it with: kakehashi qkd link show {path}")
    return parse_spec(NetworkSpec, table, source=str(path))
