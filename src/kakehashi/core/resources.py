"""What this machine has: memory, processors, disk; and what this process used of it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from kakehashi.core.errors import ResourceError

try:
    import resource
except ImportError:  # not Unix
    resource = None  # type: ignore[assignment]

__all__ = [
    "available_memory_bytes",
    "default_n_threads",
    "format_bytes",
    "n_processors",
    "peak_memory_bytes",
    "require_memory",
]


def peak_memory_bytes() -> int:
    """Peak resident memory of this process so far, in bytes; 0 where the system does not say."""
    # On Linux the other number is the parent's where that had more when it started this process.
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _read_int(path: str) -> int | None:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def available_memory_bytes() -> int:
    """Memory that a new allocation can use: what the machine has free, within the control group's limit."""
    try:
        meminfo = Path("/proc/meminfo").read_text()
        fields = dict(line.split(":", 1) for line in meminfo.splitlines())
        available = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read_int("/sys/fs/cgroup/memory.max")
    used = _read_int("/sys/fs/cgroup/memory.current")
    if limit is not None and used is not None:
        available = min(available, max(limit - used + _file_cache_bytes(), 0))
    return available


def _file_cache_bytes() -> int:
    """Memory of the control group that holds copies of files, which the kernel gives up when asked for more."""
    try:
        lines = Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
    except OSError:
        return 0
    fields = dict(line.split() for line in lines if len(line.split()) == 2)
    return int(fields.get("inactive_file", 0))


def n_processors() -> int:
    """Number of processors that this process may run on, within the control group's share of time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def default_n_threads() -> int:
    """Threads that are used where nobody says a number: one a processor, or ``OMP_NUM_THREADS`` where that is less.

    Example:
        >>> 1 <= default_n_threads() <= n_processors()
        True
    """
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(n_processors(), int(said)) if said.isdecimal() and int(said) > 0 else n_processors()


def format_bytes(n_bytes: float) -> str:
    """Bytes for a person, in powers of 1024.

    Example:
        >>> format_bytes(3 * 1024**3)
        '3.0 GiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def require_memory(n_bytes: int, purpose: str, *, remedy: str, budget_bytes: int | None = None) -> None:
    """Refuse work that would not fit, before it starts.

    Args:
        n_bytes: Estimated need.
        purpose: What needs it; the subject of the sentence.
        remedy: What the user can do about it.
        budget_bytes: A budget that the user set; the smaller of it and the free memory counts.

    Raises:
        ResourceError: The estimate is more than there is.
    """
    available = available_memory_bytes()
    if budget_bytes is not None:
        available = min(available, budget_bytes)
    if n_bytes > available:
        raise ResourceError(
            f"{purpose} needs about {format_bytes(n_bytes)} of memory, but {format_bytes(available)} "
            f"is available; {remedy}."
        )
