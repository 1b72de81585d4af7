"""What this machine brings to a run, and what it lacks."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kakehashi.core.files import data_directories
from kakehashi.core.resources import available_memory_bytes, format_bytes, n_processors

__all__ = ["Finding", "examine"]

PACKAGES = ("numpy", "scipy", "pyscf", "ffsim", "qiskit", "h5py", "pydantic", "matplotlib")
OPTIONAL = {
    "qiskit_addon_sqd": ("qiskit-addon-sqd", "the drop-in solver for it", "kakehashi[sqd]"),
    "qiskit_ibm_runtime": ("qiskit-ibm-runtime", "the snapshots of IBM's processors", "kakehashi[ibm]"),
}
COMFORTABLE_MEMORY_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: Literal["good", "note", "bad"]
    text: str

    def to_json(self) -> dict[str, str]:
        """As plain JSON values."""
        return asdict(self)


def _examine_kernels() -> Finding:
    try:
        from kakehashi import _native
    except ImportError as error:
        return Finding(subject="kernels", state="bad", text=f"the native module does not load: {error}")
    name = _native.kernel_name()
    if name == "portable":
        return Finding(subject="kernels", state="note", text="portable: this processor has no AVX2")
    return Finding(subject="kernels", state="good", text=name)


def _examine_packages() -> list[Finding]:
    findings = []
    for package in PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(subject=package, state="bad", text="not installed; run: pip install kakehashi"))
        else:
            findings.append(Finding(subject=package, state="good", text=version))
    for module, (package, purpose, extra) in OPTIONAL.items():
        if importlib.util.find_spec(module) is None:
            text = f"not installed; needed for {purpose} only: pip install '{extra}'"
            findings.append(Finding(subject=package, state="note", text=text))
        else:
            findings.append(Finding(subject=package, state="good", text=importlib.metadata.version(package)))
    return findings


def examine() -> list[Finding]:
    """Look at kernels, threads, memory, disk, packages and data folders."""
    memory = available_memory_bytes()
    disk = shutil.disk_usage(Path.cwd()).free
    folders = data_directories()
    found = [str(folder) for folder in folders if folder.is_dir()]
    return [
        _examine_kernels(),
        Finding(subject="processors", state="good", text=str(n_processors())),
        Finding(
            subject="memory",
            state="good" if memory >= COMFORTABLE_MEMORY_BYTES else "note",
            text=f"{format_bytes(memory)} available",
        ),
        Finding(subject="disk", state="good" if disk > 1024**3 else "note", text=f"{format_bytes(disk)} free here"),
        *_examine_packages(),
        Finding(
            subject="data",
            state="good" if found else "note",
            text=f"looked up in {', '.join(map(str, folders))}" + ("" if found else " (none exists yet)"),
        ),
    ]
