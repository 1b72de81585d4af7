"""Where a result came from: code, machine, packages, time."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
import subprocess
from functools import cache
from pathlib import Path

from kakehashi.core.resources import n_processors

__all__ = ["collect_provenance"]

PACKAGES = ("numpy", "scipy", "pyscf", "ffsim", "qiskit", "h5py", "pydantic")


@cache
def _commit() -> str | None:
    """Commit of the checkout that this code runs from, or None for an installed wheel."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def collect_provenance() -> dict[str, object]:
    """Versions, machine and time, as plain JSON values.

    Example:
        >>> sorted(collect_provenance())[:3]
        ['commit', 'created_utc', 'kakehashi']
    """
    return {
        "kakehashi": _version("kakehashi"),
        "commit": _commit(),
        "created_utc": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "n_processors": n_processors(),
        },
    }
