"""Shots as NumPy files: a qiskit ``BitArray.array``, or a matrix of bools (see ``docs/formats/shots.md``)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import FileFormatError
from kakehashi.device.model import Shots

__all__ = ["parse_bit_array", "parse_numpy"]


def parse_numpy(content: bytes, *, path: Path | str, n_qubits: int | None = None) -> Shots:
    """Read shots from the bytes of a ``.npy`` or ``.npz`` file.

    A ``.npz`` file must hold ``array`` and may hold ``num_bits``, as in
    ``np.savez(path, array=bit_array.array, num_bits=bit_array.num_bits)``.

    Args:
        content: The file's content.
        path: Its name, for messages.
        n_qubits: Number of qubits; needed for packed bits without ``num_bits``.

    Raises:
        FileFormatError: The content is not that, or the width is wrong or unknown.

    Example:
        >>> buffer = io.BytesIO()
        >>> np.save(buffer, np.array([[5], [5], [2]], dtype=np.uint8))
        >>> parse_numpy(buffer.getvalue(), path="shots.npy", n_qubits=3).to_counts()
        {'010': 1, '101': 2}
    """
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            parts = {"array": loaded}
        else:
            with loaded:
                parts = {name: loaded[name] for name in ("array", "num_bits") if name in loaded}
        num_bits = int(parts["num_bits"]) if "num_bits" in parts else n_qubits
    except Exception as error:
        raise FileFormatError(path, f"this is not a readable NumPy file ({error}).") from error
    if "array" not in parts:
        raise FileFormatError(path, "the file must hold the packed bits as `array`.")
    array = parts["array"]
    if array.dtype == np.bool_:
        return _from_bool_matrix(array, path=path, n_qubits=n_qubits)
    if num_bits is None:
        raise FileFormatError(path, "packed bits do not say how many qubits there are; give n_qubits.")
    if n_qubits is not None and num_bits != n_qubits:
        raise FileFormatError(path, f"the shots have {num_bits} bits, but {n_qubits} were expected.")
    return parse_bit_array(array, num_bits, path=path)


def parse_bit_array(array: NDArray[np.uint8], num_bits: int, *, path: Path | str) -> Shots:
    """Shots from the parts of a qiskit ``BitArray``.

    Args:
        array: Shape ``(..., n_shots, ceil(num_bits / 8))``, dtype uint8, most significant byte first.
        num_bits: Number of bits of a shot.
        path: Name of the file, for messages.

    Raises:
        FileFormatError: Type, shape or content do not fit.

    Example:
        >>> parse_bit_array(np.array([[1, 255]], dtype=np.uint8), 9, path="shots.npy").to_counts()
        {'111111111': 1}
    """
    if num_bits < 1:
        raise FileFormatError(path, f"the number of bits must be positive, but is {num_bits}.")
    n_bytes = -(-num_bits // 8)
    if array.dtype != np.uint8 or array.ndim < 2 or array.shape[-1] != n_bytes:
        raise FileFormatError(
            path,
            f"expected packed bits, uint8 of shape (n_shots, {n_bytes}), for {num_bits} qubits, "
            f"but got {array.dtype} of shape {array.shape}.",
        )
    rows = np.ascontiguousarray(array.reshape(-1, n_bytes)[:, ::-1])
    if not len(rows):
        raise FileFormatError(path, "there are no shots.")
    if num_bits % 8:
        # qiskit leaves the bits beyond the width undefined.
        rows[:, -1] &= (1 << (num_bits % 8)) - 1
    return Shots.from_packed(rows, n_qubits=num_bits)


def _from_bool_matrix(array: NDArray[np.bool_], *, path: Path | str, n_qubits: int | None) -> Shots:
    """Rows as written: qubit 0 in the last column."""
    if array.ndim != 2 or array.shape[1] == 0:
        raise FileFormatError(path, f"a matrix of bools must have shape (n_shots, n_qubits), but has {array.shape}.")
    if not len(array):
        raise FileFormatError(path, "there are no shots.")
    if n_qubits is not None and array.shape[1] != n_qubits:
        raise FileFormatError(path, f"the shots have {array.shape[1]} bits, but {n_qubits} were expected.")
    return Shots.from_matrix(array[:, ::-1])
