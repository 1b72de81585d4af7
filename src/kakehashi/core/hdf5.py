"""HDF5 files, written whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py

from kakehashi.core.files import replace_file

__all__ = ["replace_hdf5"]


@contextlib.contextmanager
def replace_hdf5(path: Path | str) -> Iterator[h5py.File]:
    """Give an HDF5 file in memory; put it in place of ``path`` when the block ends without an error.

    The file is built in memory because the HDF5 library, when a disk fills up under an open file, can neither
    finish nor close it cleanly.

    Args:
        path: The file.

    Raises:
        ResourceError: The disk is full.
        InputError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replace_hdf5(f"{folder}/a.h5") as file:
        ...         file["x"] = [1, 2]
        ...     with h5py.File(f"{folder}/a.h5") as file:
        ...         file["x"][()].tolist()
        [1, 2]
    """
    # The first format version that stores attributes of more than 64 kB, which a long provenance may be.
    with h5py.File("in-memory", "w", driver="core", backing_store=False, libver=("v108", "v110")) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    with replace_file(path) as temporary:
        temporary.write_bytes(image)
