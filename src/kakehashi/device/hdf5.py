"""Shots in HDF5: the format ``kakehashi.shots/1`` (see ``docs/formats/shots.md``)."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.hdf5 import replace_hdf5
from kakehashi.device.model import Shots

__all__ = ["SCHEMA", "load_shots", "save_shots"]

SCHEMA = "kakehashi.shots/1"
"""Value of the file's attribute ``schema``."""


def save_shots(shots: Shots, path: Path | str) -> None:
    """Write shots to an HDF5 file, whole or not at all.

    Args:
        shots: What to write.
        path: The file; replaced if it is there.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> shots = Shots.from_counts({"0011": 7})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_shots(shots, f"{folder}/shots.h5")
        ...     load_shots(f"{folder}/shots.h5").to_counts()
        {'0011': 7}
    """
    provenance = json.dumps(dict(shots.provenance), sort_keys=True)
    with replace_hdf5(path) as file:
        file.attrs["schema"] = SCHEMA
        file.attrs["n_qubits"] = shots.n_qubits
        file.attrs["n_shots"] = shots.n_shots
        file.attrs["provenance"] = provenance
        options = {"compression": "gzip", "shuffle": True} if shots.n_distinct else {}
        file.create_dataset("bits", data=shots.bits, **options)
        file.create_dataset("counts", data=shots.counts, **options)


def load_shots(path: Path | str) -> Shots:
    """Read shots that :func:`save_shots` wrote.

    Raises:
        InputError: There is no such file.
        FileFormatError: It is no HDF5 file, of another schema, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    try:
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
            if schema != SCHEMA:
                raise FileFormatError(path, f"the attribute `schema` must be {SCHEMA!r}, but is {schema!r}.")
            bits = np.asarray(file["bits"][()])
            counts = np.asarray(file["counts"][()])
            n_qubits = int(file.attrs["n_qubits"])
            provenance = json.loads(file.attrs["provenance"])
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, f"the HDF5 file is damaged or incomplete ({error}).") from error
    if not isinstance(provenance, dict):
        raise FileFormatError(path, "the attribute `provenance` must hold a JSON object.")
    try:
        return Shots(bits=bits, counts=counts, n_qubits=n_qubits, provenance=provenance)
    except InputError as error:
        raise FileFormatError(path, str(error)) from None
