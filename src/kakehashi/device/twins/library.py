"""Twins by name: those that come with kakehashi, the snapshots of an installed package, and the user's own files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal, TypeAlias

from kakehashi.core.errors import InputError, MissingDependencyError
from kakehashi.core.registry import Registry
from kakehashi.core.spec import parse_spec, read_toml
from kakehashi.device.twins.build import build_twin
from kakehashi.device.twins.model import Twin
from kakehashi.device.twins.oqtopus import read_oqtopus
from kakehashi.device.twins.snapshot import SNAPSHOT_PREFIX, list_snapshots, read_snapshot
from kakehashi.device.twins.spec import TwinSpec

__all__ = ["NAMED", "TwinEntry", "list_twins", "load_twin", "read_twin_spec"]

Kind: TypeAlias = Literal["twin", "snapshot"]

NAMED = ("ibm-kobe", "riken-64", "osaka-144", "fujitsu-256", "fujitsu-1024")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinEntry:
    """What can be loaded by name.

    Attributes:
        name: The name.
        kind: ``"twin"``: a lattice with a drawn calibration; ``"snapshot"``: a calibration that was measured.
        title: What it stands for; empty for a snapshot, which is read only when it is loaded.
        presets: Names of its calibrations, the default first; none for a snapshot.
    """

    name: str
    kind: Kind
    title: str = ""
    presets: tuple[str, ...] = ()


def list_twins() -> tuple[TwinEntry, ...]:
    """Everything that :func:`load_twin` knows by name: the twins, then the snapshots if their package is installed.

    Example:
        >>> [entry.name for entry in list_twins() if entry.kind == "twin"]
        ['ibm-kobe', 'riken-64', 'osaka-144', 'fujitsu-256', 'fujitsu-1024']
    """
    twins = []
    for name in NAMED:
        spec = read_twin_spec(name)
        others = [preset for preset in spec.presets if preset != spec.default_preset]
        twins.append(TwinEntry(name=name, kind="twin", title=spec.title, presets=(spec.default_preset, *others)))
    return (*twins, *(TwinEntry(name=name, kind="snapshot") for name in list_snapshots()))


def load_twin(
    name: str | None = None,
    *,
    seed: int = 0,
    day: float = 0.0,
    preset: str | None = None,
    qubit_yield: float | None = None,
    path: Path | str | None = None,
) -> Twin:
    """A processor by its name, or from a file.

    Args:
        name: A name of :func:`list_twins`; None where ``path`` is given.
        seed: Seed of the calibration, of absent qubits and of dead edges, where they are drawn.
        day: Day that a drawn calibration has wandered to; any real number.
        preset: Ranges that the calibration is drawn from, such as ``"example"`` or ``"target"``.
        qubit_yield: Share of the qubits that work, instead of the preset's.
        path: The user's own processor: OQTOPUS device topology (``.json``), or the data file of a twin (``.toml``).

    Raises:
        InputError: The name or the preset is unknown, or a measured calibration was asked for another day.
        FileFormatError: The file is wrong; the message says where.
        SpecError: The data file is wrong.
        MissingDependencyError: The snapshots' package is not installed.

    Example:
        >>> twin = load_twin("fujitsu-256", seed=7, preset="target")
        >>> twin.lattice, twin.n_qubits, len(twin.edges)
        ('square', 256, 480)
        >>> load_twin("ibm-kyoto")
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: There is no device 'ibm-kyoto'; did you mean 'ibm-kobe'?
    """
    if (name is None) == (path is None):
        raise InputError("A device is loaded by its name or from a file: give one of `name` and `path`.")
    if path is not None:
        return _from_file(Path(path), seed=seed, day=day, preset=preset, qubit_yield=qubit_yield)
    assert name is not None
    if name not in NAMED and _snapshot_name(name):
        _refuse_options(name, day=day, preset=preset, qubit_yield=qubit_yield)
        return read_snapshot(name)
    return build_twin(read_twin_spec(name), seed=seed, day=day, preset=preset, qubit_yield=qubit_yield)


def _from_file(path: Path, *, seed: int, day: float, preset: str | None, qubit_yield: float | None) -> Twin:
    if path.suffix == ".toml":
        spec = parse_spec(TwinSpec, read_toml(path), source=str(path))
        return build_twin(spec, seed=seed, day=day, preset=preset, qubit_yield=qubit_yield)
    _refuse_options(str(path), day=day, preset=preset, qubit_yield=qubit_yield)
    return read_oqtopus(path)


def _snapshot_name(name: str) -> bool:
    """Whether the name is that of a snapshot; says what to install where it can only be one."""
    known = list_snapshots()
    if name.startswith(SNAPSHOT_PREFIX) and not known:
        raise MissingDependencyError(
            f"{name!r} is a snapshot that comes with qiskit-ibm-runtime; run: pip install 'kakehashi[ibm]'"
        )
    return name in known


def _refuse_options(name: str, *, day: float, preset: str | None, qubit_yield: float | None) -> None:
    given = {"day": day != 0.0, "preset": preset is not None, "qubit_yield": qubit_yield is not None}
    asked = [option for option, is_given in given.items() if is_given]
    if asked:
        raise InputError(f"{name} is one calibration of one day: `{asked[0]}` cannot be chosen.")


@lru_cache(maxsize=len(NAMED))
def read_twin_spec(name: str) -> TwinSpec:
    """The data file of a twin that comes with kakehashi.

    Args:
        name: Its name.

    Raises:
        InputError: There is no such device; the message names the nearest.

    Example:
        >>> sorted(read_twin_spec("riken-64").presets)
        ['example', 'target']
    """
    known: Registry[str] = Registry("device")
    for entry in (*NAMED, *list_snapshots()):
        known.add(entry, entry)
    file = resources.files("kakehashi.device.twins") / "data" / f"{known[name]}.toml"
    with resources.as_file(file) as path:
        return parse_spec(TwinSpec, read_toml(path), source=path.name)
