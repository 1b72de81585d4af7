"""Programs of the system that consumers are made of, and the packages that hold them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from kakehashi.core.errors import MissingDependencyError, ResourceError

__all__ = ["PROGRAMS", "find_program", "missing_packages", "require_namespaces", "require_programs"]

PROGRAMS = MappingProxyType(
    {
        "openssl": ("openssl",),
        "ip": ("iproute2",),
        "ping": ("iputils-ping",),
        "unshare": ("util-linux",),
        "nsenter": ("util-linux",),
        "wireguard-go": ("wireguard-go",),
        "wg": ("wireguard-tools",),
        "swanctl": ("strongswan-swanctl",),
        "charon": ("strongswan-charon", "strongswan-libcharon"),
        "libstrongswan-kdf.so": ("libstrongswan",),
        "libstrongswan-openssl.so": ("libstrongswan-standard-plugins",),
        "libstrongswan-curve25519.so": ("libstrongswan-extra-plugins",),
        "libstrongswan-kernel-libipsec.so": ("libcharon-extra-plugins",),
    }
)
"""Programs, and plugins of strongSwan, with the Debian packages that hold them."""

FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/ipsec", "/usr/libexec/ipsec", "/usr/lib/ipsec/plugins")
"""Where they are beside the path: system programs are often not on a user's."""


def find_program(name: str) -> str | None:
    """Where a program or plugin is.

    Example:
        >>> find_program("no-such-program") is None
        True
    """
    found = shutil.which(name)
    places = (Path(folder, name) for folder in FOLDERS)
    return found or next((str(place) for place in places if place.is_file()), None)


def missing_packages(names: Sequence[str]) -> list[str]:
    """Debian packages of the programs that are not there.

    Args:
        names: Keys of :data:`PROGRAMS`.

    Example:
        >>> missing_packages([])
        []
    """
    absent = [name for name in names if find_program(name) is None]
    return list(dict.fromkeys(package for name in absent for package in PROGRAMS[name]))


def require_programs(*names: str) -> None:
    """Nothing where all are there.

    Raises:
        MissingDependencyError: Some are not; names their packages.

    Example:
        >>> require_programs()
    """
    packages = missing_packages(names)
    if packages:
        raise MissingDependencyError(
            f"Programs of the system are missing; on Debian and Ubuntu: apt install {' '.join(packages)}"
        )


def require_namespaces() -> None:
    """Nothing where this process may make network namespaces and TUN devices.

    Raises:
        ResourceError: It may not.
    """
    if os.geteuid() != 0:
        raise ResourceError("Network namespaces need root: run the command with sudo.")
    if not Path("/dev/net/tun").exists():
        raise ResourceError(
            "Tunnels need /dev/net/tun: load it with modprobe tun, or give it to the container"
            " (--device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN)."
        )
