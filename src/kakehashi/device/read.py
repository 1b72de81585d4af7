"""Shots from a file in any of the formats that are known (see ``docs/formats/shots.md``)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.arrays import parse_numpy
from kakehashi.device.counts import parse_json
from kakehashi.device.hdf5 import load_shots
from kakehashi.device.model import Shots
from kakehashi.device.text import parse_text

__all__ = ["FORMATS", "ShotsFormat", "read_shots"]

ShotsFormat: TypeAlias = Literal["auto", "json", "text", "numpy", "hdf5"]
"""How a file of shots is written; ``"auto"`` looks at its first bytes."""

FORMATS: tuple[str, ...] = get_args(ShotsFormat)
"""The formats that are known."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
NUMPY_SIGNATURE = b"\x93NUMPY"
ZIP_SIGNATURE = b"PK"


def read_shots(path: Path | str, *, n_qubits: int | None = None, format: ShotsFormat = "auto") -> Shots:  # noqa: A002 - the word that users of pandas and h5py know
    """Read shots that a machine or another program returned.

    Args:
        path: JSON (qiskit counts, IBM runtime results, OQTOPUS results, also zipped), plain text, NumPy
            (``BitArray.array``), or kakehashi's HDF5.
        n_qubits: Number of qubits that each shot must have; needed where the file does not say it.
        format: How the file is written.

    Returns:
        The shots; their provenance names the file.

    Raises:
        InputError: There is no such file, or it cannot be read, or the format is not known.
        FileFormatError: The content is wrong; the message names the line where there is one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "counts.json"
        ...     _ = path.write_text('{"counts": {"0011": 3, "0101": 1}}')
        ...     read_shots(path).to_counts()
        {'0011': 3, '0101': 1}
    """
    path = Path(path)
    if format not in FORMATS:
        raise InputError(f"There is no format {format!r} of shots; there are {', '.join(FORMATS)}.")
    content = _read_bytes(path)
    found = _detect(content, path) if format == "auto" else format
    if found == "hdf5":
        shots = load_shots(path)
        if n_qubits is not None and shots.n_qubits != n_qubits:
            raise FileFormatError(path, f"the shots have {shots.n_qubits} bits, but {n_qubits} were expected.")
        return shots
    if found == "numpy":
        shots = parse_numpy(content, path=path, n_qubits=n_qubits)
    elif found == "json":
        shots = parse_json(_decode(_unzip(content, path), path), path=path, n_qubits=n_qubits)
    else:
        shots = parse_text(_decode(content, path), path=path, n_qubits=n_qubits)
    return Shots(
        bits=shots.bits,
        counts=shots.counts,
        n_qubits=shots.n_qubits,
        provenance={"device": "file", "file": path.name, "format": found},
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileFormatError(path, "this is neither text (UTF-8) nor a format that is known.") from None


def _detect(content: bytes, path: Path) -> ShotsFormat:
    """The format, from the first bytes."""
    if content.startswith(HDF5_SIGNATURE):
        return "hdf5"
    if content.startswith(NUMPY_SIGNATURE):
        return "numpy"
    if content.startswith(ZIP_SIGNATURE):
        return "numpy" if any(name.endswith(".npy") for name in _members(content, path)) else "json"
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return "json" if start.startswith((b"{", b"[")) else "text"


def _members(content: bytes, path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FileFormatError(path, f"this ZIP file cannot be read ({error}).") from None


def _unzip(content: bytes, path: Path) -> bytes:
    """The one JSON file in an archive (OQTOPUS's download), or the content itself."""
    if not content.startswith(ZIP_SIGNATURE):
        return content
    names = [name for name in _members(content, path) if name.endswith(".json")]
    if len(names) != 1:
        raise FileFormatError(path, f"expected one JSON file in the archive, but found {len(names)}.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(names[0])
    except Exception as error:
        raise FileFormatError(path, f"{names[0]} in the archive cannot be read ({error}).") from error
