"""A diagonalised space on disk, written by all ranks together and read on any number of them.

The format is in ``docs/formats/space.md``. Rank 0 writes, one rank's part at a time, so that no rank ever holds more
than two parts; the file takes its place only when it is whole, and the one before is kept beside it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.files import replace_file
from kakehashi.core.provenance import collect_provenance
from kakehashi.core.ranks import Ranks
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import Stage

__all__ = [
    "Checkpoint",
    "has_checkpoint",
    "previous_path",
    "read_checkpoint",
    "read_heaviest",
    "read_notes",
    "write_checkpoint",
]

Vector: TypeAlias = NDArray[np.float64]

SCHEMA = "kakehashi.space/1"
CHUNK = 1 << 20
"""Determinants that are read and dealt out at a time."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What :func:`read_checkpoint` found, beside the determinants.

    Attributes:
        path: The file that was used.
        sha256: Its checksum, which tells its determinants and states from all others.
        coefficients: Of this rank's determinants, shape ``(n_roots, n_own)``.
        energies_hartree: Total energy of each root.
        threshold_hartree: With which the growth went on.
    """

    path: Path
    sha256: str
    coefficients: Vector
    energies_hartree: tuple[float, ...]
    threshold_hartree: float


def previous_path(path: Path | str) -> Path:
    """Where the checkpoint before this one is kept.

    Example:
        >>> previous_path("run/space.h5").name
        'space.previous.h5'
    """
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def has_checkpoint(path: Path | str) -> bool:
    """Whether there is a checkpoint, or the one before it, to go on from.

    Example:
        >>> has_checkpoint("no-such-folder/space.h5")
        False
    """
    return Path(path).exists() or previous_path(path).exists()


def read_notes(path: Path | str, ranks: Ranks) -> dict[str, Any]:
    """What :func:`write_checkpoint` was told to note beside the space, on all ranks.

    Raises:
        FileFormatError: On all ranks: neither the file nor the one before it is whole.
    """
    _, about = ranks.share(ranks.attempt(lambda: _find_whole(Path(path)) if ranks.rank == 0 else (Path(path), {})))
    return dict(about["notes"])


def read_heaviest(path: Path | str, n: int) -> tuple[Strings, Strings, dict[str, Any]]:
    """The determinants of largest weight in all states together, descending, and the notes; for one process.

    Args:
        path: The file, as :func:`write_checkpoint` was told.
        n: How many determinants at most.

    Returns:
        Alpha strings, beta strings, shape ``(m, 2)`` each, ``m <= n``, and what was noted beside the space.

    Raises:
        FileFormatError: Neither the file nor the one before it is whole.
        InputError: There is no such file.
    """
    found, about = _find_whole(Path(path))
    alpha, beta, coefficients = _read_part(found, slice(None))
    heaviest = np.argsort(-np.square(coefficients).sum(axis=1), kind="stable")[:n]
    return alpha[heaviest], beta[heaviest], dict(about["notes"])


def write_checkpoint(
    path: Path | str, space: DistributedSpace, stage: Stage, *, notes: Mapping[str, Any] | None = None
) -> str:
    """Write the determinants and coefficients of a stage; called by all ranks.

    Args:
        path: The file; what is there becomes the previous one.
        space: The space, as the stage left it.
        stage: The stage.
        notes: Plain JSON values that :func:`read_notes` gives back.

    Returns:
        The checksum of the arrays, on all ranks.

    Raises:
        ResourceError: On all ranks: the disk is full; the files that were there are kept.
        InputError: On all ranks: the folder cannot be written.
    """
    path, ranks = Path(path), space.ranks
    alpha, beta = space.strings()
    columns = [alpha.reshape(-1), beta.reshape(-1), *stage.coefficients]
    shape = {"n_roots": len(stage.coefficients), "n_determinants": len(space)}
    parts = _in_rank_order(space, [np.ascontiguousarray(column) for column in columns])
    if ranks.rank != 0:
        for _ in parts:
            pass
        return ranks.share(ranks.attempt(lambda: ""))

    def write() -> str:
        try:
            with replace_file(path) as temporary:
                start = _lay_out(temporary, shape, _attributes(space, stage) | {"notes": json.dumps(dict(notes or {}))})
                digest = hashlib.sha256()
                with temporary.open("rb+") as stream:
                    for where, part in parts:
                        stream.seek(start[where[0]] + where[1])
                        stream.write(part.data)
                        digest.update(part.data)
                with h5py.File(temporary, "r+") as file:
                    file.attrs.modify("sha256", np.bytes_(digest.hexdigest()))
                if path.exists():
                    path.replace(previous_path(path))
            return digest.hexdigest()
        finally:
            for _ in parts:  # the others send to the end, whatever happens here
                pass

    return ranks.share(ranks.attempt(write))


def _attributes(space: DistributedSpace, stage: Stage) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "n_orb": space.hamiltonian.n_orb,
        "n_elec": list(space.n_elec),
        "energies_hartree": list(stage.energies_hartree),
        "threshold_hartree": stage.threshold_hartree,
        "provenance": json.dumps(collect_provenance()),
    }


def _lay_out(path: Path, shape: dict[str, int], attributes: dict[str, Any]) -> dict[str, int]:
    """Make the file with room for the arrays, and say where each begins.

    The arrays are filled without the HDF5 library, which can neither finish nor close a file on a full disk.
    """
    n = shape["n_determinants"]
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        file.attrs["sha256"] = np.bytes_(64 * "0")
        start = {}
        for name, dimensions, kind in (
            ("alpha", (n, 2), "<u8"),
            ("beta", (n, 2), "<u8"),
            ("coefficients", (shape["n_roots"], n), "<f8"),
        ):
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            space = h5py.h5s.create_simple(dimensions)
            dataset = h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(kind)), space, properties)
            start[name] = int(dataset.get_offset())
    return start


def _in_rank_order(
    space: DistributedSpace, columns: list[NDArray[Any]]
) -> Iterator[tuple[tuple[str, int], NDArray[Any]]]:
    """On rank 0, every part of every array with its place in the file, from the first byte to the last."""
    n = len(space)
    for k, column in enumerate(columns):
        width = 2 if k < 2 else 1
        name, at = ("alpha", "beta")[k] if k < 2 else "coefficients", 0 if k < 2 else 8 * (k - 2) * n
        for part in space.ranks.in_order(column, [width * size for size in space.sizes]):
            yield (name, at), part
            at += part.nbytes


def read_checkpoint(path: Path | str, space: DistributedSpace) -> Checkpoint:
    """Fill an empty space from a checkpoint, on any number of ranks; called by all of them.

    Where the file is damaged or missing and the one before it is whole, that one is used, and the log says so.

    Args:
        path: The file, as :func:`write_checkpoint` was told; only rank 0 reads it.
        space: An empty space of the same orbitals.

    Raises:
        FileFormatError: On all ranks: neither file is whole.
        InputError: On all ranks: there is no such file, or it belongs to other orbitals.
    """
    ranks = space.ranks
    here = ranks.attempt(lambda: _find_whole(Path(path)) if ranks.rank == 0 else (Path(path), {}))
    found, about = ranks.share(here)
    if about["n_orb"] != space.hamiltonian.n_orb:
        raise InputError(f"{found} holds {about['n_orb']} orbitals, but the problem has {space.hamiltonian.n_orb}.")
    chunks = []
    for start in range(0, about["n_determinants"], CHUNK):
        part = slice(start, start + CHUNK)
        alpha, beta, c = _read_part(found, part) if ranks.rank == 0 else _nothing(about["n_roots"])
        chunks.append(space.append_state(alpha, beta, c))
    return Checkpoint(
        path=found,
        sha256=about["sha256"],
        coefficients=np.ascontiguousarray(np.concatenate(chunks).T),
        energies_hartree=tuple(about["energies_hartree"]),
        threshold_hartree=about["threshold_hartree"],
    )


def _read_part(path: Path, part: slice) -> tuple[Strings, Strings, Vector]:
    with h5py.File(path, "r") as file:
        return file["alpha"][part], file["beta"][part], np.ascontiguousarray(file["coefficients"][:, part].T)


def _nothing(n_roots: int) -> tuple[Strings, Strings, Vector]:
    empty = np.empty((0, 2), dtype=np.uint64)
    return empty, empty, np.empty((0, n_roots))


def _find_whole(path: Path) -> tuple[Path, dict[str, Any]]:
    """The newest file that is as it was written, and its attributes."""
    if not path.exists() and not previous_path(path).exists():
        raise InputError(f"{path}: there is no such checkpoint.")
    problems = []
    for candidate in (path, previous_path(path)):
        if not candidate.exists():
            problems.append(FileFormatError(candidate, "there is no such file."))
            continue
        try:
            about = _verify(candidate)
        except FileFormatError as error:
            problems.append(error)
            continue
        if problems:
            _LOG.warning("%s The checkpoint before it, %s, is used.", problems[0], candidate)
        return candidate, about
    raise problems[0]


def _verify(path: Path) -> dict[str, Any]:
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("schema") != SCHEMA:
                raise FileFormatError(path, f"this is no checkpoint of the schema {SCHEMA}.")
            expected = bytes(file.attrs["sha256"]).decode()
            about: dict[str, Any] = {
                "sha256": expected,
                "n_orb": int(file.attrs["n_orb"]),
                "n_determinants": int(file["alpha"].shape[0]),
                "n_roots": int(file["coefficients"].shape[0]),
                "energies_hartree": [float(x) for x in file.attrs["energies_hartree"]],
                "threshold_hartree": float(file.attrs["threshold_hartree"]),
                "notes": json.loads(file.attrs["notes"]),
            }
            places = [(file[name].id.get_offset(), file[name].nbytes) for name in ("alpha", "beta", "coefficients")]
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            for start, size in places:
                stream.seek(start)
                _hash(stream, size, digest)
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, f"this checkpoint is damaged or cut off ({error}).") from error
    if digest.hexdigest() != expected:
        raise FileFormatError(path, "this checkpoint is damaged: its checksum is not the one that was written.")
    return about


def _hash(stream: BinaryIO, size: int, digest: hashlib._Hash) -> None:
    while size > 0 and (block := stream.read(min(size, 1 << 24))):
        digest.update(block)
        size -= len(block)
