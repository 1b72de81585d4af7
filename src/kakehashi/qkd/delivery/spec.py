"""What a user writes about a key server (KME): its name, its users, its peers, its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from kakehashi.core.spec import Spec, matching, parse_spec, read_toml
from kakehashi.qkd.delivery.etsi014 import Sizes

__all__ = ["Address", "KmeSpec", "LimitsSpec", "PeerSpec", "SaeSpec", "read_kme_spec"]

Name = Annotated[str, Field(min_length=1, max_length=255)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Address = Annotated[str, matching(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}", "HOST:PORT, such as 127.0.0.1:8443")]
"""``host:port``; an IPv6 address stands in brackets."""


class SaeSpec(Spec):
    """A user of keys (SAE).

    Attributes:
        id: Its ID: the common name of its certificate, or ``urn:sae:ID`` among its alternative names.
        kme: The KME of its site.
    """

    id: Name
    kme: Name


class PeerSpec(Spec):
    """Another KME.

    Attributes:
        name: Its name: the common name of its certificate, or ``urn:kme:NAME`` among its alternative names.
        address: Where it listens for KMEs.
    """

    name: Name
    address: Address


class LimitsSpec(Spec):
    """Sizes that users may ask for, and what nobody may exceed.

    Attributes:
        key_size: Bits of a key where the user does not say.
        min_key_size: Smallest size, bits, a multiple of 8.
        max_key_size: Largest size, likewise.
        max_key_per_request: Most keys in one request.
        max_key_count: Most keys that a status reports.
        max_sae_id_count: Most additional slaves; 0 for no multicast.
        key_lifetime_s: How long a key waits for its slave.
        block_lifetime_s: How long key stays in store.
        quota_bits_per_s: Bits a second that one SAE may take in the long run; 0 for no limit.
        quota_burst_bits: Bits that it may take at once after a rest.
        fair_share: Whether one SAE may take no more than its share of the stock within a minute.
        max_connections: Most connections at once.
        max_connections_per_sae: Most of one SAE.
        max_body_bytes: Longest body.
        max_handshakes_per_address: Most TLS handshakes under way with one address.
        handshake_timeout_s: Time for the TLS handshake.
        request_timeout_s: Time for a request to arrive whole, and for an answer to be taken.
        idle_timeout_s: Time between requests.
    """

    key_size: Positive = 256
    min_key_size: Positive = 64
    max_key_size: Positive = 4096
    max_key_per_request: Positive = 128
    max_key_count: Positive = 100_000
    max_sae_id_count: Annotated[int, Field(ge=0)] = 8
    key_lifetime_s: Seconds = 3600.0
    block_lifetime_s: Seconds = 7 * 86400.0
    quota_bits_per_s: Annotated[int, Field(ge=0)] = 0
    quota_burst_bits: Positive = 1_000_000
    fair_share: bool = True
    max_connections: Positive = 512
    max_connections_per_sae: Positive = 64
    max_body_bytes: Positive = 262_144
    max_handshakes_per_address: Positive = 64
    handshake_timeout_s: Seconds = 5.0
    request_timeout_s: Seconds = 10.0
    idle_timeout_s: Seconds = 75.0

    @model_validator(mode="after")
    def _sizes_fit(self) -> LimitsSpec:
        if not self.min_key_size <= self.key_size <= self.max_key_size:
            raise ValueError("key_size must lie between min_key_size and max_key_size")
        if self.min_key_size % 8 or self.key_size % 8 or self.max_key_size % 8:
            raise ValueError("key_size, min_key_size and max_key_size must be multiples of 8")
        return self

    def sizes(self) -> Sizes:
        """Those that the standard names."""
        names = ("key_size", "min_key_size", "max_key_size", "max_key_per_request", "max_key_count", "max_sae_id_count")
        return Sizes(**{name: getattr(self, name) for name in names})


class KmeSpec(Spec):
    """A KME.

    Attributes:
        name: Its name, unique in the network.
        store: Folder of its key store; relative paths start at the TOML file.
        node_key: File with the store's key; without, ``$KAKEHASHI_NODE_KEY``.
        listen: Where users connect.
        peer_listen: Where other KMEs connect.
        certificate: Its certificate, PEM, with the chain to the authority.
        private_key: Its private key, PEM.
        authority: Certificates that sign those of users and KMEs.
        revoked: List of revoked certificates, PEM; then every certificate is checked against it.
        durable: Whether nothing is answered before it is on disk. Without, a power cut can bring keys back.
        skip: Whether Cisco SKIP is answered beside ETSI 014.
        sae: Users, here and elsewhere.
        peer: Other KMEs.
        limits: See :class:`LimitsSpec`.

    Example:
        >>> table = {"name": "kme-a", "store": "a", "listen": "127.0.0.1:8443", "peer_listen": "127.0.0.1:8444",
        ...          "certificate": "a.crt", "private_key": "a.key", "authority": "ca.crt",
        ...          "sae": [{"id": "alice", "kme": "kme-a"}]}
        >>> parse_spec(KmeSpec, table).limits.key_size
        256
    """

    name: Name
    store: Path
    node_key: Path | None = None
    listen: Address
    peer_listen: Address
    certificate: Path
    private_key: Path
    authority: Path
    revoked: Path | None = None
    durable: bool = True
    skip: bool = True
    sae: tuple[SaeSpec, ...]
    peer: tuple[PeerSpec, ...] = ()
    limits: LimitsSpec = LimitsSpec()

    @model_validator(mode="after")
    def _names_fit(self) -> KmeSpec:
        names = [self.name, *(peer.name for peer in self.peer)]
        for name in [*names, *(sae.id for sae in self.sae)]:
            if (names + [sae.id for sae in self.sae]).count(name) > 1:
                raise ValueError(f"the name '{name}' stands for two: names of KMEs and SAEs must differ")
        for sae in self.sae:
            if sae.kme not in names:
                raise ValueError(f"SAE '{sae.id}' belongs to KME '{sae.kme}', which is neither this one nor a peer")
        return self


def read_kme_spec(path: Path) -> KmeSpec:
    """Read a KME's TOML file; its paths are taken from the file's folder.

    Raises:
        InputError: The file is missing.
        SpecError: It is wrong; with one clause per fault.
    """
    spec = parse_spec(KmeSpec, read_toml(path), source=str(path))
    base = path.parent
    paths = {"store", "node_key", "certificate", "private_key", "authority", "revoked"}
    found = {name: base / getattr(spec, name) for name in paths if getattr(spec, name) is not None}
    return spec.model_copy(update=found)
