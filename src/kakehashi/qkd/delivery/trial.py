"""Two key servers on one machine, for trials, tests and measurements: certificates, node keys and TOML files."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from kakehashi.qkd.delivery.certificates import make_certificates
from kakehashi.qkd.keys.vault import write_node_key

__all__ = ["TRIAL_HOMES", "TRIAL_KMES", "TRIAL_PORTS", "free_ports", "write_trial"]

TRIAL_KMES = ("kme-a", "kme-b")
"""Names of the two servers; their files begin with the last letter: ``a.toml``, ``a.key`` and the folder ``a``."""
TRIAL_HOMES = {"alice": "kme-a", "bob": "kme-b", "anna": "kme-b"}
"""Users of a trial that names none, with their servers."""
TRIAL_PORTS = (8443, 8444, 8453, 8454)
"""Likewise: for users and for the other server, those of the first and those of the second."""
PORTS = range(12_000, 32_000)


def free_ports(n: int) -> list[int]:
    """Ports of loopback that were free a moment ago, all different.

    They lie below those that systems give to outgoing connections (32768 on Linux, 49152 by RFC 6335): one of these
    could take a port before the server that it is meant for.

    Example:
        >>> len(set(free_ports(3)))
        3
    """
    doors: list[socket.socket] = []
    while len(doors) < n:
        with contextlib.suppress(OSError):
            doors.append(socket.create_server(("127.0.0.1", PORTS[secrets.randbelow(len(PORTS))])))
    ports = [int(door.getsockname()[1]) for door in doors]
    for door in doors:
        door.close()
    return ports


def write_trial(
    folder: Path, homes: Mapping[str, str], *, ports: tuple[int, int, int, int] = (0, 0, 0, 0), more: str = ""
) -> list[Path]:
    """Write all that two servers need.

    Args:
        folder: Where; certificates go to its folder ``pki``.
        homes: The server of each user, by the user's ID.
        ports: For users and for the other server: those of the first, those of the second. With 0 the system chooses
            one, which the other server cannot know.
        more: Further lines of both TOML files.

    Returns:
        Files of the certificates, as :func:`~kakehashi.qkd.delivery.certificates.make_certificates` gives them.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_trial(Path(folder), {"alice": "kme-a", "bob": "kme-b"})
        ...     (Path(folder) / "b.toml").read_text().splitlines()[0]
        'name = "kme-b"'
    """
    files = make_certificates(folder / "pki", saes=list(homes), kmes=TRIAL_KMES)
    users = ", ".join(f'{{ id = {json.dumps(sae)}, kme = "{kme}" }}' for sae, kme in homes.items())
    for name, other, (door, peer_door), far in (("a", "b", ports[:2], ports[3]), ("b", "a", ports[2:], ports[1])):
        write_node_key(folder / f"{name}.key")
        text = f"""\
name = "kme-{name}"
store = "{name}"
node_key = "{name}.key"
listen = "127.0.0.1:{door}"
peer_listen = "127.0.0.1:{peer_door}"
certificate = "pki/kme-{name}.crt"
private_key = "pki/kme-{name}.key"
authority = "pki/ca.crt"
sae = [{users}]
peer = [{{ name = "kme-{other}", address = "127.0.0.1:{far}" }}]
{more}
"""
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return list(files)
